"""Tokens that others sign, tickets that are good once, and whom of the course somebody is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from grading.course.config import load_course
from grading.course.service import GRADER, INSTRUCTOR
from grading.errors import UserError
from grading.service import tickets
from grading.service.database import Database
from grading.service.lti import key
from grading.service.people import STUDENT, People, Person
from grading.service.proofs import APART, LASTS, Keys, NotProven
from grading.service.recognising import bounded, recognised
from tests import mini
from tests.service.stand_ins import KEYS, Elsewhere, elsewhere, platform
from tests.service.test_lti import told_in
from tests.service.visiting import STAFF

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def signer() -> Iterator[Elsewhere]:
    with elsewhere() as made:
        yield made


def test_a_revoked_key_is_worth_nothing_after_an_hour(signer: Elsewhere) -> None:
    signer.reset()
    now = 0.0
    keys = Keys(f"{signer.address}/keys", lambda: now)
    token = signer.sign({"sub": "x"})
    assert keys.token(token, ["RS256"]).claims == {"sub": "x"}
    signer.publishes = [1]
    now = LASTS - 1
    assert keys.token(token, ["RS256"])
    now = LASTS + 1
    with pytest.raises(NotProven):
        keys.token(token, ["RS256"])


def test_unknown_keys_do_not_have_the_keys_fetched_each_time(signer: Elsewhere) -> None:
    signer.reset()
    now = 0.0
    keys = Keys(f"{signer.address}/keys", lambda: now)
    for _ in range(2):
        signer.signs_with = 1
        with pytest.raises(NotProven):
            keys.token(signer.sign({}), ["RS256"])
        signer.publishes = [1]
    now = APART
    assert keys.token(signer.sign({"sub": "y"}), ["RS256"]).claims == {"sub": "y"}


def test_no_other_way_of_signing_is_believed(signer: Elsewhere) -> None:
    signer.reset()
    keys = Keys(f"{signer.address}/keys")
    about = {"kid": KEYS[0].thumbprint()}
    shared = OctKey.import_key(b"a shared secret of more than thirty-two bytes")
    for token in (
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
        jwt.encode(about | {"alg": "HS256"}, {}, shared, ["HS256"]),
        jwt.encode(about | {"alg": "PS256"}, {}, KEYS[0], ["PS256"]),
        "",
        "a.b",
        "a.b.c",
        "🙂.🙂.🙂",
    ):
        with pytest.raises(NotProven):
            keys.token(token, ["RS256"])


def test_a_ticket_is_good_once_for_a_while_and_for_its_purpose(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'gradebook.db'}")
    with database.writing() as session:
        first = tickets.issue(session, "a", {"n": 1}, NOW)
        late = tickets.issue(session, "a", {"n": 2}, NOW)
        assert tickets.redeem(session, "b", first, NOW) is None
        assert tickets.redeem(session, "a", first, NOW) == {"n": 1}
        assert tickets.redeem(session, "a", first, NOW) is None
        assert tickets.redeem(session, "a", late, NOW + tickets.LASTS) is None
        old = tickets.issue(session, "a", {}, NOW)
        tickets.issue(session, "a", {}, NOW + tickets.LASTS + timedelta(seconds=1))
        assert tickets.redeem(session, "a", old, NOW) is None, "it went when others came"
    database.close()


ROSTER = """\
student_id,name,email,group
0123,Ana Gil,ana@um.example,
123,Bo Li,bo@um.example,
same@um.example,Cy Young,,
d4,Di Dee,same@um.example,
"""


@pytest.mark.parametrize(
    ("ids", "email", "who"),
    [
        (["0123"], "", "0123"),
        (["123"], "ana@um.example", "123"),
        (["23"], "ANA@UM.example", "0123"),
        (["0123", "123"], "", None),
        ([], "same@um.example", "d4"),
        (["same@um.example"], "", "same@um.example"),
        ([], "an\u00e1@um.example", None),
        (["\u212a"], "", None),
        ([""], "", None),
        ([], "prof", "prof"),
    ],
)
def test_ids_and_addresses_are_one_persons_or_nobodys(
    tmp_path: Path, ids: list[str], email: str, who: str | None
) -> None:
    (tmp_path / "course.toml").write_text(mini.COURSE + STAFF, encoding="utf-8")
    (tmp_path / "roster.csv").write_text(ROSTER + "k,Kay,,\n", encoding="utf-8")
    person = recognised(People(load_course(tmp_path)), ids, email)
    assert (person.id if person else None) == who


def test_nobody_becomes_more_than_they_are() -> None:
    for role in (STUDENT, GRADER, INSTRUCTOR, ""):
        assert bounded(Person("t", GRADER), role).role == GRADER
        assert bounded(Person("s", STUDENT), role).role == STUDENT
    assert bounded(Person("i", INSTRUCTOR), GRADER).role == GRADER
    of_section = Person("t", GRADER, sections=frozenset("2"))
    assert bounded(of_section, GRADER) == of_section


def test_the_key_for_lti_is_made_once_or_the_environments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key, "BITS", 2048)
    made = key.key_of(tmp_path)
    assert key.key_of(tmp_path).thumbprint() == made.thumbprint()
    monkeypatch.setenv(key.VARIABLE, KEYS[0].as_pem(private=True).decode())
    assert key.key_of(tmp_path).thumbprint() == KEYS[0].thumbprint()
    for wrong in ("x", KEYS[0].as_pem(private=False).decode()):
        monkeypatch.setenv(key.VARIABLE, wrong)
        with pytest.raises(UserError, match=key.VARIABLE):
            key.key_of(tmp_path)


@pytest.mark.parametrize(
    ("more", "words", "why"),
    [
        ("", ["members"], "has no [[service.lti]]"),
        (platform("https://a.example"), ["members"], "nobody came from https://a.example yet"),
        (platform("https://a.example"), ["marks", "mini", "--lms", "https://b.example"],
         "there is no LMS 'https://b.example'"),
        (platform("https://a.example") + platform("https://b.example"), ["marks", "mini"],
         "several LMSs; expected --lms"),
    ],
)  # fmt: skip
def test_a_command_says_what_is_missing(
    tmp_path: Path, more: str, words: list[str], why: str
) -> None:
    course = mini.make_course(tmp_path)
    with (course.root / "course.toml").open("a", encoding="utf-8") as file:
        file.write(more)
    assert why in told_in(course.root, *words, code=2)
