"""One student out of a course: what there is of them, and how it goes.

What goes is listed first. Then it goes in an order in which a run that is stopped can be run again:
as long as anything is left, the roster or the gradebook still says who the student is.
"""

import difflib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grading.collect.submitted import Place
from grading.course.config import Course
from grading.course.roster import Roster, Student, folded, read_roster
from grading.errors import UserError
from grading.files import write_atomically
from grading.gradebook.database import is_there
from grading.gradebook.marks import Marks
from grading.judging.results import digest
from grading.keeping.lists import extensions_without, listing_without
from grading.keeping.partners import handed_in_without, is_shared, notebook_without
from grading.keeping.traces import Traces

WORK = (
    "submitted",
    "autograded",
    "replaced",
    "handed_in",
)  # a folder for each student, which stays
DATABASE = [f"gradebook.db{ending}" for ending in ("", "-wal", "-shm", "-journal")]
GIVEN = ("source", "release", "former")  # what students were given


@dataclass(frozen=True)
class Plan:
    """All that there is of a student, and what becomes of it.

    Attributes
    ----------
    student : Student
    own : tuple of Path
        Folders and files of theirs.
    derived : tuple of Path
        Pages and exports that tell of them among others; commands make them again.
    partners : mapping of Path to bytes
        Files of partners as they will be; None for one that goes.
    submissions : mapping
        Of partners, by lab and id: the digest of the file handed in, before and after.
    rows : mapping of str to int
        In the gradebook, by table.
    lists : mapping of Path to bytes
        The files beside the roster, then itself, as they will be.
    """

    student: Student
    own: tuple[Path, ...]
    derived: tuple[Path, ...]
    partners: dict[Path, bytes | None]
    submissions: dict[tuple[str, str], tuple[str, str]]
    rows: dict[str, int]
    lists: dict[Path, bytes]
    traces: Traces


class Forgetting:
    """Forgets students of a course.

    Parameters
    ----------
    course : Course
    url : str
        Of its gradebook; there need be none.
    """

    def __init__(self, course: Course, url: str) -> None:
        self._course = course
        self._url = url
        self._roster = read_roster(course.roster) if course.roster.exists() else Roster(())

    def plan(self, typed: str) -> Plan:
        """Return what there is of the student whose id somebody typed.

        Raises
        ------
        UserError
            If there is no such student anywhere.
        """
        home = self._course.home
        with self._marks() as marks:
            student = self._find(typed, marks)
            teams = self._teams(student.id, marks)
            rows = marks.rows_of(student.id) if marks else {}
        traces = Traces(student, self._lms_ids(student.id))
        own = tuple(_own(home, student.id))
        partners: dict[Path, bytes | None] = {}
        derived = []
        shared = cache(lambda folder: _is_shared(folder, traces))
        for path in _files(home, own):
            top = path.relative_to(home).parts[0]
            if top in WORK:
                before = path.read_bytes()
                if shared(path.parent) and (after := _without(path, before, traces)) != before:
                    partners[path] = after
            elif path.parent != home and top not in GIVEN and _may_tell(path, home, traces):
                derived.append(path)
        return Plan(
            student,
            own,
            tuple(derived),
            partners,
            self._submissions(teams, partners),
            rows,
            self._lists(traces, teams),
            traces,
        )

    def carry_out(self, plan: Plan) -> None:
        """Remove what a plan lists."""
        roster = self._course.roster
        for path, content in plan.lists.items():
            if path != roster:
                write_atomically(path, content)
        with self._marks() as marks:
            if marks:
                marks.leave_teams(plan.student.id, plan.submissions)
            for path in plan.derived:
                self._unlink(path)
            for path, changed in plan.partners.items():
                if changed is None:
                    path.unlink(missing_ok=True)
                else:
                    _rewrite(path, changed)
            for path in plan.own:
                _remove(path)
            if marks:
                marks.forget(plan.student.id, plan.traces.without)
        if roster in plan.lists:
            write_atomically(roster, plan.lists[roster])

    def left(self, plan: Plan) -> list[str]:
        """Return where the student is still told of, which no plan changes: what people wrote."""
        course = self._course
        places = [path for path in sorted(course.root.iterdir()) if path.is_file()]
        places += [path for path in (course.roster, *course.listings) if path.is_file()]
        lines = []
        for path in dict.fromkeys([*places, *_files(course.home, ())]):
            name = path.relative_to(course.root) if path.is_relative_to(course.root) else path
            if path.parent == course.home and path.name in DATABASE:
                continue
            if _tells(path, plan.traces):
                lines.append(str(name))
        return lines

    def _unlink(self, path: Path) -> None:
        """Remove a file, and the folders around it that are empty then: their names tell, too."""
        path.unlink(missing_ok=True)
        for folder in path.relative_to(self._course.home).parents[:-1]:
            with suppress(OSError):
                (self._course.home / folder).rmdir()

    def _marks(self) -> "Marks | nullcontext[None]":
        return Marks(self._url) if is_there(self._url) else nullcontext()

    def _find(self, typed: str, marks: Marks | None) -> Student:
        if found := self._roster.find(typed):
            return found
        known = {one.id: one for one in marks.students()} if marks else {}
        for one in known.values():
            if folded(one.id) == folded(typed):
                return Student(one.id, one.last_name or "", one.email or "")
        folders = {path.name for top in WORK for path in self._course.home.glob(f"{top}/*")}
        for name in sorted(folders):
            if folded(name) == folded(typed):
                return Student(name, "")
        ids = {*known, *folders, *(one.id for one in self._roster.students)}
        near = [one.id for one in self._roster.resembling(typed)]
        near = near or difflib.get_close_matches(typed, ids, n=1)
        hint = f"did you mean {near[0]}?" if near else "expected an id of the roster"
        raise UserError(f"there is no student {typed!r} in this course; {hint}")

    def _teams(self, student: str, marks: Marks | None) -> dict[str, tuple[str, ...]]:
        """Return with whom a student handed in, by lab, as was graded or only collected."""
        found = {}
        for lab in self._course.lab_names:
            result = marks.result(lab, student) if marks else None
            shared = Place(self._course.home, student, lab).shared_with()
            others = {*(result.team if result else ()), shared} - {student, ""}
            if others:
                found[lab] = tuple(sorted(others))
        return found

    def _lms_ids(self, student: str) -> frozenset[str]:
        return frozenset(
            value
            for lab in self._course.lab_names
            for name, value in Place(self._course.home, student, lab).handed_in().ids.items()
            if name != "lms"
        )

    def _submissions(
        self, teams: dict[str, tuple[str, ...]], partners: dict[Path, bytes | None]
    ) -> dict[tuple[str, str], tuple[str, str]]:
        home = self._course.home
        changed = {
            (path.stem, path.parent.parent.name)
            for path in partners
            if path == Place(home, path.parent.parent.name, path.stem).notebook
        }
        found = {}
        for lab, other in {(lab, one) for lab, others in teams.items() for one in others} | changed:
            place = Place(home, other, lab)
            before = place.content() or b""
            after = partners.get(place.notebook) or before
            found[lab, other] = digest(before), digest(after)
        return found

    def _lists(self, traces: Traces, teams: dict[str, tuple[str, ...]]) -> dict[Path, bytes]:
        course = self._course
        if not course.roster.exists():
            return {}
        contents = {path: listing_without(path, traces) for path in course.listings}
        contents[course.extensions] = extensions_without(course, self._roster, traces, teams)
        contents[course.roster] = listing_without(course.roster, traces)
        return {path: content for path, content in contents.items() if content is not None}


