"""What arrives from a kernel, read byte by byte, whatever it is."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import zmq

from grading.engine.wire.jupyter import Message, Wire, open_wire
from grading.engine.wire.zmtp import (
    CHUNK,
    GREETING,
    MAX_FRAMES,
    TURN,
    Bounds,
    BrokenWire,
    Flood,
    Socket,
)

BOUNDS = Bounds(message=10_000, total=100_000)
READY = b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03PUB"


class Sink:
    """Takes what a socket writes."""

    transport: Any = None

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data


def read(data: bytes, bounds: Bounds = BOUNDS) -> Socket:
    """A socket to whose peer nothing matters but these bytes."""
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return Socket(reader, Sink(), bounds)  # type: ignore[arg-type]


def frame(body: bytes, flags: int = 0) -> bytes:
    if len(body) < 256:
        return bytes([flags, len(body)]) + body
    return bytes([flags | 2]) + len(body).to_bytes(8) + body


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


class TestFrames:
    def test_a_message_is_its_frames(self) -> None:
        async def test() -> None:
            socket = read(frame(b"a", 1) + frame(b"b" * 300, 1) + frame(b"") + frame(b"next"))
            assert await socket.receive() == [b"a", b"b" * 300, b""]
            assert await socket.receive() == [b"next"]
            with pytest.raises(BrokenWire):
                await socket.receive()
            assert socket.is_broken

        run(test)

    def test_what_is_sent_can_be_received(self) -> None:
        async def test() -> None:
            sender = read(b"")
            sender.send([b"a", b"b" * 300, b""])
            assert await read(sender._writer.written).receive() == [b"a", b"b" * 300, b""]  # type: ignore[attr-defined]

        run(test)

    def test_commands_between_are_skipped(self) -> None:
        async def test() -> None:
            assert await read(frame(b"\x04PING\0\0", 4) + frame(b"a")).receive() == [b"a"]

        run(test)

    def test_a_large_one_is_thrown_away_and_the_next_is_read(self) -> None:
        async def test() -> None:
            socket = read(frame(b"x" * 20_000) + frame(b"y" * 6_000, 1) * 2 + frame(b"z") * 2)
            assert await socket.receive() is None
            assert await socket.receive() is None  # each part is small
            assert await socket.receive() == [b"z"]

        run(test)

    def test_a_message_of_many_parts_is_read(self) -> None:
        async def test() -> None:
            socket = read(frame(b"", 1) * (MAX_FRAMES - 1) + frame(b"") + frame(b"next"))
            assert await socket.receive() == [b""] * MAX_FRAMES
            assert await socket.receive() == [b"next"]

        run(test)

    @pytest.mark.parametrize("part", [frame(b"", 1), frame(b"", 4), frame(b"", 5)])
    def test_one_of_too_many_parts_is_not_read_on(self, part: bytes) -> None:
        async def test() -> None:
            socket = read(part * 10 * MAX_FRAMES + frame(b""))
            with pytest.raises(BrokenWire, match="more parts"):
                await socket.receive()
            assert socket.is_broken
            assert socket.received < 100_000

        run(test)

    def test_small_frames_are_not_cheap(self) -> None:
        """Each takes the coordinator's time, however little it holds."""

        async def test() -> None:
            socket = read(frame(b"") * 60_000)
            count = 0
            with pytest.raises(Flood):
                while await socket.receive() is not None:
                    count += 1
            assert 100 < count < 1_000

        run(test)

    @pytest.mark.parametrize("each", [frame(b""), frame(b"", 1) * 7 + frame(b"\x04PING\0\0", 4)])
    def test_whoever_sends_without_end_keeps_nobody_waiting(self, each: bytes) -> None:
        async def test() -> None:
            socket = read(each * 100_000, Bounds(message=10_000, total=10**9))
            turns, frames = 0, 0

            async def another() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            other = asyncio.create_task(another())
            with contextlib.suppress(BrokenWire):
                for frames in range(10_000):  # noqa: B007
                    await socket.receive()
            assert turns >= frames / TURN - 1
            other.cancel()

        run(test)

    @pytest.mark.parametrize("endless", [b"\x02" + (2**62).to_bytes(8) + bytes(2 * CHUNK)])
    def test_one_without_end_is_given_up(self, endless: bytes) -> None:
        async def test() -> None:
            socket = read(endless)
            with pytest.raises(Flood):
                await socket.receive()
            assert socket.is_broken

        run(test)

    def test_unknown_flags_are_not_read_on(self) -> None:
        async def test() -> None:
            with pytest.raises(BrokenWire, match="not ZMTP"):
                await read(b"\xf0\x01a").receive()

        run(test)


