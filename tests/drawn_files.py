"""What Moodle and Canvas give a teacher of a drawn class, in their own formats, in Spanish."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from tests.drawn_term import Person, Work

MONTHS = """\
enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"""


def participant(person: Person, place: int) -> int:
    """Return what Moodle calls a student in one assignment."""
    return 10_000 * (place + 1) + person.number


def user(person: Person) -> int:
    """Return what Canvas calls a student."""
    return 5_100 + person.number


def _csv(rows: Iterable[Sequence[object]], delimiter: str = ",") -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    return stream.getvalue().encode("utf-8-sig")


def moodle_participants(people: Iterable[Person]) -> bytes:
    """Return the list of participants, the teacher among them."""
    titles = ["Nombre", "Apellido(s)", "Número de ID", "Dirección de correo", "Roles", "Grupos"]
    teacher = ["Marie", "Curie", "p7", "curie@uni.example", "Profesor", ""]
    students = [
        [one.given, one.surname, one.id, one.email, "Estudiante", one.group] for one in people
    ]
    return _csv([titles, teacher, *students])


def moodle_zip(path: Path, works: Iterable[Work], place: int) -> None:
    """Write *Download all submissions* of an assignment."""
    entries = []
    for work in works:
        sender = work.people[0]
        folder = f"{sender.name}_{participant(sender, place)}_assignsubmission_file"
        entries.append((f"{folder}/{work.lab.name}.ipynb", work))
    _zip(path, entries)


def moodle_worksheet(
    people: Iterable[Person], works: Iterable[Work], place: int, most: float
) -> bytes:
    """Return the grading worksheet of an assignment, nothing graded in it."""
    titles = [
        *("Identificador", "Nombre completo", "Número de ID", "Dirección de correo", "Estado"),
        *("Calificación", "Calificación máxima", "La calificación puede ser cambiada"),
        *("Última modificación (entrega)", "Última modificación (calificación)"),
        "Comentarios de retroalimentación",
    ]
    at = {person: work.at for work in works for person in work.people}
    rows = [
        [
            f"Participante {participant(one, place)}",
            *(one.name, one.id, one.email),
            *("Enviado para calificar" if one in at else "Sin entrega", ""),
            *(f"{most:.2f}".replace(".", ","), "Sí"),
            *(_in_words(at[one]) if one in at else "-", "-", ""),
        ]
        for one in people
    ]
    return _csv([titles, *rows], ";")


def _in_words(at: datetime) -> str:
    return f"{at.day} de {MONTHS.split()[at.month - 1]} de {at.year}, {at:%H:%M}"


def canvas_zip(path: Path, works: Iterable[Work]) -> None:
    """Write *Download submissions* of an assignment."""
    entries = []
    for number, work in enumerate(works):
        sender = work.people[0]
        name = f"{sender.surname}{sender.given}".replace(" ", "").lower()
        late = "_LATE" if work.at > work.lab.due else ""
        file = f"{name}{late}_{user(sender)}_{883_000 + number}_{work.lab.name}.ipynb"
        entries.append((file, work))
    _zip(path, entries)


def canvas_gradebook(people: Iterable[Person], assignments: Sequence[tuple[str, float]]) -> bytes:
    """Return the export of a gradebook with assignments of these titles and points."""
    before = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    titles = [f"{title} ({776 + place})" for place, (title, _) in enumerate(assignments)]
    points = ["    Points Possible", "", "", "", "", *(f"{most:.2f}" for _, most in assignments)]
    empty = [""] * len(assignments)
    rows = [
        [f"{one.surname}, {one.given}", user(one), one.id, one.email, one.group, *empty, ""]
        for one in people
    ]
    tester = ["Student, Test", 5_999, "", "9f8a7b", "", *empty, ""]
    header = [*before, *titles, "Final Score"]
    return _csv([header, [*points, "(read only)"], *rows, tester])


def _zip(path: Path, entries: Iterable[tuple[str, Work]]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, work in entries:
            entry = zipfile.ZipInfo(name, work.at.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, json.dumps(work.notebook()))
