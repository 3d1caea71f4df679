"""Which of a student's files counts: the latest worked on, and never another's for one's own."""

import json
import random

import pytest

from grading.collect import collect, is_untouched
from tests.collect.handing import (
    ANAS,
    LAB,
    PAIR,
    STUB,
    content,
    identity,
    note,
    notebook,
    reasons,
    stored,
)

OWN = content(identity("u2", "Juan"), answer="loss = 2")
UNTOUCHED = content(identity("u1", "Ana"), answer=STUB)


def how(course, student):
    return json.loads(note(course, student, "handed_in.json"))


def kept(course, student):
    return {path.read_bytes() for path in course.home.glob(f"replaced/{student}/{LAB}/*/*.ipynb")}


# --- worked on, or not ----------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [5, -5])
@pytest.mark.parametrize("together", [True, False])
def test_a_notebook_that_nobody_worked_on_gives_way_to_one_that_somebody_did(
    course, inbox, minutes, together
):
    inbox.write("worked on.ipynb", ANAS)
    if not together:
        collect(course, LAB, inbox.path, "folder")
    inbox.write("untouched.ipynb", UNTOUCHED, minutes=minutes)
    report = collect(course, LAB, inbox.path, "folder")
    assert stored(course, "u1") == ANAS
    (replaced,) = report.replaced
    assert replaced.earlier.startswith("untouched.ipynb")


def test_an_untouched_one_alone_is_taken_and_flagged_and_gives_way_later(course, inbox):
    inbox.write("u1/b.ipynb", UNTOUCHED, minutes=5)
    (accepted,) = collect(course, LAB, inbox.path, "folder").accepted
    assert "untouched" in accepted.notes[0]
    inbox.write("u1/a.ipynb", ANAS)
    collect(course, LAB, inbox.path, "folder")
    assert stored(course, "u1") == ANAS


def test_untouched_is_what_has_every_answer_of_the_release_whatever_else_changed():
    released = notebook(answer=STUB)
    released.cells[2:2] = [notebook(answer="*Your answer here*").cells[1] for _ in range(2)]
    spanish = notebook(answer="raise NotImplementedError('pérdida')")
    same = notebook(identity("u1", "Ana"), answer=f"{STUB}\n")
    same.cells[2:2] = [cell.copy() for cell in released.cells[2:4]]
    assert is_untouched(same, [spanish, released])
    assert is_untouched(notebook(answer=STUB, metadata=False), [notebook(answer=STUB)])
    assert is_untouched(
        notebook(answer="raise NotImplementedError('pérdida')"), [released, spanish]
    )
    for place in (1, 2, 3):
        same.cells[place].source, before = "mine", same.cells[place].source
        assert not is_untouched(same, [released, spanish])
        same.cells[place].source = before
    assert not is_untouched(notebook(), [])


def test_the_release_itself_says_what_is_untouched_where_nothing_is_built(course, inbox):
    (built,) = course.root.glob("notebooks/es/*")
    released = course.home / "release" / LAB / f"{LAB}.ipynb"
    released.parent.mkdir(parents=True)
    built.rename(released)
    inbox.write("untouched.ipynb", UNTOUCHED, minutes=5)
    inbox.write("worked on.ipynb", ANAS)
    collect(course, LAB, inbox.path, "folder")
    assert stored(course, "u1") == ANAS


def test_of_files_handed_in_at_one_time_the_last_copy_counts_each_time(course, inbox):
    answers = {f"u1/{name}": f"loss = {name!r}" for name in ("lab (2)", "lab", "lab (10)", "a lab")}
    for name, answer in answers.items():
        inbox.write(f"{name}.ipynb", content(identity(), answer=answer))
    for _ in range(2):
        report = collect(course, LAB, inbox.path, "folder")
        assert "(10)" in stored(course, "u1").decode()
    assert [item.unchanged for item in report.accepted] == [True]


# --- partners -------------------------------------------------------------------------------------

MINUTES = [(0, 5), (5, 0), (0, 0)]


