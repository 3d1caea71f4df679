"""Which system calls a kernel may make: the filter, computed call by call, and tried inside."""

import errno
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.engine.walls import seccomp
from tests.engines import Bench, bench

HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
NEWEST = [  # numbers from 451 on, of `seccomp.REVIEWED`
    *("cachestat", "fchmodat2", "map_shadow_stack", "futex_wake", "futex_wait", "futex_requeue"),
    *("statmount", "listmount", "lsm_get_self_attr", "lsm_set_self_attr", "lsm_list_modules"),
    *("mseal", "setxattrat", "getxattrat", "listxattrat", "removexattrat"),
]
# Than many an installed header; the kernel's own probes call 335, and it ends any other caller.
NEWER = {335: "uretprobe"} | dict(enumerate(NEWEST, start=451))
# All of x86_64's Linux that a kernel may call, though not each with all arguments.
ALLOWED = """
_sysctl accept accept4 access adjtimex afs_syscall alarm arch_prctl bind brk cachestat capget
capset chdir chmod chown clock_adjtime clock_getres clock_gettime clock_nanosleep clock_settime
clone close close_range connect copy_file_range creat create_module delete_module dup dup2 dup3
epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64
fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr
flistxattr flock fork fremovexattr fsetxattr fstat fstatfs fsync ftruncate futex futex_requeue
futex_wait futex_waitv futex_wake futimesat get_kernel_syms get_mempolicy get_robust_list
get_thread_area getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer
getpeername getpgid getpgrp getpid getpmsg getppid getpriority getrandom getresgid getresuid
getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getxattr getxattrat
inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents
io_pgetevents io_submit ioctl ioperm iopl ioprio_get kill landlock_add_rule
landlock_create_ruleset landlock_restrict_self lchown lgetxattr link linkat listen listmount
listxattr listxattrat llistxattr lookup_dcookie lremovexattr lseek lsetxattr lsm_get_self_attr
lsm_list_modules lsm_set_self_attr lstat madvise map_shadow_stack mbind membarrier migrate_pages
mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap modify_ldt move_pages mprotect
mq_getsetattr mq_notify mq_timedreceive mq_timedsend mq_unlink mremap mseal msgctl msgrcv msgsnd
msync munlock munlockall munmap nanosleep newfstatat nfsservctl open openat openat2 pause
personality pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll
prctl pread64 preadv preadv2 prlimit64 process_madvise process_mrelease pselect6 putpmsg pwrite64
pwritev pwritev2 query_module read readahead readlink readlinkat readv recvfrom recvmmsg recvmsg
remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall rmdir rseq
rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity
sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setscheduler
sched_yield seccomp security select semctl semop semtimedop sendfile sendmmsg sendmsg sendto
set_mempolicy set_mempolicy_home_node set_robust_list set_thread_area set_tid_address
setdomainname setfsgid setfsuid setgid setgroups sethostname setitimer setpgid setregid setresgid
setresuid setreuid setrlimit setsid setsockopt settimeofday setuid setxattr setxattrat shmat
shmctl shmdt shutdown sigaltstack signalfd signalfd4 socket socketpair splice stat statfs
statmount statx symlink symlinkat sync sync_file_range syncfs sysfs sysinfo tee tgkill time
timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create
timerfd_gettime timerfd_settime times tkill truncate tuxcall umask uname unlink unlinkat uselib
uretprobe ustat utime utimensat utimes vfork vhangup vmsplice vserver wait4 waitid write writev
"""


SOME = errno.EAFNOSUPPORT  # what a call gets whose arguments decide


def verdict(number: int, *arguments: int, machine: str = "x86_64") -> int:
    """What the filter answers to a call: 0 if it may be made, its error number if not."""
    code = list(struct.iter_unpack("HBBI", seccomp.program(machine)))
    data = struct.pack(
        "<IIQ6Q", number, seccomp._AUDIT[machine], 0, *arguments, *[0] * (6 - len(arguments))
    )
    at, held = 0, 0
    while at < len(code):
        operation, if_true, if_false, value = code[at]
        at += 1
        if operation == seccomp._LOAD:
            (held,) = struct.unpack_from("<I", data, value)
        elif operation == seccomp._RETURN:
            return 0 if value == seccomp._ALLOW else value & 0xFFFF
        else:
            holds = {
                seccomp._JUMP_IF_EQUAL: held == value,
                seccomp._JUMP_IF_AT_LEAST: held >= value,
                seccomp._JUMP_IF_ANY: bool(held & value),
            }[operation]
            at += if_true if holds else if_false
    raise AssertionError("the filter does not end")


