"""One line of the benchmark table: a figure beside its named baseline, and the machine."""

import os
import platform
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A measured figure.

    Attributes
    ----------
    what : str
        What was measured.
    value : float
    unit : str
        Of ``value`` and ``baseline``.
    baseline_name : str
        What ran beside it in the same process or run; ``""`` for a plain count.
    baseline : float or None
    ratio : float or None
        ``value / baseline`` or its inverse, whichever is larger when better.
    target : str
        What the project asks for, in words: ``"ratio >= 10"``.
    met : bool
    """

    what: str
    value: float
    unit: str
    target: str
    met: bool
    baseline_name: str = ""
    baseline: float | None = None
    ratio: float | None = None


def machine() -> dict[str, str]:
    """Describe the machine that the figures are from."""
    import numpy
    import torch

    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [
                line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
            ]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
