"""An IPython shell in the tests' own process."""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager

from IPython.core.interactiveshell import InteractiveShell
from matplotlib.pyplot import uninstall_repl_displayhook
from traitlets.config import Config


@contextmanager
def a_shell() -> Iterator[InteractiveShell]:
    """Yield a fresh shell that keeps no history, and leave no trace of it in this process.

    Pyplot hooks itself into the shell that it finds, and would look for it ever after. A shell has
    itself reset when the process ends, which takes a fifth of a second for each that there was.
    """
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    try:
        yield shell
    finally:
        atexit.unregister(shell.atexit_operations)
        uninstall_repl_displayhook()
        InteractiveShell.clear_instance()
