"""The submission rebuilt from the release: only the answers are the student's.

Locked cells (checks, given code, prose) are the release's. Answer cells take the student's text.
Cells of the student's own are run where they stand, but carry no grade id, so nothing that they
leave can count as evidence. Everything that was changed beyond the answers is flagged.

An honest student's notebook comes back in many shapes: ids lost, cells split, merged, copied or
moved. What they wrote is run in any of them.
"""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from grading.cells.metadata import grade_id, is_answer, language_of, role_of
from grading.messages import Reason, languages, message

MISSING = "# This answer was missing from the submission."

# What a stub says of what to complete, in the language of its notebook.
# Of a line the first one is looked at, once: another on it is within its brackets.
_TO_COMPLETE = re.compile(r"(?m)^((?>.*?raise NotImplementedError\()).*\)")

# What the first cell says of the kit: "KIT, TAG, COMMIT = ..." and "version=...".
VERSION_NAMED = re.compile(r'(?m)^KIT, TAG(?:, COMMIT)? = .*$|version="[0-9a-f]*"')


@dataclass(frozen=True)
class Rebuilt:
    """A notebook that is safe to judge, and what the submission had changed.

    Attributes
    ----------
    notebook : NotebookNode
    flags : tuple of Reason
    older : bool
        Whether locked cells of it are those of a former release, which is no change of theirs.
    """

    notebook: NotebookNode
    flags: tuple[Reason, ...]
    older: bool = False


def rebuild(
    release: NotebookNode, submitted: NotebookNode, former: Sequence[NotebookNode] = ()
) -> Rebuilt:
    """Return the release with the submission's answers and own cells in it.

    Parameters
    ----------
    release : NotebookNode
        The student's notebook as it was released.
    submitted : NotebookNode
        As `grading.cells.reading.read_notebook` returns what came back, in any language of the
        course: ids or metadata may have been lost.
    former : sequence of NotebookNode
        The releases before this one, on one of which the student may have worked.
    """
    copies: list[list[int]] = [[] for _ in release.cells]
    for position, place in enumerate(_match(release, submitted)):
        if place is not None:
            copies[place].append(position)
    is_translated = language_of(submitted) not in ("", language_of(release))
    given = [_given(notebook) for notebook in former]
    taken = [
        _answered(original, submitted, positions)
        if is_answer(original)
        else _restored(original, submitted, positions, is_translated, given)
        for original, positions in zip(release.cells, copies, strict=True)
    ]
    own = _own_cells(submitted, taken)
    notebook = copy.deepcopy(release)
    notebook.cells = own[0] + [
        cell for one, after in zip(taken, own[1:], strict=True) for cell in (one.cell, *after)
    ]
    flags = [one.flag for one in taken if one.flag]
    added = [cell for cells in own for cell in cells]
    _name(added, {cell.get("id") for cell in release.cells})
    withdrawn = {_text_key(cell) for cells in given for cell in cells.values()}
    withdrawn -= {_text_key(cell) for cell in release.cells}
    own_code = [cell for cell in added if cell.cell_type == "code"]
    count = sum(_text_key(cell) not in withdrawn for cell in own_code)
    if count:
        flags.append(Reason("flag.added", {"count": count}))
    older = any(one.older for one in taken) or count < len(own_code)
    return Rebuilt(notebook, tuple(flags), older)


def _given(release: NotebookNode) -> dict[str, NotebookNode]:
    """Return the locked cells of a release, by what they are called there."""
    return {_called(cell): cell for cell in release.cells if not is_answer(cell)}


def _called(cell: NotebookNode) -> str:
    return grade_id(cell) or str(cell.get("id"))


# --- what is taken of a submission for each cell of the release -------------------------------


@dataclass(frozen=True)
class _Taken:
    """A cell of the rebuilt notebook.

    Attributes
    ----------
    cell : NotebookNode
        The release's, with the student's text if it is theirs to write.
    stands_for : int or None
        Position of the submitted cell in whose place it is.
    absorbed : set of int
        Positions of copies of which nothing is left to run.
    before, after : str
        What the student wrote around the text of a locked cell.
    flag : Reason or None
    older : bool
        Whether it stands for one of a former release.
    """

    cell: NotebookNode
    stands_for: int | None = None
    absorbed: Set[int] = frozenset()
    before: str = ""
    after: str = ""
    flag: Reason | None = None
    older: bool = False


