"""The rooms of `grading`: who imports whom is what `grading.ROOMS` says."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from grading import ROOMS, room_of, tick
from grading.places import KIT, PACKAGES
from grading.publishing.closure import imports

MODULES = {
    ".".join(path.relative_to(KIT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((KIT / package).rglob("*.py"))
}


def room(module: str) -> str:
    """Return a module's room; `utils` and `data` are rooms themselves."""
    package = module.split(".")[0]
    return room_of(module) if package == "grading" else package


def arrows(path: Path) -> Iterator[str]:
    """Yield the room of every module of the kit that a file imports."""
    for name in imports(path.read_text(encoding="utf-8")):
        if name in MODULES and name != "grading":
            yield room(name)


@pytest.mark.parametrize("name", sorted({*MODULES} - {"grading", "utils", "data"}))
def test_a_module_imports_from_rooms_that_its_own_may_import(name: str):
    here = room(name)
    allowed = {here, "floor", *ROOMS[here].imports} if here in ROOMS else {"utils", "data"}
    assert set(arrows(MODULES[name])) <= allowed


def test_every_arrow_that_a_room_may_draw_is_drawn():
    drawn: dict[str, set[str]] = {name: set() for name in ROOMS}
    for name, path in MODULES.items():
        if name.startswith("grading."):
            drawn[room(name)] |= {*arrows(path)} - {room(name), "floor"}
    assert drawn == {name: set(known.imports) for name, known in ROOMS.items()}


def test_the_floor_takes_of_utils_only_the_language():
    assert ROOMS["floor"].imports == ("utils",)
    taken = {
        name
        for module in ROOMS["floor"].modules
        for name in imports(MODULES[f"grading.{module}"].read_text(encoding="utf-8"))
        if name in MODULES and name.startswith("utils.")
    }
    assert taken == {"utils.language"}


def test_students_rooms_stand_on_no_graders_room():
    students = {name for name, known in ROOMS.items() if known.published} | {"utils", "data"}
    for name in students & {*ROOMS}:
        assert set(ROOMS[name].imports) <= students


def without_what_stands_free(needs: dict[str, set[str]]) -> set[str]:
    """Return what is left when what needs nothing that is left is taken away, again and again."""
    left = {*needs}
    while free := {name for name in left if not needs[name] & left}:
        left -= free
    return left


def test_there_is_no_circle_of_rooms_nor_of_modules():
    assert (
        without_what_stands_free({name: {*room.imports} for name, room in ROOMS.items()}) == set()
    )
    modules = {
        name: {*imports(path.read_text(encoding="utf-8"))} & {*MODULES} - {name, "grading"}
        for name, path in MODULES.items()
    }
    assert without_what_stands_free(modules) == set()


def test_labs_import_of_grading_only_their_checks():
    for path in sorted((KIT / "notebooks" / "source").rglob("*.py")):
        found = {name for name in imports(path.read_text(encoding="utf-8")) if "grading" in name}
        assert found <= {"grading", "grading.tick"}, path


def floor_of(name: str) -> int:
    """Return how many rooms stand below a room, one on the other."""
    below = [floor_of(other) for other in ROOMS[name].imports if other in ROOMS]
    return 0 if name == "floor" else 1 + max(below, default=0)


def test_the_page_on_architecture_shows_these_rooms_and_floors():
    page = (KIT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [
        f"| `{name}` | {known.purpose} | {', '.join(known.imports) or '–'} "
        f"| {'✓' if known.published else ''} |"
        for name, known in ROOMS.items()
    ]
    floors: dict[int, list[str]] = {}
    for name in ROOMS:
        floors.setdefault(floor_of(name), []).append(name)
    plan = [f"    floor {n}   {' '.join(floors[n])}" for n in sorted(floors, reverse=True)]
    for part in ("\n".join([*rows, "\n"]), "\n".join([*plan, "\n"])):  # and nothing after it
        if part not in page:
            pytest.fail(f"docs/architecture.md; paste these lines:\n{part}", pytrace=False)


def test_what_the_pages_name_as_modules_of_grading_is_there():
    known = {*MODULES, *(f"grading.tick.{name}" for name in tick.__all__)}
    named = rf"`(?:grading\.)?((?:{'|'.join(ROOMS)})\.(?!toml|db)[a-z_]+)"
    for path in sorted((KIT / "docs").glob("*.md")):
        for name in re.findall(named, path.read_text(encoding="utf-8")):
            assert f"grading.{name}" in known, f"{path.name}: {name}"
