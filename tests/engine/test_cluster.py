"""The same marks on a Dask cluster, whatever happens to its workers."""

import asyncio
import os
import shutil
import signal
import subprocess

import pytest

from grading.course.config import Limits
from grading.engine.cluster import ClusterEngine
from grading.errors import UserError
from grading.judging.assess import assess, prepare
from tests import mini
from tests.engines import notebook, text

pytestmark = pytest.mark.kernels

dask = pytest.importorskip("dask")
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


@pytest.mark.heavy  # a service's killed worker is looked at before each push
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


def test_what_a_notebook_leaves_is_brought_back(cluster):
    async def run():
        async with ClusterEngine(cluster.scheduler_address, Limits(), sandbox=False) as engine:
            write = notebook("import os; os.mkdir('in'); open('in/x', 'w').write('1')")
            left = await engine.execute(write, env={}, files={"given": b"2"}, keep_work=True)
            files = left.work.files
            return files, await engine.execute(notebook("open('in/x').read()"), env={}, files=files)

    files, read = asyncio.run(run())
    assert files == {"given": b"2", "in/": b"", "in/x": b"1"}
    assert text(read) == "'1'"


def test_no_scheduler_is_one_line():
    async def run():
        async with ClusterEngine("tcp://127.0.0.1:9", Limits(), sandbox=False):
            pass

    with pytest.raises(UserError, match="no Dask scheduler answers at tcp"):
        asyncio.run(run())


@pytest.mark.parametrize(
    "address",
    [
        "tcp://192.0.2.7:8786",
        "192.0.2.7:8786",
        "tcp://scheduler.example.org:8786",
        "tcp://[2001:db8::1]:8786",
        "tcp://0.0.0.0:8786",
        "ws://192.0.2.7:8786",
        "ucx://127.0.0.1:8786",
        "tcp://127.0.0.1.example.org:8786",
        "tcp://",
        "",
    ],
)
def test_a_scheduler_that_anybody_can_reach_is_refused(address):
    with pytest.raises(UserError, match="expected tls://host:port") as caught:
        ClusterEngine(address, Limits())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["tcp://127.0.0.1:1", "127.0.0.1:1", "tcp://localhost:1", "tcp://[::1]:1", "tls://192.0.2.7:1"],
)
def test_one_on_this_machine_or_with_certificates_is_not(address):
    ClusterEngine(address, Limits())


@pytest.fixture
def certificate(tmp_path):
    """Dask's own settings for TLS, with a certificate that vouches for itself."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1"
    made = [*command.split(), "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    settings = {"ca-file": certificate} | {
        f"{who}.{what}": path
        for who in ("client", "scheduler", "worker")
        for what, path in (("key", key), ("cert", certificate))
    }
    tls = {f"distributed.comm.tls.{name}": str(path) for name, path in settings.items()}
    with dask.config.set(tls):
        yield


@pytest.mark.heavy
def test_a_scheduler_with_certificates(certificate, tmp_path):
    course = mini.make_course(tmp_path)

    async def run(address):
        async with ClusterEngine(address, course.limits, sandbox=False) as engine:
            terms = await prepare(engine, mini.solution(course), "quick")
            solved = mini.answered(course, mini.solved(course))
            return (await assess(engine, terms, mini.blank(course), solved)).judgement.score

    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        protocol="tls://",
        security=distributed.Security(),
        dashboard_address=":0",
    ) as started:
        assert started.scheduler_address.startswith("tls://")
        assert asyncio.run(run(started.scheduler_address)) == 9.0
