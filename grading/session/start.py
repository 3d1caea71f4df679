"""What the first cell of a notebook prepares, and what it says of it.

On Colab and its like it installs the few packages that are missing, with torch and numpy pinned to
what is there; on a laptop it only says what is missing. It checks that the kit is whole, and brings
back the marks seen in an earlier session.
"""

import hashlib
import importlib
import json
import math
import socket
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from grading.files import write_atomically
from grading.messages import message
from grading.places import KIT, SESSION_REQUIREMENTS
from grading.session.keyfile import KeyFile
from utils.hosts import COLAB, host
from utils.profile import profile
from utils.storage import storage

PINNED = ("torch", "numpy")  # never another version than the one that the session has
PROGRESS = "progress.json"
WORTH_SAYING = 60  # seconds of computing from which on a session without a GPU is told
INSTALL_SECONDS = 300
ONLINE_SECONDS = 2.0
DATA_HOST = "github.com"


def on_colab() -> bool:
    """Return whether this is a Colab session."""
    return host() == COLAB or "google.colab" in sys.modules


# --- the kit -----------------------------------------------------------------------------------


def damage(root: Path) -> list[str]:
    """Return the files of a published kit that are missing or are not what was published.

    A kit without a ``MANIFEST`` is somebody's working copy, about which nothing can be said.
    """
    manifest = root / "MANIFEST"
    if not manifest.is_file():
        return []
    listed = [line.split("  ", 1) for line in manifest.read_text(encoding="utf-8").splitlines()]
    return [
        name
        for digest, name in (pair for pair in listed if len(pair) == 2)
        if not name.endswith(".ipynb") and _digest(root / name) != digest
    ]


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def kit_problems(keys: KeyFile | None, lab: str, version: str, lang: str) -> list[str]:
    """Return one line for each reason why the kit and the notebook may not fit together."""
    lines = []
    if damaged := damage(KIT):
        lines.append(
            message("session.damaged", lang, kit=KIT, count=len(damaged), first=damaged[0])
        )
    if keys is None:
        lines.append(message("tick.no_keys", lang, lab=lab))
    elif version and not keys.source.startswith(version):
        lines.append(message("session.other_version", lang))
    return lines


# --- packages ----------------------------------------------------------------------------------


def missing_packages() -> list[str]:
    """Return the requirements of a student's session that are not met, as pip takes them."""
    from packaging.requirements import Requirement

    lines = SESSION_REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return [str(requirement) for requirement in wanted if not _is_met(requirement)]


def _is_met(requirement: Any) -> bool:
    try:
        return requirement.specifier.contains(metadata.version(requirement.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


def install(packages: list[str]) -> str:
    """Install packages, keeping torch and numpy; return pip's reason if it cannot, or ``""``."""
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "constraints.txt"
        pins.write_text("".join(f"{name}=={metadata.version(name)}\n" for name in PINNED))
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
        options = ["--quiet", "--no-compile", "--constraint", str(pins)]
        try:
            done = subprocess.run(
                [*command, *options, *packages],
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"pip took more than {INSTALL_SECONDS} s"
    importlib.invalidate_caches()
    if done.returncode == 0:
        return ""
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return (errors or done.stderr.strip().splitlines() or ["pip gave no reason"])[0]


def prepare_packages(lang: str) -> str:
    """Install what is missing on a rented machine, name it elsewhere; return what to say."""
    missing = missing_packages()
    if not missing:
        return message("session.packages", lang)
    listed = ", ".join(missing)
    here = host()
    if here is None or not here.rented:
        return message("session.missing", lang, packages=listed, file=SESSION_REQUIREMENTS)
    problem = install(missing)
    if problem:
        return message("session.not_installed", lang, packages=listed, problem=problem)
    return message("session.installed", lang, packages=listed)


# --- the student's work ------------------------------------------------------------------------


def _progress_file(lab: str) -> Path:
    return storage().folder / lab / PROGRESS


def read_progress(lab: str) -> dict[str, float]:
    """Return the checks that passed in an earlier session, with their marks; none if unreadable."""
    try:
        data = json.loads(_progress_file(lab).read_text(encoding="utf-8"))
        return {str(label): float(marks) for label, marks in data["passed"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def write_progress(lab: str, passed: dict[str, float]) -> None:
    """Keep the checks that passed; a disk that refuses costs no more than this memory."""
    try:
        content = json.dumps({"passed": passed}, ensure_ascii=False, indent=1)
        write_atomically(_progress_file(lab), content.encode())
    except OSError:
        return


def storage_lines(lab: str, restored: dict[str, float], lang: str) -> list[str]:
    """Return where work is kept, what of it came back, and how to make it last."""
    kept = storage()
    lines = []
    if kept.refused:
        lines.append(message("session.refused", lang, drive=kept.refused, folder=kept.folder))
    line, here = message(f"keeps.{kept.keeps}", lang, folder=kept.folder), host()
    if here is not None:
        line = f"{here.name}: {line[0].lower()}{line[1:]}"
    if restored:
        marks = f"{sum(restored.values()):g}"
        line += " " + message("session.restored", lang, count=len(restored), marks=marks)
    if any((kept.folder / lab).glob("**/run.pt")):
        line += " " + message("session.training", lang)
    return [*lines, line]


# --- the machine -------------------------------------------------------------------------------


def computing_line(keys: KeyFile | None, lang: str) -> list[str]:
    """Return how long the notebook computes without a GPU, where one is lacking or wasted."""
    seconds, here = keys.seconds.get(profile(), 0) if keys else 0, host()
    if not seconds:
        return []
    is_long, is_rented = seconds >= WORTH_SAYING, here is not None and here.rented
    if not (is_long or is_rented):
        return []
    import torch

    if is_long and not torch.cuda.is_available():
        return [message("session.no_gpu", lang, minutes=max(1, round(seconds / 60)))]
    if not is_long and torch.cuda.is_available():
        return [message("session.idle_gpu", lang, seconds=math.ceil(seconds))]
    return []


def is_online() -> bool:
    """Return whether a server of the data sets can be reached."""
    try:
        with socket.create_connection((DATA_HOST, 443), timeout=ONLINE_SECONDS):
            return True
    except OSError:
        return False


def offline_line(lang: str) -> list[str]:
    """Return what still works, where data would have to be downloaded and no network is there."""
    if profile() == "quick":
        return []
    try:
        from data.registry import absent
    except ImportError:  # the packages could not be installed, which was said already
        return []
    sets = sorted({name.split("/")[0] for name in absent()})
    if not sets or is_online():
        return []
    return [message("session.offline", lang, absent=", ".join(sets))]


def prepare(
    lab: str, keys: KeyFile | None, version: str, lang: str
) -> tuple[str, dict[str, float]]:
    """Prepare a student's session and return what to say of it, and the checks passed before.

    Two lines where all is well: what there is to do and the packages; where work is kept. A
    problem adds a line.
    """
    restored = read_progress(lab)
    first = prepare_packages(lang)
    if keys:
        started = message(
            "tick.started",
            lang,
            lab=lab,
            checks=len(keys.checks),
            marks=f"{keys.marks:g}",
            profile=profile(),
        )
        first = f"{started} {first}"
    second, *more = reversed(storage_lines(lab, restored, lang))
    second = " ".join([second, *computing_line(keys, lang)])
    lines = [first, second, *more, *kit_problems(keys, lab, version, lang), *offline_line(lang)]
    return "\n".join(lines), restored
