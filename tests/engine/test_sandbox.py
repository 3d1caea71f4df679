"""What a submission cannot see, reach or change: every claim is tried from inside."""

import itertools
import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.engine.walls import obstacles, outer
from grading.places import PACKAGES
from tests.engines import Bench, bench, eventually, processes, skip_without_sandbox, text

pytestmark = pytest.mark.kernels

ROOT = Path(__file__).resolve().parents[2]
SECRET = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def inside() -> Iterator[Bench]:
    skip_without_sandbox()
    os.environ["DL_TEST_SECRET"] = SECRET
    secret = Path("/dev/shm/dl-test-secret")
    secret.write_text(SECRET)
    held = secret.open()
    os.set_inheritable(held.fileno(), True)
    try:
        with bench() as opened:
            yield opened
    finally:
        del os.environ["DL_TEST_SECRET"]
        held.close()
        secret.unlink()


@pytest.fixture
def listening() -> Iterator[int]:
    """A port of this machine on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


class TestCommand:
    """The bubblewrap command line, a function of what is to be seen."""

    view = outer.View(
        shown=(Path("/usr"), Path("/home/me/venv"), Path("/home/me/kit/grading")),
        links={"/lib": "usr/lib"},
        hidden=(Path("/home/me/kit/grading/keys"),),
    )

    def command(self, root: bool = False) -> list[str]:
        return outer.command(["python", "-V"], self.view, {"A": "1"}, {"/etc/passwd": 7}, root=root)

    def options(self, name: str, count: int, root: bool = False) -> list[tuple[str, ...]]:
        command = self.command(root)
        return [
            tuple(command[at + 1 : at + 1 + count])
            for at, option in enumerate(command)
            if option == name
        ]

    def test_shows_only_the_view(self) -> None:
        shown = [source for source, _ in self.options("--ro-bind", 2)]
        assert sorted(shown) == sorted(str(path) for path in self.view.shown)
        assert not self.options("--bind", 2)
        assert ("usr/lib", "/lib") in self.options("--symlink", 2)

    def test_hides_after_it_has_shown(self) -> None:
        command = self.command()
        assert command.index("/home/me/kit/grading/keys") > command.index("/home/me/kit/grading")

    def test_ends_with_the_program(self) -> None:
        assert self.command()[-3:] == ["--", "python", "-V"]

    def test_separates_from_the_host(self) -> None:
        for space in ("ipc", "pid", "net", "uts"):
            assert f"--unshare-{space}" in self.command()
        for option in ("--die-with-parent", "--new-session", "--clearenv"):
            assert option in self.command()
        assert ("A", "1") in self.options("--setenv", 2)

    def test_a_user_keeps_no_capability_and_root_only_what_it_takes_to_become_nobody(self) -> None:
        assert self.options("--cap-drop", 1) == [("ALL",)]
        assert self.options("--cap-add", 1) == []
        assert self.options("--cap-add", 1, root=True) == [("CAP_SETUID",), ("CAP_SETGID",)]

    def test_nothing_stays_writable_but_tmp(self) -> None:
        frozen = [path for (path,) in self.options("--remount-ro", 1)]
        assert "/" in frozen
        assert "/dev" in frozen


def test_this_process_shows_the_kit_without_its_keys() -> None:
    view = outer.view_of_this_process()
    assert {ROOT / name for name in PACKAGES} <= set(view.shown)
    assert ROOT not in view.shown
    assert not any(path.is_relative_to(ROOT / "notebooks") for path in view.shown)
    if (ROOT / "grading" / "keys").is_dir():
        assert view.hidden == (ROOT / "grading" / "keys",)


@pytest.mark.parametrize("variable", outer.DATA)
def test_of_a_data_folder_the_registered_files_are_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    plain, packed = tmp_path / "multi30k" / "train.de", tmp_path / "multi30k" / "train.en.gz"
    for path in (plain, packed, tmp_path / "multi30k" / "gradebook.db", tmp_path / "roster.csv"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    monkeypatch.setenv(variable, str(tmp_path))
    view = outer.view_of_this_process()
    assert {path for path in view.shown if path.is_relative_to(tmp_path)} == {plain, packed}
    assert tmp_path in view.folders


def test_of_a_python_only_its_own_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A virtual environment may have been made in the folder of the course, or around it."""
    for name in ("bin", "lib", "course", "notebooks"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    view = outer.view_of_this_process()
    shown = {path.name for path in view.shown if path.is_relative_to(tmp_path)}
    assert shown == {"bin", "lib"}
    assert tmp_path not in view.shown


def test_what_is_private_is_covered_wherever_it_lies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    course, python = tmp_path / "lib" / "course", tmp_path / "lib" / "course" / "venv" / "lib"
    for place in (course / "submitted", python):
        place.mkdir(parents=True)
    (tmp_path / "lib" / "roster.csv").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", str(course / "venv"))
    view = outer.view_of_this_process([course, tmp_path / "lib" / "roster.csv", tmp_path / "none"])
    assert {course, tmp_path / "lib" / "roster.csv"} <= set(view.hidden)
    assert {tmp_path / "lib", python} <= set(view.shown)
    command = outer.command(["true"], view, {}, {}, root=False)
    order = [
        ("--ro-bind", str(tmp_path / "lib")),
        ("--tmpfs", str(course)),
        ("--ro-bind", str(python)),
        ("--remount-ro", str(course)),
    ]
    found = list(itertools.pairwise(command))
    assert [found.index(step) for step in order] == sorted(found.index(step) for step in order)


@pytest.mark.sandbox
class TestFiles:
    @pytest.mark.parametrize(
        "path",
        [
            ROOT / "course.toml",
            ROOT / "pyproject.toml",
            ROOT / "tests" / "engines.py",
            ROOT / "notebooks",
            ROOT / "course",
            ROOT / ".git",
            "/root/.bashrc",
            "/etc/shadow",
            "/etc/hostname",
            "/var",
            "/dev/shm/dl-test-secret",
            "/sys/kernel",
        ],
    )
    def test_are_not_there(self, inside: Bench, path: object) -> None:
        assert inside.says(f"import os; os.path.lexists({str(path)!r})") == "False"

    def test_keys_are_hidden(self, inside: Bench) -> None:
        code = "import os, grading; os.listdir(os.path.dirname(grading.__file__) + '/keys')"
        assert inside.says(code) == "[]"

    def test_secret_is_nowhere(self, inside: Bench) -> None:
        """Not in the environment of any process that can be seen, nor behind a descriptor."""
        code = f"""
import glob, os
found = [k for k, v in os.environ.items() if {SECRET!r} in v]
for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/fd/*"):
    try:
        if os.path.isfile(path) and {SECRET!r}.encode() in open(path, "rb").read():
            found.append(path)
    except OSError:
        pass
found
"""
        assert inside.says(code) == "[]"

    def test_no_descriptor_leads_out(self, inside: Bench) -> None:
        code = """
import os
links = {os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")
         if os.path.lexists(f"/proc/self/fd/{name}")}
sorted(l for l in links if not l.startswith(("pipe:", "socket:", "anon_inode:", "/proc/1/fd")))
"""
        assert inside.says(code) == "['/dev/null']"

    def test_only_its_own_can_be_written(self, inside: Bench) -> None:
        code = """
import os
places = set()
for folder, below, _ in os.walk("/"):
    if folder in ("/proc", "/sys"):
        below.clear()
    try:
        with open(folder + "/probe", "w"):
            pass
        os.remove(folder + "/probe")
        places.add(folder)
    except OSError:
        pass
own = ("/tmp", "/dev/shm", "/student", "/run/scratch")
set(own) <= places, [place for place in places if not place.startswith(own)]
"""
        assert inside.says(code) == "(True, [])"

    def test_vanish_with_the_kernel(self, inside: Bench) -> None:
        inside.says(
            "import os; startup = '/student/.ipython/profile_default/startup'\n"
            "os.makedirs(startup, exist_ok=True)\n"
            "for path in ('/tmp/x', '/dev/shm/x', 'x', startup + '/x.py'):\n"
            "    open(path, 'w').write('print(666)')"
        )
        # The kit itself may lie under /tmp, and is shown there.
        written = "[p for p in ('/tmp/x', '/dev/shm/x') if os.path.exists(p)]"
        assert inside.says(f"import os; {written}") == "[]"
        assert inside.says("import glob; glob.glob('/student/**', recursive=True)[1:]") == (
            "['/student/work']"
        )

    def test_home_is_empty_and_the_given_files_are_in_the_working_directory(
        self, inside: Bench
    ) -> None:
        code = "import os; os.getcwd(), sorted(os.listdir()), open('sub/b.txt').read()"
        said = inside.says(code, files={"a.txt": b"a", "sub/b.txt": b"b"})
        assert said == "('/student/work', ['a.txt', 'sub'], 'b')"


@pytest.mark.sandbox
class TestNetwork:
    def refused(self, inside: Bench, host: str, port: int) -> str:
        code = (
            "import socket\n"
            f"try: socket.create_connection(({host!r}, {port}), 3); print('connected')\n"
            "except OSError as error: print('refused', error)"
        )
        return inside.says(code)

    @pytest.mark.parametrize("host", ["1.1.1.1", "169.254.169.254", "2606:4700:4700::1111"])
    def test_no_address_is_reached(self, inside: Bench, host: str) -> None:
        assert "Network is unreachable" in self.refused(inside, host, 80)

    def test_no_name_is_resolved(self, inside: Bench) -> None:
        assert self.refused(inside, "example.org", 80).startswith("refused")

    def test_hosts_loopback_is_not_reached(self, inside: Bench, listening: int) -> None:
        socket.create_connection(("127.0.0.1", listening)).close()
        assert self.refused(inside, "127.0.0.1", listening).startswith("refused")

    def test_hosts_abstract_sockets_are_not_reached(self, inside: Bench) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("\0dl-test")
            server.listen()
            code = "import socket; socket.socket(socket.AF_UNIX).connect('\\0dl-test')"
            assert "ConnectionRefusedError" in text(inside.run(code))

    def test_there_is_no_other_device_and_raw_sockets_are_refused(self, inside: Bench) -> None:
        assert inside.says("import socket; [n for _, n in socket.if_nameindex()]") == "['lo']"
        code = "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"
        assert "PermissionError" in text(inside.run(code))

    def test_own_loopback_works(self, inside: Bench) -> None:
        code = (
            "import socket\n"
            "server = socket.create_server(('127.0.0.1', 0))\n"
            "socket.create_connection(server.getsockname()); print('ok')"
        )
        assert inside.says(code) == "ok"


@pytest.mark.sandbox
class TestProcesses:
    def test_no_other_is_seen(self, inside: Bench) -> None:
        code = (
            "import os; [n for n in os.listdir('/proc') if n.isdigit()], os.getpid(), os.getppid()"
        )
        assert inside.says(code) == "(['1'], 1, 0)"

    def test_no_other_can_be_signalled(self, inside: Bench) -> None:
        code = """
import glob, os
own = {int(line.split()[-1]) for path in glob.glob("/proc/self/task/*/status")
       for line in open(path) if line.startswith("NSpid")}
reached = []
for pid in set(range(1, 40_000)) - own:
    try:
        os.kill(pid, 0)
        reached.append(pid)
    except ProcessLookupError:
        pass
reached
"""
        assert inside.says(code) == "[]"

    def test_no_privileges(self, inside: Bench) -> None:
        code = (
            "import os; status = dict(line.split(':\\t') for line in open('/proc/self/status')\n"
            "    if ':\\t' in line)\n"
            "print(os.getuid(), *(status[k].strip() for k in ('CapPrm', 'CapEff', 'CapBnd',"
            " 'NoNewPrivs', 'Seccomp')))"
        )
        none = "0" * 16
        assert inside.says(code) == f"1000 {none} {none} {none} 1 2"

    @pytest.mark.parametrize(
        "call",
        [
            "unshare(0x10000000)",  # a new user namespace, to be root in
            "mount(b'none', b'/tmp', b'tmpfs', 0, None)",
            "umount2(b'/proc', 2)",
            "ptrace(16, 1, None, None)",
            "memfd_create(b'x', 0)",
            "shmget(0, 4096, 0o1600)",
            "chroot(b'/tmp')",
            "setns(0, 0)",
        ],
    )
    def test_system_calls_are_refused(self, inside: Bench, call: str) -> None:
        code = (
            "import ctypes, os; libc = ctypes.CDLL(None, use_errno=True)\n"
            f"print(libc.{call}, os.strerror(ctypes.get_errno()))"
        )
        assert inside.says(code) == "-1 Operation not permitted"

    def test_the_terminal_is_not_there(self, inside: Bench) -> None:
        assert text(inside.run("open('/dev/tty', 'w').write('x')")).startswith("OSError")

    def test_nothing_outlives_the_kernel(self, inside: Bench) -> None:
        inside.run(
            "import os, subprocess\n"
            "for _ in range(3):\n"
            "    subprocess.Popen(['sleep', '98765.25'], start_new_session=True)\n"
            "if os.fork() == 0:\n"
            "    os.setsid()\n"
            "    if os.fork() == 0: os.execvp('sleep', ['sleep', '98765.25'])\n"
            "    os._exit(0)",
            "import atexit, time; atexit.register(time.sleep, 98765)",
        )
        assert eventually(lambda: not processes("98765.25"))


@pytest.mark.sandbox
def test_submissions_do_not_meet(inside: Bench) -> None:
    """Two run at once; neither sees what the other leaves in all the places there are."""
    code = """
import os, socket, time
me, other = {me!r}, {other!r}
held = [open(f"{{place}}/{{me}}", "w") for place in ("/tmp", "/dev/shm", "/student", ".")]
abstract = socket.socket(socket.AF_UNIX); abstract.bind(f"\\0{{me}}"); abstract.listen()
inet = socket.create_server(("127.0.0.1", {port}))
terminal = os.openpty()
time.sleep(3)
met = [p for p in ("/tmp", "/dev/shm", "/student", ".") if os.path.exists(f"{{p}}/{{other}}")]
try:
    socket.socket(socket.AF_UNIX).connect(f"\\0{{other}}"); met.append("abstract")
except OSError:
    pass
try:
    socket.create_connection(("127.0.0.1", {their_port}), 1); met.append("loopback")
except OSError:
    pass
met, [n for n in os.listdir("/dev/pts") if n.isdigit()]
"""
    one = code.format(me="one", other="two", port=5001, their_port=5002)
    two = code.format(me="two", other="one", port=5002, their_port=5001)
    ran = inside.run_all([(one,), (two,)])
    assert [text(execution) for execution in ran] == ["([], ['0'])"] * 2


@pytest.mark.sandbox
def test_environment_is_what_was_asked_for(inside: Bench) -> None:
    said = inside.says("import json, os; print(json.dumps(dict(os.environ)))", env={"ASKED": "1"})
    given = json.loads(said)
    assert given.pop("ASKED") == "1"
    assert set(given) <= {
        *("HOME", "USER", "PATH", "LANG", "MPLCONFIGDIR", "MPLBACKEND", "OMP_NUM_THREADS"),
        *("CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "TERM", "PAGER", "GIT_PAGER"),
    }


@pytest.mark.sandbox
def test_modules_in_the_working_directory_shadow_nothing(inside: Bench) -> None:
    names = ["numpy", "torch", "json", "this", "colorsys", "sitecustomize", "grading", "conftest"]
    files = {f"{name}.py": b"raise SystemExit('shadowed')" for name in names}
    code = (
        "import numpy, torch, json, colorsys, grading.tick, utils\n"
        "print(*(getattr(m, '__file__').startswith('/student') for m in"
        " (numpy, torch, json, colorsys, grading, utils)))"
    )
    assert set(inside.says(code, files=files).split()) == {"False"}
    assert inside.says("import helper; helper.x", files={"helper.py": b"x = 3"}) == "3"


@pytest.mark.sandbox
def test_kernels_hold_no_sockets_of_each_other(inside: Bench) -> None:
    code = """
import os, socket
listening = 0
for name in os.listdir("/proc/self/fd"):
    try:
        with socket.socket(fileno=os.dup(int(name))) as found:
            if found.family == socket.AF_UNIX:
                listening += found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError:
        pass  # not a socket
listening
"""
    assert {text(ran) for ran in inside.run_all([(code,)] * 4)} == {"5"}


@pytest.fixture
def anew() -> Iterator[None]:
    """What was found out of this machine is forgotten, before and after."""
    outer.host.cache_clear()
    yield
    outer.host.cache_clear()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="says that it needs Linux")
@pytest.mark.usefixtures("anew")
class TestObstacle:
    """What is said where there is no sandbox."""

    def test_where_bubblewrap_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(outer.shutil, "which", lambda name: None)
        assert outer.host() == outer.Host("bubblewrap is not installed", outer.INSTALL)
        assert "apt install bubblewrap" in outer.INSTALL

    @pytest.fixture
    def bubblewrap(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        """The program, in place of this machine's; a test writes it."""
        program = tmp_path / "bwrap"
        program.touch(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        return program

    def test_where_it_fails(self, bubblewrap: Path) -> None:
        bubblewrap.write_text("#!/bin/sh\necho first >&2; echo 'bwrap: why' >&2; exit 1\n")
        assert outer.host() == outer.Host("bubblewrap does not work here: bwrap: why", "mend that")

    def test_where_it_does_not_answer(
        self, bubblewrap: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bubblewrap.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
        monkeypatch.setattr(outer, "TRIAL_SECONDS", 0.1)
        host = outer.host()
        assert host.obstacle == "bubblewrap did not answer within 0.1 s"
        assert "try again" in host.advice

    def test_where_it_is_no_program(self, bubblewrap: Path) -> None:
        bubblewrap.write_bytes(b"\x7fELF")
        host = outer.host()
        assert host.obstacle == "bubblewrap cannot be started: Exec format error"
        assert host.advice == outer.INSTALL


NO_MAP = "bwrap: setting up uid map: Permission denied"
NO_NAMESPACE = (
    "bwrap: No permissions to create new namespace, likely because the kernel does not allow "
    "non-privileged user namespaces."
)
APPARMOR = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
LINUX = {"/proc/version": "Linux version 6.8.0-60-generic (buildd@lcy02) #63-Ubuntu SMP"}
WSL1 = {"/proc/version": "Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com)"}
WSL2 = {"/proc/version": "Linux version 5.15.167.4-microsoft-standard-WSL2 (root@x)"}
UBUNTU = LINUX | {
    "/proc/sys/user/max_user_namespaces": "127234\n",
    "/proc/sys/kernel/unprivileged_userns_clone": "1\n",
    APPARMOR: "1\n",
}


@pytest.mark.parametrize(
    ("said", "known", "obstacle", "advice"),
    [
        (
            NO_MAP,
            UBUNTU,
            "apparmor_restrict_unprivileged_userns is 1",
            "allow them with `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`",
        ),
        (
            "the second wall: [Errno 13] mount: Permission denied: '/'",
            UBUNTU,
            "apparmor_restrict_unprivileged_userns is 1",
            "allow them with `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`",
        ),
        (
            NO_NAMESPACE,
            LINUX | {"/proc/sys/kernel/unprivileged_userns_clone": "0\n"},
            "kernel.unprivileged_userns_clone is 0",
            "allow them with `sudo sysctl kernel.unprivileged_userns_clone=1`",
        ),
        (
            "bwrap: Creating new namespace failed: No space left on device",
            LINUX | {"/proc/sys/user/max_user_namespaces": "0\n"},
            "user.max_user_namespaces is 0",
            "allow them with `sudo sysctl user.max_user_namespaces=15000`",
        ),
        (NO_NAMESPACE, LINUX | {"/.dockerenv": ""}, "this container", "`--privileged`"),
        (NO_NAMESPACE, LINUX | {"/run/.containerenv": ""}, "this container", "`--privileged`"),
        (NO_MAP, UBUNTU | {"/.dockerenv": ""}, "is 1", "=0` on the container's host"),
        (NO_NAMESPACE, WSL1, "WSL 1 has no namespaces", "`wsl --set-version DISTRIBUTION 2`"),
        (NO_NAMESPACE, WSL2, NO_NAMESPACE, "ask who runs it"),
        (NO_MAP, UBUNTU | {APPARMOR: "0\n"}, NO_MAP, "ask who runs it"),
        ("ipykernel is not installed", UBUNTU, "ipykernel is not installed", "mend that"),
    ],
)
def test_advice_fits_the_obstacle(
    said: str, known: dict[str, str], obstacle: str, advice: str
) -> None:
    found, what_to_do = obstacles.explain(said, known)
    assert obstacle in found
    assert advice in what_to_do
    assert "install" not in what_to_do


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads what Linux says")
def test_facts_are_those_of_this_machine() -> None:
    found = obstacles.facts()
    assert found["/proc/version"].startswith("Linux version")
    assert all(os.path.exists(path) for path in found)


@pytest.mark.sandbox
def test_what_lies_in_tmp_is_shown_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror of data sets, for example, though each kernel has a /tmp of its own."""
    (tmp_path / "mirror" / "airline").mkdir(parents=True)
    (tmp_path / "mirror" / "airline" / "airline-passengers.csv").write_text("shown")
    (tmp_path / "mirror" / "other.txt").write_text(SECRET)
    (tmp_path / "secret.txt").write_text(SECRET)
    monkeypatch.setenv("DL_DATA_MIRROR", str(tmp_path / "mirror"))
    code = (
        f"import os; folder = {str(tmp_path)!r}\n"
        "mirror = folder + '/mirror/'; print(os.listdir(folder), os.listdir(mirror))\n"
        "print(open(mirror + 'airline/airline-passengers.csv').read())\n"
        "open(mirror + 'x', 'w')"
    )
    with bench(modules=()) as opened:
        said = text(opened.run(code))
    assert said.startswith("['mirror'] ['airline']\nshown\n")
    assert "Error: [Errno" in said


@pytest.mark.sandbox
@pytest.mark.parametrize("where", ["in a folder that is shown", "around the data"])
def test_no_course_is_seen_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """The view of a folder that holds the course, and one that holds its roster alone."""
    course = tmp_path / "lib" / "course"
    secrets = [
        course / "course" / "gradebook.db",
        course / "roster.csv",
        tmp_path / "lib" / "r.csv",
    ]
    for path in secrets:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SECRET)
    (tmp_path / "lib" / "seen.txt").write_text("shown")
    if where == "around the data":
        monkeypatch.setenv("DL_DATA_MIRROR", str(tmp_path))
    else:
        monkeypatch.setattr(outer, "_data_sets", lambda: [tmp_path / "lib"])
    code = (
        "import os\n"
        f"seen = [os.path.join(top, name) for top, _, names in os.walk({str(tmp_path)!r})"
        " for name in names]\n"
        "def text(path):\n"
        "    try: return open(path).read()\n"
        "    except OSError: return ''\n"
        f"print(sorted(map(os.path.basename, seen)), [p for p in seen if {SECRET!r} in text(p)])"
    )
    with bench(modules=(), private=(course, tmp_path / "lib" / "r.csv")) as opened:
        said = text(opened.run(code))
    expected = "['r.csv', 'seen.txt']" if where == "in a folder that is shown" else "[]"
    assert said == f"{expected} []"
