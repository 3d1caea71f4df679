"""Handing in to the service: sign in, send, wait, marks; and every way in which that fails."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from grading import tick
from grading.messages import languages, message
from grading.session import client, handing_in, uploading
from grading.session.keyfile import KeyFile, ListedCheck
from grading.session.scorecard import Scorecard
from tests.session.test_handing_in import a_notebook, save
from tests.shells import a_shell
from tests.stand_in_service import (
    HTML,
    RESULT,
    TOKEN,
    Answer,
    Reply,
    StandIn,
    hang_up,
    problem,
    stand_in_service,
)

KEYS = KeyFile(
    lab="mini",
    source="0123456789abcdef",
    checks=(
        ListedCheck(
            "check-double", "size", 2, {"es": "Sumas", "en": "Sums"}, title={"es": "tamaño"}
        ),
        ListedCheck(
            "check-slope",
            "slope",
            7,
            {"es": "Rectas", "en": "Lines"},
            title={"es": "pendiente", "en": "slope"},
        ),
    ),
    question_marks=0,
    profiles={},
)
CELLS = [cell.source for cell in a_notebook().cells if cell.cell_type == "code"]
PENDING = Answer(400, {"error": "authorization_pending"})


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    with stand_in_service() as service:
        monkeypatch.setenv("DL_SERVICE", service.address)
        yield service


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the session would have waited, one after the other."""
    waited: list[float] = []
    monkeypatch.setattr(uploading, "sleep", waited.append)
    return waited


class Session:
    """A student's session in which the notebook was run from the top."""

    def __init__(self, shell: InteractiveShell, patch: pytest.MonkeyPatch) -> None:
        self.shell = shell
        self.card = Scorecard()
        self.card.open("mini", "en", KEYS)
        patch.setattr(tick, "_card", self.card)
        shell.user_ns["tick"] = tick
        for cell in CELLS[:-1]:
            shell.run_cell(cell, store_history=True).raise_error()

    def hand_in(self) -> str:
        """Run the last cell and return what is seen when it is done."""
        self.shell.display_pub.outputs.clear()
        self.shell.run_cell(CELLS[-1], store_history=True).raise_error()
        return "\n".join(self.seen("text/plain"))

    def displayed(self) -> list[dict[str, Any]]:
        return list(self.shell.display_pub.outputs)

    def said(self, kind: str = "text/plain") -> str:
        """Everything that was shown, what was replaced included."""
        return "\n".join(output["data"].get(kind, "") for output in self.displayed())

    def seen(self, kind: str) -> list[str]:
        """What a notebook shows in the end: an update takes the place of what it updates."""
        shown: dict[str, str] = {}
        for number, output in enumerate(self.displayed()):
            name = (output["transient"] or {}).get("display_id", str(number))
            assert output["update"] == (name in shown)
            shown[name] = output["data"].get(kind, "")
        return list(shown.values())


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    monkeypatch.delenv("DL_MODE", raising=False)
    monkeypatch.delenv("KAGGLE_KERNEL_RUN_TYPE", raising=False)
    save(a_notebook(), tmp_path)
    monkeypatch.setattr(handing_in, "watched", lambda: True)
    monkeypatch.setattr(uploading, "_tokens", {})
    with a_shell() as shell:
        shell.display_pub = CapturingDisplayPublisher(parent=shell)
        yield Session(shell, monkeypatch)


def kept() -> dict[str, str]:
    """The files that a hand-in left, whatever became of it."""
    folder = Path(os.environ["DL_WORK"]) / "mini" / "handed_in"
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


# --- all goes well -----------------------------------------------------------------------------


@pytest.mark.parametrize("lang", languages())
def test_a_notebook_is_handed_in_and_its_marks_are_shown(
    session: Session, service: StandIn, pauses: list[float], lang: str, tmp_path: Path
) -> None:
    session.card.lang = lang
    service.script["token"] = [PENDING, PENDING]
    notebook = (tmp_path / "mini.ipynb").read_text(encoding="utf-8")
    seen = session.hand_in()
    assert service.steps() == ["device", "token", "token", "token", "handins", "standing"]
    assert service.stored == [notebook.encode()]
    sent = service.asked[4]
    assert sent.path == "/api/1/labs/mini/handins"
    assert sent.headers["Authorization"] == f"Bearer {TOKEN}"
    assert {request.headers["Accept-Language"] for request in service.asked} == {lang}
    assert kept()["mini_123.ipynb"] == notebook
    receipt = kept()["mini_123.receipt.txt"]
    for where in (seen, receipt):
        assert service.record(1)["sha256"] in where
        assert "2026-10-05 23:41:07+02:00" in where and f"{service.address}/h/1" in where
    assert message("upload.place", lang, count=3) in seen
    code = message("upload.code", lang, code="WDJB-MJHT")
    assert code in session.said() and code not in seen
    assert (
        message(
            "judged.lost",
            lang,
            label={"es": "pendiente", "en": "slope"}[lang],
            earned="1.5",
            marks="7",
            why="3 of 20 values differ.",
        )
        in seen
    )
    assert "3.5/9  38 %" in seen and "2/2  100 %" in seen
    assert {"es": "Rectas", "en": "Lines"}[lang] in seen
    assert TOKEN not in session.said() + session.said("text/html") + "".join(kept().values())


