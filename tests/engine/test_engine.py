"""The engine: what is executed and kept, within which limits, and what is left behind."""

import asyncio
import base64
import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import papermill
import psutil
import pytest
import zmq
from jupyter_client.session import Session
from nbclient import NotebookClient
from nbformat import v4

from grading.answers.evidence import MIME
from grading.course.config import Limits
from grading.engine import provisioner, runner
from grading.engine.executor import Execution
from grading.engine.kernels.nursery import listen
from grading.engine.kernels.order import CHANNELS, Order, check_files
from grading.engine.kernels.usage import Spent
from grading.engine.runner import Engine
from grading.engine.walls import outer
from grading.errors import UserError
from tests.engines import (
    LIMITS,
    Bench,
    bench,
    eventually,
    notebook,
    problems,
    processes,
    skip_without_sandbox,
    text,
)

pytestmark = pytest.mark.kernels

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def forked() -> Iterator[Bench]:
    with bench() as opened:
        yield opened


@pytest.fixture(scope="module")
def ordinary() -> Iterator[Bench]:
    with bench(sandbox=False) as opened:
        yield opened


FORKED = pytest.param("forked", marks=pytest.mark.sandbox)


@pytest.fixture(params=[FORKED, "ordinary"])
def each(request: pytest.FixtureRequest) -> Bench:
    """Each kind of kernels, as they must not differ in what they execute."""
    found: Bench = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=[FORKED, pytest.param("ordinary", marks=pytest.mark.heavy)])
def either(request: pytest.FixtureRequest) -> Bench:
    """The same, where a look at the second is dear and goes through the same code."""
    found: Bench = request.getfixturevalue(request.param)
    return found


def limits_that_hold(*names: str) -> None:
    missing = set(names) & set(outer.host().unenforced)
    if missing:
        pytest.skip(f"not enforced on this machine: {', '.join(missing)}")


class TestExecution:
    def test_outputs_are_kept_and_the_notebook_is_left_as_it_is(self, each: Bench) -> None:
        source = v4.new_notebook(
            cells=[
                v4.new_markdown_cell("# Title"),
                v4.new_code_cell("print('out'); import sys; print('err', file=sys.stderr); 6 * 7"),
                v4.new_code_cell("   "),
                v4.new_code_cell("display({'a': 1}); _ + 1"),
            ]
        )
        source.cells[1].outputs = [v4.new_output("stream", text="stale")]
        before = nbformat.writes(source)
        execution = each.wait_for(each.engine.execute(source, env={}))
        assert nbformat.writes(source) == before
        assert execution.problems == ()
        assert [cell.id for cell in execution.notebook.cells] == [cell.id for cell in source.cells]
        outputs = execution.notebook.cells[1].outputs
        assert [output.output_type for output in outputs] == ["stream", "stream", "execute_result"]
        assert text(execution, 4) == "{'a': 1}43"
        assert [cell.get("execution_count") for cell in execution.notebook.cells] == [
            *(None, 1, None, 2)
        ]
        nbformat.validate(execution.notebook)
        assert execution.seconds > 0
        assert execution.cpu_seconds is not None and execution.cpu_seconds > 0

    def test_an_exception_stops_its_cell_only(self, each: Bench) -> None:
        execution = each.run("x = 1; 1/0; x = 2", "print(x)", "def f(:", "raise SystemExit(3)", "x")
        assert execution.problems == ()
        assert text(execution, 1) == "ZeroDivisionError: division by zero"
        assert [text(execution, n) for n in (2, 5)] == ["1", "1"]
        assert text(execution, 3).startswith("SyntaxError")

    def test_input_is_refused(self, each: Bench) -> None:
        assert "StdinNotImplementedError" in text(each.run("input('name? ')"))

    def test_files_and_environment_arrive(self, each: Bench) -> None:
        code = "import os; open('in/x.txt').read() + os.environ['ASKED']"
        assert each.says(code, files={"in/x.txt": b"a"}, env={"ASKED": "b"}) == "'ab'"

    def test_payloads_change_nothing(self, each: Bench) -> None:
        execution = each.run("get_ipython().set_next_input('print(2)')", "print(1)")
        assert text(execution, 2) == "1"
        assert len(execution.notebook.cells) == 2

    def test_figures_are_images(self, each: Bench) -> None:
        execution = each.run(
            "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()", "plt.plot([3]);"
        )
        for cell in execution.notebook.cells:
            image = base64.b64decode(cell.outputs[-1].data["image/png"])
            assert image.startswith(b"\x89PNG")

    def test_the_kit_is_imported(self, each: Bench) -> None:
        code = "from utils.profile import profile, run_seed; profile(), run_seed()"
        env = {"LAB_PROFILE": "quick", "DL_RUN_SEED": "17"}
        assert each.says(code, env=env) == "('quick', 17)"

    def test_many_run_at_once(self, either: Bench) -> None:
        ran = either.run_all([(f"x = {n}", "print(x)") for n in range(8)])
        assert [text(execution, 2) for execution in ran] == [str(n) for n in range(8)]

    @pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", ""])
    def test_files_stay_in_their_folder(self, name: str) -> None:
        with pytest.raises(UserError, match="expected a relative path"):
            check_files({name: b""}, Limits())

    def test_files_are_limited(self) -> None:
        with pytest.raises(UserError, match=r"file_mb \(\[limits\], course.toml\) allows 1 MB"):
            check_files({"a": bytes(2**19), "b": bytes(2**20)}, Limits(file_mb=1))


