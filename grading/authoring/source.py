"""A lab's source: py:percent files with a small vocabulary, read into cells.

Every mistake is refused with its file and line. docs/authoring.md shows the vocabulary to authors.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from grading.authoring.lint import check_calls, require_local_images
from grading.authoring.parts import Place, part_files
from grading.authoring.percent import RawCell, Role, read_cells
from grading.authoring.stubs import BEGIN, END, Mistake, parse_python, regions, split_answer, stub
from grading.course.config import LANGUAGES
from grading.errors import UserError

# Ids of the cells that open and close every notebook; no lab may use them.
FRAME_IDS = ("header", "setup", "declaration", "identity", "handing_in", "hand_in")


class SourceError(UserError):
    """A lab's source is refused; the text starts with ``file:line: ``."""

    def __init__(self, place: Place, text: str) -> None:
        super().__init__(f"{place}: {' '.join(text.split())}")


@dataclass(frozen=True)
class Cell:
    """A cell of the source; twins in several languages are one cell.

    Attributes
    ----------
    role : str
    id : str
        The author's, or one made from the nearest id above it.
    place : Place
        The line above the cell's first one: its line ``n`` is ``n`` lines below.
    text : dict
        Source by language. Code is the same in every language.
    points : float
        Marks of a check or a question.
    covers : tuple of str
        Ids of the exercises that a check marks.
    title : dict
        An exercise's title by language.
    difficulty : int
        An exercise's, from 1 to 3.
    minutes : int
        How long an exercise takes.
    exercise : str
        Id of the exercise that this prose states.
    """

    role: Role
    id: str
    place: Place
    text: dict[str, str]
    points: float = 0
    covers: tuple[str, ...] = ()
    title: dict[str, str] = field(default_factory=dict)
    difficulty: int = 0
    minutes: int = 0
    exercise: str = ""

    @property
    def is_code(self) -> bool:
        """Whether students run the cell."""
        return self.role not in ("prose", "question")

    @property
    def code(self) -> str:
        """The cell's code, with solutions."""
        return self.text[LANGUAGES[0]]


@dataclass(frozen=True)
class Lab:
    """A lab as its source has it: solutions and all languages."""

    name: str
    cells: tuple[Cell, ...]

    def of_role(self, role: Role) -> tuple[Cell, ...]:
        """Return the cells of a role in order."""
        return tuple(cell for cell in self.cells if cell.role == role)


def parse_lab(path: Path) -> Lab:
    """Read a lab's source: its file, or its folder with one file a part.

    Raises
    ------
    UserError
        If a file cannot be read, or the folder holds anything but parts of different numbers.
    SourceError
        At the first mistake in it.
    """
    raw = [cell for part in part_files(path) for cell in _read_part(part)]
    labels: dict[str, Place] = {}
    for cell in raw:
        try:
            _inspect(cell, labels)
        except Mistake as mistake:
            raise SourceError(cell.place.below(mistake.line), mistake.text) from None
    cells = _with_coverage(_with_ids(_merge_twins(raw)))
    _require_statements_above(cells)
    return Lab(path.name.removesuffix(".py"), cells)


def _read_part(file: Path) -> list[RawCell]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the lab's source {file}: {error}") from None
    try:
        return read_cells(text, file)
    except Mistake as mistake:
        raise SourceError(Place(file, mistake.line), mistake.text) from None


# --- what cells hold ---------------------------------------------------------------------------


def _inspect(cell: RawCell, labels: dict[str, Place]) -> None:
    """Raise `Mistake`, its line counted within the cell, at what authoring refuses in it."""
    if cell.role == "question":
        prompt, _ = split_answer(cell.text)
        if not prompt:
            raise Mistake(0, "the question has no text outside its answer")
    elif cell.role == "exercise":
        if stub(cell.text, LANGUAGES[0]) == cell.text:
            raise Mistake(0, f"an exercise needs a solution between '{BEGIN}' and '{END}'")
    elif found := regions(cell.text):
        raise Mistake(found[0].begin, f"a cell of role {cell.role} holds no solution")
    if cell.is_code:
        parse_python(cell.text)
        _inspect_checks(cell, labels)
    else:
        require_local_images(cell.text)


def _inspect_checks(cell: RawCell, labels: dict[str, Place]) -> None:
    calls = check_calls(cell.text)
    if cell.role != "check":
        if calls.first:
            line, name = calls.first
            raise Mistake(line, f"{name} belongs in a check cell; elsewhere it earns nothing")
        return
    for line, label in calls.labels:
        if label in labels:
            raise Mistake(
                line, f"the label {label!r} is taken by the check in {labels[label].short}"
            )
        labels[label] = cell.place.below(line)
    points = cell.metadata["points"]
    if calls.marks is not None and not math.isclose(calls.marks, points):
        raise Mistake(0, f"points={points:g}, but the marks of its checks sum to {calls.marks:g}")