def test_links_can_be_clicked(session: Session, service: StandIn, pauses: list[float]) -> None:
    session.hand_in()
    html = session.said("text/html")
    for address in ("/device?code=WDJB-MJHT", "/h/1"):
        assert f'<a href="{service.address}{address}" target="_blank"' in html
    assert f"{service.address}/device?code=WDJB-MJHT" in session.said()


def test_who_signed_in_is_not_asked_again(
    session: Session, service: StandIn, pauses: list[float], tmp_path: Path
) -> None:
    session.hand_in()
    del service.asked[:]
    seen = session.hand_in()
    assert service.steps() == ["handins", "standing"]
    assert message("upload.same", "en") in seen and "attempt 1" in seen
    assert len(service.stored) == 1


def test_the_queue_is_seen_in_one_line_that_changes(
    session: Session, service: StandIn, pauses: list[float]
) -> None:
    states = [("queued", 2), ("queued", 1), ("grading", 0)]
    service.script["standing"] = [service.says(state=state, place=place) for state, place in states]
    seen = session.hand_in()
    said = session.said()
    for line in (
        message("upload.queued", "en", count=2),
        message("upload.queued", "en", count=1),
        message("upload.grading", "en"),
    ):
        assert line in said and line not in seen
    looks = pauses[-4:]
    assert looks == sorted(looks) and looks[0] < looks[-1]


@pytest.mark.parametrize(("place", "longest"), [(2, uploading.NEAR), (5000, uploading.FAR)])
def test_a_crowd_looks_at_the_queue_more_seldom(
    session: Session, service: StandIn, pauses: list[float], place: int, longest: float
) -> None:
    service.script["standing"] = [service.says(state="queued", place=place)] * 20
    assert "3.5/9" in session.hand_in()
    assert max(pauses) == pauses[-1] == longest


def test_sending_is_seen(
    session: Session, service: StandIn, pauses: list[float], tmp_path: Path
) -> None:
    notebook = a_notebook()
    notebook.metadata["much"] = "x" * 500_000
    save(notebook, tmp_path)
    session.hand_in()
    percents = [n for n in range(101) if f"Sending the notebook: {n} % of 0.5 MB" in session.said()]
    assert percents == list(range(0, 101, 10))


@pytest.mark.parametrize(
    ("result", "detail", "shown", "absent"),
    [
        ({"score": 4, "max_score": 9}, "", "Total  █████░░░░░░░  4/9  44 %", "✗"),
        (
            None,
            "Marks are shown after the deadline.",
            "Marks are shown after the deadline.",
            "Total",
        ),
        (RESULT, "A person still marks the questions.", "A person still marks", "failed"),
        (
            {
                "score": 0,
                "max_score": 1,
                "checks": [{"cell": "c", "label": "new", "marks": 0, "max": 1, "reason": ""}],
            },
            "",
            "Others  ░░░░░░░░░░░░  0/1  0 %\nTotal   ░░░░░░░░░░░░  0/1  0 %\n✗ new: 0 of 1 mark.\n",
            "mark: ",
        ),
    ],
)
def test_what_the_course_shows_is_shown(
    session: Session,
    service: StandIn,
    pauses: list[float],
    result: dict[str, Any] | None,
    detail: str,
    shown: str,
    absent: str,
) -> None:
    service.script["standing"] = [service.says(result=result, detail=detail, place=None)]
    seen = session.hand_in()
    assert shown in seen and absent not in seen


def test_a_notebook_that_could_not_be_graded_says_why(
    session: Session, service: StandIn, pauses: list[float]
) -> None:
    failed = service.says(state="failed", detail="The kernel died in cell 3.", result=None)
    service.script["standing"] = [failed]
    seen = session.hand_in()
    assert "Attempt 1 could not be graded." in seen and "The kernel died in cell 3." in seen


