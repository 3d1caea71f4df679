"""course.toml: what it may say, and one line for each thing in it that is wrong."""

import datetime
import math
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from grading.course.config import CourseFile, Limits, load_course
from grading.course.late import Late
from grading.course.tables import Key, keys_of, problems
from grading.errors import UserError
from tests import mini
from tests.twins import in_every_language

ROOT = Path(__file__).resolve().parents[2]
Place = tuple[str, ...]  # the keys that lead to a table

RIGHT = tomllib.loads(in_every_language(mini.COURSE)) | {
    "late": {"policy": "none"},
    "exams": [{"name": "exam", "title": {}, "file": "exam.csv", "maximum": 10}],
    "mail": {"sender": "Ana Gil <ana@example.org>"},
    "service": {
        "staff": [{"id": "prof"}],
        "oidc": {"issuer": "https://login.example.org", "client_id": "course"},
        "lti": [
            {"issuer": "https://lms.example.org", "client_id": "course", "deployments": ["1"]}
            | {
                name: f"https://lms.example.org/{name}"
                for name in ("authorization", "token", "keys")
            }
        ],
    },
}


def tables(kind: type[Any] = CourseFile, place: Place = ()) -> Iterator[tuple[Place, type[Any]]]:
    """Every table that course.toml may have, and the dataclass that declares it."""
    yield place, kind
    for key in keys_of(kind).values():
        if key.rule is None:
            yield from tables(key.kind, (*place, key.name))


TABLES = dict(tables())
KEYS = [(place, key) for place, kind in TABLES.items() for key in keys_of(kind).values()]
NAMES = [".".join((*place, key.name)) for place, key in KEYS]


def table_at(data: dict[str, Any], place: Place) -> dict[str, Any]:
    """The table there, or the first one of an array."""
    for name in place:
        data = data.setdefault(name, {})
        data = data[0] if isinstance(data, list) else data
    return data


def lines(change: Callable[[dict[str, Any]], object]) -> list[str]:
    """What is wrong with the right file once it was changed."""
    data = deepcopy(RIGHT)
    change(data)
    return list(problems(CourseFile, data, "course.toml: "))


def written(folder: Path, content: str | bytes) -> Path:
    data = content.encode() if isinstance(content, str) else content
    (folder / "course.toml").write_bytes(data)
    return folder


def refused(folder: Path, content: str | bytes) -> list[str]:
    """The lines of the error that a file with this content raises."""
    with pytest.raises(UserError) as caught:
        load_course(written(folder, content))
    return str(caught.value).splitlines()


def changed(old: str, new: str) -> str:
    assert old in mini.COURSE
    return in_every_language(mini.COURSE.replace(old, new))


@pytest.mark.parametrize(("place", "key"), KEYS, ids=NAMES)
@pytest.mark.parametrize("wrong", [[[]], datetime.time(12)], ids=["array", "time"])
def test_every_key_refuses_a_value_of_the_wrong_type(place: Place, key: Key, wrong: Any) -> None:
    (line,) = lines(lambda data: table_at(data, place).update({key.name: wrong}))
    assert line.startswith("course.toml: ")
    assert f"{key.name} is " in line
    assert line.endswith(f"; expected {key.expected}")


@pytest.mark.parametrize(("place", "key"), KEYS, ids=NAMES)
def test_every_key_without_a_default_must_be_there(place: Place, key: Key) -> None:
    found = lines(lambda data: table_at(data, place).pop(key.name, None))
    missing = [line for line in found if f"{key.name} is missing; expected {key.expected}" in line]
    assert found == missing
    assert len(missing) == key.required


@pytest.mark.parametrize("place", TABLES, ids=lambda place: ".".join(place) or "top")
def test_every_table_refuses_a_key_that_it_does_not_have(place: Place) -> None:
    (line,) = lines(lambda data: table_at(data, place).update({"qqq": 1}))
    known = ", ".join(keys_of(TABLES[place]))
    assert line.endswith(f"there is no key 'qqq'; expected one of: {known}")
    first = next(iter(keys_of(TABLES[place])))
    (line,) = lines(lambda data: table_at(data, place).update({f"{first}x": 1}))
    assert line.endswith(f"there is no key '{first}x'; did you mean {first}?")


def test_what_may_be_left_out_has_its_default(tmp_path: Path) -> None:
    about, _ = mini.COURSE.split("[[labs]]")
    course = load_course(written(tmp_path, about))
    assert course.labs == ()
    assert course.limits == Limits()


@pytest.mark.parametrize("number", ["heavy", True, math.nan, math.inf, -1, -0.5, 10**30])
def test_only_numbers_are_numbers(number: Any) -> None:
    (line,) = lines(lambda data: data["labs"][0].update(weight=number))
    assert "[[labs]] number 1 (mini): weight is " in line
    assert line.endswith("; expected a number of 0 or more")
    assert lines(lambda data: data["limits"].update(memory_mb=number))
    assert lines(lambda data: data["limits"].update(cell_seconds=number))


