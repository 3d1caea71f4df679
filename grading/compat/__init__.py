"""The call names of ``jhwutils`` and ``lautils``, so that older notebooks run without them.

Only the calls are the same; the code behind them is this kit's. Marks that these modules show are
decided inside the student's kernel, as they always were in that style, and can be forged there:
new labs use `grading.tick`, whose marks are decided elsewhere.

Examples
--------
>>> import grading.compat
>>> grading.compat.install()
>>> from jhwutils.checkarr import check_string
>>> check_string("EOS", "0x9a348737")
True
"""

import importlib
import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec

from grading.compat.partial import partial_marks

__all__ = ["install", "partial_marks"]

PACKAGES = {
    "jhwutils": ("tick", "checkarr", "image_audio"),
    "lautils": ("gradeutils",),
}


def install() -> None:
    """Register ``jhwutils`` and ``lautils`` in this Python process.

    Stands in for the real packages even where they are installed, so that a notebook behaves the
    same on every machine. Calling it again changes nothing.
    """
    for package, names in PACKAGES.items():
        parent = module_from_spec(ModuleSpec(package, None, is_package=True))
        sys.modules[package] = parent
        for name in names:
            module = importlib.import_module(f"grading.compat.{name}")
            setattr(parent, name, module)
            sys.modules[f"{package}.{name}"] = module