class TestWorkFolder:
    """What one notebook of a submission leaves for the next."""

    @staticmethod
    def left(bench: Bench, *sources: str, **options: Any) -> dict[str, bytes]:
        execution = bench.run(*sources, keep_work=True, **options)
        assert execution.work.left_out == ()
        return dict(execution.work.files)

    def test_files_and_folders_are_left_as_they_are_in_the_end(self, either: Bench) -> None:
        code = (
            "import os; os.makedirs('in/empty'); os.remove('old');"
            "open('in/x', 'w').write('1'); open('log', 'a').write('more')"
        )
        left = self.left(either, code, files={"old": b"", "log": b"some ", "same": b"="})
        whole = {"in/": b"", "in/empty/": b"", "in/x": b"1", "log": b"some more", "same": b"="}
        assert left == whole

    def test_the_next_kernel_finds_them(self, either: Bench) -> None:
        left = self.left(either, "import os; os.makedirs('a/b'); open('a/x', 'w').write('1')")
        code = "import os; sorted((at, *files) for at, _, files in os.walk('.'))"
        assert either.says(code, files=left) == "[('.',), ('./a', 'x'), ('./a/b',)]"

    @pytest.mark.parametrize("end", ["import os; os._exit(3)", "1/0", "input()"])
    def test_they_are_left_however_the_kernel_ends(self, either: Bench, end: str) -> None:
        assert self.left(either, "open('x', 'w').write('1')", end) == {"x": b"1"}

    def test_they_are_left_by_a_kernel_that_has_to_be_killed(self, either: Bench) -> None:
        deaf = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
        left = self.left(either, "open('x', 'w').write('1')", deaf, cell_seconds=1)
        assert left == {"x": b"1"}

    def test_a_folder_that_a_kernel_filled_is_no_obstacle_to_the_next(self, forked: Bench) -> None:
        limits_that_hold("file_mb")
        fill = "import os\nf = open('full', 'wb')\nwhile True: os.write(f.fileno(), bytes(4096))"
        left = forked.run("open('x', 'w').close()", fill, keep_work=True).work
        assert (*left.files, *left.left_out) in [("x", "full"), ("full", "x")]
        code = "import os, tempfile; tempfile.TemporaryFile(); os.path.exists('x')"
        assert forked.says(code, files=dict(left.files)) == "True"

    def test_nothing_is_brought_unless_it_is_asked_for(self, either: Bench) -> None:
        assert either.run("open('x', 'w').write('1')").work.files == {}

    def test_no_descriptor_is_left_open(self, forked: Bench) -> None:
        self.left(forked, "1")
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            self.left(forked, "1")
            forked.run("1")
        kept_ready = 1  # a kernel for the next notebook, whose folder is lent when it is ready
        assert len(os.listdir("/proc/self/fd")) <= before + kept_ready


# In a cell: use as many seconds of processor time.
BURN = """
import time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
"""


@contextmanager
def busy(count: int) -> Iterator[None]:
    """As many processes beside, none of which ever sleeps."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


class TestTime:
    def test_a_slow_cell_is_stopped_and_the_next_runs(self, either: Bench) -> None:
        execution = either.run(
            "while True: pass", "import time; time.sleep(99)", "1", cell_seconds=1
        )
        assert text(execution, 1).startswith("KeyboardInterrupt")
        assert text(execution, 2).startswith("KeyboardInterrupt")
        assert text(execution, 3) == "1"
        assert problems(execution) == (
            "cell 1 used more than 1 s of processor time and was stopped",
            "cell 2 slept or waited longer than 3 s and was stopped",
        )

    def test_a_cell_that_cannot_be_stopped_costs_the_rest(self, either: Bench) -> None:
        stubborn = "while True:\n    try: sum(range(10**6))\n    except BaseException: pass"
        execution = either.run("print(1)", stubborn, "print(3)", cell_seconds=1)
        assert text(execution, 1) == "1"
        assert text(execution, 3) == ""
        assert problems(execution) == (
            "cell 2 used more than 1 s of processor time and was stopped",
            "cell 2 could not be stopped and its kernel was killed; "
            "the cells after it were not run",
        )

    def test_the_whole_notebook_is_limited(self, either: Bench) -> None:
        execution = either.run(
            BURN, *["burn(1.5)"] * 3, "print(5)", cell_seconds=9, submission_seconds=2.5
        )
        assert text(execution, 5) == ""
        (problem,) = problems(execution)
        assert problem.startswith("the notebook used more than 2.5 s of processor time")

    def test_the_whole_notebook_may_not_sleep_for_ever(self, either: Bench) -> None:
        nap = "import time; time.sleep(2)"
        execution = either.run(*[nap] * 3, "print(4)", submission_seconds=1)
        assert text(execution, 4) == ""
        assert problems(execution) == (
            "the notebook slept or waited longer than 3 s and was stopped in cell 2; "
            "the cells after it were not run",
        )

    def test_what_waits_for_a_core_is_not_slow(self, either: Bench) -> None:
        """A cell near its limit, where each core has ten other processes to see to."""
        with busy(10 * len(os.sched_getaffinity(0))):
            execution = either.run(BURN, "burn(1); print('done')", cell_seconds=2)
        assert text(execution, 2) == "done"
        assert execution.problems == ()

    @pytest.mark.parametrize(
        "children",
        [
            "subprocess.run([sys.executable, '-c', 'while True: pass'])",
            "os.fork() or burn(99)\nwhile True: time.sleep(1)",
            # Nobody waits for these, and Linux keeps no account of what they used.
            "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
            "while True:\n    if os.fork() == 0: burn(0.4); os._exit(0)\n    time.sleep(0.5)",
        ],
    )
    @pytest.mark.sandbox
    def test_the_time_of_children_counts(self, forked: Bench, children: str) -> None:
        imports = "import os, signal, subprocess, sys, time\n"
        execution = forked.run(BURN, imports + children, cell_seconds=1.5)
        assert problems(execution)[0] == (
            "cell 2 used more than 1.5 s of processor time and was stopped"
        )
        assert execution.seconds < 60

    @pytest.mark.sandbox
    def test_what_may_have_been_starved_runs_again_alone(
        self, forked: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As if what is asleep were starved: nothing else may run beside the second try."""
        monkeypatch.setattr(Spent, "was_starved", True)
        asleep = "import time; print(time.time()); time.sleep(99)"
        beside = "import time; begin = time.time(); time.sleep(1); print(begin, time.time())"

        async def run() -> list[Execution]:
            def execute(code: str) -> Any:
                return asyncio.create_task(forked.engine.execute(notebook(code), env={}))

            first = execute(asleep)
            others = []
            while not first.done():
                others.append(await execute(beside))
            return [await first, *others]

        before = forked.engine.limits
        forked.engine.limits = dataclasses.replace(before, cell_seconds=1)
        try:
            first, *others = forked.wait_for(run())
        finally:
            forked.engine.limits = before
        again = float(text(first).split("\n")[0])
        assert problems(first) == ("cell 1 slept or waited longer than 3 s and was stopped",)
        assert len(others) > 1
        spans = [tuple(map(float, text(other).split())) for other in others]
        assert spans[0][1] < again
        assert all(end < again or again + 3 < begin for begin, end in spans)


