"""Many submissions on one machine: as many at once as there are jobs, memory that stays flat."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from itertools import islice
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def each(
    items: Iterable[Item], work: Callable[[Item], Coroutine[Any, Any, Result]], jobs: int
) -> AsyncIterator[tuple[Item, Result]]:
    """Yield (item, outcome) as they finish, with at most ``jobs`` at work.

    The next item is taken only when there is room for it, and set to work before an outcome is
    yielded: whoever takes that may be long about it. Leaving the loop early cancels what is at
    work.
    """
    waiting = iter(items)
    running: dict[asyncio.Task[Result], Item] = {}
    finished: list[tuple[Item, asyncio.Task[Result]]] = []
    try:
        while True:
            for item in islice(waiting, jobs - len(running)):
                running[asyncio.create_task(work(item))] = item
            await asyncio.sleep(0)  # until each of them has begun
            for item, task in finished:
                yield item, task.result()
            if not running:
                return
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            finished = [(running.pop(task), task) for task in done]
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
