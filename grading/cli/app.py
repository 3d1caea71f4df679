"""The list of commands, and how one ends.

Exit codes: 0 done; 1 some submissions need attention (they are listed); 2 wrong usage or input,
with one line that says what was expected, what was found and what to do.
"""

import sys
from typing import Annotated

import typer

from grading.cells.hasten import hasten_nbformat
from grading.cli import build, course, give, keep, lms, publish, roster, service, similar, verify
from grading.cli.console import err
from grading.errors import UserError
from grading.gradebook.hasten import hasten_nbgrader

app = typer.Typer(
    help="Build, release, collect, grade and report on the labs of a course.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def main(
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """Read the options that every command shares; `run_app` looks at --debug itself."""


for command in (
    build.build,
    give.release,
    give.collect,
    give.grade,
    give.mark,
    give.report,
    give.feedback,
    give.export,
    course.course,
    course.adjust,
    similar.similar,
    keep.archive,
    keep.restore,
    keep.forget,
    verify.verify,
    build.check,
    build.run,
    build.mutants,
    publish.publish,
    service.serve,
):
    app.command()(command)
app.add_typer(roster.commands, name="roster")
service.commands.command()(lms.lti)
service.commands.command()(lms.members)
service.commands.command()(lms.marks)
app.add_typer(service.commands, name="service")


def run_app() -> None:
    """Run the command line; errors of usage and input become one line and exit code 2."""
    hasten_nbformat()
    hasten_nbgrader()
    try:
        app()
    except (UserError, OSError) as error:
        if "--debug" in sys.argv or not (line := _line(error)):
            raise
        err.print(f"error: {line}")
        sys.exit(2)


def _line(error: UserError | OSError) -> str:
    """Return an error as one line; empty if it is no file's and so nothing to mend by the user."""
    if isinstance(error, UserError):
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else ""
