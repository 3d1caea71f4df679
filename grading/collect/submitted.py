"""Where one student's submission of one lab lies: nbgrader's ``submitted`` folder.

``submitted/<student>/<lab>/`` holds ``<lab>.ipynb``, nbgrader's ``timestamp.txt`` and, for a
pair, ``partner.txt`` with the other's id. Each file is replaced in one step, the notebook last, so
that a run that is killed leaves something that the next one completes.
"""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from grading.files import write_atomically

TIME_FORMAT = "%Y-%m-%d %H:%M:%S.%f UTC"  # nbgrader's own


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

    def write(self, content: bytes, modified: datetime, partner: str) -> None:
        """Put a submission here, over the one there is."""
        time = modified.strftime(TIME_FORMAT)
        write_atomically(self.folder / "timestamp.txt", time.encode("utf-8"))
        if partner:
            write_atomically(self.folder / "partner.txt", partner.encode("utf-8"))
        else:
            (self.folder / "partner.txt").unlink(missing_ok=True)
        write_atomically(self.notebook, content)
