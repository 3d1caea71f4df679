"""Benchmarks: each figure beside its named baseline, measured in the same run."""
