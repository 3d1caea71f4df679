"""Notebooks as files: reading whatever comes, what each cell is, and who signed."""