@pytest.mark.sandbox
class TestCores:
    """A kernel's processes share one core, so that another kernel's need not."""

    WHERE = "import os, time; time.sleep(2); print(*os.sched_getaffinity(0))"

    def test_each_kernel_has_one_of_its_own(self, forked: Bench) -> None:
        count = len(os.sched_getaffinity(0))
        others: set[str] = set()
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(forked.run_all, [(self.WHERE,)] * count)
            while not running.done():
                others |= held_by_all() - held_here()
        held = [text(execution) for execution in running.result()]
        assert all(len(cores.split()) == 1 for cores in held)
        if not others:
            assert len(set(held)) == count

    def test_what_it_starts_stays_on_it(self, forked: Bench) -> None:
        code = (
            "import os, subprocess, sys, threading\n"
            "ask = 'import os; print(*os.sched_getaffinity(0))'\n"
            "exec(ask)\n"
            "thread = threading.Thread(target=exec, args=(ask,)); thread.start(); thread.join()\n"
            "print(subprocess.run([sys.executable, '-c', ask], capture_output=True, text=True,"
            " start_new_session=True).stdout, end='')"
        )
        said = forked.says(code).split()
        assert len(said) == 3 and len(set(said)) == 1

    def test_threads_that_it_had_before_are_on_it(self, forked: Bench) -> None:
        code = (
            "import os\n"
            "{tuple(os.sched_getaffinity(int(t))) for t in os.listdir('/proc/self/task')"
            " if False} or len({line for t in os.listdir('/proc/self/task')"
            " for line in open(f'/proc/self/task/{t}/status') if 'Cpus_allowed_list' in line})"
        )
        assert forked.says(code) == "1"

    def test_it_is_given_back(self, forked: Bench) -> None:
        for _ in range(2 * len(os.sched_getaffinity(0))):
            forked.says("1")
        assert eventually(lambda: not held_here())

    def test_it_is_seen_while_it_is_held(self, forked: Bench) -> None:
        seen: set[str] = set()
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(forked.says, "import time; time.sleep(3)")
            while not running.done():
                seen |= held_here()
        assert len(seen) == 1


def held_by_all() -> set[str]:
    """Sockets by which kernels of the whole machine hold their cores at this moment."""
    rows = [row.split() for row in Path("/proc/net/unix").read_text().splitlines()]
    return {row[6] for row in rows if row[-1].startswith("@dl-course-kit/core/")}


def held_here() -> set[str]:
    """Those of them that this process or a descendant of it has open."""
    me = psutil.Process()
    found: set[str] = set()
    for process in (me, *me.children(recursive=True)):
        with contextlib.suppress(OSError, psutil.Error):
            for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    found.add(os.readlink(descriptor))
    return {inode for inode in held_by_all() if f"socket:[{inode}]" in found}


