"""The second wall: what a kernel, forked inside the sandbox, puts between itself and the others.

Bubblewrap separates the sandbox from the host. Kernels that were forked in it would still share its
processes, its loopback network, its /tmp and its terminals; a submission must not meet another one.
So each moves into namespaces of its own, where an empty file system in memory, limited in size, is
all that it can write, and then gives up the means to undo any of it.

Only the standard library is imported: `python -m grading.engine.walls.inner` must fail or succeed
in milliseconds, for that is how a host is asked what it can do (see `grading.engine.walls.outer`).
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import mmap
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from grading.engine.walls import seccomp

STUDENT = 1000  # the only user and group there is
HOME = "/student"
WORK = HOME + "/work"  # a kernel's working directory
SCRATCH = "/run/scratch"  # mount point of the only file system that can be written
SHOWN_OF_PROC = ("cpuinfo", "loadavg", "meminfo", "stat", "uptime", "version")
MAX_FILES = 65_536
SPARE = 1 << 20  # bytes for a kernel to start with, whatever files it was given
MAX_DESCRIPTORS = 1024

_NEWNS, _NEWUTS, _NEWIPC = 0x0002_0000, 0x0400_0000, 0x0800_0000
_NEWUSER, _NEWPID, _NEWNET = 0x1000_0000, 0x2000_0000, 0x4000_0000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REMOUNT, _MS_BIND = 1, 2, 4, 8, 32, 4096
_MS_REC, _MS_PRIVATE = 16384, 1 << 18
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 1, 4, 24
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38
_CAPABILITY_VERSION_3 = 0x2008_0522
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Allowance:
    """What one kernel may use; see `grading.course.config.Limits`."""

    memory: int  # bytes beside what was mapped before
    processes: int  # and threads
    file: int  # bytes of one file, and of all files together
    cpu_seconds: int  # of one process


def adopt_orphans() -> None:
    """Become the parent of processes whose own parent ends, so that they can be waited for."""
    _call(_libc.prctl, _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def become(user: int) -> None:
    """Give up root for the user and group ``user``, and die with the parent all the same."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    _call(_libc.prctl, _PR_SET_DUMPABLE, 1, 0, 0, 0)  # /proc/self must belong to the new user
    _call(_libc.prctl, _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def leave() -> None:
    """Move into new namespaces; processes forked from now on are in a new PID namespace.

    The process must have one thread.
    """
    user, group = os.geteuid(), os.getegid()
    _call(_libc.unshare, _NEWUSER | _NEWNS | _NEWPID | _NEWIPC | _NEWNET | _NEWUTS)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{STUDENT} {user} 1")
    _write("/proc/self/gid_map", f"{STUDENT} {group} 1")


def enclose(allowance: Allowance, shown: Sequence[str] = ()) -> None:
    """Build the wall around this process, the first of the namespaces that `leave` made.

    Afterwards it sees no other process, has an empty home, /tmp and /dev/shm which vanish with it,
    a loopback device of its own, no capability, and the limits in ``allowance`` but the one on
    memory (see `limit_memory`). What is ``shown`` of /tmp stays in it, read-only as it was.
    """
    os.setsid()
    _write("/proc/self/oom_score_adj", "1000")
    _mount("none", "/", flags=_MS_REC | _MS_PRIVATE)
    _mount_scratch(allowance.file, shown)
    _hide_processes()
    _mount("devpts", "/dev/pts", "devpts", _MS_NOSUID, "newinstance,ptmxmode=0666,mode=0620")
    _raise_loopback()
    _limit(
        (resource.RLIMIT_NPROC, allowance.processes),
        (resource.RLIMIT_FSIZE, allowance.file),
        (resource.RLIMIT_CPU, allowance.cpu_seconds),
        (resource.RLIMIT_NOFILE, MAX_DESCRIPTORS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    )
    _give_up_privileges()
    os.umask(0o022)
    os.chdir(WORK)


def _mount_scratch(size: int, shown: Sequence[str]) -> None:
    options = f"size={size + SPARE},nr_inodes={MAX_FILES},mode=0755"
    _mount("tmpfs", SCRATCH, "tmpfs", _MS_NOSUID | _MS_NODEV, options)
    for name, target, mode in (
        ("tmp", "/tmp", 0o1777),
        ("shm", "/dev/shm", 0o1777),
        ("home", HOME, 0o755),
    ):
        source = f"{SCRATCH}/{name}"
        os.mkdir(source)
        os.chmod(source, mode)
        for place in shown:
            if place.startswith(f"{target}/"):
                _make_room(place, source + place.removeprefix(target))
                _mount(place, source + place.removeprefix(target), flags=_MS_BIND | _MS_REC)
        _mount(source, target, flags=_MS_BIND | _MS_REC)
    os.mkdir(WORK)


def _make_room(place: str, target: str) -> None:
    """Make what ``place``, a folder or a file, can be mounted on."""
    folder = target if os.path.isdir(place) else os.path.dirname(target)
    os.makedirs(folder, exist_ok=True)
    if folder != target:
        os.close(os.open(target, os.O_CREAT, 0o444))


def _hide_processes() -> None:
    """Cover /proc with one that shows this process, as number 1, and what describes the machine.

    Mounting a fresh /proc is not allowed where the outer one is itself partly covered, as it is
    for root. Its own directory in the outer one can be shown instead, everywhere; read-only, for
    what can be written there (``oom_score_adj``) undoes limits.
    """
    me = os.readlink("/proc/self")  # its number in the outer PID namespace
    stage = f"{SCRATCH}/proc"
    os.mkdir(stage)
    _mount("tmpfs", stage, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=64k,nr_inodes=64,mode=0555")
    os.mkdir(f"{stage}/1")
    _show(f"/proc/{me}", f"{stage}/1")
    os.symlink("1", f"{stage}/self")
    os.symlink("self/mounts", f"{stage}/mounts")
    for name in SHOWN_OF_PROC:
        os.close(os.open(f"{stage}/{name}", os.O_CREAT | os.O_WRONLY, 0o444))
        _show(f"/proc/{name}", f"{stage}/{name}")
    _mount("none", stage, flags=_MS_BIND | _MS_REMOUNT | _MS_RDONLY | _MS_NOSUID | _MS_NODEV)
    _mount(stage, "/proc", flags=_MS_BIND | _MS_REC)


def _show(source: str, target: str) -> None:
    """Show a part of /proc, read-only."""
    _mount(source, target, flags=_MS_BIND)
    frozen = _MS_BIND | _MS_REMOUNT | _MS_RDONLY
    _mount("none", target, flags=frozen | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)


def _raise_loopback() -> None:
    """Let the kernel talk to itself, as torch.distributed and multiprocessing may want to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(control, _SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def limit_memory(size: int) -> None:
    """Allow this process, and each of its children, ``size`` bytes beside what it has mapped."""
    mapped = int(_read("/proc/self/statm").split()[0]) * mmap.PAGESIZE
    _limit((resource.RLIMIT_AS, mapped + size))


def _limit(*limits: tuple[int, int]) -> None:
    for kind, value in limits:
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _give_up_privileges() -> None:
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # beyond the last that this Linux knows
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _call(_libc.capset, header, bytes(24))
    _call(_libc.prctl, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    seccomp.refuse()


def _mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    _call(
        _libc.mount,
        source.encode(),
        target.encode(),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        options.encode() or None,
        about=target,
    )


def _call(function: Callable[..., int], *arguments: object, about: str = "") -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function.__name__}: {os.strerror(number)}", about or None)


def _write(path: str, text: str) -> None:
    # Not through a file object: it would swallow the error that says why it was refused.
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()


def fork_inside(run: Callable[[], None]) -> int:
    """Fork a process in new namespaces that calls ``run`` and exits; return its number here.

    A process enters a new PID namespace only by being born there, so there are two forks; the one
    in between ends at once and leaves its child to the caller (see `adopt_orphans`).

    Raises
    ------
    OSError
        If this host does not let the sandbox make namespaces.
    """
    reading, writing = os.pipe()
    between = os.fork()
    if between == 0:
        answer = "?"
        try:
            leave()
            child = os.fork()
            if child == 0:
                os.close(reading)
                os.close(writing)
                _finish(run)
            answer = str(child)
        except OSError as error:
            answer = str(error)
        finally:
            os.write(writing, answer.encode())
            os._exit(0)
    os.close(writing)
    answer = os.read(reading, 4096).decode()
    os.close(reading)
    os.waitpid(between, 0)
    if not answer.isdigit():
        raise OSError(errno.EPERM, f"no namespaces within the sandbox: {answer}")
    return int(answer)


def _finish(run: Callable[[], None]) -> None:
    code = 1
    try:
        run()
        code = 0
    finally:
        os._exit(code)


def main() -> None:
    """Try the wall once and print, as JSON, the limits that it does not hold."""
    user = json.loads(sys.argv[1])
    kernel = find_spec("ipykernel")
    if kernel is None or kernel.origin is None:
        sys.exit("ipykernel is not installed")
    if user is not None:
        become(user)
    if not os.access(kernel.origin, os.R_OK):
        sys.exit(f"{kernel.origin} must be readable for all users, for root runs this as nobody")
    adopt_orphans()
    reading, writing = os.pipe()

    def trial() -> None:
        try:
            enclose(_TRIAL)
            limit_memory(_TRIAL.memory)
            answer = json.dumps(_unenforced(_TRIAL))
        except OSError as error:
            answer = f"the second wall: {error}"
        os.write(writing, answer.encode())

    try:
        child = fork_inside(trial)
    except OSError as error:
        sys.exit(str(error))
    os.close(writing)
    answer = os.read(reading, 4096).decode()
    os.waitpid(child, 0)
    if not answer.startswith("["):
        sys.exit(answer or "the second wall: its first process died")
    print(answer)


_TRIAL = Allowance(memory=64 << 20, processes=8, file=1 << 20, cpu_seconds=10)


def _unenforced(allowance: Allowance) -> list[str]:
    """Return which fields of `Limits` this process, behind the wall, can exceed."""
    failed: list[str] = []
    try:
        mmap.mmap(-1, allowance.memory + mmap.PAGESIZE).close()
        failed.append("memory_mb")
    except OSError:
        pass
    try:
        os.close(os.memfd_create("memory"))
        failed.append("memory_mb")  # files in memory count for no process
    except OSError:
        pass
    try:
        with open("/tmp/large", "wb") as file:
            file.write(bytes(2 * allowance.file))
        failed.append("file_mb")
    except OSError:
        pass
    with _forked(allowance.processes) as children:
        if len(children) >= allowance.processes:
            failed.append("processes")
    return sorted(set(failed))


@contextlib.contextmanager
def _forked(count: int) -> Iterator[list[int]]:
    """Hold as many as ``count`` child processes, fewer if no more can be had."""
    reading, writing = os.pipe()
    children: list[int] = []
    try:
        for _ in range(count):
            child = os.fork()
            if child == 0:
                os.close(writing)
                os.read(reading, 1)
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    try:
        yield children
    finally:
        os.close(writing)
        os.close(reading)
        for child in children:
            os.waitpid(child, 0)


if __name__ == "__main__":
    main()
