"""The student bundle: what is in it, and what must not be."""
