"""The pages for instructors: a syllabus by weeks, notes for class, common mistakes, rubrics."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from docs.site.facts import Facts
from docs.site.words import say
from grading.authoring import Lab, student_notebook
from grading.authoring.listed import read_answers
from grading.authoring.rubrics import read_rubrics
from grading.authoring.stubs import split_answer
from grading.cells.headings import headings
from grading.course.config import Course
from grading.judging.rubric import TOP
from grading.messages import message
from grading.reporting.outline import outline_of

WEEKLY = 2  # hours of lab in a week


@dataclass(frozen=True)
class Section:
    """A section of a lab with exercises: its title, and the share of the lab's time it takes."""

    title: str
    share: float


def sections(lab: Lab, lang: str) -> list[Section]:
    """Return the sections of a lab that hold exercises, by their minutes."""
    title, minutes = "", dict[str, int]()
    for cell in lab.cells:
        if cell.role == "prose":
            for level, words in headings(cell.text[lang]):
                title = words if level == 2 else title
        elif cell.role == "exercise":
            minutes[title] = minutes.get(title, 0) + cell.minutes
    total = sum(minutes.values())
    return [Section(title, taken / total) for title, taken in minutes.items()]


def weeks(course: Course, labs: Sequence[Lab], lang: str) -> dict[int, list[tuple[str, str]]]:
    """Return what each week of the term is for: (lab, section), at `WEEKLY` hours a week.

    A section stands in the week in which it begins.
    """
    found: dict[int, list[tuple[str, str]]] = {}
    hours = 0.0
    for lab in labs:
        for section in sections(lab, lang):
            found.setdefault(int(hours / WEEKLY + 1e-9) + 1, []).append((lab.name, section.title))
            hours += section.share * course.lab(lab.name).hours
    return {week: found.get(week, []) for week in range(1, ceil(hours / WEEKLY - 1e-9) + 1)}


def syllabus_page(course: Course, labs: Sequence[Lab], lang: str) -> str:
    """Return the term by weeks."""
    rows = []
    for week, entries in weeks(course, labs, lang).items():
        names = [*dict.fromkeys(lab for lab, _ in entries)]
        titles = ", ".join(f"[{course.lab(name).title[lang]}]({name}.md)" for name in names)
        topics = "; ".join(title for _, title in entries)
        rows.append(
            f"| {week} | {titles or say('same_lab', lang)} | {topics or say('goes_on', lang)} |"
        )
    header = f"| {say('week', lang)} | {say('column_lab', lang)} | {say('topics', lang)} |"
    lead = say("syllabus_lead", lang, hours=WEEKLY, weeks=len(rows))
    table = "\n".join([header, "|---|---|---|", *rows])
    return f"# {say('syllabus', lang)}\n\n{lead}\n\n{table}\n"


def notes_page(course: Course, facts: Facts, lang: str) -> str:
    """Return what to say in class before each lab."""
    parts = [f"# {say('notes', lang)}", say("notes_lead", lang)]
    for chapter in facts.chapters:
        parts.append(f"## [{course.lab(chapter.lab).title[lang]}]({chapter.lab}.md)")
        parts.append("\n".join(f"1. {line}" for line in chapter.notes[lang]))
    return "\n\n".join(parts) + "\n"


def mistakes_page(course: Course, labs: Sequence[Lab], lang: str) -> str:
    """Return the mistakes that the labs' authors list, by exercise; they are named in English."""
    parts = [f"# {say('mistakes', lang)}", say("mistakes_lead", lang)]
    for lab in labs:
        parts.append(f"## [{course.lab(lab.name).title[lang]}]({lab.name}.md)")
        parts += _mistakes(lab, lang)
    return "\n\n".join(parts) + "\n"


def _mistakes(lab: Lab, lang: str) -> Iterator[str]:
    listed = read_answers(lab)
    for number, exercise in enumerate(lab.of_role("exercise"), start=1):
        if names := [mistake.name for mistake in listed[exercise.id].mistakes]:
            yield f"### {number}. {exercise.title[lang]}"
            yield "\n".join(f"- [{_plain(name)}]{{lang=en}}" for name in names)


def rubrics_page(course: Course, labs: Sequence[Lab], lang: str) -> str:
    """Return how each written question is marked; no student may see this page."""
    parts = [f"# {say('rubrics', lang)}", say("rubrics_lead", lang)]
    for lab in labs:
        parts.append(f"## [{course.lab(lab.name).title[lang]}]({lab.name}.md)")
        parts += _rubrics(course, lab, lang)
    return "\n\n".join(parts) + "\n"


def _rubrics(course: Course, lab: Lab, lang: str) -> Iterator[str]:
    places = outline_of(student_notebook(lab, lang, course))
    rubrics = read_rubrics(lab)
    for question in lab.of_role("question"):
        asked, answer = split_answer(question.text[lang])
        marks = message("notebook.marks", lang, marks=f"{question.points:g}")
        place = places[question.id]
        yield f"### {place.name} · {marks}"
        yield f"*{place.section}*"
        yield asked
        if rubric := rubrics.get(question.id):
            yield say("from_top" if rubric.start == TOP else "from_zero", lang)
            yield "\n".join(
                f"- **{item.points:+g}** {_plain(item.text(lang))}" for item in rubric.items
            )
        else:
            yield say("no_rubric", lang)
        if answer:
            yield f":::{{container}} answer\n**{say('model_answer', lang)}**\n\n{answer}\n:::"


def _plain(name: str) -> str:
    """Return a name as Markdown shows it letter by letter."""
    return "".join(f"\\{char}" if char in r"\`*_{}[]<>$|#~^" else char for char in name)