class TestDeath:
    @pytest.mark.parametrize(
        ("code", "cause"),
        [
            ("import os; os._exit(3)", "it exited with status 3"),
            ("import ctypes; ctypes.string_at(0)", "it was killed by SIGSEGV"),
        ],
    )
    @pytest.mark.sandbox
    def test_the_cause_is_told(self, forked: Bench, code: str, cause: str) -> None:
        execution = forked.run("print(1)", code, "print(3)")
        assert text(execution, 1) == "1"
        assert problems(execution) == (
            f"the kernel died in cell 2: {cause}; the cells after it were not run",
        )

    def test_of_an_ordinary_kernel(self, ordinary: Bench) -> None:
        (problem,) = problems(ordinary.run("import os; os._exit(3)"))
        assert problem == "the kernel died in cell 1: it exited with status 3"

    @pytest.mark.parametrize(
        "ending",
        [
            "exit()",
            "quit()",
            "for _ in range(2): quit()",
            "get_ipython().ask_exit()",
            "try: exit()\nfinally: print('x')",
        ],
    )
    def test_a_kernel_that_ends_itself_ends_at_that_cell(self, each: Bench, ending: str) -> None:
        for _ in range(2):
            execution = each.run("print(1)", f"print(2)\n{ending}", "print(3)", *["4"] * 3)
            assert [text(execution, n) for n in (1, 3, 4)] == ["1", "", ""]
            assert text(execution, 2).startswith("2")
            assert problems(execution) == (
                "cell 2 ended its kernel, as exit() and quit() do; the cells after it were not run",
            )

    def test_one_that_is_only_asked_to_stays(self, each: Bench) -> None:
        assert each.says("exit(keep_kernel=True)", "import time; time.sleep(1); 2") == "2"

    def test_what_it_left_behind_as_it_died_is_no_evidence(self, each: Bench) -> None:
        evidence = f"display({{{MIME!r}: {{'label': 'a'}}}}, raw=True)"
        wait = "import os, time; time.sleep(1)"
        for code in (f"{evidence}; {wait}; os._exit(0)", f"import os; {evidence}; os._exit(0)"):
            execution = each.run(evidence, code)
            assert len(execution.notebook.cells[0].outputs) == 1
            assert not any("data" in output for output in execution.notebook.cells[1].outputs)

    @pytest.mark.sandbox
    def test_a_kernel_cannot_kill_itself_by_signal(self, forked: Bench) -> None:
        assert forked.says("import os; os.kill(os.getpid(), 9); os.kill(0, 9)", "2") == "2"

    @pytest.mark.sandbox
    def test_closing_the_sockets_is_death(self, forked: Bench) -> None:
        (problem,) = problems(forked.run("import os; os.closerange(3, 1000)", "2"))
        assert problem.startswith("the kernel died in cell 1")


class TestOutputs:
    def test_of_a_cell_are_limited_while_they_arrive(self, either: Bench) -> None:
        execution = either.run(
            "for _ in range(200): print('x' * 9_999, flush=True)",
            "print('next')",
            "display('x' * 3_000_000)",
        )
        kept = len(text(execution, 1))
        assert 200_000 < kept <= LIMITS.cell_output_kb * 1024
        assert text(execution, 2) == "next"
        assert problems(execution) == (
            "cell 1 displayed more than it may; the rest of its outputs was dropped",
            "cell 3 displayed more than it may; the rest of its outputs was dropped",
        )

    def test_of_the_notebook_are_limited(self, either: Bench) -> None:
        ran = either.run(*["print('x' * 250_000)"] * 10)
        kept = sum(len(text(ran, n)) for n in range(1, 11))
        assert 1_500_000 < kept <= LIMITS.output_mb * 2**20
        assert len(ran.problems) == 2

    def test_many_small_ones_are_limited(self, either: Bench) -> None:
        execution = either.run("for n in range(3_000): display(n)", "print('next')")
        assert 100 < len(execution.notebook.cells[0].outputs) < 600
        assert text(execution, 2) == "next"

    @pytest.mark.heavy
    @pytest.mark.sandbox
    def test_a_hundred_thousand_displays(self, forked: Bench) -> None:
        execution = forked.run(
            "for n in range(100_000): display(n)", "print('next')", cell_seconds=120
        )
        assert text(execution, 2) == "next" or "sent more than" in problems(execution)[-1]

    def test_a_flood_ends_the_kernel(self, either: Bench) -> None:
        execution = either.run("while True: print('x' * 100_000, flush=True)", "print('next')")
        assert problems(execution)[-1] == (
            "the kernel was killed in cell 1: it sent more than 16 MB; "
            "the cells after it were not run"
        )

    def test_evidence_is_kept_beyond_the_limit(self, either: Bench) -> None:
        execution = either.run(
            "for _ in range(100): print('x' * 9_999)\n"
            f"display({{{MIME!r}: {{'label': 'a'}}}}, raw=True)\n"
            "from IPython.display import clear_output; clear_output()"
        )
        assert [output.data[MIME] for output in execution.notebook.cells[0].outputs] == [
            {"label": "a"}
        ]

    def test_a_cell_cannot_change_another_ones(self, either: Bench) -> None:
        execution = either.run(
            "handle = display('first', display_id='d'); print('kept')",
            "handle.update('forged')\n"
            "from IPython.display import clear_output, display; clear_output()\n"
            "display('second', display_id='d');",
            "handle.update('forged again')",
        )
        assert text(execution, 1) == "'first'kept"
        assert text(execution, 2) == "'second'"
        assert text(execution, 3) == ""

    def test_progress_can_be_updated_within_its_cell(self, either: Bench) -> None:
        execution = either.run(
            "handle = display(0, display_id=True)\nfor n in range(2_000): handle.update(n)"
        )
        assert execution.problems == ()
        assert text(execution, 1) == "1999"

    @pytest.mark.sandbox
    def test_late_outputs_belong_to_no_other_cell(self, forked: Bench) -> None:
        execution = forked.run(
            FORGE + "first = parent",
            FORGE + "send('stream', {'name': 'stdout', 'text': 'late'}, first); print('mine')",
        )
        assert execution.notebook.cells[0].outputs == []
        assert text(execution, 2) == "mine"


# In a cell: send messages as if the kernel had, signed with its key.
FORGE = """
import json
kernel = get_ipython().kernel
parent = kernel.get_parent()["header"]
def send(kind, content, parent=parent, **more):
    kernel.session.send(kernel.iopub_socket, kernel.session.msg(kind, content, parent, **more))
"""


