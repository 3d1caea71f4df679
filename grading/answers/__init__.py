"""Answers: the one form of a value, the record that leaves a notebook, and how near is near."""
