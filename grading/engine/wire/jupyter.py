"""The coordinator's end of a kernel: the Jupyter messaging protocol 5, over `zmtp`'s sockets.

What a kernel sends is read as hostile: a message of a gigabyte of JSON costs a submission its
kernel and the coordinator nothing.
"""

import asyncio
import hmac
import json
import os
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from grading.engine.wire.zmtp import MAX_HEADER, Bounds, BrokenWire, Socket
from grading.messages import Reason

DELIMITER = b"<IDS|MSG>"
MAX_NODES = 500_000  # values in a message's JSON
MAX_MALFORMED = 1000  # messages of no kernel, until there is no more listening to this one


@dataclass(frozen=True)
class Message:
    """A message of the kernel; ``content`` is None if it is not JSON, or too much of it."""

    kind: str
    parent: str
    content: Any


TOO_LARGE = Message("", "", None)  # stands for one that was not kept


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
        self._malformed = 0

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
        return self._understood(await self._shell.receive())

    async def published(self) -> Message | None:
        """Return what is published next, `TOO_LARGE`, or None for what no kernel would send."""
        message = self._understood(await self._iopub.receive())
        await asyncio.sleep(0)  # a stream that has data does not yield: let the others run
        return message

    def close(self) -> None:
        """Close both connections without waiting."""
        self._shell.close()
        self._iopub.close()

    def _understood(self, frames: list[bytes] | None) -> Message | None:
        message = self._parse(frames)
        self._malformed += message is None
        if self._malformed > MAX_MALFORMED:
            raise BrokenWire(Reason("cause.protocol"), "too many messages that mean nothing")
        return message

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
