"""The grading of a course's labs, in rooms.

`ROOMS` says what each room is for and which others it may import; everything may import the floor.
A test holds the arrows. Students get the rooms that are published, whole, and nothing else.
"""

from typing import NamedTuple


class Room(NamedTuple):
    """A package of `grading`, or a few modules of it that belong together.

    Attributes
    ----------
    purpose : str
    imports : tuple of str
        The rooms that it may import, beside the floor; ``utils`` and ``data`` among them.
    published : bool
        Whether it is part of the student bundle.
    modules : tuple of str
        For a room that is no package, or not only one: its modules right under `grading`.
    """

    purpose: str
    imports: tuple[str, ...] = ()
    published: bool = False
    modules: tuple[str, ...] = ()


ROOMS = {
    # The student's side: published whole, imports nothing of the grader's.
    "floor": Room(
        "what all stand on: errors, sentences by language, files, places",
        ("utils",),
        published=True,
        modules=("errors", "files", "messages", "places"),
    ),
    "answers": Room("the form of a value, evidence, how near is near, metrics", published=True),
    "cells": Room("notebooks as files, what each cell is, who signed, whose names", published=True),
    "session": Room(
        "a student's session: start, run a check, compare, show, hand in",
        ("answers", "cells", "utils", "data"),
        published=True,
    ),
    "tick": Room(
        "the checks that a notebook calls",
        ("answers", "cells", "session", "utils"),
        published=True,
        modules=("tick",),
    ),
    "compat": Room("the call names of jhwutils and lautils", ("session",), published=True),
    # The grader's side.
    "course": Room("course.toml, the roster, what lateness costs, and one mark for the course"),
    "engine": Room(
        "executes notebooks that nobody trusts; knows no judge", ("answers", "course", "utils")
    ),
    "judging": Room(
        "marks and reasons from two executed notebooks",
        ("answers", "cells", "engine", "utils"),
    ),
    "authoring": Room(
        "a lab's source into notebooks and public keys; a student's dry run",
        ("answers", "cells", "course", "engine", "judging", "session", "utils"),
    ),
    "strength": Room(
        "how strong a lab's checks are: mutants, mistakes and variants, each tried in a fork",
        (
            "answers",
            "authoring",
            "cells",
            "course",
            "engine",
            "judging",
            "session",
            "tick",
            "utils",
        ),
    ),
    "collect": Room("what was handed in into one submission a student", ("cells", "course")),
    "gradebook": Room(
        "release, grade, and nbgrader's database",
        ("authoring", "cells", "collect", "course", "engine", "judging", "utils"),
        modules=("nbgrader_plugin",),
    ),
    "native": Room(
        "any nbgrader course, marked by nbgrader's own rules",
        ("cells", "compat", "course", "engine", "gradebook", "judging", "utils"),
    ),
    "similarity": Room(
        "what hand-ins share beyond chance and the released code", ("cells", "collect", "course")
    ),
    "keeping": Room(
        "a course in one file, a student forgotten, marks traced to what they are of",
        ("cells", "collect", "course", "gradebook", "judging"),
    ),
    "marking": Room(
        "written answers marked together: rubrics, who marks what, what was given",
        ("authoring", "cells", "course", "gradebook", "judging", "keeping", "similarity"),
    ),
    "reporting": Room("standings, pages, exports", ("cells", "course", "judging", "similarity")),
    "feedback": Room(
        "what students get back: a page each, in an LMS's zip, by e-mail",
        ("cells", "course", "gradebook", "judging", "reporting"),
    ),
    "service": Room(
        "the web application: hand-ins, queue, workers, students' and instructors' pages",
        (
            "cells",
            "collect",
            "course",
            "engine",
            "feedback",
            "gradebook",
            "judging",
            "marking",
            "reporting",
        ),
    ),
    "publishing": Room(
        "the student bundle, and what must not be in it", ("authoring", "cells", "course")
    ),
    "cli": Room(
        "the command line: calls the rooms, and nobody calls it",
        (
            "authoring",
            "cells",
            "collect",
            "course",
            "engine",
            "feedback",
            "gradebook",
            "judging",
            "keeping",
            "native",
            "publishing",
            "reporting",
            "service",
            "session",
            "similarity",
            "strength",
            "utils",
        ),
        modules=("__main__",),
    ),
}


def room_of(module: str) -> str:
    """Return the room of a module of `grading`, named as it is imported.

    Raises
    ------
    KeyError
        If it is in none.

    Examples
    --------
    >>> room_of("grading.engine.walls.inner"), room_of("grading.errors")
    ('engine', 'floor')
    """
    first = module.split(".")[1]
    for name, room in ROOMS.items():
        if first in room.modules:
            return name
    if first not in ROOMS:
        raise KeyError(f"{module} is in no room of grading.ROOMS")
    return first