# --- what nobody trusts ------------------------------------------------------------------------


def test_what_the_service_writes_is_no_markup_and_moves_no_cursor(
    session: Session, service: StandIn, pauses: list[float]
) -> None:
    evil = "<script>alert(1)</script>\x1b[2J\u202e\n&"
    check = {"cell": evil, "label": evil, "marks": 0, "max": 1, "reason": evil}
    service.script["handins"] = [service.confirms(url='https://example.org/"onmouseover="alert(1)')]
    result = {"score": 0, "max_score": 1, "checks": [check]}
    service.script["standing"] = [service.says(detail=evil, result=result)]
    seen = session.hand_in()
    html = session.said("text/html")
    assert "&lt;script&gt;" in html and "<script" not in html and '"onmouseover' not in html
    assert not set(seen) & {"\x1b", "\u202e"}


ODD_DEVICES: list[dict[str, Any]] = [
    {"verification_uri": "javascript:alert(1)"},
    {"verification_uri_complete": "data:text/html,x"},
    {"user_code": "x" * 41},
    {"user_code": "A\x1b[2J"},
    {"expires_in": float("nan")},
    {"expires_in": -1},
    {"expires_in": True},
    {"interval": "5"},
    {"device_code": None},
    {"device_code": "x" * 5000},
]
ODD_RECORDS: list[dict[str, Any]] = [
    {"id": "../../admin"},
    {"id": None},
    {"attempt": 1.5},
    {"place": -1},
    {"received": "yesterday"},
    {"received": "2026-10-05T23:41:07"},
    {"url": "javascript:alert(1)"},
    {"sha256": 3},
]
ODD_STANDINGS: list[dict[str, Any]] = [
    {"state": "lost"},
    {"state": ["graded"]},
    {"detail": ["x"]},
    {"place": "3"},
    {"result": []},
    {"result": {"score": "3", "max_score": 9}},
    {"result": {"score": 3}},
    {"result": {"score": float("inf"), "max_score": 9}},
    {"result": {"score": 3, "max_score": 9, "checks": {}}},
    {"detail": 0},
    {"result": {"score": 3, "max_score": 9, "checks": [3]}},
    {"result": {"score": 3, "max_score": 9, "checks": [{}]}},
    {"result": {"score": 3, "max_score": 9, "checks": [{}] * 2001}},
]


@pytest.mark.parametrize("odd", ODD_DEVICES, ids=str)
def test_an_odd_sign_in_is_refused(
    session: Session, service: StandIn, pauses: list[float], odd: dict[str, Any]
) -> None:
    service.script["device"] = [Answer(body=service.device() | odd)]
    assert "is not what the course's service answers" in session.hand_in()
    assert service.steps() == ["device"]


@pytest.mark.parametrize("odd", ODD_RECORDS, ids=str)
def test_an_odd_record_is_refused(
    session: Session, service: StandIn, pauses: list[float], odd: dict[str, Any]
) -> None:
    service.script["handins"] = [service.confirms(**odd)]
    assert "is not what the course's service answers" in session.hand_in()


@pytest.mark.parametrize("odd", [{"sha256": "0" * 64}, {"lab": "another"}], ids=str)
def test_the_record_of_another_notebook_is_refused(
    session: Session, service: StandIn, pauses: list[float], odd: dict[str, Any]
) -> None:
    service.script["handins"] = [service.confirms(**odd)]
    assert message("upload.mixed_up", "en") in session.hand_in()


@pytest.mark.parametrize("odd", ODD_STANDINGS, ids=lambda odd: str(odd)[:60])
def test_odd_marks_are_refused_and_the_hand_in_is_safe(
    session: Session, service: StandIn, pauses: list[float], odd: dict[str, Any]
) -> None:
    service.script["standing"] = [service.says(**odd)]
    seen = session.hand_in()
    assert "is not what the course's service answers" in seen
    assert f"{message('upload.stored', 'en')} {service.address}/h/1" in seen


@pytest.mark.parametrize(
    "body",
    [b"", b"[1]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": "' + b"x" * 2**20 + b'"}'],
    ids=["empty", "a list", "cut short", "no UTF-8", "deep", "too much"],
)
def test_what_is_no_answer_is_refused(
    session: Session, service: StandIn, pauses: list[float], body: bytes
) -> None:
    service.script["device"] = [Answer(body=body)]
    assert "is not what the course's service answers" in session.hand_in()


