"""The first wall: what bubblewrap shows of this machine to the zygote, and to nobody else."""

import functools
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from grading.engine.walls import obstacles
from grading.engine.walls.inner import HOME, SCRATCH
from grading.places import KEYS, PACKAGES

DATA = ("DL_DATA_MIRROR", "DL_DATA_CACHE")  # variables that say where data sets are
# What lies in an installation of Python; in a virtual environment, a course may lie beside it.
OF_PYTHON = ("bin", "etc", "include", "lib", "lib64", "libexec", "nltk_data", "pyvenv.cfg", "share")
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
OF_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "fonts", "localtime")
FILES = {
    "/etc/passwd": f"student:x:1000:1000::{HOME}:/bin/sh\n",
    "/etc/hosts": "127.0.0.1 localhost sandbox\n",
}
NOBODY = 65534  # whom root becomes inside
INSTALL = "install it (`sudo apt install bubblewrap`, or your system's package of that name)"
TRIAL_SECONDS = 60.0  # it takes a fraction of one, and the machine may be busy


@dataclass(frozen=True)
class View:
    """What is shown of this machine, read-only and at the same places.

    Attributes
    ----------
    shown : tuple of Path
        Folders and files.
    links : dict of str to str
        Symbolic links to make, and their targets.
    hidden : tuple of Path
        Folders and files within ``shown`` that appear empty, but for what of ``shown`` is in them.
    folders : tuple of Path
        Folders that are there, with no more in them than what of ``shown`` is.
    """

    shown: tuple[Path, ...]
    links: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Host:
    """What this machine can do.

    Attributes
    ----------
    obstacle : str or None
        Why there is no sandbox, in one line; None if there is one.
    advice : str
        What to do about that.
    unenforced : tuple of str
        The fields of `grading.course.config.Limits` that a kernel in the sandbox could exceed.
    """

    obstacle: str | None
    advice: str = ""
    unenforced: tuple[str, ...] = ()


def view_of_this_process(private: Sequence[Path] = ()) -> View:
    """Return the view of the system, this Python, its packages, the kit and the data sets.

    Of the kit, the three packages that a notebook imports are shown, without the keys; of the
    folders with data, the files that the registry names.

    Parameters
    ----------
    private : sequence of Path
        What no submission may see, wherever it lies.
    """
    links = {path: os.readlink(path) for path in SYSTEM if os.path.islink(path)}
    system = [Path(path) for path in SYSTEM if os.path.isdir(path) and path not in links]
    system += [path for name in OF_ETC if (path := Path("/etc", name)).exists()]
    system.append(Path("/sys/devices/system/cpu"))
    pythons = (sys.prefix, sys.base_prefix, Path(sys.executable).resolve().parents[1])
    own = [Path(prefix, name) for prefix in pythons for name in OF_PYTHON]
    own += [*map(Path, _package_folders()), *map(_package, PACKAGES), *_data_sets()]
    hidden = [place for place in (KEYS, *map(Path.absolute, private)) if place.exists()]
    shown = system
    for place in own:
        seen = any(place.is_relative_to(path) for path in shown)
        seen = seen and not any(place.is_relative_to(path) for path in hidden)
        if place.exists() and not seen and place not in shown:
            shown.append(place)
    covered = [
        place
        for place in hidden
        if place not in shown and any(place.is_relative_to(path) for path in shown)
    ]
    folders = [place for place in _data_folders() if place.is_dir()]
    return View(tuple(shown), links, tuple(covered), tuple(folders))


def _data_folders() -> list[Path]:
    return [Path(place).resolve() for name in DATA if (place := os.environ.get(name))]


def _data_sets() -> list[Path]:
    """Return the registered files that are in the mirror and in the cache."""
    registry = tomllib.loads((_package("data") / "registry.toml").read_text(encoding="utf-8"))
    names = [name for title in registry.values() for name in title["files"]]
    return [
        place
        for folder in _data_folders()
        for name in names
        for place in (folder / name, folder / f"{name}.gz")
        if place.is_file()
    ]


