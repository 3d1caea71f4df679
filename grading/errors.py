"""The errors that a person reads: one line that says what was expected, found and what to do."""


class UserError(Exception):
    """Wrong usage or wrong input; the command line prints it as one line and exits with 2."""