@pytest.mark.skipif(not HEADER.exists(), reason="no header with the numbers of system calls")
def test_every_call_was_looked_at() -> None:
    """A call that is neither refused nor in the list above is one that nobody thought of."""
    numbers = {
        int(number): name
        for name, number in re.findall(r"define __NR_(\w+)\s+(\d+)", HEADER.read_text())
        if int(number) <= seccomp._NEWEST
    } | NEWER
    assert {name for number, name in numbers.items() if verdict(number) in (0, SOME)} == set(
        ALLOWED.split()
    )
    refused = {name for number, name in numbers.items() if verdict(number) not in (0, SOME)}
    assert refused == {*seccomp.REFUSED, "clone3"}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_calls_of_a_later_linux_are_not_there(machine: str) -> None:
    later = [*range(seccomp._NEWEST + 1, 1024), 0x4000_0000, 0x4000_0000 + 41, 2**32 - 1]
    assert {verdict(number, machine=machine) for number in later} == {errno.ENOSYS}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_refused_calls_are_refused_on_every_machine(machine: str) -> None:
    column = list(seccomp._AUDIT).index(machine)
    for name, numbers in seccomp.REFUSED.items():
        assert verdict(numbers[column], machine=machine) == errno.EPERM, name


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_sockets_of_four_families_only(machine: str) -> None:
    for call in seccomp._SOCKETS[machine]:
        allowed = {family for family in range(256) if verdict(call, family, machine=machine) == 0}
        assert allowed == set(seccomp.FAMILIES.values())
        # Linux reads an int: what stands in the upper half of the register hides nothing.
        assert verdict(call, 40 + (1 << 32), machine=machine) == errno.EAFNOSUPPORT


def test_only_the_policy_that_all_have_can_be_asked_for() -> None:
    assert verdict(144, 0, 0) == 0
    assert {verdict(144, 0, policy) for policy in (1, 2, 3, 5, 6, 7, 1 << 30)} == {errno.EPERM}


def test_clone_makes_threads_and_processes_but_no_namespaces() -> None:
    assert verdict(56, 0x3D0F00) == verdict(56, 17) == 0
    assert {verdict(56, 1 << bit) for bit in range(25, 31)} == {errno.EPERM}
    assert verdict(56, 0x0002_0000) == errno.EPERM


@pytest.fixture(scope="module")
def inside() -> Iterator[Bench]:
    with bench(modules=()) as opened:
        yield opened


@pytest.mark.kernels
@pytest.mark.sandbox
class TestInside:
    def test_families(self, inside: Bench) -> None:
        code = """
import socket
made = []
for family in range(64):
    for make in (socket.socket, socket.socketpair):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
            try:
                make(family, kind)
                made.append(family)
            except OSError:
                pass
print(*sorted(set(made)))
"""
        assert set(inside.says(code).split()) <= {"1", "2", "10", "16"}

    def test_no_call_of_a_later_linux(self, inside: Bench) -> None:
        code = (
            "import ctypes; libc = ctypes.CDLL(None, use_errno=True); answers = set()\n"
            f"for number in range({seccomp._NEWEST + 1}, 600):\n"
            "    assert libc.syscall(number, -1, -1, -1, -1, -1, -1) == -1\n"
            "    answers.add(ctypes.get_errno())\n"
            "print(answers)"
        )
        assert inside.says(code) == f"{{{errno.ENOSYS}}}"

    @pytest.mark.parametrize(
        "call",
        [
            "os.sched_setaffinity(0, range(os.cpu_count()))",
            "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))",
            "os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))",
            "os.nice(5)",
            "os.setpriority(os.PRIO_PROCESS, 0, 19)",
        ],
    )
    def test_the_sharing_of_cores_is_not_the_submissions(self, inside: Bench, call: str) -> None:
        code = f"import os\ntry: {call}\nexcept PermissionError: print('refused')"
        assert inside.says(code) == "refused"

    def test_what_undoes_a_limit_cannot_be_written(self, inside: Bench) -> None:
        code = """
import os
written = []
thread = "/proc/self/task/" + os.listdir("/proc/self/task")[0]
for folder in ("/proc", "/proc/1", "/proc/self", thread):
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and not os.path.islink(path):
            try:
                os.close(os.open(path, os.O_WRONLY)); written.append(path)
            except OSError:
                pass
print(written, open("/proc/self/oom_score_adj").read().strip())
"""
        assert inside.says(code) == "[] 1000"
