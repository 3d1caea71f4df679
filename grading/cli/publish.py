"""Publishing what students get."""

from pathlib import Path
from typing import Annotated

import typer

from grading.cli.console import say, shown
from grading.cli.options import labs_course_here


def publish(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new or empty folder, or an earlier bundle.")
    ],
) -> None:
    """Write what students get, ready to be pushed to the public repository of course.toml."""
    from grading.publishing import bundle

    course = labs_course_here("what students get is in release/, see `nbgrader release_assignment`")
    published = bundle.publish(course, folder)
    for path in published.removed:
        say(f"removed {path}")
    say(f"{shown(folder)}: {published.files} files, {published.size / 1e6:.1f} MB")
    say("\nPush it:\n")
    for line in bundle.next_steps(course, published):
        say(f"    {line}")
