"""What a cell does while an exercise that it builds on is not done: it waits, and says for what."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def once_done() -> Iterator[None]:
    """Skip the block, and say so, while an exercise or a result that it needs is not there.

    An exercise that is not done raises `NotImplementedError`; a result that a skipped block would
    have left is a `NameError`. Anything else is a mistake and is shown as one.

    Examples
    --------
    >>> with once_done():
    ...     raise NotImplementedError("Complete forward()")
    ⏳ Complete forward()
    """
    try:
        yield
    except (NotImplementedError, NameError) as error:
        print(f"⏳ {error}")


class Models(dict[str, Any]):
    """Trained models, or their histories, by name; a missing one waits for its training.

    Examples
    --------
    >>> models = Models(RNN="trained")
    >>> with once_done():
    ...     print(models["RNN"], models["LSTM"])
    ⏳ the LSTM is not trained yet
    """

    def __missing__(self, name: str) -> Any:
        raise NotImplementedError(f"the {name} is not trained yet")
