"""A course's own program is asked about the answers that nobody marked; see docs/marking.md."""

from collections.abc import Iterator

from grading.cells.reading import read_notebook
from grading.course.config import Course
from grading.course.roster import Roster, Student
from grading.errors import UserError
from grading.judging.rubric import Rubric
from grading.marking import rubrics, suggesting, work
from grading.marking.answers import Answer, answers
from grading.marking.suggesting import Suggestion
from grading.service.database import Database
from grading.service.written import Asked, answer_path, is_released, questions, solution_path


def suggest_all(course: Course, database: Database, roster: Roster, lab: str) -> Iterator[Answer]:
    """Ask about each answer of a lab that nobody marked, and yield it when it is kept.

    The same text is asked about once. What was suggested for a text stays.

    Raises
    ------
    UserError
        If the course has no such program, the lab was not released, or the program fails: what was
        kept before stays.
    """
    if not course.service.suggest:
        raise UserError(
            "course.toml names no program that suggests marks; expected [service] "
            'suggest = "COMMAND" (docs/marking.md)'
        )
    if not is_released(course, lab):
        raise UserError(f"{lab} was not released; run `python -m grading release {lab}` first")
    asked = questions(course, lab)
    found = rubrics.of_source(course, lab)
    with database.writing() as session:
        rubrics.copy(session, lab, [one.cell for one in asked], found)
    for one in asked:
        yield from _suggest(course, database, roster, lab, one)


def _suggest(
    course: Course, database: Database, roster: Roster, lab: str, asked: Asked
) -> Iterator[Answer]:
    with database.reading() as session:
        known = suggesting.kept(session, lab, asked.cell)
        rubric, _ = rubrics.kept(session, lab, asked.cell) or (Rubric(), 0)
        waiting = [
            one
            for one in answers(session, lab, asked.cell)
            if not one.is_marked and not one.is_blank and (one.student, one.text) not in known
        ]
    if not waiting or not rubric.items:
        return
    by_text: dict[str, Suggestion] = {text: found for (_, text), found in known.items()}
    solution = read_notebook(solution_path(course, lab).read_bytes())
    prompt, model = work.prompt_of(solution, asked.cell), work.model_of(solution, asked.cell)
    question = prompt.source if prompt else asked.name
    for one in waiting:
        if one.text not in by_text:
            notebook = read_notebook(answer_path(course, one).read_bytes())
            authors = [roster.find(who) or Student(who, "") for who in one.students]
            cell = work.cell_of(notebook, asked.cell)
            text = work.blind_text(cell.source if cell else "", authors)
            about = suggesting.question_for(
                question, model, text, one.most, rubric, course.language
            )
            by_text[one.text] = suggesting.suggest(
                course.service.suggest, course.root, about, rubric
            )
        with database.writing() as session:
            suggesting.keep(session, one, by_text[one.text])
        yield one
