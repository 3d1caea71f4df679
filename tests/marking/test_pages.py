"""The pages of marking: without names, question by question, and everything without a script."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from grading.cells.metadata import grade_id
from grading.cells.reading import read_notebook, write_notebook
from grading.gradebook.marking import looks
from grading.gradebook.marks import Marks
from grading.marking.answers import answers, of_student
from grading.marking.saving import history
from tests.marking.classroom import classroom, hand_in, name_of
from tests.service.visiting import STAFF, Visited, csrf, unseen

CLASS = {
    "ada": "It overfits: the loss **rises**. <script>pwn()</script> "
    "I am Ada Testperson, ada@uni.example.",
    "bob": "It overfits.",
    "cyd": "",
    "mia": "There is too little data, says Mia Testperson, for so large a model as this one.",
    "noa": "There is too little data, says Noa Testperson, for so large a model as this one.",
    "zoe": "It overfits.",
}
MORE = f"""
[service]
second = 100
ask_days = 7
{STAFF}
[[service.staff]]
id = "eva"
role = "grader"
"""
PLACE = "/marking/mini/why"


@pytest.fixture
def visited(tmp_path: Path) -> Iterator[Visited]:
    made = Visited(classroom(tmp_path, CLASS, more=MORE))
    made.client("tutor").get("/marking/mini")
    yield made
    made.close()


def said(html: str) -> str:
    """What a page says, in one line."""
    shown = re.sub(r"<datalist.*?</datalist>|<[^>]*>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(shown).split())


def path_of(visited: Visited, student: str) -> str:
    return f"{PLACE}/{visited.site.seals.pseudonym('mini', 'why', student)}"


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, name
    return found[1]


def save(client: TestClient, path: str, page: str = "", **fields: str) -> Any:
    """Send the form of an answer's page, as it was when it was opened."""
    html = page or client.get(path).text
    about = unseen(html) | {"adjustment": "0"}
    return client.post(path, data=about | {name.replace("_", "-"): v for name, v in fields.items()})


def marks(visited: Visited) -> dict[str, float | None]:
    with visited.site.database.reading() as session:
        found = answers(session, "mini", "why")
    return {student: one.given.marks for one in found for student in one.students}


def test_one_marks_answer_after_answer_until_none_is_left(visited: Visited) -> None:
    tutor = visited.client("tutor")
    assert "0 / 6" in said(tutor.get("/marking/mini").text)
    place, count = tutor.get(PLACE).headers["location"], 0
    while place != "/marking/mini":
        page = tutor.get(place).text
        assert "Names overfitting +1" in said(page) and "Because." in said(page)
        place = save(tutor, place, page, item_1="on").headers["location"]
        count += 1
    assert count == 5, "the blank one is none of them"
    assert marks(visited) == dict.fromkeys(CLASS, 1.0) | {"cyd": None}


def test_no_two_are_led_to_the_same_answer(visited: Visited) -> None:
    people = [visited.client(who) for who in ("tutor", "eva", "prof")]
    with ThreadPoolExecutor(len(people)) as together:
        places = list(together.map(lambda client: client.get(PLACE).headers["location"], people))
    assert len(set(places)) == len(people) and all(f"{PLACE}/" in place for place in places)
    for client, place in zip(people, places, strict=True):
        assert "has this answer open" not in said(client.get(place).text)


def test_nothing_on_the_pages_tells_whose_an_answer_is(visited: Visited) -> None:
    tutor = visited.client("tutor")
    path = path_of(visited, "ada")
    pages = [tutor.get(one).text for one in (path, f"{path}/work", f"{PLACE}/alike")]
    assert "I am …, …." in said(pages[0]) and "data, says …, for" in said(pages[2])
    for page in pages:
        assert "Testperson" not in page and "uni.example" not in page and "morning" not in page
        assert not re.search(r"\bada\b", page)
    assert "numpy" in pages[1] and "data:image/webp" in pages[1]
    assert "data:image/png" in pages[0], "the picture above the question is beside it"


