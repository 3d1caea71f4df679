"""Executes notebooks that nobody trusts: fast, isolated, within limits."""