def _own(home: Path, student: str) -> Iterator[Path]:
    """Yield the folders and files that are called as a student is, where commands keep those."""
    for path in sorted(home.glob("*/*")):
        if path.parent.name not in GIVEN and student in (path.name, path.stem):
            yield path


def _files(home: Path, but: Iterable[Path]) -> Iterator[Path]:
    """Yield the files below a folder, but for those in others."""
    left_out = set(but)
    for place, folders, names in os.walk(home):
        folders[:] = sorted(name for name in folders if Path(place, name) not in left_out)
        for name in sorted(names):
            path = Path(place, name)
            if path not in left_out and path.is_file() and not path.is_symlink():
                yield path


def _is_shared(folder: Path, traces: Traces) -> bool:
    """Whether what lies in a folder was handed in with a student, or is signed for one."""
    partner = folder / "partner.txt"
    if partner.is_file() and traces.is_id(partner.read_text(encoding="utf-8", errors="replace")):
        return True
    return any(is_shared(path.read_bytes(), traces) for path in sorted(folder.glob("*.ipynb")))


def _without(path: Path, content: bytes, traces: Traces) -> bytes | None:
    """Return a file beside a partner's work without a student; None if nothing is left of it."""
    if path.name == "partner.txt":
        return None if traces.is_id(content.decode("utf-8", "replace")) else content
    if path.name == "handed_in.json":
        return handed_in_without(content, traces)
    return notebook_without(content, traces) if path.suffix == ".ipynb" else content


def _may_tell(path: Path, home: Path, traces: Traces) -> bool:
    return traces.may_be_in(path.relative_to(home).as_posix(), path.read_bytes())


def _tells(path: Path, traces: Traces) -> bool:
    content = path.read_bytes()
    if path.suffix in (".zip", ".xlsx"):
        return traces.may_be_in(path.name, content)
    return traces.told_in(f"{path.name}\n{content.decode('utf-8', 'replace')}")


def _rewrite(path: Path, content: bytes) -> None:
    """Write a file whose time stays, as it may be that of handing in."""
    about = path.stat()
    write_atomically(path, content)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
