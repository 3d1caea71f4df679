"""nbgrader's own autograding, cut in two where it executes: before it and after it.

The same preprocessors with the same settings run in the same order, so the marks are nbgrader's by
construction. What differs is that its many gradebooks are one, inside a transaction of ours.
"""

import contextlib
import errno
import glob
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.converters import Autograde, autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    CheckCellMetadata,
    Execute,
    SaveAutoGrades,
    latesubmissions,
    overwritecells,
    overwritekernelspec,
    saveautogrades,
)
from nbgrader.utils import find_all_files
from traitlets.config import Config
from traitlets.utils.importstring import import_item

from grading.course.config import Limits
from grading.engine.kernels.order import check_size
from grading.files import write_atomically
from grading.gradebook.folders import take_as_spelled
from grading.gradebook.marks import LentGradebook
from grading.judging.harmless import harmless
from grading.native.marking import as_marked, is_test

# A name too long for this file system, or a folder where a file was handed in, and vice versa.
_UNFIT = (errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR)
_ANYONE = "\0"  # stands for a student's id in a path
GRADEBOOK_USERS = (autograde, latesubmissions, overwritecells, overwritekernelspec, saveautogrades)


class SaveMarks(SaveAutoGrades):
    """nbgrader's own, but that ``tick.marks`` blocks earn their marks one by one."""

    def _add_score(self, cell: NotebookNode, resources: ResourcesDict) -> None:
        super()._add_score(as_marked(cell) if is_test(cell) else cell, resources)