def command(
    program: Sequence[str],
    view: View,
    env: Mapping[str, str],
    files: Mapping[str, int],
    *,
    root: bool,
) -> list[str]:
    """Return the command that runs ``program`` in the sandbox.

    Parameters
    ----------
    program : sequence of str
    view : View
        What it sees.
    env : mapping
        All of its environment.
    files : mapping of str to int
        Files to make, and the descriptors from which to read them.
    root : bool
        Whether root runs the command. Root needs no user namespace, and keeps what it takes to
        become nobody; an ordinary user needs one, and no capability.
    """
    arguments = ["bwrap", "--die-with-parent", "--new-session", "--hostname", "sandbox"]
    arguments += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    arguments += ["--unshare-cgroup-try", "--cap-drop", "ALL"]
    if root:
        arguments += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        arguments += ["--unshare-user"]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp"]
    inside = [*view.shown, *(folder / "_" for folder in view.folders)]
    for folder in _folders((*inside, *map(Path, files), Path(HOME, "_"), Path(SCRATCH, "_"))):
        arguments += ["--dir", str(folder)]  # made for a bind mount, they would be root's alone
    for place in sorted((*view.shown, *view.hidden)):  # what is in a folder comes after it
        if place not in view.hidden:
            arguments += ["--ro-bind", str(place), str(place)]
        elif place.is_file():
            arguments += ["--ro-bind", os.devnull, str(place)]
        else:
            arguments += ["--tmpfs", str(place)]
            for folder in _folders(inside):
                if place in folder.parents:
                    arguments += ["--dir", str(folder)]
    for path, target in view.links.items():
        arguments += ["--symlink", target, path]
    for place in view.hidden:
        if not place.is_file():
            arguments += ["--remount-ro", str(place)]
    for path, descriptor in files.items():
        arguments += ["--perms", "0444", "--file", str(descriptor), path]
    arguments += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--clearenv"]
    for name, value in env.items():
        arguments += ["--setenv", name, value]
    return [*arguments, "--", *program]


def python(module: str, argument: object) -> list[str]:
    """Return the program that calls ``main()`` of ``module`` with one JSON argument.

    It is this Python with the same packages, which heeds no environment variable, no user's
    packages and no working directory.
    """
    extra = [*_package_folders(), *kit_roots()]
    code = (
        f"import sys; sys.path += [p for p in {extra!r} if p not in sys.path]; "
        f"from {module} import main; main()"
    )
    return [sys.executable, "-I", "-X", "utf8", "-c", code, json.dumps(argument)]


def kit_roots() -> list[str]:
    """Return the folders from which the kit's packages are imported."""
    return list(dict.fromkeys(str(_package(name).parent) for name in PACKAGES))


def is_root() -> bool:
    """Whether root runs this process; what is sandboxed then runs as nobody."""
    return os.geteuid() == 0


def user_inside() -> int | None:
    """Return the user that the sandboxed process must become; None if it already is."""
    return NOBODY if is_root() else None


@contextmanager
def made_files() -> Iterator[dict[str, int]]:
    """Give descriptors of the files that the sandbox has and this machine need not have."""
    descriptors = {}
    try:
        for path, text in FILES.items():
            descriptors[path] = os.memfd_create("dl")
            os.write(descriptors[path], text.encode())
            os.lseek(descriptors[path], 0, os.SEEK_SET)
        yield descriptors
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)


@functools.cache
def host() -> Host:
    """Find out, by trying once, whether this machine has a sandbox and which limits hold in it."""
    if not sys.platform.startswith("linux"):
        return Host(
            f"the sandbox needs Linux; this is {sys.platform}",
            "grade on Linux (on Windows, in WSL 2)",
        )
    if shutil.which("bwrap") is None:
        return Host("bubblewrap is not installed", INSTALL)
    with made_files() as files:
        trial = command(
            python("grading.engine.walls.inner", user_inside()),
            view_of_this_process(),
            {"PATH": "/usr/bin:/bin"},
            files,
            root=is_root(),
        )
        try:
            done = subprocess.run(
                trial,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TRIAL_SECONDS,
                pass_fds=tuple(files.values()),
            )
        except subprocess.TimeoutExpired:
            return Host(
                f"bubblewrap did not answer within {TRIAL_SECONDS:g} s",
                "try again when the machine is less busy",
            )
        except OSError as error:
            return Host(f"bubblewrap cannot be started: {error.strerror}", INSTALL)
    if done.returncode != 0:
        said = (done.stderr.strip() or f"it exited with {done.returncode}").splitlines()[-1]
        return Host(*obstacles.explain(said, obstacles.facts()))
    return Host(None, unenforced=tuple(json.loads(done.stdout)))


def _folders(places: Sequence[Path]) -> list[Path]:
    """Return the folders that ``places`` are in, outermost first."""
    return sorted({folder for place in places for folder in place.parents if folder.name})


def _package(name: str) -> Path:
    found = find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise RuntimeError(f"the package {name!r} cannot be found; run from the kit's folder")
    return Path(found.submodule_search_locations[0]).resolve()


def _package_folders() -> list[str]:
    """Return the folders of installed packages, the user's own included."""
    names = ("site-packages", "dist-packages")
    return [entry for entry in sys.path if Path(entry).name in names and Path(entry).is_dir()]
