"""Tests of what the checks refuse and accept."""