class TestForgedMessages:
    @pytest.mark.parametrize(
        "code",
        [
            "send('stream', {})",
            "send('stream', {'name': 'stdlog', 'text': 'x'})",
            "send('stream', {'name': 'stdout', 'text': 7})",
            "send('display_data', {'data': 'x', 'metadata': {}})",
            "send('display_data', {'data': {'text/plain': {'a': 1}}, 'metadata': {}})",
            "send('error', {'ename': 'E', 'evalue': 'v', 'traceback': 'x'})",
            "kernel.session.pack = lambda o: b'[]'\nsend('stream', {})",
            "send('display_data', {'data': {}, 'metadata': None})",
            "kernel.session.pack = lambda o: b'[' * 100_000\nsend('stream', {})",
            "kernel.session.pack = lambda o: b'not JSON'\nsend('stream', {})",
            "many = b'[' + b'1,' * 600_000 + b'1]'\n"
            "kernel.session.pack = lambda o: many if 'many' in o else pack(o)\n"
            "send('stream', {'many': 1})",
            "kernel.session.key = b'wrong'\nsend('stream', {'name': 'stdout', 'text': 'x'})",
        ],
    )
    @pytest.mark.sandbox
    def test_malformed_ones_are_dropped(self, forked: Bench, code: str) -> None:
        restored = "pack, key = kernel.session.pack, kernel.session.key\ntry:\n"
        restored += textwrap.indent(code, "    ")
        restored += "\nfinally: kernel.session.pack, kernel.session.key = pack, key"
        execution = forked.run(FORGE + restored, "print('next')")
        assert execution.notebook.cells[0].outputs == []
        assert text(execution, 2) == "next"
        assert problems(execution) == ("cell 1 sent 1 malformed messages, now dropped",)

    @pytest.mark.sandbox
    def test_an_early_end_harms_only_its_own(self, forked: Bench) -> None:
        execution = forked.run(
            FORGE + "send('status', {'execution_state': 'idle'})\nimport time; time.sleep(1)\n"
            "print('too late')",
            "print('next')",
        )
        assert text(execution, 2) == "next"
        assert text(execution, 1) == ""

    @pytest.mark.sandbox
    def test_what_no_file_can_hold_is_replaced(self, forked: Bench) -> None:
        execution = forked.run(
            FORGE + "kernel.session.pack = lambda o: json.dumps(o, default=str).encode()\n"
            "send('stream', {'name': 'stdout', 'text': '\\ud800'})\n"
            "send('display_data', {'data': {'text/plain': '\\udfff'}, 'metadata': {}})"
        )
        nbformat.writes(execution.notebook).encode("utf-8")
        assert "?" in text(execution)

    @pytest.mark.sandbox
    def test_raw_bytes_on_the_sockets(self, forked: Bench) -> None:
        """The submission speaks to the coordinator without ZMQ in between."""
        code = (
            "import os, stat\n"
            "for name in os.listdir('/proc/self/fd'):\n"
            "    try:\n"
            "        if stat.S_ISSOCK(os.fstat(int(name)).st_mode):\n"
            "            os.write(int(name), b'\\x03' + b'\\xff' * 8 + bytes(100))\n"
            "    except OSError: pass"
        )
        execution = forked.run(code, "print('next')", cell_seconds=3)
        assert execution.problems
        assert forked.says("print('others')") == "others"


@pytest.mark.sandbox
class TestLimits:
    def test_memory(self, forked: Bench) -> None:
        limits_that_hold("memory_mb")
        execution = forked.run(
            "x = bytearray(700 << 20)", "import torch; float(torch.ones(9).sum())"
        )
        assert text(execution, 1).startswith("MemoryError")
        assert text(execution, 2) == "9.0"
        assert execution.problems == ()

    def test_memory_of_tensors(self, forked: Bench) -> None:
        limits_that_hold("memory_mb")
        execution = forked.run("import torch; x = torch.ones(700 << 18)", "print('next')")
        assert "RuntimeError" in text(execution, 1)
        assert text(execution, 2) == "next"

    def test_memory_of_children_together(self, forked: Bench) -> None:
        execution = forked.run(
            "import os, time\n"
            "for _ in range(5):\n"
            "    if os.fork() == 0:\n"
            "        x = bytearray(b'x') * (300 << 20); time.sleep(20); os._exit(0)\n"
            "time.sleep(20)",
        )
        assert problems(execution) == (
            "the kernel died in cell 1: it used more memory than it may",
        )

    @pytest.mark.parametrize(
        "hide",
        [
            "ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)",  # PR_SET_DUMPABLE
            "os.setsid()",
            "os.fork() and os._exit(0)",
            "ctypes.CDLL(None).prctl(15, b'harmless', 0, 0, 0)",  # PR_SET_NAME
        ],
    )
    def test_memory_of_children_that_hide(self, forked: Bench, hide: str) -> None:
        execution = forked.run(
            "import ctypes, os, time\n"
            "for _ in range(5):\n"
            "    if os.fork() == 0:\n"
            f"        {hide}\n"
            "        x = bytearray(b'x') * (300 << 20); time.sleep(60); os._exit(0)\n"
            "time.sleep(60)",
            "1",
        )
        assert problems(execution) == (
            "the kernel died in cell 1: it used more memory than it may; "
            "the cells after it were not run",
        )

    def test_memory_of_a_program_that_cannot_be_read(self, forked: Bench) -> None:
        """Linux lets nobody look into what runs a file that may be executed, but not read."""
        code = (
            "import os, shutil, subprocess, sys\n"
            "shutil.copy(os.path.realpath(sys.executable), 'mine'); os.chmod('mine', 0o111)\n"
            "eat = 'import time; x = bytearray(b\"x\") * (250 << 20); time.sleep(60)'\n"
            "for one in [subprocess.Popen(['./mine', '-S', '-c', eat]) for _ in range(5)]:\n"
            "    one.wait()"
        )
        environment = {"PYTHONHOME": sys.base_prefix}
        execution = forked.run(code, env=environment)
        assert problems(execution) == (
            "the kernel died in cell 1: it used more memory than it may",
        )

    def test_processes(self, forked: Bench) -> None:
        limits_that_hold("processes")
        bomb = (
            "import os, time, warnings\ncount = 0\n"
            "warnings.simplefilter('ignore')\n"  # from Python 3.12 on: a kernel has threads
            "try:\n"
            "    while True:\n"
            "        if os.fork() == 0: time.sleep(60); os._exit(0)\n"
            "        count += 1\n"
            "except BlockingIOError: pass\n"
            "print(count)"
        )
        first, second = forked.run_all([(bomb, "1"), (bomb, "1")])
        for execution in (first, second):
            assert 5 < int(text(execution)) < LIMITS.processes
            assert text(execution, 2) == "1"

    def test_threads(self, forked: Bench) -> None:
        limits_that_hold("processes")
        code = (
            "import threading, time\n"
            "while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
        )
        execution = forked.run(code, "1")
        assert text(execution, 1).startswith("RuntimeError: can't start new thread")
        assert text(execution, 2) == "1"

    @pytest.mark.heavy  # the hostile corpus has one for each push
    def test_fork_bomb(self, forked: Bench) -> None:
        execution = forked.run(
            "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
            "print('next')",
            cell_seconds=2,
        )
        assert execution.problems
        assert forked.says("print('others')") == "others"

    def test_file_size(self, forked: Bench) -> None:
        limits_that_hold("file_mb")
        execution = forked.run("open('/tmp/big', 'wb').write(bytes(20 << 20))", "print('next')")
        assert text(execution, 1).startswith("OSError")
        assert text(execution, 2) == "next"

    def test_full_disk(self, forked: Bench) -> None:
        code = "for n in range(99):\n    with open(f'{n}', 'wb') as f: f.write(bytes(1 << 20))"
        execution = forked.run(code, "import shutil; shutil.rmtree('.', True); print('next')")
        assert "No space left on device" in text(execution, 1)
        assert text(execution, 2) == "next"

    def test_many_files(self, forked: Bench) -> None:
        code = "for n in range(99_999): open(f'/dev/shm/{n}', 'w').close()"
        assert "No space left on device" in text(forked.run(code))


