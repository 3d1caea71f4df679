"""An IPython shell in the tests' own process."""

from collections.abc import Iterator
from contextlib import contextmanager

from IPython.core.interactiveshell import InteractiveShell
from matplotlib.pyplot import uninstall_repl_displayhook
from traitlets.config import Config


@contextmanager
def a_shell() -> Iterator[InteractiveShell]:
    """Yield a fresh shell that keeps no history, and leave no trace of it in this process.

    Pyplot hooks itself into the shell that it finds, and would look for it ever after.
    """
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    try:
        yield InteractiveShell.instance(config=config)
    finally:
        uninstall_repl_displayhook()
        InteractiveShell.clear_instance()
