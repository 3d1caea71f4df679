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
