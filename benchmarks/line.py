"""One line of the benchmark table: a figure beside its named baseline, and the machine."""

import os
import platform
import textwrap
from dataclasses import dataclass
from typing import Self


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
        False where it was not measured, too.
    """

    what: str
    value: float
    unit: str
    target: str
    met: bool
    baseline_name: str = ""
    baseline: float | None = None
    ratio: float | None = None

    @classmethod
    def skipped(cls, what: str, why: object) -> Self:
        """Return a line for what could not be measured here: it is not met."""
        return cls(f"{what}: skipped, {str(why).splitlines()[0]}", 0, "", "to be measured", False)

    def text(self) -> str:
        """Return the line as it is read in a terminal, a few lines of text."""
        found = f"{'✓' if self.met else '✗'} {self.what}"
        if self.unit:
            found += f": {self.value:,.4g} {self.unit}"
        if self.baseline is not None:
            found += f"; {self.baseline_name}: {self.baseline:,.4g} {self.unit}"
        if self.ratio is not None:
            found += f"; ratio {self.ratio:.2f}"
        return textwrap.fill(f"{found} (target: {self.target})", 80, subsequent_indent="    ")


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
