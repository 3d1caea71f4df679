"""What runs in the kernel before a plain notebook's first cell.

It makes the engine's kernels into what such notebooks were written for: a module beside the
notebook comes before an installed one of the same name, ``jhwutils`` and ``lautils`` can be
imported, and what a cell raised is known even where the notebook has switched off the showing of
tracebacks.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from IPython.core.getipython import get_ipython

import grading
from grading.compat import PACKAGES

RAISED = "application/vnd.dl-raised+json"  # the name of the exception that a cell ended with


def begin() -> None:
    """Prepare the kernel, and leave no trace in its history."""
    _look_beside_the_notebook()
    sys.meta_path.append(StandIns())
    shell: Any = get_ipython()
    publish = shell.display_pub.publish

    def start_over(result: Any) -> None:
        shell.events.unregister("post_run_cell", start_over)
        shell.history_manager.reset()
        shell.execution_count = 1

    def witness(result: Any) -> None:
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            publish({RAISED: {"ename": type(error).__name__}})

    shell.events.register("post_run_cell", start_over)
    shell.events.register("post_run_cell", witness)


class StandIns(MetaPathFinder, Loader):
    """Finds the modules of `grading.compat` where the packages that they stand for are missing.

    Registered last, it is asked only for what is neither installed nor beside the notebook. Unlike
    `grading.compat.install`, it imports nothing that the notebook does not.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a package or module that we have, None for all others."""
        package, _, name = fullname.partition(".")
        if package not in PACKAGES or (name and name not in PACKAGES[package]):
            return None
        return ModuleSpec(fullname, self, is_package=not name)

    def exec_module(self, module: ModuleType) -> None:
        """Put ours in the place of ``module``; a package stays empty."""
        name = module.__name__.partition(".")[2]
        if name:
            sys.modules[module.__name__] = import_module(f"grading.compat.{name}")


def _look_beside_the_notebook() -> None:
    """Import modules from the working directory where IPython does: after the standard library."""
    kit = str(Path(grading.__file__).parents[1])
    places = [place for place in sys.path if place not in ("", kit)]
    packages = [Path(place).name in ("site-packages", "dist-packages") for place in places]
    places.insert([*packages, True].index(True), "")
    sys.path[:] = [*places, kit]
