"""One student out of a course: nothing of them is left, and nobody else has anything less."""

import html
import io
import json
import pkgutil
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import sqlalchemy as sa
from nbgrader.api import Base

from grading.cells.identity import read_identity
from grading.collect.submitted import Place
from grading.course.config import Course, load_course
from grading.course.extensions import read_extensions
from grading.course.roster import Student, read_roster
from grading.errors import UserError
from grading.files import write_atomically
from grading.gradebook.grade import EvidenceGrader
from grading.gradebook.lateness import late_policy
from grading.gradebook.marks import Marks
from grading.gradebook.tables import OURS
from grading.judging.record import Record
from grading.judging.results import digest
from grading.keeping.forget import Forgetting
from grading.keeping.partners import notebook_without
from grading.keeping.traces import Traces
from tests.keeping import term
from tests.keeping.term import BRUNO, CARLA, ZOE
from tests.postgresql import Server

pytestmark = pytest.mark.slow

TOLD = [ZOE, "zoé ñandú", "ñandú, zoé", "zoe@uni.example"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    course = term.make_term(tmp_path_factory.mktemp("term") / "course")
    add_artefacts(course, course.db_url)
    return course.root


@pytest.fixture
def course(whole: Path, tmp_path: Path) -> Course:
    return load_course(Path(shutil.copytree(whole, tmp_path / "course")))


def add_artefacts(course: Course, url: str) -> None:
    """Write what other commands leave, and what people write about a student."""
    both = "".join(f"<p>{html.escape(term.NAMES[one])} ({one})</p>" for one in (ZOE, BRUNO))
    write_atomically(course.home / "reports" / "mini" / "similar.html", both.encode())
    why = "the same as Zoé Ñandú (u1001), who wrote from zoe@uni.example"
    term.run(
        course, "mark", "mini", CARLA, "check-slope", "--marks", "3.5", "--why", why, "--db", url
    )
    with Marks(url) as marks:
        for _ in range(3):  # leaves pages that the database no longer uses
            for one in (ZOE, BRUNO):
                result = marks.result("mini", one)
                assert result
                marks.save(result)
        marks._db.execute(sa.text("UPDATE comment SET manual_comment = 'Ask zoé ñandú.'"))
        marks._db.commit()


def snapshot(root: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def texts(name: str, content: bytes) -> Iterator[str]:
    """Yield what a file says, and what files in it do, however it is written."""
    yield name
    text = content.decode("utf-8", "replace")
    yield from (text, html.unescape(text))
    if "\\u" in text:
        yield text.encode("latin-1", "replace").decode("unicode_escape", "replace")
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for inner in packed.namelist():
                yield from texts(inner, packed.read(inner))


def telling(root: Path) -> set[str]:
    """Return the files in which anything tells of Zoé."""
    return {
        name
        for name, content in snapshot(root).items()
        if any(word in text.casefold() for text in texts(name, content) for word in TOLD)
    }


def record(course: Course, student: str) -> Record:
    with Marks(course.db_url) as marks:
        marks.settle("mini", late_policy(course))
        return next(one for one in marks.records("mini") if one.student == student)


def mark(found: Record) -> tuple[object, ...]:
    return found.score, found.checked, found.written[0].marks, found.deductions, found.waiting


def forget(course: Course, student: str = ZOE) -> list[str]:
    forgetting = Forgetting(course, course.db_url)
    plan = forgetting.plan(student)
    forgetting.carry_out(plan)
    return forgetting.left(plan)


def test_nothing_of_a_student_is_left_anywhere(course: Course) -> None:
    before = telling(course.root)
    assert before >= {
        "roster.csv",
        "extensions.csv",
        "excused.csv",
        "adjustments.csv",
        "exam.csv",
        "course/gradebook.db",
        "course/submitted/u1001/mini/mini.ipynb",
        "course/submitted/u1002/mini/mini.ipynb",
        "course/submitted/u1002/mini/partner.txt",
        "course/submitted/u1002/mini/handed_in.json",
        "course/autograded/u1002/mini/mini.ipynb",
        "course/feedback/u1002/mini/mini.html",
        "course/mail/mini/u1001.eml",
        "course/reports/index.html",
        "course/reports/marks.csv",
        "course/reports/students/u1001.html",
        "course/reports/mini/mini-moodle-feedback.zip",
        "course/reports/mini/index.html",
        "course/reports/mini/mini.csv",
        "course/reports/mini/mini.xlsx",
        "course/reports/mini/mini-canvas.csv",
        "course/reports/mini/similar.html",
    }
    printed = term.run(course, "forget", "U1001", "--yes")
    assert telling(course.root) == set()
    assert not [path for path in course.root.rglob("*") if ZOE in path.name]
    assert "course/submitted/u1001" in printed and "extensions.csv" in printed
    assert "the LMS has its own copy" in printed and "archives" in printed
    assert "still tells of" not in printed


def test_a_partner_keeps_work_marks_and_the_time_that_there_was(course: Course) -> None:
    before = record(course, BRUNO)
    assert before.deductions == ()  # for Zoé's extension is the pair's
    forget(course)
    after = record(course, BRUNO)
    assert mark(after) == mark(before)
    assert after.result and after.result.team == []
    place = Place(course.home, BRUNO, "mini")
    assert place.partner() == ""
    notebook = nbformat.reads((place.content() or b"").decode(), as_version=4)
    (member,) = read_identity(notebook).members
    assert (member.id, member.signature) == (BRUNO, term.NAMES[BRUNO])
    grader = EvidenceGrader(course, "mini")
    with Marks(course.db_url) as marks:
        assert grader.to_do(marks, grader.submissions(), "quick").submissions == ()


def test_others_keep_every_byte(course: Course) -> None:
    before, mark_before = snapshot(course.root), mark(record(course, CARLA))
    forget(course)
    after = snapshot(course.root)
    kept = [name for name in before if f"/{CARLA}/" in name or "/release/" in name]
    assert len(kept) > 8
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert mark(record(course, CARLA)) == mark_before
    (adjusted,) = record(course, CARLA).adjustments
    assert adjusted.change and adjusted.change.why == "the same as … (…), who wrote from …"


def test_the_lists_can_still_be_read(course: Course) -> None:
    forget(course)
    roster = read_roster(course.roster)
    assert [(one.id, one.group) for one in roster.students] == [
        (BRUNO, "morning"),
        (CARLA, "morning"),
    ]
    until = read_extensions(course)  # the group `evening` has nobody any more
    assert {key: f"{instant:%d %H:%M}" for key, instant in until.items()} == {
        (BRUNO, "mini"): "12 21:59",
        (CARLA, "mini"): "07 21:59",
    }


def test_what_is_not_confirmed_is_only_shown(course: Course) -> None:
    before = snapshot(course.root)
    printed = term.run(course, "forget", ZOE, input="n\n")
    assert "removed: course/submitted/u1001" in printed and "nothing was removed" in printed
    assert snapshot(course.root) == before


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("u1004", "did you mean u100"),
        ("zoe@uni.example", "did you mean u1001"),
        ("nobody-at-all", "expected an id"),
    ],
)
def test_a_student_who_is_nobody_is_one_line(course: Course, typed: str, said: str) -> None:
    before = snapshot(course.root)
    with pytest.raises(UserError, match=said) as caught:
        forget(course, typed)
    assert len(str(caught.value).splitlines()) == 1
    assert snapshot(course.root) == before


