"""The rooms of `grading`: who imports whom is what `grading.ROOMS` says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grading import ROOMS, room_of
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


def test_there_is_no_circle_of_rooms():
    left = {name: {*known.imports} & {*ROOMS} for name, known in ROOMS.items()}
    while free := [name for name, needed in left.items() if not needed & {*left}]:
        for name in free:
            del left[name]
    assert not left


def test_labs_import_of_grading_only_their_checks():
    for path in sorted((KIT / "notebooks" / "source").rglob("*.py")):
        found = {name for name in imports(path.read_text(encoding="utf-8")) if "grading" in name}
        assert found <= {"grading", "grading.tick"}, path
