"""A client's end of a ZMQ socket, for bytes that nobody trusts.

A kernel's process belongs to the submission, and so do the bytes that it sends. They are read here,
in a few lines that know how large anything may get, and not by a library that trusts its peer: a
frame that never ends or a message of a million frames costs a submission its kernel and the
coordinator nothing. Of ZMTP 3.0 (https://rfc.zeromq.org/spec/23/) a client needs little.
"""

import asyncio
from dataclasses import dataclass
from typing import Self

from grading.course.config import Limits
from grading.messages import Reason

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
MORE, LONG, COMMAND = 1, 2, 4  # bits of a frame's first byte
MAX_FRAMES = 64
MAX_HEADER = 65_536  # bytes of a header, a parent header or metadata
CHUNK = 65_536
FRAME_COST = 256  # bytes charged for a frame beside its content
TURN = 32  # frames read, until others have their turn
FLOOD = 8  # times the outputs that may be kept, that a kernel may send


@dataclass(frozen=True)
class Bounds:
    """How much is read from a kernel.

    Attributes
    ----------
    message : int
        Bytes kept of one message; a larger one is read and thrown away.
    total : int
        Bytes after which its sockets are closed.
    """

    message: int
    total: int

    @classmethod
    def of(cls, limits: Limits) -> Self:
        """Return the bounds that go with a course's limits."""
        kept = int(limits.output_mb * 2**20)
        return cls(message=kept + MAX_HEADER, total=FLOOD * kept)


class BrokenWire(ConnectionError):
    """The peer closed the connection or does not speak the protocol.

    Attributes
    ----------
    reason : Reason
        The same for those who read what came of a submission.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail or reason.text("en"))
        self.reason = reason


class Flood(BrokenWire):
    """The peer sent more than it may."""


class Socket:
    """A client's ZMTP socket, with a bound on what it keeps of a message.

    Parameters
    ----------
    reader, writer : asyncio streams
        A connection to a listening ZMQ socket.
    bounds : Bounds

    Attributes
    ----------
    received : int
        Bytes read so far, with a charge for each frame.
    is_broken : bool
        Whether the peer is gone or made itself unwelcome.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, bounds: Bounds
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._bounds = bounds
        self.received = 0
        self._frames = 0
        self.is_broken = False

    async def handshake(self, kind: bytes) -> Self:
        """Greet the peer as a socket of type ``kind`` (``b"DEALER"``, ``b"SUB"``).

        Raises
        ------
        BrokenWire
            If the peer is no ZMQ socket, or asks for a password or encryption.
        """
        name, identity = b"\x0bSocket-Type", b"\x08Identity"
        ready = b"\x05READY" + name + len(kind).to_bytes(4) + kind + identity + bytes(4)
        self._writer.write(GREETING + bytes([COMMAND, len(ready)]) + ready)
        greeting = await self._read(64)
        if greeting[:1] != b"\xff" or greeting[9:11] < b"\x7f\x03" or greeting[12:17] != b"NULL\0":
            raise self._broken("it does not greet as a ZMTP 3 peer without encryption")
        flags, body = await self._frame(CHUNK)
        if not flags & COMMAND or body is None or not body.startswith(b"\x05READY"):
            raise self._broken("it did not complete the ZMTP handshake")
        return self

    def send(self, frames: list[bytes]) -> None:
        """Send one message."""
        for number, frame in enumerate(frames, start=1):
            more = MORE if number < len(frames) else 0
            if len(frame) < 256:
                self._writer.write(bytes([more, len(frame)]) + frame)
            else:
                self._writer.write(bytes([more | LONG]) + len(frame).to_bytes(8) + frame)

    async def receive(self) -> list[bytes] | None:
        """Return the frames of the next message, or None if they were too large.

        Raises
        ------
        BrokenWire
            If the connection is closed or what arrives is no message of a kernel.
        """
        frames: list[bytes] = []
        kept, left, more = True, self._bounds.message, True
        parts = 0
        while more:
            flags, frame = await self._frame(left if kept else 0)
            parts += 1
            if parts > MAX_FRAMES:
                raise self._broken("a message has more parts than any of a kernel's")
            if flags & COMMAND:
                continue
            more = bool(flags & MORE)
            if frame is None:
                kept = False
                frames.clear()
            elif kept:
                frames.append(frame)
                left -= len(frame)
        return frames if kept else None

    def close(self) -> None:
        """Close the connection without waiting."""
        self._writer.transport.abort()

    async def _frame(self, limit: int) -> tuple[int, bytes | None]:
        self._frames += 1
        if self._frames % TURN == 0:
            await asyncio.sleep(0)  # what has data does not yield: let the others run
        (flags,) = await self._read(1, FRAME_COST)
        if flags & ~(MORE | LONG | COMMAND):
            raise self._broken("it sent what is not ZMTP")
        size = int.from_bytes(await self._read(8 if flags & LONG else 1))
        if size <= limit:
            return flags, await self._read(size)
        while size > 0:
            size -= len(await self._read(min(size, CHUNK)))
        return flags, None

    async def _read(self, size: int, charge: int = 0) -> bytes:
        try:
            data = await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, OSError):
            self.is_broken = True
            raise BrokenWire(Reason("cause.closed")) from None
        self.received += size + charge
        if self.received > self._bounds.total:
            self.is_broken = True
            megabytes = f"{self._bounds.total / 2**20:g}"
            raise Flood(Reason("cause.flood", {"megabytes": megabytes}))
        return data

    def _broken(self, why: str) -> BrokenWire:
        self.is_broken = True
        return BrokenWire(Reason("cause.protocol"), why)