class Stop(BaseException):
    """What no step foresees."""


def stopping(real: Callable[..., Any], after: int) -> Callable[..., Any]:
    """Return a function that works some times, and is then stopped before it does anything."""
    count = 0

    def step(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count > after:
            raise Stop
        return real(*arguments, **options)

    return step


@pytest.mark.parametrize(
    ("where", "name", "after"),
    [
        ("grading.keeping.forget", "write_atomically", 0),
        ("grading.keeping.forget", "write_atomically", 1),
        ("grading.keeping.forget", "write_atomically", 3),
        ("grading.keeping.forget", "write_atomically", 4),
        ("grading.gradebook.forgetting", "leave_teams", 0),
        ("grading.keeping.forget.Path", "unlink", 2),
        ("grading.keeping.forget", "_rewrite", 0),
        ("grading.keeping.forget", "_remove", 1),
        ("grading.gradebook.forgetting", "forget", 0),
        ("grading.gradebook.forgetting", "compact", 0),
    ],
)
def test_a_run_that_is_stopped_is_run_again(
    course: Course, monkeypatch: pytest.MonkeyPatch, where: str, name: str, after: int
) -> None:
    before = mark(record(course, BRUNO))
    with monkeypatch.context() as patch:
        patch.setattr(f"{where}.{name}", stopping(pkgutil.resolve_name(f"{where}.{name}"), after))
        with pytest.raises(Stop):
            forget(course)
    assert telling(course.root) != set()
    assert forget(course) == []
    assert telling(course.root) == set()
    assert mark(record(course, BRUNO)) == before


def test_somebody_who_reads_the_gradebook_is_waited_for_and_not_forgotten(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grading.gradebook.database.LOCK_SECONDS", 1)
    engine = sa.create_engine(course.db_url, poolclass=sa.NullPool)
    with engine.connect() as reader:
        reader.execute(sa.text("BEGIN"))
        reader.execute(sa.text("SELECT * FROM student")).all()
        with pytest.raises(UserError, match="another program has the gradebook open"):
            forget(course)
    assert forget(course) == []
    assert telling(course.root) == set()


def test_who_was_only_collected_is_forgotten(tmp_path: Path) -> None:
    course = term.make_course(tmp_path / "course")
    term.collect(course, tmp_path / "download")
    assert "course/submitted/u1002/mini/mini.ipynb" in telling(course.root)
    assert forget(course) == []
    assert telling(course.root) == set()
    assert not (course.home / "gradebook.db").exists()


def test_who_is_no_longer_in_the_roster_is_forgotten_by_the_gradebooks_name(course: Course) -> None:
    lines = course.roster.read_text(encoding="utf-8").splitlines()
    course.roster.write_text("\n".join(line for line in lines if ZOE not in line))
    course.extensions.unlink()
    assert forget(course) == []
    assert telling(course.root) == set()


def test_who_only_named_the_student_keeps_marks_that_are_of_the_file(course: Course) -> None:
    """Carla signs for Zoé, who handed in with Bruno: the notebook counts for Carla alone."""
    place = Place(course.home, CARLA, "mini")
    place.notebook.write_text(nbformat.writes(term.signed(course, (CARLA, ZOE))), encoding="utf-8")
    with Marks(course.db_url) as marks:
        marks.save(term.result_of(course, CARLA))
    forget(course)
    assert telling(course.root) == set()
    with Marks(course.db_url) as marks:
        result = marks.result("mini", CARLA)
    assert result and result.submission == digest(place.content() or b"")


def test_what_editors_keep_of_a_partner_goes_and_what_cells_are_stays() -> None:
    student = Student("check", "Zoé Ñandú")
    identity = code(
        'STUDENT_1 = "bo"\nSTUDENT_2 = "check"\n',
        nbgrader={"grade_id": "identity"},
        executionInfo={"user": {"displayName": "Zoé Ñandú"}},
    )
    check = code("tick.x()", "Zoé Ñandú", nbgrader={"grade_id": "check"}, dl={"role": "check"})
    first, second = json.loads(
        notebook_without(partners_notebook(identity, check), Traces(student))
    )["cells"]
    assert first["metadata"]["executionInfo"] == {"user": {"displayName": "…"}}
    assert second["metadata"] == check["metadata"]
    assert second["outputs"][0]["text"] == "…"


def test_every_table_is_copied_and_forgotten(course: Course) -> None:
    with Marks(course.db_url) as marks:
        there = sa.inspect(marks._db.get_bind()).get_table_names()
    theirs = {*Base.metadata.tables, "alembic_version"}
    assert {*there} - theirs == {table.name for table in OURS}
    of_nobody = {"dl_schema", "dl_rubric", "dl_allocation", "dl_shown"}
    assert {table.name for table in OURS if "student" not in table.c} == of_nobody


def test_what_a_partner_wrote_stays_and_is_named(course: Course) -> None:
    place = Place(course.home, BRUNO, "mini")
    notebook = json.loads(place.content() or b"")
    (answer,) = (cell for cell in notebook["cells"] if cell["id"] == "why")
    answer["source"] = "Because, as Zoé Ñandú says."
    place.notebook.write_text(json.dumps(notebook), encoding="utf-8")
    printed = term.run(course, "forget", ZOE, "--yes")
    assert f"course/submitted/{BRUNO}/mini/mini.ipynb still tells of {ZOE}" in printed
    kept = json.loads(place.content() or b"")
    assert answer["source"] in [cell["source"] for cell in kept["cells"]]
    assert telling(course.root) == {f"course/submitted/{BRUNO}/mini/mini.ipynb"}


def test_a_gradebook_on_a_server_forgets_too(postgresql: Server, tmp_path: Path) -> None:
    url = postgresql.database()
    course = term.make_term(tmp_path / "course", url)
    (course.home / "gradebook.url").write_text(url)
    before = mark(record(course, BRUNO))
    assert forget(course) == []
    assert telling(course.root) == set()
    with Marks(url) as marks:
        assert marks.rows_of(ZOE) == {}
        assert marks.rows_of(BRUNO)["dl_result"] == 1
    assert mark(record(course, BRUNO)) == before


def test_a_student_called_as_a_lab_or_a_folder_takes_nothing_with_them(course: Course) -> None:
    with course.roster.open("a", encoding="utf-8") as roster:
        roster.write("mini,Mini Lab,,\nsubmitted,Sub Mitted,,\n")
    before = snapshot(course.home)
    for student in ("mini", "submitted"):
        forget(course, student)
    after = snapshot(course.home)
    work = [name for name in before if name.startswith(("submitted/", "autograded/", "release/"))]
    assert len(work) > 10
    assert {name: after[name] for name in work} == {name: before[name] for name in work}
    with Marks(course.db_url) as marks:
        assert len(marks.records("mini")) == 3


def test_a_zip_that_cannot_be_read_stops_nobody(course: Course) -> None:
    locked = io.BytesIO()
    with zipfile.ZipFile(locked, "w") as target:
        target.writestr("marks.csv", "u1001")
    data = bytearray(locked.getvalue())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # says that it is encrypted
    write_atomically(course.home / "reports" / "locked.zip", bytes(data))
    write_atomically(course.home / "reports" / "odd.zip", b"?" * 9 + bytes(data[60:]))
    assert forget(course) == []


def test_a_backup_of_the_gradebook_is_named(course: Course) -> None:
    shutil.copy(course.home / "gradebook.db", course.home / "gradebook.db.2026-10-01")
    assert forget(course) == ["course/gradebook.db.2026-10-01"]


# --- whose trace is it? -------------------------------------------------------------------------


def partners_notebook(*cells: dict[str, Any]) -> bytes:
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4}).encode()


