"""The command line, `python -m grading COMMAND`: reads arguments, calls the rooms, prints lines."""