class TestHandshake:
    @pytest.mark.parametrize(
        "greeting",
        [
            b"",
            b"HTTP/1.1 400 Bad Request\r\n\r\n".ljust(200),
            GREETING[:10] + b"\x01" + GREETING[11:] + READY,  # ZMTP 1
            GREETING[:12] + b"PLAIN".ljust(20, b"\0") + GREETING[32:] + READY,
            GREETING + frame(b"a message"),
            GREETING + frame(b"\x05ERROR", 4),
            GREETING + b"\x06" + (2**40).to_bytes(8),
        ],
    )
    def test_with_a_stranger_fails(self, greeting: bytes) -> None:
        async def test() -> None:
            with pytest.raises(BrokenWire):
                await read(greeting).handshake(b"SUB")

        run(test)

    def test_with_libzmq(self) -> None:
        """The other end is the real thing, as in a kernel."""

        async def test() -> None:
            context = zmq.Context()
            publisher, router = context.socket(zmq.XPUB), context.socket(zmq.ROUTER)
            try:
                ports = [s.bind_to_random_port("tcp://127.0.0.1") for s in (publisher, router)]
                iopub, shell = [await asyncio.open_connection("127.0.0.1", p) for p in ports]
                opening = asyncio.create_task(
                    open_wire(shell, iopub, key=b"k", bounds=Bounds(2**20, 2**22))
                )
                assert await asyncio.to_thread(publisher.recv) == b"\x01"
                publisher.send_multipart([b"topic", b"heard"])
                wire = await opening
                sent = wire.request("execute_request", {"code": "1"})
                received = await asyncio.to_thread(router.recv_multipart)
                while json.loads(received[3])["msg_id"] != sent:
                    received = await asyncio.to_thread(router.recv_multipart)
                router.send_multipart(received)
                assert await wire.reply() == Message("execute_request", "", {"code": "1"})
                wire.close()
            finally:
                context.destroy(linger=0)

        run(test)


class TestMessages:
    def received(self, *parts: bytes, key: bytes = b"k") -> Message | None:
        """What a message of these parts is taken for, signed with ``key``."""

        async def receive() -> Message | None:
            sender = Wire(read(b""), read(b""), key)
            frames = [b"<IDS|MSG>", sender._sign(list(parts)), *parts]
            data = b"".join(frame(part, 1) for part in frames[:-1]) + frame(frames[-1])
            roomy = Bounds(message=10**6, total=10**7)
            return await Wire(read(b""), read(data, roomy), b"k").published()

        return asyncio.run(receive())

    HEADER, PARENT = b'{"msg_type": "stream"}', b'{"msg_id": "a"}'

    def test_are_understood(self) -> None:
        found = self.received(self.HEADER, self.PARENT, b"{}", b'{"text": "x"}')
        assert found == Message("stream", "a", {"text": "x"})

    @pytest.mark.parametrize(
        "parts",
        [
            (b"",),
            (HEADER, PARENT, b"{}"),
            (b"[]", PARENT, b"{}", b"{}"),
            (HEADER, b"7", b"{}", b"{}"),
            (b'{"msg_type": ["stream"]}', PARENT, b"{}", b"{}"),
            (HEADER, b'{"msg_id": {}}', b"{}", b"{}"),
            (b"{}", PARENT, b"{}", b"{}"),
            (HEADER, PARENT, b"x" * 70_000, b"{}"),
        ],
    )
    def test_of_no_kernel_are_dropped(self, parts: tuple[bytes, ...]) -> None:
        assert self.received(*parts) is None

    @pytest.mark.parametrize(
        "content", [b"[" * 5_000, b"\xff\xfe", b"1" * 5_000, b'{"a"', b'"' + b"x" * 10]
    )
    def test_bad_content_is_none(self, content: bytes) -> None:
        assert self.received(self.HEADER, self.PARENT, b"{}", content) == Message(
            "stream", "a", None
        )

    def test_that_mean_nothing_end_the_listening(self) -> None:
        async def test() -> None:
            data = frame(b"x") * 100_000
            wire = Wire(read(b""), read(data, Bounds(message=10**6, total=10**9)), b"k")
            with pytest.raises(BrokenWire, match="mean nothing"):
                for _ in range(100_000):
                    assert await wire.published() is None

        run(test)

    def test_must_be_signed(self) -> None:
        assert self.received(self.HEADER, self.PARENT, b"{}", b"{}", key=b"other") is None
