"""The first cell of every notebook: it finds the kit, or fetches it, and begins the lab."""

import json

from grading.messages import message

# None of the kit's code is there before this cell ran, so it says everything by itself.
SETUP = """\
#@title {title}
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

KIT, TAG = {kit}, {tag}


def find_kit():
    \"\"\"Put the kit on Python's path; Colab fetches it first. Return whether it is there.\"\"\"
    here = Path.cwd()
    fetched = here / "dl-course"
    places = (here, here.parent.parent, fetched)
    kit = next((place for place in places if (place / "grading" / "tick.py").is_file()), None)
    if kit is None and importlib.util.find_spec("grading"):
        return True  # it is installed
    slow = ["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=20"]  # give up, not hang
    clone = ["git", *slow, "clone", "--quiet", "--depth=1", f"--branch={{TAG}}", KIT]
    if kit is None and "COLAB_RELEASE_TAG" in os.environ:
        shutil.rmtree("dl-course.part", ignore_errors=True)
        environment = os.environ | {{"GIT_TERMINAL_PROMPT": "0"}}
        done = subprocess.run(
            [*clone, "dl-course.part"], env=environment, capture_output=True, text=True
        )
        if done.returncode:
            print({not_fetched}.format(problem=done.stderr.strip().splitlines()[-1]))
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


def setup_source(lab: str, lang: str, *, version: str, repository: str, tag: str) -> str:
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
    """
    sentences = {
        name: message(f"setup.{name}", lang, problem="{problem}", command="{command}")
        for name in ("not_fetched", "no_kit", "damaged")
    }
    literals = {
        "kit": f"https://github.com/{repository}.git",
        "tag": tag,
        "lab": lab,
        "lang": lang,
        "version": version,
        **sentences,
    }
    quoted = {name: json.dumps(text, ensure_ascii=False) for name, text in literals.items()}
    return SETUP.format(title=message("setup.title", lang), **quoted)
