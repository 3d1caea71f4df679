"""Control groups: found, made, entered and read; those of this machine where it has any."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.engine.kernels.nursery import Nursery
from grading.engine.walls import groups
from tests.engines import bench, eventually, skip_without_sandbox

V2 = "24 18 0:22 {root} {place} rw,nosuid - cgroup2 cgroup2 rw"
V1 = "25 18 0:23 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"


@pytest.mark.parametrize(
    ("mounts", "own", "expected"),
    [
        (V2.format(root="/", place="/sys/fs/cgroup"), "0::/a/b.scope", "/sys/fs/cgroup/a/b.scope"),
        (V2.format(root="/", place="/sys/fs/cgroup"), "0::/", "/sys/fs/cgroup"),
        (V2.format(root="/a", place="/sys/fs/cgroup"), "0::/a/b", "/sys/fs/cgroup/b"),
        (V1 + "\n" + V2.format(root="/", place="/u"), "4:memory:/x\n0::/y", "/u/y"),
        (V1, "4:memory:/x", None),
        (V1, "4:memory:/x\n0::/", None),
        ("", "", None),
    ],
)
def test_own_folder_is_found(mounts: str, own: str, expected: str | None) -> None:
    found = groups.own_folder(mounts, own)
    assert found == (expected and Path(expected))


def test_without_the_controller_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu pids\n")
    assert not groups.may_share(tmp_path, "memory")
    assert [path.name for path in tmp_path.iterdir()] == ["cgroup.controllers"]


def test_limits_are_written_and_what_happened_is_read(tmp_path: Path) -> None:
    group = groups.Group(tmp_path, groups.memory_limits(1 << 30))
    (folder,) = tmp_path.iterdir()
    assert (folder / "memory.max").read_text() == str(1 << 30)
    assert (folder / "memory.swap.max").read_text() == "0"
    assert not group.exceeded_memory()
    (folder / "memory.events").write_text("low 0\noom 1\noom_kill 3\n")
    (folder / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    assert group.exceeded_memory()
    assert group.cpu_seconds() == 1.5


@pytest.fixture
def real() -> Iterator[Path]:
    """A control group of this machine's in which there is nobody."""
    mounts = Path("/proc/self/mountinfo")
    own = mounts.exists() and groups.own_folder(
        mounts.read_text(), Path("/proc/self/cgroup").read_text()
    )
    if not own or not os.access(own, os.W_OK) or os.geteuid() != 0:
        pytest.skip("this process may make no control groups")
    folder = own / f"dl-test-{os.getpid()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        for below in folder.glob("*/"):
            eventually(lambda below=below: not (below / "cgroup.procs").read_text())
            below.rmdir()
        folder.rmdir()


def test_a_process_moves_aside_to_share_its_group(real: Path) -> None:
    controllers = (real / "cgroup.controllers").read_text().split()
    if not controllers:
        pytest.skip("no controller is left for groups of version 2")
    code = (
        "import os, sys; from pathlib import Path; from grading.engine.walls import groups\n"
        "own = Path(sys.argv[1]); (own / 'cgroup.procs').write_text(str(os.getpid()))\n"
        "assert groups.may_share(own, sys.argv[2])\n"
        "assert groups.may_share(own, sys.argv[2])\n"
        "print(Path('/proc/self/cgroup').read_text().splitlines()[-1])\n"
        "groups.Group(own, {}).remove()"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, str(real), controllers[0]],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"{real.name}/dl-coordinator-" in done.stdout


@pytest.mark.kernels
@pytest.mark.sandbox
def test_a_kernel_is_in_its_group_with_all_that_it_starts(
    real: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time counts that Linux's account of processes does not know, and nothing is left."""
    skip_without_sandbox()
    made: list[groups.Group] = []

    def new_group(_: Nursery) -> groups.Group:
        made.append(groups.Group(real, {}))
        return made[-1]

    monkeypatch.setattr(Nursery, "new_group", new_group)
    code = (
        "import os, signal, time; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "def burn():\n"
        "    end = time.process_time() + 0.02\n"
        "    while time.process_time() < end: pass\n"
        "    os._exit(0)\n"
        "for _ in range(50):\n"
        "    if os.fork() == 0: burn()\n"
        "    time.sleep(0.03)"
    )
    with bench(modules=()) as opened:
        execution = opened.run(code)
        assert execution.problems == ()
        assert execution.cpu_seconds is not None and execution.cpu_seconds > 1
    assert made
    assert eventually(lambda: list(real.glob("*/")) == [])