@pytest.mark.sandbox
class TestForks:
    NUMBERS = (
        "import random, numpy, torch; print(random.random(), numpy.random.rand(),"
        " numpy.random.default_rng().random(), torch.rand(1).item(), torch.nn.Linear(1, 1).weight)"
    )

    def test_random_numbers_differ(self, forked: Bench) -> None:
        ran = forked.run_all([(self.NUMBERS,)] * 3)
        columns = list(zip(*(text(execution).split() for execution in ran), strict=True))
        assert all(len(set(column)) == 3 for column in columns[:4])

    def test_random_numbers_follow_the_runs_seed(self, forked: Bench) -> None:
        seeded = self.NUMBERS.replace("numpy.random.default_rng().random(),", "")
        ran = forked.run_all([(seeded,)] * 2, env={"DL_RUN_SEED": "5"})
        assert text(ran[0]) == text(ran[1])
        assert text(ran[0]) != forked.says(seeded, env={"DL_RUN_SEED": "6"})

    @pytest.mark.parametrize("threads", ["1", "2"])
    def test_threads_are_set(self, forked: Bench, threads: str) -> None:
        code = (
            "import torch, threadpoolctl, numpy as np; np.ones((300, 300)) @ np.ones((300, 300))\n"
            "print(torch.get_num_threads(), {p['num_threads'] for p in"
            " threadpoolctl.threadpool_info() if p['internal_api'] == 'openblas'})"
        )
        said = forked.says(code, env={"OMP_NUM_THREADS": threads})
        assert said == f"{threads} {{{threads}}}"

    def test_having_one_core_is_nothing_to_warn_of(self, forked: Bench) -> None:
        """What stands on stderr earns no marks in a course of plain nbgrader."""
        code = (
            "import torch; from torch.utils.data import DataLoader\n"
            "len(list(DataLoader(torch.ones(8, 2), num_workers=2)))"
        )
        (output,) = forked.run(code).notebook.cells[0].outputs
        assert output.data["text/plain"] == "8"

    def test_training_works(self, forked: Bench) -> None:
        code = """
import torch
from torch.utils.data import DataLoader, TensorDataset
data = TensorDataset(torch.randn(64, 3, 8, 8), torch.randint(0, 2, (64,)))
model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
optimizer = torch.optim.Adam(model.parameters())
for inputs, labels in DataLoader(data, batch_size=16, num_workers=2):
    loss = torch.nn.functional.cross_entropy(model(inputs), labels)
    optimizer.zero_grad(); loss.backward(); optimizer.step()
print(torch.isfinite(loss).item())
"""
        assert forked.says(code, env={"OMP_NUM_THREADS": "2"}) == "True"

    def test_subprocesses_and_shell_commands_work(self, forked: Bench) -> None:
        code = "import subprocess; subprocess.run(['echo', 'a'], capture_output=True).stdout"
        assert forked.says(code) == "b'a\\n'"
        assert forked.says("!echo b") == "b"

    def test_what_c_prints_is_an_output(self, forked: Bench) -> None:
        code = (
            "import ctypes, time; libc = ctypes.CDLL(None)\n"
            "libc.puts(b'from C'); libc.fflush(None)\n"
            "time.sleep(0.5)"  # ipykernel reads what C prints in a thread
        )
        assert "from C" in forked.says(code)

    def test_progress_bars_are_plain_text(self, forked: Bench) -> None:
        execution = forked.run("from tqdm.auto import tqdm\nfor _ in tqdm(range(3)): pass")
        assert "100%" in text(execution)
        assert {output.output_type for output in execution.notebook.cells[0].outputs} == {"stream"}

    def test_history_is_not_written(self, forked: Bench) -> None:
        code = "import glob; glob.glob('/student/**/*.sqlite', recursive=True)"
        assert forked.says("1", code) == "[]"

    def test_no_kernel_is_left(self, forked: Bench) -> None:
        forked.run_all([("1",)] * 3)
        zygote = zygote_of(LIMITS)
        assert eventually(lambda: len(children(zygote)) == 1)  # the one that is ready for the next