def test_it_is_noted_who_looks_whose_an_answer_is(visited: Visited) -> None:
    tutor, path = visited.client("tutor"), path_of(visited, "ada")
    page = tutor.post(f"{path}/whose", data={"csrf": csrf(tutor, path)})
    assert f"This is the answer of {name_of('ada')}." in said(page.text)
    with visited.site.database.reading() as session:
        (row,) = session.execute(sa.select(looks))
    assert (row.who, row.student, row.cell) == ("tutor", "ada", "why")


def test_what_students_wrote_is_never_live_and_only_our_script_runs(visited: Visited) -> None:
    answer = visited.client("tutor").get(path_of(visited, "ada"))
    assert re.findall(r"<script[^>]*>", answer.text) == ['<script src="/marking.js" defer>']
    assert "<strong>rises</strong>" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy


def test_the_second_of_two_sees_what_the_first_gave_and_keeps_what_was_typed(
    visited: Visited,
) -> None:
    tutor, eva, path = visited.client("tutor"), visited.client("eva"), path_of(visited, "ada")
    page = tutor.get(path).text
    hers = eva.get(path).text
    assert "tutor has this answer open" in said(hers)
    assert save(eva, path, hers, item_2="on").status_code == 303
    late = save(tutor, path, page, item_1="on", comment="Mine.")
    assert late.status_code == 409
    assert "eva marked this answer while you had it open: 0.5 marks" in said(late.text)
    assert "Mine.</textarea>" in late.text and marks(visited)["ada"] == 0.5
    assert save(tutor, path, late.text, item_1="on").status_code == 303
    assert marks(visited)["ada"] == 1.0


def test_of_all_who_save_at_the_same_moment_one_is_kept_and_the_others_are_told(
    visited: Visited,
) -> None:
    path = path_of(visited, "ada")
    people = [visited.client(who) for who in ("tutor", "eva", "prof") * 2]
    pages = [client.get(path).text for client in people]
    items = [f"item_{number % 3 + 1}" for number in range(len(people))]

    def send(client: TestClient, page: str, item: str) -> int:
        return int(save(client, path, page, **{item: "on"}).status_code)

    with ThreadPoolExecutor(len(people)) as together:
        found = list(together.map(send, people, pages, items))
    assert sorted(found) == [303, 409, 409, 409, 409, 409]
    with visited.site.database.reading() as session:
        one = of_student(answers(session, "mini", "why"), "ada")
        told = history(session, "mini", "why", "ada")
    assert one and one.given.items == (items[found.index(303)].removeprefix("item_"),)
    assert [given for _, _, given in told] == [one.given]


def test_an_answer_that_is_replaced_while_open_and_one_that_is_gone_are_said(
    visited: Visited,
) -> None:
    tutor, path = visited.client("tutor"), path_of(visited, "ada")
    page = tutor.get(path).text
    hand_in(visited.course, "ada", "Another text.")
    late = save(tutor, path, page, item_1="on")
    assert late.status_code == 409 and "changed while you had it open" in said(late.text)
    assert "Another text." in said(late.text)
    gone = save(tutor, f"{PLACE}/{'0' * 24}", page, item_1="on")
    assert gone.status_code == 404 and "no longer there" in said(gone.text)


def test_a_question_that_a_fix_of_the_lab_removes_is_said_and_keeps_its_marks(
    visited: Visited,
) -> None:
    tutor, path = visited.client("tutor"), path_of(visited, "ada")
    save(tutor, path, item_1="on")
    page = tutor.get(path).text
    release = visited.course.release_path("mini")
    notebook = read_notebook(release.read_bytes())
    notebook.cells = [cell for cell in notebook.cells if grade_id(cell) != "why"]
    release.write_bytes(write_notebook(notebook))
    late = save(tutor, path, page, item_2="on")
    assert late.status_code == 404 and "the question is gone" in said(late.text)
    assert tutor.get(PLACE).status_code == 404
    assert "has no written questions" in said(tutor.get("/marking/mini").text)
    assert marks(visited)["ada"] == 1.0