def test_a_token_that_would_not_stay_in_its_header_is_refused(
    session: Session, service: StandIn, pauses: list[float]
) -> None:
    token = {"access_token": "a\r\nX-Evil: 1", "token_type": "Bearer", "expires_in": 1}
    service.script["token"] = [Answer(body=token)]
    assert "is not what the course's service answers" in session.hand_in()
    assert service.steps() == ["device", "token"]


# --- what goes wrong ---------------------------------------------------------------------------

PROXY = b"<html><script>alert(1)</script>Please sign in to the campus network</html>"
REFUSALS: list[tuple[str, Reply, str]] = [
    ("device", problem(429, "Wait an hour.", Retry_After="3600"), "Wait an hour."),
    ("handins", problem(403, "You are not on the roster."), "You are not on the roster."),
    ("handins", problem(409, "Hand-ins are paused."), "Hand-ins are paused."),
    ("handins", problem(413, "At most 20 MB."), "At most 20 MB."),
    ("handins", Answer(413, PROXY, HTML), "The notebook is too large"),
    ("handins", problem(422, "This is a notebook of lab 2."), "This is a notebook of lab 2."),
    ("handins", problem(429, "In 20 minutes.", Retry_After="1200"), "In 20 minutes."),
    ("handins", problem(404, ""), "is not what the course's service answers (404)"),
    ("device", Answer(200, PROXY, HTML), "is not what the course's service answers (200)"),
    ("device", Answer(302, b"", HTML, {"Location": "http://portal/"}), "service answers (302)"),
    ("token", Answer(400, {"error": "access_denied"}), message("upload.denied", "en")),
    ("token", Answer(400, {"error": "expired_token"}), message("upload.expired", "en")),
    ("token", Answer(400, {"error": "invalid_grant"}), "service answers (400)"),
]


@pytest.mark.parametrize(("step", "reply", "said"), REFUSALS)
def test_a_refusal_is_one_sentence_and_the_file_stays(
    session: Session, service: StandIn, pauses: list[float], step: str, reply: Reply, said: str
) -> None:
    service.script[step] = [reply]
    seen = session.hand_in()
    assert said in seen and message("upload.not_sent", "en") in seen
    assert "campus network" not in seen and "Traceback" not in seen
    assert service.steps()[-1] == step and not service.stored
    assert kept().keys() == {"mini_123.ipynb", "mini_123.receipt.txt"}


PASSING: list[Reply] = [
    hang_up,
    Answer(502, PROXY, HTML),
    problem(503, "Back in a moment.", Retry_After="7"),
]


@pytest.mark.parametrize("step", ["device", "handins", "standing"])
@pytest.mark.parametrize("reply", PASSING)
def test_what_passes_is_tried_again(
    session: Session, service: StandIn, pauses: list[float], step: str, reply: Reply
) -> None:
    service.script[step] = [reply, reply]
    assert "3.5/9" in session.hand_in()
    assert service.steps().count(step) == 3
    assert "Trying again in" in session.said()
    if isinstance(reply, Answer) and reply.headers:
        assert pauses.count(7.0) == 2 and "Back in a moment." in session.said()


@pytest.mark.parametrize("reply", PASSING)
def test_what_does_not_pass_is_given_up(
    session: Session, service: StandIn, pauses: list[float], reply: Reply
) -> None:
    service.script["handins"] = [reply] * 9
    assert message("upload.not_sent", "en") in session.hand_in()
    assert service.steps().count("handins") == uploading.TRIES
    service.script["handins"].clear()
    assert "3.5/9" in session.hand_in()


def test_a_queue_that_cannot_be_asked_leaves_a_link(
    session: Session, service: StandIn, pauses: list[float]
) -> None:
    service.script["standing"] = [problem(503, "", Retry_After="3600")]
    seen = session.hand_in()
    assert f"{message('upload.stored', 'en')} {service.address}/h/1" in seen
    assert max(pauses) < 3600 and len(service.stored) == 1


def test_a_queue_that_takes_too_long_leaves_a_link(
    session: Session, service: StandIn, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "WATCHED", 100.0)
    service.script["standing"] = [service.says(state="queued")] * 100
    seen = session.hand_in()
    assert message("upload.long", "en") in seen and f"{service.address}/h/1" in seen
    assert 5 < service.steps().count("standing") < 30


@pytest.mark.parametrize("step", ["handins", "standing"])
def test_a_token_that_ran_out_is_asked_for_again(
    session: Session, service: StandIn, pauses: list[float], step: str
) -> None:
    uploading._tokens[service.address] = TOKEN
    service.script[step] = [problem(401, "Sign in again.")]
    assert "3.5/9" in session.hand_in()
    assert service.steps().count("device") == 1
    assert len(service.stored) == 1


