"""Commands of the roster: who is in the course, as the LMS has it."""

from pathlib import Path
from typing import Annotated

import typer

from grading.cli.console import note, say, shown
from grading.cli.options import course_here, roster_of

commands = typer.Typer(
    help="Bring the roster up to date.", no_args_is_help=True, rich_markup_mode=None
)


@commands.callback()
def main() -> None:
    """Bring the roster up to date."""


@commands.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Moodle's participants or exported grades, or Canvas's gradebook."
        ),
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Write it; else only show what changes.")
    ] = False,
    ids_from_email: Annotated[
        bool,
        typer.Option(
            "--ids-from-email",
            help="Of students without an ID number in Moodle, what stands before the @ is the id.",
        ),
    ] = False,
) -> None:
    """Show what an LMS's list of students changes in the roster, and write it."""
    from grading.course.importing import imported, read_export, write_roster
    from grading.course.roster import Roster, other_titles, rows_of

    course = course_here()
    now = roster_of(course)
    change = imported(now or Roster(()), read_export(file, ids_from_email))
    for line in change.lines():
        say(line)
    say(change.totals())
    if not change.lines():
        say(f"{shown(course.roster)} stays as it is")
        return
    if now and (lost := other_titles(rows_of(course.roster, "roster")[0][1])):
        note(f"columns of {shown(course.roster)} that are not kept: {', '.join(lost)}")
    if yes:
        write_roster(course.roster, change.roster.students)
        say(f"written to {shown(course.roster)}")
    else:
        say("nothing is written yet; the same with --yes writes it")
