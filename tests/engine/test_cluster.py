"""The same marks on a Dask cluster, whatever happens to its workers."""

import asyncio
import os
import signal

import pytest

from grading.course.config import Limits
from grading.engine.cluster import ClusterEngine
from grading.errors import UserError
from grading.judging.assess import assess, prepare
from tests import mini

pytestmark = pytest.mark.kernels

distributed = pytest.importorskip("distributed")

SLOW = "import time\ntime.sleep(1.5)\ndef double(x):\n    return 2 * np.asarray(x)\n"


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as started:
        yield started


def test_marks_are_those_of_one_machine(cluster, tmp_path):
    course = mini.make_course(tmp_path)
    wrong = mini.solved(course) | {"double": "def double(x):\n    return 3 * np.asarray(x)\n"}

    async def run():
        async with ClusterEngine(cluster.scheduler_address, course.limits, sandbox=False) as engine:
            assert engine.slots == 2
            terms = await prepare(engine, mini.solution(course), "quick")
            return await asyncio.gather(
                *(
                    assess(engine, terms, mini.blank(course), mini.answered(course, answers))
                    for answers in (mini.solved(course), wrong, {})
                )
            )

    assert [done.judgement.score for done in asyncio.run(run())] == [9.0, 4.0, 0.0]


def test_a_killed_worker_loses_no_submission(cluster, tmp_path):
    course = mini.make_course(tmp_path)
    answers = mini.solved(course) | {"double": SLOW}

    async def run():
        async with ClusterEngine(cluster.scheduler_address, course.limits, sandbox=False) as engine:
            terms = await prepare(engine, mini.solution(course), "quick")
            work = [
                asyncio.create_task(
                    assess(engine, terms, mini.blank(course), mini.answered(course, answers))
                )
                for _ in range(4)
            ]
            await asyncio.sleep(1.0)
            victims = await engine._client.run(os.getpid)
            os.kill(next(iter(victims.values())), signal.SIGKILL)
            return await asyncio.gather(*work)

    assert [done.judgement.score for done in asyncio.run(run())] == [9.0] * 4


def test_no_scheduler_is_one_line():
    async def run():
        async with ClusterEngine("tcp://127.0.0.1:9", Limits(), sandbox=False):
            pass

    with pytest.raises(UserError, match="no Dask scheduler answers at tcp"):
        asyncio.run(run())
