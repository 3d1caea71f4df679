"""System calls that a kernel may not make, refused by Linux itself.

Namespaces hide what there is; this takes away what no notebook needs and what attacks are made of:
new namespaces (in which one is root again), other processes' memory, keyrings, io_uring, BPF,
memory that no limit counts (memfd, System V objects), the sharing of cores, and families of sockets
that no namespace separates. What is refused was chosen among the calls of `REVIEWED`; Linux adds
some every year, and those are refused until somebody has looked at them. The numbers are those of
``asm/unistd_64.h`` and ``asm-generic/unistd.h``, which are the same from 424 on.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Collection, Sequence

REVIEWED = "Linux 6.13, January 2025"
_NEWEST = 466  # its last system call, removexattrat; what comes after it is refused unseen
_AUDIT = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_NEW_NAMESPACES = (
    0x7E02_0000  # CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET
)
_SOCKETS = {"x86_64": (41, 53), "aarch64": (198, 199)}  # socket, socketpair
_SET_SCHEDULER, _SCHED_OTHER = {"x86_64": 144, "aarch64": 119}, 0
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}  # all a kernel may have

# name: (x86_64, aarch64)
REFUSED = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_setup": (206, 0),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "semget": (64, 190),
    "setns": (308, 268),
    "setpriority": (141, 140),
    "shmget": (29, 194),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}

_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _JUMP_IF_ANY, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF_0000, 0x0005_0000, 0x8000_0000
# Offsets in struct seccomp_data.
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2


def program(machine: str) -> bytes:
    """Return the filter for ``machine``, as instructions of the Berkeley Packet Filter.

    Raises
    ------
    KeyError
        If the numbers of that machine's system calls are not known here.
    """
    column = list(_AUDIT).index(machine)
    code = [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_JUMP_IF_EQUAL, _AUDIT[machine], 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER),
        # Newer calls, and those of x32, a second interface with which a filter could be passed by.
        _instruction(_JUMP_IF_AT_LEAST, _NEWEST + 1, 0, 1),
        _instruction(_RETURN, _ERRNO | errno.ENOSYS),
        # The C library falls back to clone(), whose flags can be read here.
        _instruction(_JUMP_IF_EQUAL, _CLONE3, 0, 1),
        _instruction(_RETURN, _ERRNO | errno.ENOSYS),
    ]
    for numbers in REFUSED.values():
        code.append(_instruction(_JUMP_IF_EQUAL, numbers[column], 0, 1))
        code.append(_instruction(_RETURN, _ERRNO | errno.EPERM))
    code += _if_called(
        _SOCKETS[machine],
        [_instruction(_LOAD, _FIRST_ARGUMENT), *_one_of(FAMILIES.values(), errno.EAFNOSUPPORT)],
    )
    code += _if_called(
        (_SET_SCHEDULER[machine],),  # libzmq asks for the policy that it has
        [_instruction(_LOAD, _SECOND_ARGUMENT), *_one_of((_SCHED_OTHER,), errno.EPERM)],
    )
    code += _if_called(
        (_CLONE[machine],),
        [
            _instruction(_LOAD, _FIRST_ARGUMENT),
            _instruction(_JUMP_IF_ANY, _NEW_NAMESPACES, 0, 1),
            _instruction(_RETURN, _ERRNO | errno.EPERM),
        ],
    )
    code.append(_instruction(_RETURN, _ALLOW))
    return b"".join(code)


def refuse() -> None:
    """Refuse these calls to this process and its children, for good.

    New privileges must have been given up (``PR_SET_NO_NEW_PRIVS``). On machines whose numbers are
    not known here nothing is refused; the walls stand without.
    """
    machine = platform.machine()
    if machine not in _AUDIT:
        return
    code = program(machine)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, header, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "the system call filter was refused")


def _if_called(numbers: Sequence[int], checks: list[bytes]) -> list[bytes]:
    """Return instructions that end with ``checks``, or with leave, for one of these calls."""
    body = [*checks, _instruction(_RETURN, _ALLOW)]
    jumps = [
        _instruction(_JUMP_IF_EQUAL, number, left, len(body) if left == 0 else 0)
        for left, number in reversed(list(enumerate(reversed(numbers))))
    ]
    return jumps + body


def _one_of(values: Collection[int], error: int) -> list[bytes]:
    """Return instructions that refuse with ``error`` unless what was loaded is among ``values``."""
    passing = [
        _instruction(_JUMP_IF_EQUAL, value, len(values) - at) for at, value in enumerate(values)
    ]
    return [*passing, _instruction(_RETURN, _ERRNO | error)]


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
