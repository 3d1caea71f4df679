"""What a cell does while an exercise that it builds on is not done: it waits, and says for what."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.getipython import get_ipython

from utils.language import sentence


@contextmanager
def once_done() -> Iterator[None]:
    """Skip the block, and say so, while an exercise or a result that it needs is not there.

    An exercise that is not done raises `NotImplementedError`; a result that a skipped block would
    have left is a `NameError`. In a student's session any other exception is shown with its
    traceback, and the cells below run all the same: one wrong answer does not stop “Run all”.
    Elsewhere it is raised.

    Examples
    --------
    >>> with once_done():
    ...     raise NotImplementedError("Complete forward()")
    ⏳ Complete forward()
    """
    try:
        yield
    except NameError as error:
        print(f"⏳ {sentence('unfinished.name', name=error.name)}")
    except NotImplementedError as error:
        print(f"⏳ {error}")
    except Exception:
        shell = get_ipython()
        if shell is None or os.environ.get("DL_MODE", "student") != "student":
            raise
        shell.showtraceback()
        print(f"⚠ {sentence('unfinished.skipped')}")


class Models(dict[str, Any]):
    """Trained models, or their histories, by name; a missing one waits for its training.

    Examples
    --------
    >>> models = Models(RNN="trained")
    >>> with once_done():
    ...     print(models["RNN"], models["LSTM"])
    ⏳ LSTM is not trained yet
    """

    def __missing__(self, name: str) -> Any:
        raise NotImplementedError(sentence("unfinished.model", name=name))
