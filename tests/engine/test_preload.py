import subprocess
import sys

from grading.engine.kernels.preload import OF_KERNELS, OF_NOTEBOOKS, mentioned
from grading.places import KIT

WATCHED = """
import importlib, os, pkgutil, sys

reads, own = [], tuple(os.path.join(sys.argv[1], name, "") for name in ("grading", "utils", "data"))

def noting(method):
    def noted(self, key):
        frame = sys._getframe(1)
        while frame.f_code.co_filename.startswith("<frozen"):  # os, and what its mappings inherit
            frame = frame.f_back
        if frame.f_code.co_filename.startswith(own):
            reads.append((frame.f_code.co_filename, frame.f_lineno, key))
        return method(self, key)
    return noted

for name in ("__getitem__", "__contains__"):
    setattr(os._Environ, name, noting(getattr(os._Environ, name)))

import data, grading.compat, utils

names = ["grading.tick"]
for package in (data, grading.compat, utils):
    names += [one.name for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
for name in names:
    importlib.import_module(name)
assert len(names) > 20 and not reads, reads
from utils.profile import profile  # that it would be seen
profile()
assert [key for _, _, key in reads] == ["LAB_PROFILE"], reads
"""


def test_only_packages_that_a_notebook_names_are_imported_ahead() -> None:
    assert mentioned([]) == ()
    assert mentioned(["import numpy as np\nimport os, pandas"]) == ("numpy", "pandas")
    assert mentioned(['"from scipy import stats\\n"', "x"]) == tuple(
        name for name in OF_NOTEBOOKS if name.startswith("scipy.")
    )
    assert mentioned(["pytorch numpyro"]) == ()


def test_kernels_need_nothing_of_the_notebooks() -> None:
    assert not set(OF_KERNELS) & set(OF_NOTEBOOKS)


def test_what_the_first_optimizer_imports_waits_until_one_is_mentioned() -> None:
    assert "torch._dynamo" not in mentioned(["import torch\nx = torch.ones(3)"])
    for use in ("from torch import optim", "torch.compile(model)", "from utils import fit"):
        assert "torch._dynamo" in mentioned([f"import torch\n{use}"])


def test_trainings_helpers_wait_until_they_are_mentioned() -> None:
    assert mentioned(["from utils import plots"]) == ("utils.plots",)
    assert "utils.training" in mentioned(["from utils.training import fit"])


def test_what_is_imported_ahead_of_its_order_reads_nothing_of_the_environment() -> None:
    """A kernel learns its mode, its profile and its seed when the kit has been imported."""
    words = [sys.executable, "-c", WATCHED, str(KIT)]
    done = subprocess.run(words, cwd=KIT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