def test_orders_travel_whole() -> None:
    order = Order(b"key", {"A": "á"}, {"x/y": b"\x00\xff", "empty": b""})
    assert Order.unpack(order.pack()) == order


def marker_of(limits: Limits) -> str:
    """What the command lines of a sandbox with these limits hold."""
    return json.dumps({"memory": int(limits.memory_mb * 2**20)})[1:-1]


def stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def children(parent: int) -> list[int]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if stat(int(name))[1] == str(parent):
                found.append(int(name))
        except OSError:
            continue
    return found


def zygote_of(limits: Limits) -> int:
    """The zygote: of the three processes with its command line, two are bubblewrap's."""
    (zygote,) = [
        pid
        for pid in processes(marker_of(limits))
        if "bwrap" not in Path(f"/proc/{pid}/comm").read_text()
        and stat(pid)[1] not in map(str, _pythons(limits))
    ]
    return zygote


def _pythons(limits: Limits) -> list[int]:
    return [
        pid
        for pid in processes(marker_of(limits))
        if "bwrap" not in Path(f"/proc/{pid}/comm").read_text()
    ]


COORDINATOR = """
import asyncio, sys
from grading.course.config import Limits
from grading.engine.runner import Engine
from tests.engines import notebook

async def main():
    async with Engine(Limits(memory_mb=float(sys.argv[1])), modules=()) as engine:
        nap = f"import subprocess; subprocess.run(['sleep', '{sys.argv[2]}'])"
        await asyncio.gather(*(engine.execute(notebook(nap), env={}) for _ in range(2)))

asyncio.run(main())
"""


@pytest.mark.sandbox
class TestNothingIsLeft:
    """Whoever is killed, and however."""

    @pytest.fixture
    def running(self, tmp_path: Path) -> Iterator[tuple["subprocess.Popen[bytes]", Limits]]:
        """A coordinator whose submissions run, and sleep."""
        skip_without_sandbox()
        limits = Limits(memory_mb=600 + os.getpid() % 1000 / 1024)
        nap = f"9876.{os.getpid()}"
        coordinator = subprocess.Popen(
            [sys.executable, "-c", COORDINATOR, str(limits.memory_mb), nap],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(tmp_path)},
            stderr=subprocess.DEVNULL,
        )
        try:
            assert eventually(lambda: len(processes(nap)) >= 2 + 1, 60)  # and the coordinator
            yield coordinator, limits
            assert eventually(lambda: not processes(nap))
            assert eventually(lambda: not processes(marker_of(limits)))
            assert list(tmp_path.iterdir()) == []
        finally:
            coordinator.kill()
            coordinator.wait()

    def test_when_the_coordinator_is_killed(self, running: Any) -> None:
        coordinator, _ = running
        coordinator.kill()

    def test_when_the_coordinator_is_interrupted(self, running: Any) -> None:
        coordinator, _ = running
        coordinator.send_signal(signal.SIGINT)
        assert coordinator.wait(20) != 0

    @pytest.mark.parametrize(
        "which", [pytest.param("bubblewrap", marks=pytest.mark.heavy), "zygote"]
    )
    def test_when_the_sandbox_is_killed_with_its_coordinator(
        self, running: Any, which: str
    ) -> None:
        coordinator, limits = running
        victims = processes(marker_of(limits)) if which == "bubblewrap" else [zygote_of(limits)]
        coordinator.send_signal(signal.SIGSTOP)
        os.kill(min(victims), signal.SIGKILL)
        assert eventually(lambda: not processes(marker_of(limits)))
        coordinator.kill()


@pytest.mark.sandbox
class TestSurvival:
    """A submission is not to pay for what it cannot have done."""

    LIMITS = Limits(memory_mb=641.5)
    SLOW = ("import time; time.sleep(2); print('slept')", "print('done')")

    @pytest.fixture(scope="class")
    @classmethod
    def own(cls) -> Iterator[Bench]:
        with bench(cls.LIMITS, modules=()) as opened:
            yield opened

    def disturbed(self, own: Bench, victims: Any) -> Execution:
        async def run() -> Execution:
            execution = asyncio.create_task(own.engine.execute(notebook(*self.SLOW), env={}))
            await asyncio.sleep(1)
            for pid in victims():
                os.kill(pid, signal.SIGKILL)
            return await execution

        found: Execution = own.wait_for(run())
        return found

    def test_of_a_kernel_killed_from_outside(self, own: Bench) -> None:
        execution = self.disturbed(own, lambda: children(zygote_of(self.LIMITS)))
        assert (text(execution, 1), text(execution, 2)) == ("slept", "done")
        assert execution.problems == ()

    def test_of_the_zygotes_death(self, own: Bench) -> None:
        execution = self.disturbed(own, lambda: [zygote_of(self.LIMITS)])
        assert (text(execution, 1), text(execution, 2)) == ("slept", "done")
        assert own.says("print('next')") == "next"

    def test_of_kernels_cancelled_as_they_start(self, own: Bench) -> None:
        async def run() -> None:
            for _ in range(10):
                starting = asyncio.create_task(own.engine.execute(notebook("1"), env={}))
                await asyncio.sleep(0.02)
                starting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await starting

        zygote = zygote_of(self.LIMITS)
        own.wait_for(run())
        assert own.says("print('next')") == "next"
        assert zygote_of(self.LIMITS) == zygote
        assert eventually(lambda: len(children(zygote)) == 1)

    def test_cancelling_ends_the_kernel(self, own: Bench) -> None:
        own.says("1")
        before = set(children(zygote_of(self.LIMITS)))

        async def run() -> None:
            execution = asyncio.create_task(
                own.engine.execute(notebook("import time; time.sleep(99)"), env={})
            )
            await asyncio.sleep(1)
            execution.cancel()
            with pytest.raises(asyncio.CancelledError):
                await execution

        own.wait_for(run())
        assert before.isdisjoint(children(zygote_of(self.LIMITS)))


