"""What a zygote imports before it forks: all that labs import, or what one assignment mentions."""

import importlib
import re
import sys
from collections.abc import Iterable, Sequence

OF_NOTEBOOKS = (
    "numpy",
    "torch",
    "torch._dynamo",  # the first optimizer imports it
    "torch.utils.data",
    "scipy.linalg",
    "scipy.optimize",
    "scipy.signal",
    "scipy.sparse",
    "scipy.spatial",
    "scipy.stats",
    "pandas",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "matplotlib_inline.backend_inline",
    "nltk",
    "sklearn.datasets",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "torchtext",
    "accelerate",
    "sacrebleu",
    "grading.tick",
    "utils.plots",
    "utils.training",
    "data",
)
# What else must be named beside its package: the first takes as long as all of torch.
ONLY_WITH = {"torch._dynamo": {"optim", "compile", "utils"}, "utils.training": {"training"}}
OF_KERNELS = (
    "tqdm.auto",  # before there is a kernel, so that it draws plain text
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "ipykernel.debugger",
    "ipykernel.displayhook",
    "ipykernel.ipkernel",
    "threadpoolctl",  # sets how many threads NumPy has
    "tornado.platform.asyncio",
)


def mentioned(texts: Iterable[str]) -> tuple[str, ...]:
    """Return those of `OF_NOTEBOOKS` that any of the texts names, at least by their package.

    A word too many costs some start-up, one too few an import in each kernel; neither costs marks.

    Parameters
    ----------
    texts : iterable of str
        Notebooks as they lie on disk, or their sources.
    """
    words = {word for text in texts for word in re.findall(r"[A-Za-z_]\w*", text)}
    return tuple(
        name
        for name in OF_NOTEBOOKS
        if name.partition(".")[0] in words and words & ONLY_WITH.get(name, words)
    )


def preload(modules: Sequence[str]) -> dict[str, str]:
    """Import ``modules`` and what every kernel needs; return what could not be, and why."""
    missing = {}
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # slow, and no use without a person
    for name in (*modules, *OF_KERNELS):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            continue  # not part of this installation
        except Exception as error:
            missing[name] = f"{type(error).__name__}: {error}"
    del sys.modules["debugpy"]
    if pyplot := sys.modules.get("matplotlib.pyplot"):  # finds the fonts
        figure = pyplot.figure()
        figure.add_subplot().set_title("x")
        figure.canvas.draw()
        pyplot.close(figure)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)  # finds its devices; every kernel takes a seed of its own
    return missing