def _answered(original: NotebookNode, submitted: NotebookNode, positions: list[int]) -> _Taken:
    """Return an answer cell with the student's text.

    Of several copies that differ from the release, as splitting a cell leaves them, the last is
    the answer and the others run before it; of a written answer all are kept. Nothing answered,
    in whatever language the notebook says so, is the release's text.
    """
    cell, name = copy.deepcopy(original), {"cell": grade_id(original)}
    if not positions:
        cell.source = MISSING if cell.cell_type == "code" else ""
        return _Taken(cell, flag=Reason("flag.missing", name))
    cells = submitted.cells
    alike = [p for p in positions if cells[p].cell_type == cell.cell_type] or positions
    undone = _undone(original)
    untouched = {p for p in positions if not _text(cells[p]) or _undone(cells[p]) == undone}
    written = [p for p in alike if p not in untouched]
    if not written and _text(cells[alike[-1]]):
        return _Taken(cell, alike[-1], untouched)
    written = written or alike[-1:]
    flag = None
    if len(written) > 1:
        flag = Reason("flag.repeated", name)
    elif cells[written[0]].cell_type != cell.cell_type:
        flag = Reason("flag.turned", name | {"kind": cells[written[0]].cell_type})
    if cell.cell_type == "code":
        cell.source = cells[written[-1]].source
        return _Taken(cell, written[-1], untouched, flag=flag)
    cell.source = "\n\n".join(cells[p].source for p in written)
    pictures = {k: v for p in written for k, v in cells[p].get("attachments", {}).items()}
    if pictures:
        cell.attachments = NotebookNode(pictures)
    return _Taken(cell, written[0], untouched.union(written), flag=flag)


def _undone(cell: NotebookNode) -> str:
    """Return a cell's text without what a language says where nothing is answered."""
    text = _text(cell)
    if text in (message("notebook.placeholder", lang) for lang in languages()):
        return ""
    return _TO_COMPLETE.sub(r"\1", text)


def _restored(
    original: NotebookNode,
    submitted: NotebookNode,
    positions: list[int],
    is_translated: bool,
    former: Sequence[Mapping[str, NotebookNode]],
) -> _Taken:
    """Return a locked cell as it was released, with what the student wrote around its text."""
    cell, name = copy.deepcopy(original), {"cell": grade_id(original)}
    is_code = cell.cell_type == "code"
    before_it = [cells.get(_called(original)) for cells in former]
    if not positions:
        if None in before_it:  # it is new since the one that the student may have worked on
            return _Taken(cell, older=True)
        return _Taken(cell, flag=Reason("flag.deleted", name) if is_code else None)
    first = positions[0]
    for known in (cell, *filter(None, before_it)):
        for p in positions:
            there = submitted.cells[p]
            if there.cell_type == known.cell_type and _same_text(there, known):
                return _Taken(cell, p, older=known is not cell)
    if is_translated and (not is_code or role_of(cell) == "setup"):
        return _Taken(cell, first)
    text = _text(submitted.cells[first])
    for own in filter(None, (_text(known) for known in (cell, *filter(None, before_it)))):
        before, found, after = text.partition(own)
        if found:
            break
    else:  # a changed text: of prose it is kept, of code it is not run
        before, after = "", "" if is_code else text
    flag = Reason("flag.edited", name) if is_code else None
    return _Taken(cell, first, before=before, after=after, flag=flag)


def _same_text(submitted: NotebookNode, released: NotebookNode) -> bool:
    """Compare texts; the first cell may name another version of the kit, published since."""
    one, other = _text(submitted), _text(released)
    if role_of(released) == "setup":
        one, other = VERSION_NAMED.sub("", one), VERSION_NAMED.sub("", other)
    return one == other


def _own_cells(submitted: NotebookNode, taken: list[_Taken]) -> list[list[NotebookNode]]:
    """Return the student's own cells: those that come first, then those after each cell."""
    index_of = {one.stands_for: index for index, one in enumerate(taken)}
    absorbed = {position for one in taken for position in one.absorbed}
    own: list[list[NotebookNode]] = [[] for _ in range(len(taken) + 1)]
    current = 0
    for position, cell in enumerate(submitted.cells):
        if position in index_of:
            one = taken[index_of[position]]
            own[current] += _written(one.before, one.cell.cell_type)
            current = index_of[position] + 1
            own[current] += _written(one.after, one.cell.cell_type)
        elif position not in absorbed:
            own[current] += _written(cell.source, cell.cell_type)
    return own


