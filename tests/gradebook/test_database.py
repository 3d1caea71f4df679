"""The gradebook's database: its address and its password, two writers, and what goes wrong."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from nbgrader import api
from nbgrader.api import Grade, Gradebook

from grading.course.config import gradebook_of, remember_gradebook, sqlite_url
from grading.errors import UserError
from grading.gradebook import marks as marking
from grading.gradebook import stored
from grading.gradebook.database import (
    GradebookError,
    address,
    newest_revision,
    opened,
    without_password,
)
from grading.gradebook.marks import Marks
from grading.judging.results import CheckMark, Result
from tests.gradebook.totals import totals
from tests.postgresql import PASSWORD, USER, Server

NewGradebook = Callable[[], str]
LAB = "lab"


@pytest.fixture(autouse=True, scope="module")
def version() -> Iterator[None]:
    """Let nbgrader's own gradebooks know their version, which takes two processes otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "get_alembic_version", newest_revision)
        yield


def result(student: str, mark: float = 1.0, unanswered: tuple[str, ...] = ()) -> Result:
    check = CheckMark("check", "first", mark, 4.0, "")
    texts = {f"{LAB}/essay": "blank" if unanswered else "text"}
    return Result(
        student, LAB, mark, 4.0, "graded", checks=[check], unanswered=[*unanswered], texts=texts
    )


def released(url: str) -> str:
    """Make a gradebook that knows a lab with a check and a question; return its URL."""
    with Marks(url):
        pass
    with Gradebook(url, "") as book:
        book.add_assignment(LAB)
        book.add_notebook(LAB, LAB)
        book.add_grade_cell("check", LAB, LAB, max_score=4, cell_type="code")
        book.add_grade_cell("essay", LAB, LAB, max_score=2, cell_type="markdown")
        book.add_solution_cell("essay", LAB, LAB)
    return url


# --- where it is ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("postgresql://host/grades", "postgresql://host/grades"),
        ("postgres://ana@host:5433/grades", "postgresql://ana@host:5433/grades"),
        ("postgresql://ana:se%40cret@host/grades", "postgresql://ana@host/grades"),
        ("postgresql://host/grades?password=s&sslmode=require", "postgresql://host/grades?sslmode=require"),
        ("postgresql:///grades?host=/run/pg", "postgresql:///grades?host=%2Frun%2Fpg"),
        ("sqlite:////data/a b/book.db", "sqlite:////data/a%20b/book.db"),
    ],
)  # fmt: skip
def test_an_address_is_stored_without_a_password(typed: str, stored: str) -> None:
    kept = without_password(address(typed))
    assert sa.make_url(kept) == sa.make_url(stored)
    assert without_password(kept) == kept


def test_a_relative_file_is_the_same_from_every_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert sa.make_url(address("sqlite:///book.db")).database == str(tmp_path / "book.db")


@pytest.mark.parametrize(
    "typed",
    ["sqlite://", "sqlite:///:memory:", "book.db", "postgresql://host:port/x", "", "sqlite:///"],
)
def test_what_would_keep_nothing_or_is_no_url_is_one_line(typed: str) -> None:
    with pytest.raises(UserError, match=r"expected sqlite:///FILE or postgresql://HOST/NAME"):
        address(typed)


@pytest.mark.parametrize(
    "typed", ["x://ana:secret@host/grades", "postgresql://ana:secret@host:p/x"]
)
def test_no_error_shows_a_password(typed: str) -> None:
    with pytest.raises(UserError) as caught:
        opened(address(typed))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["why?", "a%20b", "100%", "[a]", "c#", "it's {x}", "ñandú & co"])
