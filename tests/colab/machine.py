"""The machine of a session: Colab's packages, wheels of those that it lacks, and its folder."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from grading.engine.walls import outer
from grading.errors import UserError
from grading.places import KIT, SESSION_REQUIREMENTS
from tests.colab.pins import Pins
from tests.colab.pip import QUIET, planned, reason

ENVIRONMENT = KIT / ".venv-colab"
BASE = ENVIRONMENT / "base" / "bin" / "python"
WHEELS = ENVIRONMENT / "wheels"
STAND_IN = Path(__file__).parent / "stand_in"  # for Colab's own package
KEPT = ("torch", "numpy")  # whose versions no session may change
CONTENT = Path("/content")


def set_up(python: str, pins: Pins) -> None:
    """Make what the sessions start from, once: Colab's packages, and wheels of those it lacks.

    Sessions install from these wheels, as near to them as an index is to Colab.

    Raises
    ------
    UserError
        If the interpreter does not run, or pip finds no versions that fit.
    """
    torch = f"torch=={version('torch').partition('+')[0]}"
    asked = (python_of(python), torch, pins.text, SESSION_REQUIREMENTS.read_text())
    done, made_for = ENVIRONMENT / "made_for.txt", "\n".join(asked)
    if done.exists() and done.read_text() == made_for:
        return
    print(f"Setting up {ENVIRONMENT.name}: a few minutes the first time.", flush=True)
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    _run(python, "venv", ENVIRONMENT / "base")
    listed, kept = ENVIRONMENT / "pins.txt", ENVIRONMENT / "kept.txt"
    listed.write_text(pins.text)
    _run(BASE, "pip", "install", *QUIET, "--requirement", listed, torch)
    kept.write_text("".join(f"{name}=={there}\n" for name, there in versions(BASE).items()))
    lacking = planned(BASE, "--constraint", kept, "--requirement", SESSION_REQUIREMENTS)
    wheels = [f"{package['name']}=={package['version']}" for package in lacking]
    _run(BASE, "pip", "wheel", *QUIET, "--no-deps", "--wheel-dir", WHEELS, *wheels)
    done.write_text(made_for)


def _run(python: Path | str, module: str, *arguments: str | Path) -> None:
    """Run a module of Python's that makes an environment, or say in one line why it cannot."""
    command = [python, "-m", module, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise UserError(f"{python} -m {module} {arguments[0]} fails: {reason(done.stdout)}")


def python_of(python: str) -> str:
    """Return the version of an interpreter.

    Raises
    ------
    UserError
        If it does not run.
    """
    code = "import platform; print(platform.python_version())"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        problem = error.strerror if isinstance(error, OSError) else error.stderr.strip()
        raise UserError(
            f"{python}: expected an interpreter of Python, and it does not run ({problem}); "
            "give the path of one: make test-colab PYTHON=…"
        ) from None
    return done.stdout.strip()


def described(pins: Pins) -> str:
    """Return which torch and Python the sessions have, beside Colab's."""
    return (
        f"torch: {versions(BASE)['torch']} here, {pins.torch} in Colab; "
        f"Python: {python_of(str(BASE))} here, {pins.python} in Colab"
    )


def versions(python: Path) -> dict[str, str]:
    """Return the versions of torch and numpy that an environment has."""
    code = f"from importlib.metadata import version as v; print(*map(v, {KEPT}))"
    done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    return dict(zip(KEPT, done.stdout.split(), strict=True))


@contextmanager
def fresh_session() -> Iterator[Path]:
    """Lend the interpreter of a copy of the environment, for one session to install into.

    Its files are links to the originals: pip replaces files, it never writes into them.
    """
    with tempfile.TemporaryDirectory(dir=ENVIRONMENT, prefix="session-") as folder:
        copy = Path(folder) / "venv"
        shutil.copytree(ENVIRONMENT / "base", copy, symlinks=True, copy_function=os.link)
        yield copy / "bin" / "python"


def has_content() -> bool:
    """Return whether sessions here can have their folder where Colab has it."""
    return outer.host().obstacle is None


def at_content(folder: Path) -> list[str]:
    """Return what a command starts with to find ``folder`` at ``/content``, in which it runs.

    All else is where it is on this machine. Without bubblewrap it simply runs in ``folder``.
    """
    if not has_content():
        return []
    command = ["bwrap", "--die-with-parent"]
    for item in sorted(Path("/").iterdir()):
        if item.is_symlink():
            command += ["--symlink", os.readlink(item), str(item)]
        elif item.is_dir() and item != CONTENT:
            command += ["--dev-bind", str(item), str(item)]
    return [*command, "--bind", str(folder), str(CONTENT), "--chdir", str(CONTENT)]


def environment(python: Path, place: Path) -> dict[str, str]:
    """Return the environment of a session: this process's without its own Python and settings.

    Parameters
    ----------
    python : Path
    place : Path
        Where the stand-in finds the page's notebook, and leaves what is downloaded.
    """
    own = ("DL_", "LAB_", "PYTHON", "VIRTUAL_ENV", "JPY_", "JUPYTER", "GIT_", "PIP_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return kept | {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(STAND_IN),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(WHEELS),
        "COLAB_RELEASE_TAG": "release-test",
        "COLAB_PAGE": str(place / "page.ipynb"),
        "COLAB_DOWNLOADS": str(place / "downloads"),
        "LAB_PROFILE": "quick",
    }
