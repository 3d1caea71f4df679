"""Notebooks of any nbgrader course: plain asserts and hidden tests, marked by nbgrader's rules."""
