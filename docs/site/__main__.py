"""``python -m docs.site``, which ``make site`` runs: build the site into ``build/site``.

With ``--private`` it says how each question is marked, too, and goes into ``build/site-private``.
"""

import argparse
import sys

from docs.executing import executed
from docs.site.building import Sources, build
from docs.site.facts import read_facts
from grading.authoring import instructor_notebook
from grading.authoring.building import read_lab
from grading.course.config import LANGUAGES, load_course
from grading.errors import UserError
from grading.places import KIT

SITE = KIT / "build" / "site"
PRIVATE = KIT / "build" / "site-private"


def main(private: bool = False) -> None:
    """Run the labs where they changed, and build."""
    folder = PRIVATE if private else SITE
    course = load_course(KIT)
    labs = tuple(read_lab(course, name) for name in course.lab_names)
    facts = read_facts(course.lab_names)
    notebooks = {
        f"{lab.name}.{lang}": instructor_notebook(lab, lang, course)
        for lab in labs
        for lang in LANGUAGES
    }
    done = executed(course, notebooks, print)
    shown = {(lab.name, lang): done[f"{lab.name}.{lang}"] for lab in labs for lang in LANGUAGES}
    build(Sources(course, labs, facts, shown, private), folder, print)
    print(f"{folder.relative_to(KIT)}/index.html is the site")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m docs.site", description="Build the site.")
    parser.add_argument("--private", action="store_true", help="with answers, for instructors")
    try:
        main(parser.parse_args().private)
    except UserError as error:
        sys.exit(f"error: {error}")
