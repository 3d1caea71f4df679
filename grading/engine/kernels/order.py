"""What a kernel is asked to run with, and how that travels to it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Self

from grading.course.config import Limits
from grading.errors import UserError
from grading.messages import Reason

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")  # a kernel's sockets, in this order


@dataclass(frozen=True)
class Order:
    """What a kernel is to run with.

    Attributes
    ----------
    key : bytes
        Signs its messages.
    env : mapping of str to str
        All of its environment. ``OMP_NUM_THREADS`` sets the threads of torch and numpy, 1 if
        absent; ``DL_RUN_SEED`` the seed of the random generators, fresh entropy if absent.
    files : mapping of str to bytes
        What its working directory holds, by relative path.
    """

    key: bytes
    env: Mapping[str, str]
    files: Mapping[str, bytes] = field(default_factory=dict)

    def pack(self) -> bytes:
        """Return the order as bytes."""
        head = {
            "key": self.key.decode(),
            "env": dict(self.env),
            "sizes": {name: len(content) for name, content in self.files.items()},
        }
        packed = json.dumps(head).encode()
        return b"".join([len(packed).to_bytes(4), packed, *self.files.values()])

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Return the order that `pack` made ``packed`` from."""
        at = 4 + int.from_bytes(packed[:4])
        head = json.loads(packed[4:at])
        files = {}
        for name, size in head["sizes"].items():
            files[name] = packed[at : at + size]
            at += size
        return cls(head["key"].encode(), head["env"], files)


def check_files(files: Mapping[str, bytes], limits: Limits) -> None:
    """Raise `UserError` unless ``files`` are relative, below their folder and within ``limits``."""
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise UserError(f"{name!r} cannot be a file of a kernel; expected a relative path")
    check_size(sum(map(len, files.values())), limits)


def check_size(size: int, limits: Limits) -> None:
    """Raise `UserError` if ``size`` bytes are more than the files of a kernel may have."""
    if size > limits.file_mb * 2**20:
        values = {"size": f"{size:,}", "most": limits.file_mb, "place": limits.place}
        raise UserError(Reason("unreadable.files", values))