def test_whole_numbers_will_do_where_others_may_stand() -> None:
    for number in (0, 2, 0.5):
        assert lines(lambda data, value=number: data["labs"][0].update(weight=value)) == []
    assert lines(lambda data: data["limits"].update(memory_mb=512.5))
    assert lines(lambda data: data["limits"].update(cell_seconds=0))


@pytest.mark.parametrize(
    "name", ["", " ", "a/b", "../a", ".a", "a b", "a*", "lab\n", "x" * 65, "ñ"]
)
def test_a_labs_name_is_good_for_a_file(name: str) -> None:
    (line,) = lines(lambda data: data["labs"][0].update(name=name))
    assert "[[labs]] number 1: name is " in line


@pytest.mark.parametrize(
    ("address", "is_right"),
    [
        ("https://hand-in.example.org", True),
        ("https://uni.example:8443/dl/2026", True),
        ("https://[2001:db8::1]", True),
        ("http://localhost:8000", True),
        ("http://[::1]:8000", True),
        ("http://hand-in.example.org", False),
        ("http://localhost.example.org", False),
        ("https://hand-in.example.org/", False),
        ("https://ana:secret@example.org", False),
        ("https://example.org?course=dl", False),
        ("https://", False),
        ("hand-in.example.org", False),
        ("https://example.org\n", False),
        ("https://exa mple.org", False),
    ],
)
def test_the_address_of_a_service_is_one_that_nobody_listens_in_on(
    address: str, is_right: bool
) -> None:
    found = lines(lambda data: table_at(data, ("service",)).update(address=address))
    assert (found == []) == is_right
    assert all("[service]: address is " in line and "https://" in line for line in found)


def test_a_course_has_a_service_or_none(tmp_path: Path) -> None:
    text = in_every_language(mini.COURSE)
    assert load_course(written(tmp_path, text)).service.address == ""
    text += '\n[service]\naddress = "https://hand-in.example.org"\n'
    course = load_course(written(tmp_path, text))
    assert course.service.address == "https://hand-in.example.org"


@pytest.mark.parametrize("again", ["mini", "MINI"])
def test_no_two_labs_have_one_name(again: str) -> None:
    (line,) = lines(lambda data: data["labs"].append(data["labs"][0] | {"name": again}))
    where = f"course.toml: [[labs]] number 2 ({again}): "
    assert line == f"{where}name is that of number 1, too; expected another"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", ""),
        ("name", "Deep\nLearning"),
        ("language", "tlh"),
        ("repository", "https://github.com/org/course"),
        ("repository", "course"),
        ("tag", "first term"),
        ("tag", "--force"),
        ("roster", "/home/me/roster.csv"),
        ("roster", "C:\\roster.csv"),
    ],
)
def test_texts_must_be_good_for_what_they_are_used_for(key: str, value: str) -> None:
    (line,) = lines(lambda data: data["course"].update({key: value}))
    assert f"[course]: {key} is {value!r}; expected " in line


@pytest.mark.parametrize("title", [{"es": 3}, {"es": ""}, {"qq": "Mini"}, "Mini"])
def test_titles_are_texts_in_the_courses_languages(title: Any) -> None:
    (line,) = lines(lambda data: data["labs"][0].update(title=title))
    assert f"title is {title!r}; expected " in line


ZONE = 'roster = "roster.csv"\ntimezone = "Europe/Madrid"'


def with_due(due: str, zone: str = ZONE, more: str = "") -> str:
    text = changed("[limits]", f"due = {due}\n\n[limits]")
    return text.replace('roster = "roster.csv"', zone) + more


@pytest.mark.parametrize(
    "due",
    [
        '"2026-10-05 23:59"',
        "2026-10-05T23:59:00",
        "2026-10-05 23:59:00",
        "2026-10-05 23:59:00+02:00",
    ],
)
def test_a_due_date_is_in_the_courses_zone(tmp_path: Path, due: str) -> None:
    course = load_course(written(tmp_path, with_due(due)))
    assert course.labs[0].due == datetime.datetime(2026, 10, 5, 21, 59, tzinfo=datetime.UTC)
    assert course.late is None


@pytest.mark.parametrize(
    ("due", "zone", "said"),
    [
        ('"2026-10-05"', 'roster = "roster.csv"', "in no time zone; expected one in [course]"),
        ('"2026-10-05 23:59Z"', ZONE, "then has the offset +02:00"),
        ("2026-12-05T23:59:00+02:00", ZONE, "then has the offset +01:00"),
        ('"2027-03-28 02:30"', ZONE, "clocks skip in Europe/Madrid"),
        ('"5 October"', ZONE, "'5 October'; expected a date and time such as 2026-10-05 23:59"),
    ],
)
def test_a_due_date_that_is_no_time_there_is_one_line(
    tmp_path: Path, due: str, zone: str, said: str
) -> None:
    (line,) = refused(tmp_path, with_due(due, zone))
    assert line.startswith("course.toml: [[labs]] mini: due is ")
    assert said in line


