from grading.engine.kernels.preload import OF_KERNELS, OF_NOTEBOOKS, mentioned


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