class Converter:
    """Converts the submissions of one assignment.

    Parameters
    ----------
    settings : Config
        nbgrader's.
    assignment : str
    """

    def __init__(self, settings: Config, assignment: str) -> None:
        take_as_spelled()
        self._assignment = assignment
        self._places = CourseDirectory(config=settings)
        self._places.assignment_id = assignment
        self._autograde = Autograde(coursedir=self._places, config=settings)
        self._autograde.force = True
        first = self._classes(self._autograde.sanitize_preprocessors)
        second = self._classes(self._autograde.autograde_preprocessors)
        at = next((i for i, kind in enumerate(second) if issubclass(kind, Execute)), 0)
        self._before = self._ready(first + second[:at])
        # The execution has not touched the metadata, and checking them is slow.
        rest = [kind for kind in second[at:] if not issubclass(kind, (Execute, CheckCellMetadata))]
        self._after = self._ready(rest)

    def submitted(self) -> dict[str, Path]:
        """Return the folder of every submission, by student."""
        excluded = self._places.student_id_exclude.split(",")
        anyone = self._submitted(_ANYONE)
        places = glob.glob(glob.escape(anyone).replace(_ANYONE, "*"))
        student_in = re.compile(re.escape(anyone).replace(_ANYONE, "(.*)"))
        found = {}
        for place in sorted(places):
            match = student_in.fullmatch(place)
            if match and match[1] not in excluded and os.path.isdir(place):
                found[match[1]] = Path(place)
        return found

    def released(self) -> list[Path]:
        """Return the files of the assignment, its source and what students were given."""
        places = self._places
        folders = (places.source_directory, places.release_directory)
        return sorted(
            path
            for folder in folders
            for path in Path(places.format_path(folder, ".", self._assignment)).rglob("*")
            if path.is_file()
        )

    def files(self, student: str, limits: Limits) -> dict[str, bytes]:
        """Return what lies beside the notebooks: the student's files, the course's over them.

        Parameters
        ----------
        student : str
        limits : Limits
            On the bytes that they may have in all.

        Raises
        ------
        UserError
            If they have more.
        """
        own, course = Path(self._submitted(student)), Path(self._source())
        theirs = self._autograde.exclude_overwriting.get(self._assignment, ())
        kept = {course / name for name in theirs}
        paths = {path.relative_to(own).as_posix(): path for path in self._beside(own)}
        paths |= {
            path.relative_to(course).as_posix(): path
            for path in self._beside(course)
            if path not in kept
        }
        size = sum(path.stat().st_size for path in paths.values())
        check_size(size, limits)
        return {name: path.read_bytes() for name, path in paths.items()}

    def sanitized(
        self, gradebook: LentGradebook, student: str, name: str, notebook: NotebookNode
    ) -> NotebookNode:
        """Return a submitted notebook as nbgrader would execute it, hidden tests included."""
        with _opened(gradebook):
            return self._through(self._before, gradebook, student, name, notebook)

    def save(
        self,
        gradebook: LentGradebook,
        student: str,
        notebooks: Mapping[str, NotebookNode],
        made: Mapping[str, bytes],
    ) -> dict[str, NotebookNode]:
        """Write executed notebooks and their marks as nbgrader does; return them as executed.

        What is written is harmless, see `grading.judging.harmless`. Beside them goes what they
        ``made``, by path, but for what would pass for a notebook or a time of handing in.
        """
        nbgrader = self._autograde
        self._places.student_id = student
        folder = self._submitted(student)
        nbgrader.notebooks = [os.path.join(folder, f"{name}.ipynb") for name in notebooks]
        written = {}
        with _opened(gradebook):
            nbgrader.init_destination(self._assignment, student)
            nbgrader.run_pre_convert_hook()
            nbgrader.init_assignment(self._assignment, student)
            self._keep(self.autograded(student), made)
            for name, notebook in notebooks.items():
                done = self._through(self._after, gradebook, student, name, notebook)
                path = self.autograded(student) / f"{name}.ipynb"
                text = nbformat.writes(harmless(done))
                write_atomically(path, text.encode("utf-8", "surrogatepass"))
                written[name] = done
            nbgrader.set_permissions(self._assignment, student)
            nbgrader.run_post_convert_hook()
        return written

    def discard(self, student: str) -> None:
        """Remove what was written of a submission, as nbgrader does with one that failed."""
        shutil.rmtree(self.autograded(student), ignore_errors=True)

    def autograded(self, student: str) -> Path:
        """Return the folder that a graded submission is written to."""
        places = self._places
        return Path(places.format_path(places.autograded_directory, student, self._assignment))

    def feedback(self, student: str) -> Path:
        """Return the folder of a submission's pages."""
        places = self._places
        return Path(places.format_path(places.feedback_directory, student, self._assignment))

    def _keep(self, folder: Path, made: Mapping[str, bytes]) -> None:
        ignored = [*self._places.ignore, "*.ipynb", "timestamp.txt"]
        for name, content in made.items():
            parts = PurePosixPath(name).parts
            if any(fnmatch(part, pattern) for part in parts for pattern in ignored):
                continue
            try:
                if name.endswith("/"):
                    (folder / name).mkdir(parents=True, exist_ok=True)
                else:
                    write_atomically(folder / name, content)
            except OSError as error:
                if error.errno not in _UNFIT:
                    raise

    def _classes(self, entries: Sequence[Any]) -> list[Any]:
        """Return preprocessors, which settings may name, with ours in their places."""
        kinds = [import_item(entry) if isinstance(entry, str) else entry for entry in entries]
        return [SaveMarks if kind is SaveAutoGrades else kind for kind in kinds]

    def _ready(self, kinds: Sequence[Any]) -> list[Any]:
        return [kind(parent=self._autograde) for kind in kinds]

    def _through(
        self,
        preprocessors: Sequence[Any],
        gradebook: LentGradebook,
        student: str,
        name: str,
        notebook: NotebookNode,
    ) -> NotebookNode:
        about = {
            "student": student,
            "assignment": self._assignment,
            "notebook": name,
            "db_url": gradebook.engine.url.render_as_string(hide_password=False),
        }
        metadata = {"name": name, "path": str(self.autograded(student))}
        resources = ResourcesDict(unique_key=name, metadata=metadata, nbgrader=about)
        for preprocessor in preprocessors:
            notebook, resources = preprocessor(notebook, resources)
        return notebook

    def _submitted(self, student: str) -> str:
        places = self._places
        return str(places.format_path(places.submitted_directory, student, self._assignment))

    def _source(self) -> str:
        places = self._places
        return str(places.format_path(places.source_directory, ".", self._assignment))

    def _beside(self, folder: Path) -> list[Path]:
        ignored = [*self._places.ignore, "*.ipynb"]
        return [Path(path) for path in find_all_files(str(folder), ignored)]


@contextlib.contextmanager
def _opened(gradebook: LentGradebook) -> Iterator[None]:
    """Have nbgrader get this gradebook wherever it opens one.

    It opens some ten for a submission, at about 20 ms each: every one has to learn its queries
    anew, and none sees what another has not committed.
    """
    before = [module.Gradebook for module in GRADEBOOK_USERS]
    for module in GRADEBOOK_USERS:
        module.Gradebook = lambda *_: gradebook
    try:
        yield
    finally:
        for module, kind in zip(GRADEBOOK_USERS, before, strict=True):
            module.Gradebook = kind
