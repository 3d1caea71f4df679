"""What was handed in of a lab, taken apart to be compared."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from grading.cells.identity import read_identity
from grading.cells.reading import read_notebook
from grading.collect.submitted import Place, collected
from grading.course.config import FILE
from grading.course.roster import Roster
from grading.errors import UserError
from grading.similarity.compare import HandIn
from grading.similarity.pieces import pieces_of


@dataclass(frozen=True)
class Term:
    """A course whose hand-ins are compared.

    Attributes
    ----------
    home : Path
        Where its ``submitted/`` and ``release/`` are.
    name : str
        What it is called beside this term's; empty for this term's.
    roster : Roster or None
    """

    home: Path
    name: str = ""
    roster: Roster | None = None

    def released(self, lab: str) -> list[NotebookNode]:
        """Return the lab as it was released."""
        paths = sorted((self.home / "release" / lab).glob("*.ipynb"))
        return [read_notebook(path.read_bytes()) for path in paths]

    def hand_in(self, students: tuple[str, ...], lab: str, given: Collection[str]) -> HandIn:
        """Return what was handed in by these students, without the cells that are ``given``.

        Raises
        ------
        UserError
            In one line, without the file's name, if it cannot be read.
        """
        place = Place(self.home, students[0], lab)
        notebook = read_notebook(place.notebook.read_bytes())
        named = {*students, *_signed(notebook, self.roster), place.partner()} - {""}
        pieces = pieces_of(notebook, given)
        return HandIn(students, frozenset(named), tuple(pieces), self.name)


def earlier_term(folder: Path, lab: str) -> Term:
    """Return the course in ``folder``, or that whose ``course/`` it is.

    Raises
    ------
    UserError
        If it is neither, or nobody handed in the lab there.
    """
    home = folder / "course" if (folder / FILE).is_file() else folder
    if not (home / "submitted").is_dir():
        raise UserError(
            f"--with {folder}: expected the folder of an earlier course, where {FILE} is, or its "
            "course/, found no submitted/; name the folder in which that term was collected"
        )
    if not collected(home, lab):
        raise UserError(f"--with {folder}: nothing of {lab} was collected there")
    parts = reversed(home.resolve().parts)
    return Term(home, next(part for part in parts if part != "course"))


def _signed(notebook: NotebookNode, roster: Roster | None) -> Iterator[str]:
    """Yield the ids of those whom the identity cell names."""
    try:
        members = read_identity(notebook).members
    except UserError:  # `collect` says so
        return
    for member in members:
        known = roster.find(member.id) if roster else None
        near = roster.resembling(member.id) if roster and not known else ()
        yield known.id if known else near[0].id if len(near) == 1 else member.id
