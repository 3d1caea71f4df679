"""The pages about the course as a whole: front door, map, glossary, references, errata."""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from textwrap import wrap

from docs.site.facts import Facts
from docs.site.words import say
from grading.authoring import Lab, total_points
from grading.course.config import LANGUAGES, Course, LabInfo
from grading.messages import message

WIDTH, LINE, GAP = 270, 19, 44  # a lab in the map, a line of its title, what is between two
LETTERS = 30  # of a title in a line
COLUMNS = (
    *("column_lab", "column_needs", "column_hours"),
    *("column_marks", "column_exercises", "column_questions"),
)
DOORS = {  # with what stands behind each
    "door_students": "door_students_lead",
    "door_instructors": "door_instructors_lead",
    "door_engineers": "door_engineers_lead",
}
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((https?://(?:[^\s()]|\([^\s()]*\))+)\)")


def labs_page(course: Course, labs: Sequence[Lab], lang: str) -> str:
    """Return the page with the map of the course and the table of its labs."""
    title = {lab.name: lab.title[lang] for lab in course.labs}
    rows = [
        f"| [{title[lab.name]}]({lab.name}.md) "
        f"| {', '.join(title[name] for name in course.lab(lab.name).needs) or '–'} "
        f"| {course.lab(lab.name).hours:g} | {total_points(lab):g} "
        f"| {len(lab.of_role('exercise'))} | {len(lab.of_role('question'))} |"
        for lab in labs
    ]
    columns = [say(name, lang) for name in COLUMNS]
    table = [_row(columns), _row(["---"] * len(columns)), *rows]
    map_ = f"```{{raw}} html\n{course_map(course, labs, lang)}\n```"
    toctree = "\n".join(lab.name for lab in labs)
    return "\n\n".join(
        [
            f"# {say('labs', lang)}",
            say("labs_lead", lang),
            map_,
            "\n".join(table),
            f"```{{toctree}}\n:hidden:\n\n{toctree}\n```\n",
        ]
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def steps(labs: Sequence[LabInfo]) -> dict[str, int]:
    """Return how many labs have to be done before each, one after the other.

    Examples
    --------
    >>> one, two = LabInfo("one", {}), LabInfo("two", {}, needs=("one",))
    >>> steps([one, two])
    {'one': 0, 'two': 1}
    """
    found: dict[str, int] = {}
    for lab in labs:
        found[lab.name] = max((found[name] + 1 for name in lab.needs), default=0)
    return found


def course_map(course: Course, labs: Sequence[Lab], lang: str) -> str:
    """Return the map as SVG: a box a lab, with hours and marks, below those that it needs."""
    step = steps(course.labs)
    rows: dict[int, list[str]] = {}
    for name, depth in step.items():
        rows.setdefault(depth, []).append(name)
    widest = max(map(len, rows.values()))
    titles = {lab.name: wrap(lab.title[lang], LETTERS) for lab in course.labs}
    tall = 48 + LINE * max(map(len, titles.values()))
    width = widest * (WIDTH + GAP) - GAP + 4
    height = len(rows) * (tall + GAP) - GAP + 4
    place = {
        name: (
            round((width - len(row) * (WIDTH + GAP) + GAP) / 2 + column * (WIDTH + GAP)),
            2 + depth * (tall + GAP),
        )
        for depth, row in rows.items()
        for column, name in enumerate(row)
    }
    arrows = [
        _arrow(place[name], place[lab.name], tall) for lab in course.labs for name in lab.needs
    ]
    abouts = {
        lab.name: say(
            "at_a_glance_short",
            lang,
            hours=f"{course.lab(lab.name).hours:g}",
            marks=f"{total_points(lab):g}",
        )
        for lab in labs
    }
    boxes = [_box(name, [*titles[name], abouts[name]], *place[name], tall) for name in place]
    return "\n".join(
        [
            f'<svg class="course-map" viewBox="0 0 {width} {height}" role="group" '
            f'aria-label="{escape(say("map", lang))}" xmlns="http://www.w3.org/2000/svg">',
            '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" '
            'markerHeight="8" orient="auto"><path d="M0 0L10 5L0 10z"/></marker></defs>',
            *arrows,
            *boxes,
            "</svg>",
        ]
    )


def _arrow(above: tuple[int, int], below: tuple[int, int], tall: int) -> str:
    x, y = above[0] + WIDTH // 2, above[1] + tall
    to_x, to_y = below[0] + WIDTH // 2, below[1] - 2
    middle = (y + to_y) // 2
    curve = f"M{x} {y}C{x} {middle} {to_x} {middle} {to_x} {to_y}"
    return f'<path d="{curve}" marker-end="url(#arrow)"/>'


def _box(name: str, lines: Sequence[str], x: int, y: int, tall: int) -> str:
    """Return a lab's box, which leads to its page; the last of its lines stands below the title."""
    middle = x + WIDTH // 2
    heights = [y + 24 + LINE * n for n in range(len(lines) - 1)] + [y + tall - 14]
    texts = "".join(
        f'<text x="{middle}" y="{height}" text-anchor="middle">{escape(line)}</text>'
        for line, height in zip(lines, heights, strict=True)
    )
    box = f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{tall}" rx="10"/>'
    return f'<a href="{name}.html">{box}{texts}</a>'


def glossary_page(facts: Facts, lang: str) -> str:
    """Return the glossary; each term is followed by what it is called in the other languages."""
    entries = []
    for term in sorted(facts.terms, key=lambda term: term.name[lang].casefold()):
        others = ", ".join(
            f"{message('language.name', other)}: *{term.name[other]}*"
            for other in LANGUAGES
            if other != lang
        )
        entries.append(f"{term.name[lang]}\n  {term.mean[lang]} ({others}.)")
    return "\n\n".join(
        [
            f"# {say('glossary', lang)}",
            say("glossary_lead", lang, count=len(entries)),
            "```{glossary}\n" + "\n\n".join(entries) + "\n```\n",
        ]
    )


def references_page(course: Course, labs: Sequence[Lab], lang: str) -> str:
    """Return what the labs' texts refer to, by lab, in the order in which they do."""
    parts = [f"# {say('references', lang)}", say("references_lead", lang)]
    for lab in labs:
        found = references(lab, lang)
        if found:
            parts.append(f"## [{course.lab(lab.name).title[lang]}]({lab.name}.md)")
            parts.append("\n".join(f"- {text}" for text in found))
    return "\n\n".join(parts) + "\n"


def references(lab: Lab, lang: str) -> list[str]:
    """Return what a lab's prose links to elsewhere: items of its reading list, or links alone."""
    found: dict[str, str] = {}
    for cell in lab.cells:
        if cell.role == "prose":
            for block in _blocks(cell.text[lang]):
                for match in _LINK.finditer(block):
                    is_entry = block.startswith(("- ", "* "))
                    text = block.lstrip("-* ") if is_entry else f"[{match[1]}]({match[2]})"
                    found.setdefault(match[2], text)
    return [*dict.fromkeys(found.values())]


def _blocks(text: str) -> Iterator[str]:
    """Yield the items of lists and the paragraphs of some Markdown, each as one line."""
    for paragraph in re.split(r"\n\s*\n|\n(?=[-*] )", text):
        yield " ".join(paragraph.split())


def errata_page(course: Course, facts: Facts, lang: str) -> str:
    """Return what was wrong and when it was mended, the latest first."""
    lines = [
        f"- **{erratum.day.isoformat()}** · [{course.lab(erratum.lab).title[lang]}]"
        f"({erratum.lab}.md): {erratum.text[lang]}"
        for erratum in sorted(facts.errata, key=lambda erratum: erratum.day, reverse=True)
    ]
    return (
        "\n\n".join([f"# {say('errata', lang)}", "\n".join(lines) or say("no_errata", lang)]) + "\n"
    )


def front_page(course: Course, lang: str, doors: Mapping[str, Sequence[str]]) -> str:
    """Return the first page: three doors, each with its pages.

    Parameters
    ----------
    course, lang
    doors : mapping of str to sequence of str
        The pages behind each of `DOORS`.
    """
    parts = [f"# {course.name}", f"{course.institution} · {course.term}", say("front", lang)]
    for door in doors:
        parts += [f"## {say(door, lang)}", say(DOORS[door], lang).strip()]
    parts += [
        f"```{{toctree}}\n:hidden:\n:caption: {say(door, lang)}\n\n" + "\n".join(pages) + "\n```"
        for door, pages in doors.items()
    ]
    return "\n\n".join(parts) + "\n"