def test_who_is_taken_off_the_course_saves_nothing_and_loses_nothing(visited: Visited) -> None:
    tutor, path = visited.client("tutor"), path_of(visited, "ada")
    save(tutor, path, item_1="on")
    page = tutor.get(path).text
    visited.site.people.staff = tuple(one for one in visited.site.people.staff if one.id != "tutor")
    late = save(tutor, path, page, item_2="on")
    assert late.status_code == 401 and "no longer valid: sign in" in said(late.text)
    assert marks(visited)["ada"] == 1.0
    assert "Marked by tutor" in said(visited.client("eva").get(path).text)


@pytest.mark.parametrize("typed", ["two", "nan", "1e9"])
def test_an_adjustment_that_is_no_number_of_marks_is_said(visited: Visited, typed: str) -> None:
    answer = save(visited.client("tutor"), path_of(visited, "ada"), adjustment=typed)
    assert answer.status_code == 409 and "no number of marks" in said(answer.text)
    assert marks(visited)["ada"] is None


def test_the_same_text_is_marked_with_it_and_undone_with_it(visited: Visited) -> None:
    tutor, path = visited.client("tutor"), path_of(visited, "bob")
    assert "with the same text (1)" in said(tutor.get(path).text)
    save(tutor, path, item_1="on", together="1")
    assert (marks(visited)["bob"], marks(visited)["zoe"]) == (1.0, 1.0)
    back = tutor.post(f"{PLACE}/undo", data={"csrf": csrf(tutor, path)})
    assert back.headers["location"] in (path, path_of(visited, "zoe"))
    assert marks(visited) == dict.fromkeys(CLASS)


def test_blank_answers_are_confirmed_once_and_those_alike_are_marked_at_once(
    visited: Visited,
) -> None:
    tutor = visited.client("tutor")
    page = tutor.get(f"{PLACE}/alike").text
    forms = re.findall(r"<form.*?</form>", page, re.DOTALL)
    blank, *groups = (one for one in forms if "key-" in one)
    assert [len(re.findall("checkbox[^>]*key-", one)) for one in groups] == [2, 2]
    for form in (blank, groups[1]):
        fields = dict(re.findall(r'name="([\w-]+)" value="([^"]*)"', form))
        more = {} if form == blank else {"item-3": "on", "comment": "More data."}
        assert tutor.post(f"{PLACE}/alike", data=fields | more).status_code == 303
    pair = {"bob", "zoe"} if "It overfits." in groups[1] else {"mia", "noa"}
    assert marks(visited) == dict.fromkeys(CLASS) | {"cyd": 0.0} | dict.fromkeys(pair, 0.5)


def test_a_rubric_is_changed_after_its_effect_was_shown(visited: Visited) -> None:
    tutor, place = visited.client("tutor"), f"{PLACE}/rubric"
    save(tutor, path_of(visited, "ada"), item_1="on")

    def fields(html: str) -> dict[str, str]:
        return dict(re.findall(r'name="([\w-]+)"[^>]* value="([^"]*)"', html)) | {"start": "zero"}

    form = fields(tutor.get(place).text) | {"points-1": "0.25", "text-en-4": "Anything else"}
    shown = tutor.post(place, data=form | {"apply": ""})
    assert "What it changes (1)" in said(shown.text) and marks(visited)["ada"] == 1.0
    apply = fields(shown.text) | {"apply": "1"}
    assert tutor.post(place, data=apply).status_code == 303
    assert marks(visited)["ada"] == 0.25
    assert "Anything else +0" not in said(tutor.get(path_of(visited, "bob")).text)
    assert "Anything else 0" in said(tutor.get(path_of(visited, "bob")).text)
    assert tutor.post(place, data=apply).status_code == 409, "of an older version"
    much = form | {"version": "2", "points-1": "7"}
    assert "sum to at most 2" in said(tutor.post(place, data=much).text)


