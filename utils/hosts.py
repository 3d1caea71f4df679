"""Where a notebook runs, told by the variables that each place sets, and what it keeps there."""

import os
from dataclasses import dataclass
from typing import Literal

Keeps = Literal["all", "drive", "asked", "nothing"]


@dataclass(frozen=True)
class Host:
    """A place where notebooks run.

    Attributes
    ----------
    name : str
        What people call it.
    variable : str
        The environment variable by which it is known.
    keeps : {"all", "drive", "asked", "nothing"}
        What a later session finds of the files that this one wrote: all of them, those in a
        mounted Drive, all if that was asked for in the session's settings, or none.
    rented : bool
        Whether the machine is a service's, where the kit is fetched and its packages installed.
    """

    name: str
    variable: str
    keeps: Keeps = "all"
    rented: bool = False


COLAB = Host("Colab", "COLAB_RELEASE_TAG", keeps="drive", rented=True)
HOSTS = (  # a service before the editor that may show it
    COLAB,
    Host("Kaggle", "KAGGLE_KERNEL_RUN_TYPE", keeps="asked", rented=True),
    Host("Deepnote", "DEEPNOTE_PROJECT_ID", rented=True),
    Host("Binder", "BINDER_LAUNCH_HOST", keeps="nothing", rented=True),
    Host("Codespaces", "CODESPACES", rented=True),
    Host("VS Code", "VSCODE_PID"),
    Host("Jupyter", "JPY_SESSION_NAME"),
)


def host() -> Host | None:
    """Return where this process runs; None if that is not known, as on a terminal."""
    return next((one for one in HOSTS if one.variable in os.environ), None)