class TestWithoutSandbox:
    def test_is_refused_unless_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        host = outer.Host("namespaces are refused", "allow them")
        monkeypatch.setattr(runner.outer, "host", lambda: host)
        with pytest.raises(UserError) as caught:
            Engine(LIMITS)
        assert str(caught.value) == (
            "no sandbox: namespaces are refused; allow them, "
            "or pass --no-sandbox to run submissions unprotected"
        )

    def test_is_said(self, ordinary: Bench) -> None:
        (warning,) = ordinary.engine.warnings
        assert warning.text("en").startswith("no sandbox")
        assert warning.text("es").startswith("sin aislamiento")

    def test_limits_that_do_not_hold_are_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        host = outer.Host(None, unenforced=("processes",))
        monkeypatch.setattr(runner.outer, "host", lambda: host)
        monkeypatch.setattr(runner.groups, "home", lambda: None)
        warning, uncounted = Engine(LIMITS).warnings
        assert "sockets and pipes" in uncounted.text("en")
        assert warning.text("en") == "the limit processes cannot be enforced on this machine"
        assert "no se puede aplicar el límite processes" in warning.text("es")

    def test_leaves_no_folder(self, tmp_path: Path) -> None:
        code = (
            "import asyncio; from tests.engines import *\n"
            "with bench(sandbox=False) as b:\n"
            "    print(text(b.run('6*7')), b.run('import os; os._exit(1)'))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith("42")
        assert list(tmp_path.iterdir()) == []


class TestByName:
    """`dl-zygote` in tools that know nothing of this engine."""

    CODE = (
        "import os, sys, torch; print(os.getpid(), os.environ.get('DL_TEST'), "
        "os.environ.get('SECRET'), os.path.exists(sys.argv[0]) or 'torch' in sys.modules)"
    )

    @pytest.fixture(autouse=True)
    def known(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        provisioner.install_kernelspec(tmp_path)
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))
        monkeypatch.setenv("DL_TEST", "passed on")
        monkeypatch.setenv("SECRET", "kept")

    @pytest.mark.sandbox
    def test_nbclient(self) -> None:
        skip_without_sandbox()
        source = notebook(self.CODE, "import matplotlib.pyplot as plt; plt.plot([1]);")
        done = NotebookClient(source, kernel_name=provisioner.NAME).execute()
        assert done.cells[0].outputs[0].text == "1 passed on None True\n"
        assert "image/png" in done.cells[1].outputs[-1].data

    @pytest.mark.sandbox
    def test_papermill(self, tmp_path: Path) -> None:
        skip_without_sandbox()
        nbformat.write(notebook("x = 1", self.CODE), tmp_path / "in.ipynb")
        done = papermill.execute_notebook(
            tmp_path / "in.ipynb",
            tmp_path / "out.ipynb",
            kernel_name=provisioner.NAME,
            progress_bar=False,
        )
        assert done.cells[-1].outputs[0].text == "1 passed on None True\n"

    @pytest.mark.sandbox
    def test_who_listens_early_hears_nothing_that_is_not_signed(self) -> None:
        skip_without_sandbox()
        nursery, session = provisioner._nursery(Limits()), Session(key=b"a key")
        nursery.up.result(60)
        with (
            tempfile.TemporaryDirectory(prefix="dl-") as folder,
            zmq.Context() as context,
            context.socket(zmq.SUB) as early,
        ):
            sockets = {channel: listen(f"{folder}/{channel}") for channel in CHANNELS}
            kernel = nursery.fork(sockets)
            kernel.ready.result(60)
            early.connect(f"ipc://{folder}/iopub")
            early.subscribe(b"")
            assert not early.poll(1_000), "it was greeted by a kernel that has no key yet"
            kernel.start(Order(session.key, {}))
            assert early.poll(20_000)
            _, parts = session.feed_identities(early.recv_multipart())
            assert session.deserialize(parts)["msg_type"] == "status"
            kernel.signal(signal.SIGKILL)

    def test_falls_back_with_a_warning(self, monkeypatch: pytest.MonkeyPatch) -> None:
        host = outer.Host("bubblewrap is not installed", outer.INSTALL)
        monkeypatch.setattr(provisioner.outer, "host", lambda: host)
        source = notebook("import os; print(os.getpid() > 1)")
        with pytest.warns(RuntimeWarning, match="nothing protects this machine"):
            done = NotebookClient(source, kernel_name=provisioner.NAME).execute()
        assert done.cells[0].outputs[0].text == "True\n"