def test_each_marks_what_is_allocated_and_who_leaves_holds_nothing_up(visited: Visited) -> None:
    prof, tutor, eva = (visited.client(who) for who in ("prof", "tutor", "eva"))
    rules = [("tutor", "morning"), ("eva", "evening")]
    for who, section in rules:
        form = {"csrf": csrf(prof, "/marking/mini"), "who": who, "cell": "", "section": section}
        assert prof.post("/marking/mini/allocation", data=form | {"share": "1"}).status_code == 303
    assert "tutor 0 / 3" in said(prof.get("/marking/mini").text)
    seen = set()
    place = eva.get(PLACE).headers["location"]
    while place != "/marking/mini":
        seen.add(place)
        place = save(eva, place).headers["location"]
    assert seen == {path_of(visited, one) for one in ("mia", "noa", "zoe")}
    visited.site.people.staff = tuple(one for one in visited.site.people.staff if one.id != "tutor")
    assert eva.get(PLACE).headers["location"] in {path_of(visited, one) for one in ("ada", "bob")}
    assert tutor.get(PLACE).headers["location"].endswith("/sign-in")
    wrong = {"csrf": csrf(prof, "/marking/mini"), "who": "nobody", "share": "1"}
    assert prof.post("/marking/mini/allocation", data=wrong).status_code == 422


def test_a_second_person_marks_blindly_and_an_instructor_settles(visited: Visited) -> None:
    prof, tutor, eva = (visited.client(who) for who in ("prof", "tutor", "eva"))
    path = path_of(visited, "ada")
    save(tutor, path, item_1="on", comment="Only half of it.")
    assert eva.get(f"{PLACE}?second=1").headers["location"] == f"{path}?second=1"
    assert tutor.get(f"{PLACE}?second=1").headers["location"] == "/marking/mini"
    page = eva.get(f"{path}?second=1").text
    assert "Only half" not in said(page) and "Marked by" not in said(page)
    assert not re.search(r"checkbox[^>]*checked", page)
    save(eva, path, page, second="1", item_1="on", item_2="on")
    assert marks(visited)["ada"] == 1.0
    listed = prof.get("/marking/mini").text
    assert "First: 1 · Second: 1.5 (eva)" in said(listed)
    done = prof.post(f"{path}/settle", data={"csrf": csrf(prof, path), "take": "second"})
    assert done.status_code == 303 and marks(visited)["ada"] == 1.5
    assert "First: 1 ·" not in said(prof.get("/marking/mini").text)


def test_a_student_asks_about_a_mark_and_reads_why_it_was_changed(visited: Visited) -> None:
    ada, tutor, prof = (visited.client(who) for who in ("ada", "tutor", "prof"))
    path = path_of(visited, "ada")
    save(tutor, path, item_1="on", comment="Which sign?")
    assert ada.get("/labs/mini/marks").status_code == 404
    prof.post("/marking/mini/show", data={"csrf": csrf(prof, "/marking/mini")})
    mine = said(ada.get("/labs/mini/marks").text)
    assert "1 of 2" in mine and "Names overfitting" in mine and "Which sign?" in mine
    asked = {"csrf": csrf(ada, "/labs/mini/marks"), "question": "The loss rises, I wrote."}
    assert ada.post("/labs/mini/marks/why", data=asked).status_code == 303
    assert ada.post("/labs/mini/marks/why", data=asked).status_code == 409
    assert "The loss rises, I wrote. · waits" in said(tutor.get("/marking/mini").text)
    page = tutor.get(path).text
    assert "The loss rises, I wrote." in said(page) and "Which sign?" in said(page)
    save(tutor, path, page, item_1="on", item_2="on")
    form = {"csrf": hidden(page, "csrf"), "reason": "You are right."}
    assert tutor.post(f"{path}/decide", data=form).status_code == 303
    mine = said(ada.get("/labs/mini/marks").text)
    assert "1.5 of 2" in mine and "You are right." in mine
    assert "(1 → 1.5)" in said(tutor.get("/marking/mini").text)
    with Marks(visited.course.db_url) as kept:
        (record,) = (one for one in kept.records("mini") if one.student == "ada")
    assert record.score == 10.5


