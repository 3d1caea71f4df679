import asyncio

import pytest

from grading.engine.batch import each


def collect(items, work, jobs):
    async def run():
        return [pair async for pair in each(items, work, jobs)]

    return asyncio.run(run())


def test_every_item_has_its_outcome():
    async def double(number):
        await asyncio.sleep(0.001 * (number % 3))
        return 2 * number

    assert sorted(collect(range(20), double, 4)) == [(n, 2 * n) for n in range(20)]


def test_no_more_than_jobs_are_at_work():
    at_work, most = 0, 0

    async def work(number):
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.001)
        at_work -= 1

    collect(range(12), work, 3)
    assert most == 3


def test_items_are_taken_only_when_there_is_room():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    async def run():
        async for _ in each(items(), asyncio.sleep, 2):
            break

    asyncio.run(run())
    assert len(taken) <= 3


def test_the_next_item_is_at_work_before_an_outcome_is_taken():
    begun = []

    async def work(number):
        begun.append(number)
        await asyncio.sleep(0.001)

    async def run():
        return [(number, list(begun)) async for number, _ in each(range(3), work, 1)]

    assert asyncio.run(run()) == [(0, [0, 1]), (1, [0, 1, 2]), (2, [0, 1, 2])]


def test_leaving_early_cancels_what_is_at_work():
    cancelled = []

    async def work(number):
        try:
            await asyncio.sleep(0 if number == 0 else 60)
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    async def run():
        outcomes = each(range(3), work, 3)
        async for _ in outcomes:
            break
        await outcomes.aclose()

    asyncio.run(run())
    assert sorted(cancelled) == [1, 2]


def test_an_error_reaches_the_caller():
    async def work(number):
        raise ValueError(f"item {number}")

    with pytest.raises(ValueError, match="item 0"):
        collect(range(3), work, 1)