def _written(source: str, cell_type: str) -> list[NotebookNode]:
    """Return a cell with nothing but its text, none if it is blank."""
    if not source.strip():
        return []
    runs: dict[str, Any] = {"execution_count": None, "outputs": []} if cell_type == "code" else {}
    return [NotebookNode(cell_type=cell_type, metadata=NotebookNode(), source=source, **runs)]


def _name(cells: list[NotebookNode], taken: set[str | None]) -> None:
    """Give cells numbered ids, so that a submission is rebuilt to the same bytes."""
    numbers = iter(range(len(cells) + len(taken)))
    for cell in cells:
        cell.id = next(name for i in numbers if (name := f"added-{i}") not in taken)


# --- which cell of the release a submitted cell is --------------------------------------------

# What `read_notebook` calls cells that came without an id: it says nothing of which cell it is.
_MADE_UP_ID = re.compile(r"cell-\d+-*")
_DEFINITION = re.compile(
    r"^(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)"
    r"|^([^\W\d]\w*)[ \t]*(?::[^=\n]*)?=(?!=)",
    re.MULTILINE,
)


def _match(release: NotebookNode, submitted: NotebookNode) -> list[int | None]:
    """Return for every submitted cell the index of its release cell, None if it was added.

    By grade id; else by cell id; else, where an editor dropped both, by the same text; and an
    answer without either by the names it defines or by its place between known cells.
    """
    places: list[int | None] = [None] * len(submitted.cells)
    for key in (_grade_key, _id_key, _text_key):
        free: dict[object, list[int]] = {}
        found = set(places)
        for index, cell in enumerate(release.cells):
            if index not in found:
                free.setdefault(key(cell), []).append(index)
        free.pop(None, None)
        if key is _text_key:  # of answers that begin alike, such as blank ones, the place decides
            free = {
                text: indices
                for text, indices in free.items()
                if len(indices) == 1 or not any(is_answer(release.cells[i]) for i in indices)
            }
        for position, cell in enumerate(submitted.cells):
            candidates = free.get(key(cell)) if places[position] is None else None
            if candidates:
                # Copies share a grade id; but a text of which the release has two is two cells.
                places[position] = candidates[0] if key is _grade_key else candidates.pop(0)
    _place_answers(release, submitted, places)
    return places


def _grade_key(cell: NotebookNode) -> object:
    return grade_id(cell) or None


def _id_key(cell: NotebookNode) -> object:
    name = cell.get("id")
    return None if name is None or _MADE_UP_ID.fullmatch(name) else name


def _text_key(cell: NotebookNode) -> object:
    text = _text(cell)
    return (cell.cell_type, text) if text else None


def _place_answers(
    release: NotebookNode, submitted: NotebookNode, places: list[int | None]
) -> None:
    """Find the answers that lost their metadata, by what they define or where they stand."""
    defined = [
        _defined(cell.source) if cell.cell_type == "code" else frozenset()
        for cell in submitted.cells
    ]
    for index, original in enumerate(release.cells):
        if not is_answer(original) or index in places:
            continue
        wanted = _defined(original.source)
        if wanted:
            defining = [
                p for p, place in enumerate(places) if place is None and wanted <= defined[p]
            ]
            chosen = defining[-1:]
        else:
            chosen = list(_gap(submitted, places, index, original.cell_type))[:1]
        for position in chosen:
            places[position] = index


def _gap(
    submitted: NotebookNode, places: list[int | None], index: int, cell_type: str
) -> Iterator[int]:
    """Yield the unknown cells of a type between the known ones around release cell ``index``."""
    known = [p for p, place in enumerate(places) if place is not None and place < index]
    for position in range(max(known, default=-1) + 1, len(places)):
        if places[position] is not None:
            return
        if submitted.cells[position].cell_type == cell_type:
            yield position


def _text(cell: NotebookNode) -> str:
    """Return a cell's text without trailing blanks, as editors change those."""
    return "\n".join(line.rstrip() for line in cell.source.strip().splitlines())


def _defined(source: str) -> frozenset[str]:
    """Return the functions, classes and variables that a cell defines at its top level.

    Read line by line, as it may hold a mistake or a notebook's magic.
    """
    return frozenset(one or other for one, other in _DEFINITION.findall(source))