def test_a_student_asks_about_checks_and_a_grader_decides_by_all_there_is(
    visited: Visited,
) -> None:
    for student, lost in (("ada", 3.0), ("bob", 1.0)):
        hand_in(visited.course, student, "Too steep.", lost=lost)
    ada, tutor, prof = (visited.client(who) for who in ("ada", "tutor", "prof"))
    prof.post("/marking/mini/show", data={"csrf": csrf(prof, "/marking/mini")})
    page = ada.get("/labs/mini/marks").text
    mine = said(page)
    assert "Slope · 1 of 4" in mine and "Ada Testperson is off" in mine and "Double" not in mine
    asked = {"csrf": csrf(ada, "/labs/mini/marks"), "question": "My line is right."}
    assert ada.post("/labs/mini/marks/check-double", data=asked).status_code == 409
    assert ada.post("/labs/mini/marks/check-slope", data=asked).status_code == 303
    assert ada.post("/labs/mini/marks/check-slope", data=asked).status_code == 409
    listed = tutor.get("/marking/mini").text
    assert "Slope: My line is right. · waits" in said(listed)
    (path,) = re.findall(r'href="(/marking/mini/checks/[^"]*)"', listed)
    page = tutor.get(path).text
    assert "My line is right." in said(page) and "def fit_slope" in said(page)
    assert "slope 1 of 4: … is off" in said(page)
    assert "One other submission lost marks at the same checks" in said(page)
    assert "Testperson" not in page and "uni.example" not in page
    form = {"csrf": hidden(page, "csrf"), "seen": hidden(page, "seen"), "reason": "It is."}
    late = tutor.post(path, data=form | {"seen": "0", "marks": "4"})
    assert late.status_code == 409 and "they are 1 now" in said(late.text)
    assert tutor.post(path, data=form | {"marks": "5"}).status_code == 409
    assert tutor.post(path, data=form | {"marks": "4", "reason": " "}).status_code == 409
    assert tutor.post(path, data=form | {"marks": "3.5"}).status_code == 303
    assert "Slope: My line is right. · tutor: It is. (1 → 3.5)" in said(
        tutor.get("/marking/mini").text
    )
    mine = said(ada.get("/labs/mini/marks").text)
    assert "Slope · 3.5 of 4" in mine and "It is." in mine
    with Marks(visited.course.db_url) as kept:
        (record,) = (one for one in kept.records("mini") if one.student == "ada")
    (adjustment,) = record.adjustments
    assert (record.checked, adjustment.marks) == (6.0, 2.5)
    assert adjustment.change and (adjustment.change.who, adjustment.change.why) == (
        "tutor",
        "It is.",
    )


def test_students_see_their_own_marks_alone(visited: Visited) -> None:
    tutor, prof, bob = (visited.client(who) for who in ("tutor", "prof", "bob"))
    save(tutor, path_of(visited, "ada"), comment="For Ada.")
    prof.post("/marking/mini/show", data={"csrf": csrf(prof, "/marking/mini")})
    assert "For Ada." not in bob.get("/labs/mini/marks").text
    assert "not marked yet" in said(bob.get("/labs/mini/marks").text)


def test_a_rubric_of_the_source_that_is_not_right_is_said_on_the_page(tmp_path: Path) -> None:
    rubric = '[why]\n[[why.items]]\npoints = 3\nes = "Todo"\nen = "All"\n'
    visited = Visited(classroom(tmp_path, {"ada": "Yes."}, rubric, MORE))
    page = said(visited.client("prof").get("/marking/mini").text)
    assert "mini.rubrics.toml: [why]: its points sum to 3, and the question has 2" in page
    path = path_of(visited, "ada")
    save(visited.client("tutor"), path, adjustment="1.5")
    with visited.site.database.reading() as session:
        found = of_student(answers(session, "mini", "why"), "ada")
    assert found and found.given.marks == 1.5, "it can be marked without a rubric, too"
    visited.close()
