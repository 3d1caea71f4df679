"""How often somebody may ask: counted in this process, for a while, in bounded memory."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_KNOWN = 50_000  # people and addresses; who was not seen for longest is forgotten


class Limits:
    """Token buckets: as many at once as a minute allows, then as they come back.

    Parameters
    ----------
    clock : callable
        Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, what: str, who: str, per_minute: int) -> int:
        """Count one more; return 0, or how many seconds ``who`` is to wait before it is done."""
        with self._lock:
            now = self._clock()
            left, when = self._left.pop((what, who), (float(per_minute), now))
            left = min(per_minute, left + (now - when) * per_minute / 60)
            allowed = left >= 1
            self._left[what, who] = (left - allowed, now)
            while len(self._left) > MOST_KNOWN:
                self._left.popitem(last=False)
        return 0 if allowed else math.ceil((1 - left) * 60 / per_minute)
