"""What was handed in, as a folder or an archive, into one submission a student.

Every file is accepted, gives way to another one, or is refused, and each of these is said in one
line. Nothing that was collected earlier is lost: it is replaced only by a valid submission of the
same student or pair, and then kept under ``course/replaced``.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from nbformat import NotebookNode

from grading.cells.identity import GRADE_ID, Identity, read_identity
from grading.cells.metadata import grade_id, is_answer, is_check, lab_of
from grading.cells.reading import read_notebook, without_outputs, write_notebook
from grading.collect.archive import MB, Refused, Upload, megabytes, opened
from grading.collect.crediting import Credit, credit
from grading.collect.layouts import LAYOUTS, Sender, copy_number, sender
from grading.collect.report import Accepted, CollectReport, Replaced
from grading.collect.submitted import TIME_FORMAT, HandedIn, Place
from grading.course.config import LANGUAGES, Course
from grading.course.roster import Roster, read_roster
from grading.errors import UserError
from grading.messages import Reason

STRIP_ABOVE = 5 * MB


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
    desk = _Desk(course, lab, read_roster(course.roster))
    layout = LAYOUTS[source]
    with opened(path, course.zone) as listing:
        if not listing.uploads and not listing.refused:
            raise UserError(f"there are no files in {path}; expected notebooks handed in")
        sent = [(*sender(layout, item.names, desk.roster), item) for item in listing.uploads]
        desk.know(who for _, who, _ in sent)
        for name, who, upload in sorted(sent, key=lambda item: _order(item[0], item[2])):
            desk.examine(name, who, upload)
    for refused in listing.refused:
        desk.pass_or_refuse(refused, sender(layout, (refused.file,), desk.roster)[1])
    return desk.report()


def check_lab(notebook: NotebookNode, lab: str, released: Sequence[NotebookNode]) -> None:
    """Raise `UserError` if a notebook is not of this lab.

    A notebook whose editor dropped the metadata is known by the grade id or the text of a graded
    code cell of those released. Without these it gets the benefit of the doubt.
    """
    declared = lab_of(notebook)
    if declared and declared != lab:
        raise UserError(f"it is of another lab: expected {lab}, found {declared!r}")
    if declared:
        return
    expected = _traces([cell for release in released for cell in release.cells if is_check(cell)])
    if expected and not expected & _traces(notebook.cells):
        raise UserError(f"it is not {lab}: none of its checks is there")


def is_untouched(notebook: NotebookNode, released: Sequence[NotebookNode]) -> bool:
    """Tell whether every answer of a notebook is still what was released, in one language."""
    found = Counter(cell.source.strip() for cell in notebook.cells)
    answers = (
        Counter(
            cell.source.strip()
            for cell in release.cells
            if is_answer(cell) and grade_id(cell) != GRADE_ID
        )
        for release in released
    )
    return any(expected and not expected - found for expected in answers)


_Rank = tuple[bool, datetime, str, int, int, str]


@dataclass(frozen=True)
class _Taken:
    """A notebook that was read, and whose it is."""

    due: Credit
    content: bytes
    modified: datetime
    is_untouched: bool
    how: HandedIn


class _Desk:
    """Puts submissions in their places and notes what became of each."""

    def __init__(self, course: Course, lab: str, roster: Roster) -> None:
        self.roster = roster
        self._home, self._lab = course.home, lab
        self._released = released_notebooks(course, lab)
        self._accepted: dict[str, Accepted] = {}
        self._replaced: list[Replaced] = []
        self._refused: list[Refused] = []
        self._unchecked: list[str] = []
        self._passed_over = 0
        self._ids: dict[str, dict[str, str]] = {}

    def know(self, senders: Iterable[Sender]) -> None:
        """Note what the platform calls each student, for those whose partner's notebook counts."""
        for who in senders:
            if len(who.students) == 1:
                self._ids[who.students[0].id] = dict(who.ids)

    def examine(self, name: str, who: Sender, upload: Upload) -> None:
        """Take an upload, or refuse it."""
        try:
            taken = self._examined(name, who, upload)
        except UserError as error:
            self._refused.append(Refused(name, str(error)))
            return
        if not who.students:
            self._unchecked.append(name)
        for student in sorted(taken.due.students, key=lambda student: student != taken.due.by):
            try:
                self._take(student, taken)
            except OSError as error:
                raise UserError(
                    f"cannot write the submission of {student}: {error}; what was collected "
                    "before is untouched, collect again when this is solved"
                ) from None

    def pass_or_refuse(self, refused: Refused, who: Sender) -> None:
        """Refuse what is no notebook, but pass over a text beside one of the same student."""
        if who.kind == "onlinetext":
            if any(student.id in self._accepted for student in who.students):
                self._passed_over += 1
                return
            refused = Refused(refused.file, "it is a text typed into Moodle, not a notebook")
        self._refused.append(refused)

    def report(self) -> CollectReport:
        """Return what became of every file, by student and by file, and of whom there is none."""
        return CollectReport(
            self._lab,
            tuple(self._accepted[student] for student in sorted(self._accepted)),
            tuple(sorted(self._replaced, key=lambda item: item.student)),
            tuple(sorted(self._refused, key=lambda item: item.file)),
            self._passed_over,
            tuple(self._unchecked),
            tuple(
                student
                for student in self.roster.students
                if not Place(self._home, student.id, self._lab).notebook.is_file()
            ),
            len(self.roster.students),
        )

    def _examined(self, name: str, who: Sender, upload: Upload) -> _Taken:
        """Return an upload as it is to be kept, or raise `UserError`."""
        content = upload.read()
        notebook = read_notebook(content)
        check_lab(notebook, self._lab, self._released)
        try:
            identity = read_identity(notebook)
        except UserError as error:
            if len(who.students) != 1 or not isinstance(error.said, Reason):
                raise
            identity = Identity(slips=(error.said,))
        due = credit(identity, who.students, self.roster)
        notes = list(due.notes)
        if who.late:
            notes.append("LATE, says Canvas")
        if is_same := is_untouched(notebook, self._released):
            notes.append("untouched: every answer is the release's")
        if len(content) > STRIP_ABOVE:
            notes.append(f"{megabytes(len(content))}: kept without its outputs")
            content = write_notebook(without_outputs(notebook))
        saved = upload.saved.strftime(TIME_FORMAT)
        how = HandedIn(name, due.by, saved, who.late, dict(who.ids))
        due = replace(due, notes=tuple(notes))
        return _Taken(due, content, upload.modified, is_same, how)

    def _take(self, student: str, taken: _Taken) -> None:
        """Put a submission in its place, unless what is there stays.

        Only an upload of one's own, or one of the same pair, takes the place of another.
        """
        place = Place(self._home, student, self._lab)
        partner = next((other for other in taken.due.students if other != student), "")
        entry = Accepted(student, taken.how.file, partner, taken.due.notes)
        held, before = place.content(), place.handed_in()
        how = taken.how
        if how.by != student or not how.ids:
            how = replace(how, ids=self._ids.get(student) or before.ids)
        if held is None:
            self._put(place, entry, taken, how)
            return
        earlier = self._accepted.get(student)
        held_name = earlier.file if earlier else "the one collected before"
        if held == taken.content and place.partner() == partner:
            is_new = earlier is not None and not earlier.unchanged
            self._accepted[student] = replace(entry, same_as=held_name, unchanged=not is_new)
            by = student if before.by == student else how.by
            saved, late = before.saved or how.saved, before.late or how.late
            place.note(replace(how, by=by, saved=saved, late=late))
            return
        is_own, was_own = how.by == student, before.by in ("", student)
        is_of_the_same = place.partner() == partner
        if not is_own and not is_of_the_same:
            self._dispute(student, how, held_name)
            return
        new = f"{entry.file} of {_minute(taken.modified)}"
        old = f"{held_name} of {_minute(place.modified())}"
        if is_of_the_same or was_own:
            if self._rank_of(place, held) > _rank(how, taken.modified, taken.is_untouched):
                self._replaced.append(Replaced(student, new, old))
                return
        elif taken.modified < place.modified():
            self._dispute(student, before, entry.file)
        self._replaced.append(Replaced(student, old, new, place.keep_aside()))
        self._put(place, entry, taken, how)

    def _put(self, place: Place, entry: Accepted, taken: _Taken, how: HandedIn) -> None:
        place.write(taken.content, taken.modified, entry.partner, how)
        self._accepted[entry.student] = entry

    def _dispute(self, student: str, named: HandedIn, own: str) -> None:
        """Say that somebody names as a partner a student for whom another file counts."""
        if Place(self._home, named.by, self._lab).handed_in().file != named.file:
            return  # it does not count for anybody
        self._refused.append(
            Refused(
                named.file,
                f"it names {student} as a partner, for whom {own} counts, so it counts for "
                f"{named.by} alone; both files are kept: ask them whose work it is",
            )
        )
        if entry := self._accepted.get(named.by):
            notes = (*entry.notes, f"{student} has handed in other work")
            self._accepted[named.by] = replace(entry, notes=notes)

    def _rank_of(self, place: Place, content: bytes) -> _Rank:
        try:
            is_same = is_untouched(read_notebook(content), self._released)
        except UserError:  # other hands put it there
            is_same = False
        return _rank(place.handed_in(), place.modified(), is_same)


def _rank(how: HandedIn, modified: datetime, is_same: bool) -> _Rank:
    """Return that by which the highest of a student's submissions counts.

    It is the latest that was worked on; of those handed in together the one saved last; of copies
    the last one.
    """
    saved = how.saved or modified.strftime(TIME_FORMAT)
    attachment = how.ids.get("attachment", "")
    number = int(attachment) if attachment.isdecimal() else 0
    return not is_same, modified, saved, number, copy_number(how.file), how.file


def _order(name: str, upload: Upload) -> tuple[datetime, datetime, int, str]:
    return upload.modified, upload.saved, copy_number(name), name


def released_notebooks(course: Course, lab: str) -> list[NotebookNode]:
    """Return the student's notebook of a lab in each language, none before it is built."""
    built = [course.root / "notebooks" / lang / f"{lab}.ipynb" for lang in LANGUAGES]
    released = course.release_path(lab)
    return [read_notebook(path.read_bytes()) for path in (*built, released) if path.is_file()]


def _traces(cells: list[NotebookNode]) -> set[str]:
    """Return the grade ids and the texts of cells."""
    return ({grade_id(cell) for cell in cells} | {cell.source.strip() for cell in cells}) - {""}


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