# --- raw cells as cells ------------------------------------------------------------------------


def _merge_twins(raw: list[RawCell]) -> Iterator[Cell]:
    """Yield cells; a run of twins, one in each language, becomes one."""
    rest = list(raw)
    while rest:
        first = rest[0]
        count = 1 if first.is_code else len(LANGUAGES)
        twins, rest = rest[:count], rest[count:]
        if first.is_code:
            text = dict.fromkeys(LANGUAGES, first.text)
        else:
            _require_twins(twins)
            text = {twin.metadata["lang"]: twin.text for twin in twins}
        metadata = first.metadata
        yield Cell(
            role=first.role,
            id=metadata.get("id", ""),
            place=first.place,
            text=text,
            points=metadata.get("points", 0),
            covers=_split_ids(metadata.get("covers", "")),
            title={lang: metadata.get(f"title_{lang}", "") for lang in LANGUAGES},
            difficulty=metadata.get("difficulty", 0),
            minutes=metadata.get("minutes", 0),
            exercise=metadata.get("exercise", ""),
        )


def _split_ids(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _require_twins(twins: list[RawCell]) -> None:
    first = twins[0]
    if first.metadata["lang"] != LANGUAGES[0]:
        raise SourceError(
            first.place,
            f"a cell lang={first.metadata['lang']!r} without its twin lang={LANGUAGES[0]!r} "
            "directly above",
        )
    for index, lang in enumerate(LANGUAGES[1:], start=1):
        twin = twins[index] if index < len(twins) else first
        same = twin.metadata | {"lang": ""} == first.metadata | {"lang": ""}
        if twin.is_code or twin.role != first.role or twin.metadata["lang"] != lang:
            raise SourceError(
                first.place,
                f"a cell lang={first.metadata['lang']!r} without its twin lang={lang!r} "
                "directly below",
            )
        if not same:
            raise SourceError(twin.place, "twins have the same metadata but for lang=")


def _with_ids(cells: Iterable[Cell]) -> list[Cell]:
    """Give the cells without an id one that neither prose nor cells elsewhere can change."""
    taken = dict.fromkeys(FRAME_IDS, "every notebook")
    found = []
    anchor, counts = "start", Counter[str]()
    for cell in cells:
        if cell.id:
            anchor, counts = cell.id, Counter()
        else:
            counts[cell.role] += 1
            cell = replace(cell, id=f"{anchor}-{cell.role}-{counts[cell.role]}")
        for name in (cell.id, *made_ids(cell)):
            if name in taken:
                raise SourceError(
                    cell.place,
                    f"the id {name!r} is taken in {taken[name]}; give each cell one of its own",
                )
            taken[name] = cell.place.short
        found.append(cell)
    return found


def made_ids(cell: Cell) -> tuple[str, ...]:
    """Return the ids of the further cells that a notebook has for this one."""
    suffix = {"exercise": "header", "question": "text"}.get(cell.role)
    return (f"{cell.id}-{suffix}",) if suffix else ()


def _with_coverage(cells: list[Cell]) -> tuple[Cell, ...]:
    """Fill in which exercises each check covers.

    Without ``covers=`` these are the ones since the check before; if there are none, the same as
    that check's.
    """
    above: set[str] = set()
    recent: list[str] = []
    covered: tuple[str, ...] = ()
    found = []
    for cell in cells:
        if cell.role == "exercise":
            above.add(cell.id)
            recent.append(cell.id)
        elif cell.role == "check":
            for name in cell.covers:
                if name not in above:
                    raise SourceError(
                        cell.place, f"covers={name!r}: there is no such exercise above"
                    )
            covered = cell.covers or tuple(recent) or covered
            if not covered:
                raise SourceError(cell.place, f"the check {cell.id!r} has no exercise above it")
            cell, recent = replace(cell, covers=covered), []
        found.append(cell)
    marked = {name for cell in found for name in cell.covers}
    for cell in found:
        if cell.role == "exercise" and cell.id not in marked:
            raise SourceError(cell.place, f"no check covers the exercise {cell.id!r}")
    return tuple(found)


def _require_statements_above(cells: tuple[Cell, ...]) -> None:
    """Raise `SourceError` where prose that states an exercise does not lead straight to it."""
    for cell, below in zip(cells, (*cells[1:], None), strict=True):
        if not cell.exercise:
            continue
        leads_to = (below.id if below.role == "exercise" else below.exercise) if below else ""
        if leads_to != cell.exercise:
            raise SourceError(
                cell.place,
                f"the exercise {cell.exercise!r} must stand directly below its statement",
            )