def test_a_token_that_nobody_takes_ends_in_a_sentence(
    session: Session, service: StandIn, pauses: list[float]
) -> None:
    service.script["handins"] = [problem(401, "Sign in again.")] * 5
    uploading._tokens[service.address] = "old"
    assert "Sign in again." in session.hand_in()
    assert service.steps() == ["handins", "device", "token", "handins"]


def test_a_sign_in_is_asked_for_as_seldom_as_the_service_wants(
    session: Session, service: StandIn, pauses: list[float]
) -> None:
    slow_down = Answer(400, {"error": "slow_down"})
    service.script["token"] = [PENDING, slow_down, PENDING, problem(503, "", Retry_After="40")]
    assert "3.5/9" in session.hand_in()
    assert pauses[:5] == [5, 5, 10, 10, 40]


def test_a_code_that_nobody_confirms_ends(
    session: Session, service: StandIn, pauses: list[float]
) -> None:
    service.script["token"] = [PENDING] * 500
    seen = session.hand_in()
    assert message("upload.expired", "en") in seen
    assert sum(pauses) == 600


def test_a_service_that_does_not_answer(
    session: Session, service: StandIn, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()

    def wait(handler: BaseHTTPRequestHandler) -> None:
        done.wait(30)

    monkeypatch.setattr(client, "TIMEOUT", (1, 0.05))
    service.script["device"] = [wait] * uploading.TRIES
    seen = session.hand_in()
    done.set()
    assert "did not answer in time" in seen


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:9", "cannot be reached"),
        ("https://no-such-name.invalid", "cannot be reached"),
        ("not an address", "cannot be reached"),
        ("http://[::1", "cannot be reached"),
    ],
)
def test_where_there_is_no_service(
    session: Session,
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    said: str,
) -> None:
    monkeypatch.setenv("DL_SERVICE", address)
    seen = session.hand_in()
    assert said in seen and f"{message('upload.not_sent', 'en')} {address}" in seen
    assert kept().keys() == {"mini_123.ipynb", "mini_123.receipt.txt"}


def test_a_connection_that_is_not_secure_sends_nothing(
    session: Session, service: StandIn, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DL_SERVICE", service.address.replace("http:", "https:"))
    assert "is not secure" in session.hand_in()
    assert service.asked == [] and pauses == []


# --- interrupted -------------------------------------------------------------------------------


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_stopping_before_it_was_sent(
    session: Session, service: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "sleep", interrupt)
    seen = session.hand_in()
    assert message("upload.stopped", "en") in seen and message("upload.not_sent", "en") in seen
    assert not service.stored and len(kept()) == 2


def test_stopping_afterwards_leaves_a_link(
    session: Session, service: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(uploading._tokens, service.address, TOKEN)
    monkeypatch.setattr(uploading, "sleep", interrupt)
    seen = session.hand_in()
    assert message("upload.left", "en") in seen and f"{service.address}/h/1" in seen
    assert len(service.stored) == 1


# --- when nothing is sent ----------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["grading", "reference"])
def test_a_graded_run_sends_nothing(
    session: Session, service: StandIn, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("DL_MODE", mode)
    assert session.hand_in() == ""
    assert service.asked == []


def test_a_run_that_nobody_watches_sends_nothing_and_says_so(
    session: Session, service: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_in, "watched", lambda: False)
    seen = session.hand_in()
    assert "Done. Upload this file" in seen and service.address in seen
    assert service.asked == [] and len(kept()) == 2


def test_a_course_without_a_service_makes_the_file_as_ever(
    session: Session, service: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DL_SERVICE")
    seen = session.hand_in()
    assert "Done. Upload this file" in seen and "service" not in seen
    assert service.asked == []


def test_the_address_is_the_one_that_the_kit_was_published_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DL_SERVICE", raising=False)
    monkeypatch.setattr(uploading, "SERVICE_ADDRESS", tmp_path / "service_address.txt")
    assert uploading.service_address() == ""
    (tmp_path / "service_address.txt").write_text("https://hand-in.example.org\n")
    assert uploading.service_address() == "https://hand-in.example.org"
    monkeypatch.setenv("DL_SERVICE", "http://localhost:8000/")
    assert uploading.service_address() == "http://localhost:8000"


def test_an_incomplete_notebook_is_not_sent(
    session: Session, service: StandIn, tmp_path: Path
) -> None:
    notebook = a_notebook(answer="")
    (tmp_path / "mini.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    assert "Questions without an answer" in session.hand_in()
    assert service.asked == []