@pytest.mark.parametrize(("of_pair", "of_own"), MINUTES)
@pytest.mark.parametrize("first", ["pair", "own", "together"])
@pytest.mark.parametrize("names", [("u1/lab", "u2/lab"), ("a", "b")], ids=["folders", "flat"])
def test_an_upload_of_ones_own_is_never_displaced_by_who_names_one_as_a_partner(
    course, inbox, names, first, of_pair, of_own
):
    files = {"pair": (names[0], PAIR, of_pair), "own": (names[1], OWN, of_own)}
    for which in ("own", "pair") if first == "own" else ("pair", "own"):
        name, data, minutes = files[which]
        inbox.write(f"{name}.ipynb", data, minutes=minutes)
        if first == which:
            collect(course, LAB, inbox.path, "folder")
    report = collect(course, LAB, inbox.path, "folder")
    assert stored(course, "u1") == PAIR
    assert stored(course, "u2") == OWN
    again = collect(course, LAB, inbox.path, "folder")
    assert (stored(course, "u1"), stored(course, "u2")) == (PAIR, OWN)
    for said in (report, again) if of_pair > of_own else (again,):
        (reason,) = reasons(said).values()
        assert "names u2 as a partner" in reason and "counts for u1 alone" in reason
        (flagged,) = (item for item in said.accepted if item.student == "u1")
        assert "u2 has handed in other work" in flagged.notes


def test_a_pair_hands_in_from_either_folder_and_the_latest_counts_for_both(course, inbox):
    later = content(identity("u2", "Juan", "u1", "Ana"), answer="loss = 3")
    inbox.write("u1/lab.ipynb", PAIR)
    inbox.write("u2/lab.ipynb", later, minutes=5)
    report = collect(course, LAB, inbox.path, "folder")
    assert stored(course, "u1") == stored(course, "u2") == later
    assert report.refused == ()
    assert PAIR in kept(course, "u1") and PAIR in kept(course, "u2")


def test_a_pairs_file_that_gave_way_is_no_matter_of_dispute(course, inbox):
    inbox.write("u1/a.ipynb", PAIR)
    inbox.write("u1/b.ipynb", ANAS, minutes=5)
    inbox.write("u2/own.ipynb", OWN, minutes=2)
    for _ in range(2):
        report = collect(course, LAB, inbox.path, "folder")
        assert report.refused == ()
    assert (stored(course, "u1"), stored(course, "u2")) == (ANAS, OWN)


def test_two_who_name_the_same_partner_do_not_displace_each_other(course, inbox):
    inbox.write("u1/lab.ipynb", content(identity("u1", "Ana", "u2", "Juan")))
    inbox.write("u3/lab.ipynb", content(identity("u3", "Eva", "u2", "Juan")), minutes=5)
    report = collect(course, LAB, inbox.path, "folder")
    assert note(course, "u2", "partner.txt") == "u1"
    assert "names u2 as a partner" in reasons(report)["u3/lab.ipynb"]


def test_who_leaves_a_pair_takes_nothing_from_the_other(course, inbox):
    inbox.write("u1/pair.ipynb", PAIR)
    inbox.write("u1/alone.ipynb", ANAS, minutes=5)
    collect(course, LAB, inbox.path, "folder")
    assert (stored(course, "u1"), stored(course, "u2")) == (ANAS, PAIR)


def test_the_order_of_collecting_does_not_matter(course, inbox):
    files = [
        ("u1/a.ipynb", PAIR, 0),
        ("u1/b.ipynb", content(identity("u1", "Ana", "u2", "Juan"), answer="loss = 4"), 10),
        ("u1/c.ipynb", UNTOUCHED, 20),
        ("u2/own.ipynb", OWN, 5),
        ("u3/lab.ipynb", content(identity("u3", "Eva", "u2", "Juan")), 30),
    ]
    rng, ends = random.Random(20261126), set()
    for _ in range(12):
        rng.shuffle(files)
        for name, data, minutes in files:
            inbox.write(name, data, minutes)
            collect(course, LAB, inbox.path, "folder")
            (inbox.path / name).unlink()
        ends.add(tuple(stored(course, student) for student in ("u1", "u2", "u3")))
        for path in course.home.glob("submitted/*/*/*"):
            path.unlink()
    assert len(ends) == 1