def code(source: str, *outputs: str, **metadata: object) -> dict[str, Any]:
    made = [{"output_type": "stream", "name": "stdout", "text": text} for text in outputs]
    return {"cell_type": "code", "source": source, "outputs": made, "metadata": metadata}


@pytest.mark.parametrize(
    ("student", "partner"),
    [
        (Student("12", "Sol", ""), Student("120", "Ana Sol")),
        (Student("ana", "Ana Gil", "ana@um.es"), Student("ana-maria", "Ana María Gil")),
        (Student("u100", "Bo Li"), Student("u100.b", "Li Bo Chen", "u100@x.org")),
    ],
)
def test_a_partner_who_is_called_alike_and_code_stay(student: Student, partner: Student) -> None:
    identity = code(
        f'STUDENT_1 = "{partner.id}"\nSIGNATURE_1 = "{partner.name}"\n'
        f'STUDENT_2 = "{student.id}"  # yours\nSIGNATURE_2 = "{student.name}"\n',
        nbgrader={"grade_id": "identity"},
    )
    work = code("sol = 12\nana = sol * 120  # u100\n", "120 12 ana sol\n")
    after = notebook_without(partners_notebook(identity, work), Traces(student))
    first, second = json.loads(after)["cells"]
    assert first["source"].splitlines() == [
        f'STUDENT_1 = "{partner.id}"',
        f'SIGNATURE_1 = "{partner.name}"',
        'STUDENT_2 = ""',
        'SIGNATURE_2 = ""',
    ]
    assert second["source"] == work["source"]
    assert second["outputs"] == work["outputs"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"cells": [3]}', b'{"cells": {"a": 1}}'])
def test_what_is_no_notebook_stays_as_it_is(content: bytes) -> None:
    assert notebook_without(content, Traces(Student("u1", "A B"))) == content


@pytest.mark.parametrize(
    "text",
    ["Zoé Ñandú", "ñandú, zoé", "Zoe  Nandu", "from ZOE@uni.example", "(u1001)", "u1001: 3"],
)
def test_a_student_is_told_of_in_many_ways(text: str) -> None:
    traces = Traces(Student("u1001", "Zoé Ñandú", "zoe@uni.example"))
    assert traces.told_in(text)
    assert "…" in traces.without(text)


@pytest.mark.parametrize("name", ["李 小龙", "Ñá Éó", "Ø Ü"])
def test_a_name_without_plain_letters_is_found(name: str) -> None:
    traces = Traces(Student("u1001", name))
    assert traces.told_in(f"by {name}") and traces.without(f"by {name}.") == "by …."


@pytest.mark.parametrize("text", ["Zoé", "u10011", "xu1001", "azoe@uni.example", "u1001-b", ""])
def test_others_are_not_told_of(text: str) -> None:
    assert not Traces(Student("u1001", "Zoé Ñandú", "zoe@uni.example")).told_in(text)
