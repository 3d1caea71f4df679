"""The reference pages, made from the code: the commands and what notebooks import."""

import pkgutil
from importlib import import_module

import typer
from typer.cli import get_docs_for_click

from grading.cli.app import app

PACKAGES = {"api_tick": "grading.tick", "api_utils": "utils", "api_data": "data"}


def commands_page() -> str:
    """Return every command with its arguments and options, as the program tells them."""
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="grading")
    text = get_docs_for_click(obj=command, ctx=context, name="python -m grading")
    return "# Commands\n\n" + "\n".join(text.split("\n")[1:]).strip() + "\n"


def module_page(name: str) -> str:
    """Return the reference of a module, or of every module of a package."""
    first, *inside = modules(name)
    parts = [f"# {first}", _members(first)]
    for module in inside:
        parts += [f"## {module}", _members(module)]
    return "\n\n".join(parts) + "\n"


def modules(name: str) -> list[str]:
    """Return a module and those inside it that others may import, in order.

    Examples
    --------
    >>> modules("data")
    ['data', 'data.loaders', 'data.registry', 'data.synthetic']
    """
    module = import_module(name)
    inside = pkgutil.iter_modules(getattr(module, "__path__", []), f"{name}.")
    return [name, *sorted(item.name for item in inside if item.name.split(".")[-1][0] != "_")]


def _members(module: str) -> str:
    return f"```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n```"