# --- what the platforms know ----------------------------------------------------------------------

MOODLE = "{}_{}_assignsubmission_file_/lab.ipynb"


def test_the_platforms_ids_are_kept_with_each_student_of_a_pair(course, inbox):
    inbox.write(MOODLE.format("Ana López Gil", 104), PAIR)
    inbox.write(MOODLE.format("Juan Pérez Mar", 105), b"not a notebook")
    collect(course, LAB, inbox.path, "moodle")
    assert how(course, "u1")["ids"] == {"lms": "moodle", "participant": "104"}
    assert how(course, "u2")["ids"] == {"lms": "moodle", "participant": "105"}
    assert how(course, "u2")["by"] == "u1"


def test_canvas_ids_and_lateness_are_kept_and_shown(course, inbox):
    inbox.write("lopezgilana_LATE_51_88_lab.ipynb", ANAS)
    (line,) = collect(course, LAB, inbox.path, "canvas").lines()
    assert "LATE" in line.split("(")[1]
    assert how(course, "u1")["late"]
    assert how(course, "u1")["ids"] == {"lms": "canvas", "user": "51", "attachment": "88"}


def test_blind_ids_are_those_of_who_signs(course, inbox):
    inbox.write(MOODLE.format("Participante 7", 104), ANAS)
    inbox.write("anon_Ab12c_88_lab.ipynb", content(identity("u3", "Eva")))
    collect(course, LAB, inbox.path, "moodle")
    assert how(course, "u1")["ids"] == {"lms": "moodle", "participant": "104"}
    collect(course, LAB, inbox.path, "canvas")
    assert how(course, "u3")["ids"] == {"lms": "canvas", "anonymous": "Ab12c", "attachment": "88"}


def test_ids_outlive_a_notebook_that_came_without_them(course, inbox):
    inbox.write(MOODLE.format("Ana López Gil", 104), ANAS)
    collect(course, LAB, inbox.path, "moodle")
    inbox.write("u1.ipynb", content(identity(), answer="loss = 5"), minutes=5)
    collect(course, LAB, inbox.path, "folder")
    assert how(course, "u1")["ids"] == {"lms": "moodle", "participant": "104"}
    assert how(course, "u1")["file"] == "u1.ipynb"


def test_what_was_collected_before_ids_were_kept_gets_them_and_stays(course, inbox):
    inbox.write(MOODLE.format("Ana López Gil", 104), ANAS)
    collect(course, LAB, inbox.path, "moodle")
    (kept,) = course.home.glob("submitted/u1/*/handed_in.json")
    for damage in ("", "{", "[1]", '{"colour": 1}'):
        kept.write_text(damage)
        report = collect(course, LAB, inbox.path, "moodle")
        assert [item.unchanged for item in report.accepted] == [True]
        assert how(course, "u1")["ids"] == {"lms": "moodle", "participant": "104"}


# --- totals ---------------------------------------------------------------------------------------


def test_collecting_ends_with_totals_and_who_is_missing(course, inbox):
    inbox.write("u1.ipynb", ANAS)
    collect(course, LAB, inbox.path, "folder")
    inbox.write("u2/a.ipynb", content(identity()))
    inbox.write("u2/b.ipynb", OWN, minutes=5)
    inbox.write("essay.docx", b"x")
    first, *_, last = collect(course, LAB, inbox.path, "folder").totals()
    assert first == f"{LAB}: 1 taken in, 1 unchanged, 1 replaced, 1 refused"
    assert last == "missing: 1 of 3: u3 (Eva Sanz Ruiz)"
    inbox.write("u3.ipynb", content(identity()))
    first, *_, last = collect(course, LAB, inbox.path, "folder").totals()
    assert first.endswith("1 flagged") and last == "missing: 0 of 3"
