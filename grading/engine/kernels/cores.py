"""Which core a kernel gets: one of its own while there are as many as kernels.

Linux shares processor time among processes, or among sessions of them, and a submission makes as
many as it likes; kernels that each have a core take nothing from each other. Who holds which is
agreed upon by all engines of this machine, through names of sockets that vanish with their holder.
"""

import errno
import itertools
import os
import socket


class Core:
    """A core of this machine, held for one kernel.

    Attributes
    ----------
    number : int
        As Linux counts them.
    """

    def __init__(self, number: int, claim: socket.socket) -> None:
        self.number = number
        self._claim = claim

    def release(self) -> None:
        """Leave it to another kernel."""
        self._claim.close()


def take() -> Core:
    """Return one of the cores that the fewest kernels have."""
    cores = sorted(os.sched_getaffinity(0))
    for share in itertools.count():
        for number in cores:
            claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                claim.bind(f"\0dl-course-kit/core/{number}/{share}")
                return Core(number, claim)
            except OSError as error:
                claim.close()
                if error.errno != errno.EADDRINUSE:
                    raise
    raise AssertionError("there is no end to the shares")