def test_a_courses_gradebook_lies_among_its_files(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    home.mkdir()
    with Marks(gradebook_of(home)):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (home / "gradebook.db").is_file()


def test_the_course_remembers_another_gradebook_until_it_is_told_its_own(tmp_path: Path) -> None:
    tmp_path = tmp_path / "2026 [A] 100%"
    tmp_path.mkdir()
    own = gradebook_of(tmp_path)
    assert without_password(address(own)) == own
    remember_gradebook(tmp_path, "postgresql://host/grades")
    assert gradebook_of(tmp_path) == "postgresql://host/grades"
    remember_gradebook(tmp_path, own)
    assert gradebook_of(tmp_path) == own == sqlite_url(tmp_path / "gradebook.db")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_database_of_something_else_is_refused(new_gradebook: NewGradebook) -> None:
    url = new_gradebook()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE payroll (id integer)"))
    with pytest.raises(UserError, match="is no gradebook: it has a table payroll"):
        Marks(url)
    assert sa.inspect(engine).get_table_names() == ["payroll"]
    engine.dispose()


# --- nbgrader's own code in it ----------------------------------------------------------------


def test_nbgrader_without_a_course_writes_into_it(new_gradebook: NewGradebook) -> None:
    url = released(new_gradebook())
    with Marks(url) as marks:
        marks.save(result("ana"))
        assert totals(marks, LAB) == {"ana": (1.0, 6.0, True)}
    with Gradebook(url, "") as book:
        assert [item.name for item in book.assignments] == [LAB]


# --- two at once ------------------------------------------------------------------------------


def test_two_who_grade_at_once_write_every_student_once(new_gradebook: NewGradebook) -> None:
    url = released(new_gradebook())
    students = [f"student{number}" for number in range(8)]
    failures: list[BaseException] = []
    together = threading.Barrier(2)

    def grade(order: list[str]) -> None:
        try:
            with Marks(url) as marks:
                together.wait(30)
                for student in order:
                    marks.save(result(student))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=grade, args=(students,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    with Marks(url) as marks:
        assert [item.student for item in marks.results(LAB)] == students
        assert totals(marks, LAB) == {student: (1.0, 6.0, True) for student in students}
        grades = marks._db.query(Grade).count()
    assert grades == 2 * len(students)


def test_a_person_who_marks_meanwhile_waits_for_the_grader(
    new_gradebook: NewGradebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = released(new_gradebook())
    with Marks(url) as marks:
        marks.save(result("ana"))
        writing, marked = threading.Event(), threading.Event()

        def mark() -> None:
            with Gradebook(url, "") as book:
                grade = book.find_grade("essay", LAB, LAB, "ana")
                writing.wait(30)
                grade.manual_score, grade.needs_manual_grade = 2.0, False
                book.db.commit()
            marked.set()

        person = threading.Thread(target=mark)
        person.start()
        store = stored.store

        def slowly(*arguments: object) -> None:
            writing.set()
            assert not marked.wait(0.5), "a mark was written between reading and writing it"
            store(*arguments)

        monkeypatch.setattr(stored, "store", slowly)
        marks.save(result("ana"))
        person.join(30)
        assert totals(marks, LAB) == {"ana": (3.0, 6.0, False)}


def test_a_mark_that_a_person_gave_meanwhile_is_seen(new_gradebook: NewGradebook) -> None:
    url = released(new_gradebook())
    with Marks(url) as marks, Gradebook(url, "") as book:
        marks.save(result("ana"))
        assert totals(marks, LAB) == {"ana": (1.0, 6.0, True)}  # begins to read
        grade = book.find_grade("essay", LAB, LAB, "ana")
        grade.manual_score, grade.needs_manual_grade = 2.0, False
        book.db.commit()
        marks.save(result("ana", 3.0, unanswered=("essay",)))
        (record,) = marks.records(LAB)
        assert (record.score, record.waiting) == (3.0, False)  # it was for what is blank now
        assert [change.new for change in record.history] == [2.0]


# --- what goes wrong --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pragma", "said"),
    [
        ("max_page_count = 1", "database or disk is full .make room on its disk"),
        ("query_only = 1", "readonly database .make the file and its folder yours to write"),
    ],
)
def test_a_file_that_cannot_be_written_any_more_loses_nothing(
    tmp_path: Path, pragma: str, said: str
) -> None:
    url = released(sqlite_url(tmp_path / "why?.db"))
    with Marks(url) as marks:
        marks.save(result("ana"))
    with pytest.raises(GradebookError, match=said) as caught, Marks(url) as marks:
        marks._db.execute(sa.text(f"PRAGMA {pragma}"))
        for number in range(100):  # the last page has room
            marks.save(result(f"bob{number}"))
    assert len(str(caught.value).splitlines()) == 1
    with Marks(url) as marks:
        assert totals(marks, LAB)["ana"] == (1.0, 6.0, True)
        assert {item.student for item in marks.results(LAB)} == {*totals(marks, LAB)}


def test_a_gradebook_that_somebody_holds_is_one_line(
    new_gradebook: NewGradebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grading.gradebook.database.LOCK_SECONDS", 1)
    url = released(new_gradebook())
    with Marks(url) as holder:
        marking.begin_writing(holder._db)
        said = "another program has it open"
        with pytest.raises(GradebookError, match=said) as caught, Marks(url) as marks:
            marks.save(result("ana"))
        assert len(str(caught.value).splitlines()) == 1
    with Marks(url) as marks:
        marks.save(result("ana"))
        assert totals(marks, LAB) == {"ana": (1.0, 6.0, True)}


def test_a_server_that_goes_away_loses_nothing(postgresql: Server) -> None:
    url = released(postgresql.database())
    with Marks(url) as marks:
        marks.save(result("ana"))
        postgresql.stop()
        with pytest.raises(GradebookError, match="is its server up") as caught, marks:
            marks.save(result("bob"))
        assert len(str(caught.value).splitlines()) == 1
        with pytest.raises(GradebookError, match="is its server up"):
            Marks(url)
    postgresql.start()
    with Marks(url) as marks:
        marks.save(result("bob"))
        assert {item.student for item in marks.results(LAB)} == {"ana", "bob"}


@pytest.mark.parametrize(("password", "said"), [("wrong", "password"), (None, "PGPASSWORD")])
def test_a_wrong_or_missing_password_says_where_to_give_it(
    postgresql: Server, monkeypatch: pytest.MonkeyPatch, password: str | None, said: str
) -> None:
    url = postgresql.database()
    monkeypatch.setenv("PGPASSFILE", "/nowhere")
    if password is None:
        monkeypatch.delenv("PGPASSWORD")
    else:
        monkeypatch.setenv("PGPASSWORD", password)
    with pytest.raises(GradebookError, match=r"PGPASSWORD or in ~/\.pgpass"):
        Marks(url)


def test_a_password_is_read_from_pgpass(
    postgresql: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = postgresql.database()
    file = tmp_path / "pgpass"
    secret = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    file.write_text(f"*:*:*:{USER}:{secret}\n")
    file.chmod(0o600)
    monkeypatch.delenv("PGPASSWORD")
    monkeypatch.setenv("PGPASSFILE", str(file))
    with Marks(url) as marks:
        assert marks.results(LAB) == []
