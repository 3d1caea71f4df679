"""The notebook's end and the service's, together: what `tick.hand_in()` sends and reads."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from grading.service.supervisor import listening
from grading.service.web import devices
from grading.session.client import Client, ServiceError
from tests.service.handing import notebook
from tests.service.stand_ins import running
from tests.service.visiting import STAFF, Visited, post, visited


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visited]:
    monkeypatch.setattr(devices, "INTERVAL", timedelta(seconds=1))
    with listening("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    made = visited(tmp_path, STAFF, "", f"http://127.0.0.1:{port}")
    with running(made.app, port):
        yield made
    made.close()


def signed_in(service: Visited, who: str, lang: str = "en") -> Client:
    client = Client(service.address, lang)
    device = client.begin_sign_in()
    post(service.client(who), "/device", code=device.user_code, decision="allow")
    client.finish_sign_in(device)
    return client


def test_a_notebook_signs_in_hands_in_and_reads_its_marks(service: Visited) -> None:
    client = signed_in(service, "ada")
    content = notebook(service.course, "ada", marks=7.0)
    sent: list[int] = []
    stored, is_new = client.hand_in("mini", content, sent.append)
    assert is_new and (stored.attempt, stored.place) == (1, 0) and sent[-1] == len(content)
    assert client.standing(stored).state == "queued"
    service.work()
    standing = client.standing(stored)
    assert standing.state == "graded" and standing.result is not None
    assert (standing.result.score, standing.result.most) == (7.0, 9.0)
    assert [check.reason for check in standing.result.checks] == ["", "steep"]
    again, is_new = client.hand_in("mini", content, sent.append)
    assert (again.id, is_new) == (stored.id, False)


def test_a_refusal_reaches_the_notebook_as_the_service_says_it(service: Visited) -> None:
    client = signed_in(service, "bob", "es")
    with pytest.raises(ServiceError, match="lo firman otras personas"):
        client.hand_in("mini", notebook(service.course, "ada"), lambda count: None)
