"""Where one student's submission of one lab lies: nbgrader's ``submitted`` folder.

``submitted/<student>/<lab>/`` holds ``<lab>.ipynb``, nbgrader's ``timestamp.txt``, for a pair
``partner.txt`` with the other's id, and ``handed_in.json`` with what is known of how it came. Each
file is replaced in one step, the notebook last, so that a run that is killed leaves something that
the next one completes.
"""

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from grading.files import write_atomically

TIME_FORMAT = "%Y-%m-%d %H:%M:%S.%f UTC"  # nbgrader's own


@dataclass(frozen=True)
class HandedIn:
    """How a submission came.

    Attributes
    ----------
    file : str
        Its path in what was collected; empty if that was not kept.
    by : str
        Who handed it in: the student himself, or the one who names him as a partner.
    saved : str
        The file's own time.
    late : bool
        Whether the learning platform marks it as late.
    ids : dict of str to str
        What the learning platform calls this student and this hand-in, under its name ``lms``:
        ``participant`` in Moodle, ``user`` or ``anonymous`` and ``attachment`` in Canvas.
    """

    file: str = ""
    by: str = ""
    saved: str = ""
    late: bool = False
    ids: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """The place of one submission under ``home``, whether or not it is there yet."""

    home: Path
    student: str
    lab: str

    @property
    def folder(self) -> Path:
        """Folder of the submission's files."""
        return self.home / "submitted" / self.student / self.lab

    @property
    def notebook(self) -> Path:
        """Path of the notebook."""
        return self.folder / f"{self.lab}.ipynb"

    def content(self) -> bytes | None:
        """Return the notebook's bytes, or None if nothing is there."""
        return self.notebook.read_bytes() if self.notebook.is_file() else None

    def modified(self) -> datetime:
        """Return when it was handed in, to the microsecond, in UTC."""
        try:
            text = (self.folder / "timestamp.txt").read_text(encoding="utf-8").strip()
            return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)
        except (OSError, ValueError):
            return datetime.fromtimestamp(self.notebook.stat().st_mtime, UTC)

    def partner(self) -> str:
        """Return the partner's id, or an empty text."""
        path = self.folder / "partner.txt"
        return path.read_text(encoding="utf-8").strip() if path.is_file() else ""

    def shared_with(self) -> str:
        """Return the partner who has the same file, if the two still share it; else nothing."""
        other = Place(self.home, self.partner(), self.lab)
        both = other.student and other.partner() == self.student
        return other.student if both and other.content() == self.content() else ""

    def handed_in(self) -> HandedIn:
        """Return how it came, as far as that was kept."""
        try:
            kept = json.loads((self.folder / "handed_in.json").read_text(encoding="utf-8"))
            return HandedIn(**kept)
        except (OSError, ValueError, TypeError):
            return HandedIn()

    def keep_aside(self) -> Path:
        """Copy what is there to ``replaced/<student>/<lab>/<time>-<hash>``; return that folder."""
        digest = hashlib.sha256(self.content() or b"").hexdigest()[:8]
        name = f"{self.modified():%Y%m%dT%H%M%SZ}-{digest}"
        kept = self.home / "replaced" / self.student / self.lab / name
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".collect-", dir=self.home) as scratch:
                os.replace(shutil.copytree(self.folder, Path(scratch) / name), kept)
        return kept

    def write(self, content: bytes, modified: datetime, partner: str, how: HandedIn) -> None:
        """Put a submission here, over the one there is."""
        time = modified.strftime(TIME_FORMAT)
        write_atomically(self.folder / "timestamp.txt", time.encode("utf-8"))
        if partner:
            write_atomically(self.folder / "partner.txt", partner.encode("utf-8"))
        else:
            (self.folder / "partner.txt").unlink(missing_ok=True)
        self.note(how)
        write_atomically(self.notebook, content)

    def note(self, how: HandedIn) -> None:
        """Keep how a submission came."""
        text = json.dumps(asdict(how), ensure_ascii=False, indent=1)
        write_atomically(self.folder / "handed_in.json", text.encode("utf-8"))


def collected(home: Path, lab: str) -> list[tuple[str, ...]]:
    """Return who handed in what was collected of a lab, by student; a pair's file is there once."""
    found: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for path in sorted((home / "submitted").glob(f"*/{lab}/{lab}.ipynb")):
        student = path.parts[-3]
        if student not in seen:
            partner = Place(home, student, lab).shared_with()
            students = (student, partner) if partner else (student,)
            seen.update(students)
            found.append(students)
    return found
