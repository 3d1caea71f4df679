"""What was handed in, as a folder or an archive, into one submission a student.

Every file is accepted, gives way to a later one, or is refused, and each of these is said in one
line. Nothing that was collected earlier is lost: it is replaced only by a valid later submission,
and then kept under ``course/replaced``.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from nbformat import NotebookNode

from grading.cells.identity import Member, read_identity
from grading.cells.metadata import grade_id, is_check, lab_of
from grading.cells.reading import read_notebook, without_outputs, write_notebook
from grading.collect.archive import MB, Refused, Upload, megabytes, opened, printable
from grading.collect.layouts import LAYOUTS
from grading.collect.submitted import Place
from grading.course.config import LANGUAGES, Course
from grading.course.roster import Roster, Student, read_roster
from grading.errors import UserError

STRIP_ABOVE = 5 * MB


@dataclass(frozen=True)
class Accepted:
    """A submission that is now the student's."""

    student: str
    file: str
    partner: str = ""
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        pair = f" with {self.partner}" if self.partner else ""
        notes = f" ({printable('; '.join(self.notes), 300)})" if self.notes else ""
        return f"{self.student}{pair}: {printable(self.file)}{notes}"


@dataclass(frozen=True)
class Replaced:
    """A submission that gave way to a later one of the same student."""

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
    """What became of every file, one line each."""

    lab: str
    accepted: tuple[Accepted, ...]
    replaced: tuple[Replaced, ...]
    refused: tuple[Refused, ...]

    def lines(self) -> list[str]:
        """Return the report as a person reads it."""
        return [
            f"{word} {item}"
            for word, items in (
                ("accepted", self.accepted),
                ("replaced", self.replaced),
                ("refused", self.refused),
            )
            for item in items
        ]


@dataclass(frozen=True)
class Credit:
    """Whose submission a notebook is, and what there is to say about that."""

    students: tuple[str, ...]
    notes: tuple[str, ...] = ()


def collect(course: Course, lab: str, path: Path, source: str) -> CollectReport:
    """Collect the submissions of a lab.

    Parameters
    ----------
    course : Course
    lab : str
        Name of a lab of the course.
    path : Path
        The folder or the zip file.
    source : str
        How its files are named: ``folder``, ``zip``, ``moodle``, ``canvas`` or ``classroom``.

    Returns
    -------
    CollectReport

    Raises
    ------
    UserError
        If nothing can be collected at all: no such lab, roster, path or kind of source, or no
        file in it.
    """
    course.lab(lab)
    if source not in LAYOUTS:
        raise UserError(f"cannot collect from {source!r}; expected one of {', '.join(LAYOUTS)}")
    if (source == "folder" and path.is_file()) or (source == "zip" and path.is_dir()):
        found = "zip" if source == "folder" else "folder"
        raise UserError(f"expected a {source} of submissions, {path} is none; try --from {found}")
    roster, layout, built = read_roster(course.roster), LAYOUTS[source], _built(course, lab)
    desk = _Desk(course.home, lab)
    with opened(path) as listing:
        if not listing.uploads and not listing.refused:
            raise UserError(f"there are no files in {path}; expected notebooks handed in")
        desk.refused += listing.refused
        for upload in sorted(listing.uploads, key=lambda item: (item.modified, item.name)):
            uploader = layout(tuple(upload.name.split("/")), roster)
            try:
                due, content = _examined(upload, uploader, roster, lab, built)
            except UserError as error:
                desk.refused.append(Refused(upload.name, str(error)))
            else:
                desk.take(upload, due, content)
    return desk.report()


def credit(members: tuple[Member, ...], uploader: Student | None, roster: Roster) -> Credit:
    """Decide whose submission a notebook is.

    Parameters
    ----------
    members : tuple of Member
        Who is named in the identity cell.
    uploader : Student or None
        Who handed it in, as the path tells; None if it does not.
    roster : Roster

    Raises
    ------
    UserError
        If nobody can be credited, or the one who handed it in is not named.
    """
    if not members:
        if uploader is None:
            raise UserError(
                "the identity cell is blank or missing, and the file's path names nobody on the "
                "roster"
            )
        return Credit((uploader.id,), ("the identity cell is blank: credited by the path",))
    notes = []
    signed: dict[str, bool] = {}
    for member in members:
        student = roster.find(member.id)
        if student is None:
            notes.append(f"{member.id!r} is not on the roster")
        else:
            signed[student.id] = member.signed or signed.get(student.id, False)
    if not signed:
        raise UserError("; ".join(notes))
    if uploader is not None and uploader.id not in signed:
        raise UserError(
            f"it was handed in by {uploader.id}, but its identity cell names {' and '.join(signed)}"
        )
    credited = [student for student, has_signed in signed.items() if has_signed]
    if not credited:
        credited = [uploader.id if uploader else next(iter(signed))]
        notes.append("the honour declaration is not signed")
    notes += [
        f"{student} has not signed and is not credited" for student in signed.keys() - {*credited}
    ]
    return Credit(tuple(credited), tuple(notes))


