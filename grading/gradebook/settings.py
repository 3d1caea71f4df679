"""The settings of nbgrader that hold in a course's folder."""

from pathlib import Path

from jupyter_core.paths import jupyter_config_path
from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

from grading.errors import UserError

CONFIG_FILE = "nbgrader_config.py"


def read_settings(home: Path) -> Config:
    """Return the settings that nbgrader finds for the course in ``home``.

    Raises
    ------
    UserError
        If a file of settings, which is a program, fails.
    """
    settings = Config()
    for folder in (*reversed(jupyter_config_path()), str(home)):
        try:
            settings.merge(PyFileConfigLoader(CONFIG_FILE, path=folder).load_config())
        except ConfigFileNotFound:
            continue
        except Exception as error:  # it may fail in any way
            line = " ".join(f"{type(error).__name__}: {error}".split())
            raise UserError(f"{Path(folder, CONFIG_FILE)} cannot be read: {line}") from None
    settings.CourseDirectory.setdefault("root", str(home))
    return settings
