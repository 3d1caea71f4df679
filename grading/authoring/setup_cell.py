"""The first cell of every notebook: it finds the kit, or fetches it, and begins the lab."""

import json

from grading.messages import message
from utils.hosts import HOSTS

# None of the kit's code is there before this cell ran, so it says everything by itself.
SETUP = """\
#@title {title}
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

KIT, TAG, COMMIT = {kit}, {tag}, {commit}
RENTED = {rented}


def fetch(wanted, folder):
    \"\"\"Fetch a version of the kit; return why that failed, or nothing if it did not.\"\"\"
    # Give up, not hang.
    git = ["git", "-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=20"]
    shutil.rmtree(folder, ignore_errors=True)
    for step in (
        ["init", "--quiet", folder],
        ["-C", folder, "fetch", "--quiet", "--depth=1", KIT, wanted],
        ["-C", folder, "checkout", "--quiet", "FETCH_HEAD"],
    ):
        environment = os.environ | {{"GIT_TERMINAL_PROMPT": "0"}}
        done = subprocess.run([*git, *step], env=environment, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            return (done.stderr.strip().splitlines() or ["git failed"])[-1]
    return ""


def find_kit():
    \"\"\"Put the kit on Python's path, fetched if need be. Return whether it is there.\"\"\"
    here, on_rented = Path.cwd(), any(name in os.environ for name in RENTED)
    fetched = here / "dl-course"
    head = fetched / ".git" / "HEAD"
    if on_rented and COMMIT and head.is_file() and head.read_text().strip() != COMMIT:
        shutil.rmtree(fetched, ignore_errors=True)  # another notebook's
    places = (here, here.parent.parent, fetched)
    kit = next((place for place in places if (place / "grading" / "tick.py").is_file()), None)
    if kit is None and importlib.util.find_spec("grading"):
        return True  # it is installed
    if kit is None and on_rented:
        problem = fetch(COMMIT or TAG, "dl-course.part")
        if problem and COMMIT:
            problem = fetch(TAG, "dl-course.part")
            if not problem:
                print({other_kit})
        if problem:
            print({not_fetched}.format(problem=problem))
            return False
        shutil.rmtree(fetched, ignore_errors=True)
        kit = Path("dl-course.part").rename(fetched)
    if kit is None:
        print({no_kit}.format(command=f"git clone --branch {{TAG}} {{KIT}}"))
        return False
    sys.path.insert(0, str(kit))
    return True


if find_kit():
    try:
        from grading import tick

        tick.start({lab}, lang={lang}, version={version})
    except ImportError as error:
        print({damaged}.format(problem=error))"""


def setup_source(
    lab: str, lang: str, *, version: str, repository: str, tag: str, commit: str = ""
) -> str:
    """Return the cell's code.

    Parameters
    ----------
    lab, lang : str
    version : str
        What the notebook and the kit know each other by.
    repository : str
        GitHub slug of the published kit.
    tag : str
        Its git tag or branch.
    commit : str
        The very commit that has the kit of this notebook, which no tag can move; empty where
        nothing was published yet.
    """
    sentences = {
        name: message(f"setup.{name}", lang, problem="{problem}", command="{command}")
        for name in ("not_fetched", "no_kit", "damaged", "other_kit")
    }
    literals = {
        "kit": f"https://github.com/{repository}.git",
        "tag": tag,
        "commit": commit,
        "rented": [host.variable for host in HOSTS if host.rented],
        "lab": lab,
        "lang": lang,
        "version": version,
        **sentences,
    }
    quoted = {name: json.dumps(text, ensure_ascii=False) for name, text in literals.items()}
    return SETUP.format(title=message("setup.title", lang), **quoted)
