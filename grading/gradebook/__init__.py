"""Marks and where they are kept: nbgrader's gradebook, and the runs that write it."""
