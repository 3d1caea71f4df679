"""Where a student's work is kept between sessions: training runs, marks seen, hand-ins.

In order: the folder named by ``DL_WORK``; Google Drive, if it is mounted; a folder ``dl-work``
beside the notebook, which some of the places where notebooks run do not keep.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from utils.hosts import Keeps, host

DRIVE = Path("/content/drive/MyDrive")
NAME = "dl-work"


@dataclass(frozen=True)
class Storage:
    """A folder for work, and what there is to say of it.

    Attributes
    ----------
    folder : Path
        It may not exist yet.
    keeps : {"all", "drive", "asked", "nothing"}
        What a later session finds of it, see :class:`utils.hosts.Host`.
    refused : Path or None
        Mounted Drive, where it could not be written to and was passed over.
    """

    folder: Path
    keeps: Keeps
    refused: Path | None = None


def storage() -> Storage:
    """Return where this session keeps work; a Drive that cannot be written to is passed over."""
    on_disk, here = Path.cwd() / NAME, host()
    named = os.environ.get("DL_WORK")
    if named:
        return Storage(Path(named).expanduser(), keeps="all")
    if not DRIVE.is_dir():
        return Storage(on_disk, keeps=here.keeps if here else "all")
    if is_writable(DRIVE):
        return Storage(DRIVE / NAME, keeps="all")
    return Storage(on_disk, keeps="drive", refused=DRIVE)


def work_folder(name: str) -> Path:
    """Return the folder of one piece of work, made if need be.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    folder = storage().folder / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def is_writable(folder: Path) -> bool:
    """Return whether a file can be made in a folder, by making one."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
