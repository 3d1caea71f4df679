"""The errors that a person reads: one line that says what was expected, found and what to do."""

from grading.messages import Reason


class UserError(Exception):
    """Wrong usage or wrong input; the command line prints it as one line and exits with 2.

    Attributes
    ----------
    said : str or Reason
        The line; a `Reason` where it may become part of a result, which is in the course's
        language. As a ``str`` the error is English.
    """

    def __init__(self, said: str | Reason) -> None:
        super().__init__(said.text("en") if isinstance(said, Reason) else said)
        self.said = said

    def text(self, lang: str) -> str:
        """Return the line in ``lang``, as far as it is known in several languages."""
        return self.said.text(lang) if isinstance(self.said, Reason) else self.said
