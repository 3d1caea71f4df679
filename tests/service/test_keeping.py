"""What was handed in to the service goes into the archive, and goes with a student."""

import zipfile
from pathlib import Path

from grading.service import queue
from grading.service.web.signing import secret_of
from tests.command import command
from tests.service.handing import Service, StandIn, make_course, notebook


def test_a_student_who_is_forgotten_leaves_partners_their_hand_ins(tmp_path: Path) -> None:
    service = Service(make_course(tmp_path))
    service.hand_in("ada", notebook(service.course, "ada", "bob"))
    kept = service.hand_in("bob", notebook(service.course, "bob", "ada", marks=2.0))
    service.hand_in("cyd", marks=1.0)
    service.work(StandIn(service.course))
    service.database.close()
    done = command(tmp_path, "forget", "ada", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    with service.database.reading() as session:
        left = {one.student: one for one in queue.of_lab(session, "mini")}
    assert left.keys() == {"bob", "cyd"}
    assert (left["bob"].id, left["bob"].students) == (kept.handin.id, ("bob",))
    service.database.close()
    files = [path for path in (tmp_path / "course").rglob("*") if path.is_file()]
    assert any("handed_in/bob" in path.as_posix() for path in files)
    telling = [path for path in files if b"Ada Lovelace" in path.read_bytes()]
    assert [path.name for path in telling] == [] and not (
        tmp_path / "course/handed_in/ada"
    ).exists()
    assert not any(b"I am ada" in path.read_bytes() for path in files)


def test_an_archive_has_the_hand_ins_and_not_the_secret(tmp_path: Path) -> None:
    service = Service(make_course(tmp_path))
    secret = secret_of(service.course.home)
    receipt = service.hand_in("ada")
    service.work(StandIn(service.course))
    service.database.close()
    done = command(tmp_path, "archive", "--to", str(tmp_path / "a.zip"))
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        names = archive.namelist()
        assert secret.encode() not in b"".join(map(archive.read, names))
        assert f"course/handed_in/ada/mini/{receipt.handin.sha256}.ipynb" in names
    restored = tmp_path / "again"
    assert command(tmp_path, "restore", "a.zip", "--to", str(restored)).returncode == 0
    other = Service(make_course(tmp_path / "other"), f"sqlite:///{restored}/course/gradebook.db")
    with other.database.reading() as session:
        (found,) = queue.of_lab(session, "mini")
    assert (found.id, found.state) == (receipt.handin.id, queue.GRADED)
    other.database.close()