def test_a_late_policy_is_read(tmp_path: Path) -> None:
    table = '\n[late]\npolicy = "slip_days"\ndays = 4\npercent = 10\ngrace_minutes = 5\n'
    course = load_course(written(tmp_path, with_due('"2026-10-05"', more=table)))
    assert course.late == Late("slip_days", 5, 10, days=4)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('policy = "slip days"', "policy is 'slip days'; expected one of: none, percent, slip"),
        ("percent = 10", "policy is missing"),
        ('policy = "percent"\npercent = 0', "percent is 0; expected a number above 0, up to 100"),
        ('policy = "percent"\npercent = "10 %"', "percent is '10 %'; expected a number above 0"),
        ('policy = "closed"\ngrace_minutes = -1', "grace_minutes is -1; expected a number of min"),
        ('policy = "slip_days"\npercent = 5\ndays = 0', "days is 0; expected a whole number"),
        ('policy = "closed"\npercent = 10', 'percent means nothing to the policy "closed"'),
        ('policy = "percent"', 'percent is missing; the policy "percent" needs it'),
        ('policy = "percent"\npercnt = 10', "there is no key 'percnt'; did you mean percent?"),
    ],
)
def test_a_late_policy_that_is_none_is_one_line(tmp_path: Path, table: str, said: str) -> None:
    (line,) = refused(tmp_path, with_due('"2026-10-05"', more=f"\n[late]\n{table}\n"))
    assert line.startswith("course.toml: [late]: ")
    assert said in line


@pytest.mark.parametrize("needs", ['["late"]', '["mini"]', '["ghost"]'])
def test_a_lab_builds_on_labs_that_are_listed_above_it(tmp_path: Path, needs: str) -> None:
    text = changed('name = "mini"', f'name = "mini"\nneeds = {needs}')
    last = '[[labs]]\nname = "late"\ntitle = {}\nneeds = ["mini"]\n\n[limits]'
    (line,) = refused(tmp_path, text.replace("[limits]", last))
    assert line.startswith("course.toml: [[labs]] mini: needs is ")
    assert line.endswith("one of: none, as it is the first")


def test_what_a_lab_builds_on_is_read(tmp_path: Path) -> None:
    last = '[[labs]]\nname = "late"\ntitle = {}\nneeds = ["mini"]\n\n[limits]'
    course = load_course(written(tmp_path, changed("[limits]", last)))
    assert [lab.needs for lab in course.labs] == [(), ("mini",)]


def test_a_long_value_is_cut_to_keep_the_line_short() -> None:
    (line,) = lines(lambda data: data["course"].update(name=["x" * 10_000]))
    assert len(line) < 200


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = changed('language = "en"', "language = 3").replace("cell_seconds", "cel_seconds")
    assert [line.split(": ")[1] for line in refused(tmp_path, text)] == ["[course]", "[limits]"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "course.toml: course is missing"),
        (b"[course\n", "is not valid TOML"),
        (b"[course]\nname = " + b"9" * 5000, "is not valid TOML"),
        (mini.COURSE.replace("Mini", "Míni").encode("cp1252"), "line 2: this is not UTF-8"),
        (mini.COURSE.encode("utf-16"), "line 1: this is not UTF-8"),
        (b"\x00\x01", "is not valid TOML"),
    ],
    ids=["empty", "not TOML", "huge number", "cp1252", "UTF-16", "binary"],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    (line,) = refused(tmp_path, content)
    assert said in line


def test_what_windows_saves_is_read(tmp_path: Path) -> None:
    text = in_every_language(mini.COURSE).replace("\n", "\r\n")
    assert load_course(written(tmp_path, text.encode("utf-8-sig"))).name == "Mini"


def test_a_folder_of_that_name_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "course.toml").mkdir()
    with pytest.raises(UserError, match=r"^cannot read .*course\.toml: .*directory$"):
        load_course(tmp_path)


def test_the_kits_own_is_right() -> None:
    assert load_course(ROOT).labs


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "mini"', 'name = "mini"\nwieght = 1', ["(mini): there is no key 'wieght'; did"]),
        ("[[labs]]", "[labs]", ["labs is {'name': 'mini', "]),
        (
            'language = "en"',
            'language = 3\ntittle = "The deep learning course of the second term of this year"',
            ["there is no key 'tittle'; expected one of: ", "language is 3; expected one of: "],
        ),
    ],
)
def test_the_command_line_says_each_in_a_line_and_exits_with_2(
    tmp_path: Path, old: str, new: str, said: list[str]
) -> None:
    written(tmp_path, changed(old, new))
    done = subprocess.run(
        [sys.executable, "-m", "grading", "build", "--check"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    found = done.stderr.splitlines()
    assert len(found) == len(said)
    assert all(part in line for line, part in zip(found, said, strict=True))
