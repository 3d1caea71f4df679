"""``python -m docs.site``, which ``make site`` runs: build the site into ``build/site``."""

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


def main() -> None:
    """Run the labs where they changed, and build."""
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
    build(Sources(course, labs, facts, shown), SITE, print)
    print(f"{SITE.relative_to(KIT)}/index.html is the site")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
