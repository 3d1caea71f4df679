"""The coordinator's end of a kernel's sockets.

A kernel's process belongs to the submission, and so do the bytes that it sends. They are read here,
in a few lines that know how large anything may get, and not by a library that trusts its peer: a
frame that never ends, a message of a million frames or a gigabyte of JSON costs a submission its
kernel and the coordinator nothing.

The protocols are ZMTP 3.0 (https://rfc.zeromq.org/spec/23/), of which a client needs little, and
the Jupyter messaging protocol 5 on top of it.
"""

import asyncio
import hmac
import json
import os
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from grading.course import Limits
from grading.messages import Reason

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
DELIMITER = b"<IDS|MSG>"
MORE, LONG, COMMAND = 1, 2, 4  # bits of a frame's first byte
MAX_FRAMES = 64
MAX_HEADER = 65_536  # bytes of a header, a parent header or metadata
MAX_NODES = 500_000  # values in a message's JSON
CHUNK = 65_536
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


@dataclass(frozen=True)
class Message:
    """A message of the kernel; ``content`` is None if it is not JSON, or too much of it."""

    kind: str
    parent: str
    content: Any


TOO_LARGE = Message("", "", None)  # stands for one that was not kept


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
        Bytes read so far.
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
        """Return the frames of the next message, or None if they were too many or too large.

        Raises
        ------
        BrokenWire
            If the connection is closed or what arrives is not ZMTP.
        """
        frames: list[bytes] = []
        kept, left, more = True, self._bounds.message, True
        while more:
            flags, frame = await self._frame(left if kept else 0)
            if flags & COMMAND:
                continue
            more = bool(flags & MORE)
            if frame is None or len(frames) == MAX_FRAMES:
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
        (flags,) = await self._read(1)
        if flags & ~(MORE | LONG | COMMAND):
            raise self._broken("it sent what is not ZMTP")
        size = int.from_bytes(await self._read(8 if flags & LONG else 1))
        if size <= limit:
            return flags, await self._read(size)
        while size > 0:
            size -= len(await self._read(min(size, CHUNK)))
        return flags, None

    async def _read(self, size: int) -> bytes:
        try:
            data = await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, OSError):
            self.is_broken = True
            raise BrokenWire(Reason("cause.closed")) from None
        self.received += size
        if self.received > self._bounds.total:
            self.is_broken = True
            megabytes = f"{self._bounds.total / 2**20:g}"
            raise Flood(Reason("cause.flood", {"megabytes": megabytes}))
        return data

    def _broken(self, why: str) -> BrokenWire:
        self.is_broken = True
        return BrokenWire(Reason("cause.protocol"), why)


class Wire:
    """Requests to a kernel and what it publishes.

    Parameters
    ----------
    shell, iopub : Socket
        Connected; see `open_wire`.
    key : bytes
        Signs messages.
    """

    def __init__(self, shell: Socket, iopub: Socket, key: bytes) -> None:
        self._shell = shell
        self._iopub = iopub
        self._key = key
        self._session = uuid.uuid4().hex

    @property
    def received(self) -> int:
        """Bytes that the kernel sent so far."""
        return self._shell.received + self._iopub.received

    @property
    def is_broken(self) -> bool:
        """Whether the kernel is gone or made itself unwelcome."""
        return self._shell.is_broken or self._iopub.is_broken

    def request(self, kind: str, content: dict[str, Any]) -> str:
        """Send a request on the shell channel and return its id."""
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "username": "grader",
            "session": self._session,
            "date": datetime.now(UTC).isoformat(),
            "version": "5.3",
        }
        parts = [json.dumps(part).encode() for part in (header, {}, {}, content)]
        self._shell.send([DELIMITER, self._sign(parts), *parts])
        return header["msg_id"]

    async def reply(self) -> Message | None:
        """Return the next reply, `TOO_LARGE`, or None for what no kernel would send."""
        return self._parse(await self._shell.receive())

    async def published(self) -> Message | None:
        """Return what is published next, `TOO_LARGE`, or None for what no kernel would send."""
        message = self._parse(await self._iopub.receive())
        await asyncio.sleep(0)  # a stream that has data does not yield: let the others run
        return message

    def close(self) -> None:
        """Close both connections without waiting."""
        self._shell.close()
        self._iopub.close()

    def _sign(self, parts: list[bytes]) -> bytes:
        signature = hmac.new(self._key, digestmod="sha256")
        for part in parts:
            signature.update(part)
        return signature.hexdigest().encode()

    def _parse(self, frames: list[bytes] | None) -> Message | None:
        if frames is None:
            return TOO_LARGE
        if DELIMITER not in frames:
            return None
        signature, *parts = frames[frames.index(DELIMITER) + 1 :] or [b""]
        if len(parts) < 4 or max(map(len, parts[:3])) > MAX_HEADER:
            return None
        if not hmac.compare_digest(signature, self._sign(parts[:4])):
            return None
        header, parent = _json(parts[0]), _json(parts[1])
        if not isinstance(header, dict) or not isinstance(parent, dict):
            return None
        kind, parent_id = header.get("msg_type"), parent.get("msg_id", "")
        if not isinstance(kind, str) or not isinstance(parent_id, str):
            return None
        return Message(kind, parent_id, _json(parts[3]))


async def open_wire(
    shell: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    iopub: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    *,
    key: bytes,
    bounds: Bounds,
) -> Wire:
    """Return the wire over two connections to a kernel's sockets, once it answers.

    Parameters
    ----------
    shell, iopub : pair of asyncio streams
        Connections to the kernel's ROUTER and PUB (or XPUB) sockets.
    key : bytes
        The connection's key, which signs messages.
    bounds : Bounds
        How much is read.

    Raises
    ------
    BrokenWire
        If the kernel closes a connection or does not speak the protocol.
    """
    wire = Wire(Socket(*shell, bounds), Socket(*iopub, bounds), key)
    try:
        await wire._iopub.handshake(b"SUB")
        wire._iopub.send([b"\x01"])  # subscribe to everything
        await wire._shell.handshake(b"DEALER")
        await _wait_until_heard(wire)
    except BaseException:
        wire.close()
        raise
    return wire


async def _wait_until_heard(wire: Wire) -> None:
    """Ask until something is published, which shows that the subscription has arrived."""
    heard = asyncio.ensure_future(wire.published())
    try:
        while not heard.done():
            wire.request("kernel_info_request", {})
            await asyncio.wait([heard], timeout=0.5)
    finally:
        heard.cancel()
    heard.result()


def _json(data: bytes) -> Any:
    """Return the JSON in ``data``, or None if it is not JSON, too deep or of too many values."""
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MAX_NODES:
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def private_key() -> bytes:
    """Return a fresh key for one kernel."""
    return os.urandom(32).hex().encode()
