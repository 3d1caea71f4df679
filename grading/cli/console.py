"""What the commands print: a line stays a line wherever it goes."""

from pathlib import Path

from rich.console import Console, RenderableType

_plain = {"highlight": False, "markup": False, "emoji": False, "soft_wrap": True}
out = Console(**_plain)  # type: ignore[arg-type]
err = Console(stderr=True, **_plain)  # type: ignore[arg-type]


def say(line: str) -> None:
    """Print a line."""
    out.print(line)


def note(line: str) -> None:
    """Print what to know beside the result, apart from it."""
    err.print(f"Note: {line}")


def show(renderable: RenderableType) -> None:
    """Print a table, folded to the terminal's width if there is one."""
    out.print(renderable, soft_wrap=not out.is_terminal)


def shown(path: Path) -> Path:
    """Return a path relative to where the command was run, if it is below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
