"""What became of every file that was collected, and how many there are of each kind."""

from dataclasses import dataclass
from pathlib import Path

from grading.collect.archive import Refused, printable
from grading.course.roster import Student

NAMED = 10  # files that a line names


@dataclass(frozen=True)
class Accepted:
    """A submission that is now the student's, or was already.

    Attributes
    ----------
    student, file, partner : str
    notes : tuple of str
        What to look at.
    same_as : str
        Another file with the same content, if there was one before it.
    unchanged : bool
        Whether that one was collected before.
    """

    student: str
    file: str
    partner: str = ""
    notes: tuple[str, ...] = ()
    same_as: str = ""
    unchanged: bool = False

    def __str__(self) -> str:
        pair = f" with {self.partner}" if self.partner else ""
        said = [*self.notes, *([f"the same as {self.same_as}"] if self.same_as else [])]
        notes = f" ({printable('; '.join(said), 400)})" if said else ""
        return f"{self.student}{pair}: {printable(self.file)}{notes}"


@dataclass(frozen=True)
class Replaced:
    """A submission that gave way to another one of the same student."""

    student: str
    earlier: str
    later: str
    kept: Path | None = None

    def __str__(self) -> str:
        where = f"; kept in {self.kept}" if self.kept else ""
        return (
            f"{self.student}: {printable(self.earlier)} gives way to {printable(self.later)}{where}"
        )


@dataclass(frozen=True)
class CollectReport:
    """What became of every file, and of whom there is none.

    Attributes
    ----------
    lab : str
    accepted, replaced, refused : tuple
        One line each.
    passed_over : int
        Texts that were typed into the learning platform beside a notebook.
    unchecked : tuple of str
        Files taken whose paths name nobody on the roster.
    missing : tuple of Student
        Those of the roster with no submission, of now or of before.
    students : int
        On the roster.
    """

    lab: str
    accepted: tuple[Accepted, ...]
    replaced: tuple[Replaced, ...]
    refused: tuple[Refused, ...]
    passed_over: int = 0
    unchecked: tuple[str, ...] = ()
    missing: tuple[Student, ...] = ()
    students: int = 0

    def lines(self) -> list[str]:
        """Return what became of each file as a person reads it."""
        return [
            f"{word} {item}"
            for word, items in (
                ("accepted", self.accepted),
                ("replaced", self.replaced),
                ("refused", self.refused),
            )
            for item in items
        ]

    def totals(self) -> list[str]:
        """Return how many of each there are, what was not checked, and who is missing."""
        unchanged = sum(item.unchanged for item in self.accepted)
        counts = {
            "unchanged": unchanged,
            "replaced": len(self.replaced),
            "refused": len(self.refused),
            "passed over": self.passed_over,
            "flagged": sum(bool(item.notes) for item in self.accepted),
        }
        others = "".join(f", {count} {word}" for word, count in counts.items() if count)
        lines = [f"{self.lab}: {len(self.accepted) - unchanged} taken in{others}"]
        if self.unchecked:
            more = len(self.unchecked) - NAMED
            named = ", ".join(printable(file) for file in self.unchecked[:NAMED])
            lines.append(
                f"the cross-check is off for {len(self.unchecked)}, whose path names nobody on the "
                f"roster, so that the identity cell alone decides: {named}"
                f"{f' and {more} more' if more > 0 else ''}"
            )
        who = ", ".join(f"{student.id} ({student.name})" for student in self.missing)
        lines.append(f"missing: {len(self.missing)} of {self.students}{f': {who}' if who else ''}")
        return lines