def check_lab(notebook: NotebookNode, lab: str, built: NotebookNode | None) -> None:
    """Raise `UserError` if a notebook is not of this lab.

    A notebook whose editor dropped the metadata is known by the grade id or the text of a graded
    code cell of ``built``, the released one. Without that it gets the benefit of the doubt.
    """
    declared = lab_of(notebook)
    if declared and declared != lab:
        raise UserError(f"it is of another lab: expected {lab}, found {declared!r}")
    if declared or built is None:
        return
    expected = _traces([cell for cell in built.cells if is_check(cell)])
    if expected and not expected & _traces(notebook.cells):
        raise UserError(f"it is not {lab}: none of its checks is there")


def _examined(
    upload: Upload,
    uploader: Student | None,
    roster: Roster,
    lab: str,
    built: NotebookNode | None,
) -> tuple[Credit, bytes]:
    """Return whose submission an upload is and the bytes to keep, or raise `UserError`."""
    content = upload.read()
    notebook = read_notebook(content)
    check_lab(notebook, lab, built)
    due = credit(read_identity(notebook), uploader, roster)
    if len(content) <= STRIP_ABOVE:
        return due, content
    note = f"{megabytes(len(content))}: kept without its outputs"
    stripped = write_notebook(without_outputs(notebook))
    return Credit(due.students, (*due.notes, note)), stripped


@dataclass
class _Desk:
    """Puts submissions in their places and notes what became of each."""

    home: Path
    lab: str
    accepted: dict[str, Accepted] = field(default_factory=dict)
    replaced: list[Replaced] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def take(self, upload: Upload, due: Credit, content: bytes) -> None:
        """Store a submission for each of its students."""
        for student in due.students:
            partner = next((other for other in due.students if other != student), "")
            try:
                self._take(upload, Accepted(student, upload.name, partner, due.notes), content)
            except OSError as error:
                raise UserError(
                    f"cannot write the submission of {student}: {error}; what was collected "
                    "before is untouched, collect again when this is solved"
                ) from None

    def report(self) -> CollectReport:
        """Return what became of every file, by student and by file."""
        return CollectReport(
            self.lab,
            tuple(self.accepted[student] for student in sorted(self.accepted)),
            tuple(sorted(self.replaced, key=lambda item: item.student)),
            tuple(sorted(self.refused, key=lambda item: item.file)),
        )

    def _take(self, upload: Upload, entry: Accepted, content: bytes) -> None:
        place = Place(self.home, entry.student, self.lab)
        held = place.content()
        if held is not None:
            before = self.accepted.get(entry.student)
            held_name = before.file if before else "the one collected before"
            if held == content and place.partner() == entry.partner:
                entry = replace(entry, notes=(*entry.notes, f"the same as {held_name}"))
                self.accepted[entry.student] = entry
                return
            old = f"{held_name} of {_minute(place.modified())}"
            new = f"{entry.file} of {_minute(upload.modified)}"
            if upload.modified < place.modified():
                self.replaced.append(Replaced(entry.student, new, old))
                return
            self.replaced.append(Replaced(entry.student, old, new, place.keep_aside()))
        place.write(content, upload.modified, entry.partner)
        self.accepted[entry.student] = entry


def _built(course: Course, lab: str) -> NotebookNode | None:
    """Return the student's notebook of a lab in any language, None before it is built."""
    for lang in (course.language, *LANGUAGES):
        path = course.root / "notebooks" / lang / f"{lab}.ipynb"
        if path.is_file():
            return read_notebook(path.read_bytes())
    return None


def _traces(cells: list[NotebookNode]) -> set[str]:
    """Return the grade ids and the texts of cells."""
    return ({grade_id(cell) for cell in cells} | {cell.source.strip() for cell in cells}) - {""}


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
