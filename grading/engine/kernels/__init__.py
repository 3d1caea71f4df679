"""Kernels: forked from a zygote in the sandbox, or ordinary ones."""
