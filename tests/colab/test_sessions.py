"""Waiting for a kernel that has answered."""

import asyncio
import queue
from typing import Any

import pytest

from tests.colab import sessions

REPLY = {"msg_type": "execute_reply"}


def test_a_reply_that_lay_there_unseen_is_found_when_it_is_looked_for_again() -> None:
    waited = []

    async def receive(timeout: float) -> dict[str, Any]:
        waited.append(timeout)
        if len(waited) < 3:
            raise queue.Empty
        return REPLY

    assert asyncio.run(sessions.in_slices(receive)(timeout=600)) == REPLY
    assert waited == [sessions.SLICE_SECONDS] * 3


@pytest.mark.parametrize("timeout", [0, 0.5])
def test_who_waits_in_vain_is_told_so_in_time(timeout: float) -> None:
    waited = []

    async def receive(timeout: float) -> dict[str, Any]:
        waited.append(timeout)
        raise queue.Empty

    with pytest.raises(queue.Empty):
        asyncio.run(sessions.in_slices(receive)(timeout=timeout))
    assert len(waited) == 1 and waited[0] <= timeout
