"""The first cell of a notebook: packages, the kit's files, where work is kept, what it says."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from grading.authoring.setup_cell import setup_source
from grading.messages import languages
from grading.session import start
from grading.session.keyfile import KeyFile, ListedCheck
from utils import storage
from utils.hosts import HOSTS, Host

KEYS = KeyFile(
    lab="mini",
    source="0123456789abcdef",
    checks=(ListedCheck("c", "size", 2.0, {"es": "Todo", "en": "All"}),),
    question_marks=0,
    profiles={},
    seconds={"full": 754, "quick": 3},
)


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "is_online", lambda: True)
    monkeypatch.setenv("LAB_PROFILE", "full")


# --- what is said ------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", languages())
def test_two_lines_where_all_is_well(lang: str) -> None:
    said, restored = start.prepare("mini", KEYS, "0123456789ab", lang)
    assert len(said.splitlines()) == 2 and restored == {}
    assert "13" in said.splitlines()[1] or _has_gpu()


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def test_a_quick_session_is_not_told_how_long_a_full_one_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAB_PROFILE", "quick")
    assert "GPU" not in start.prepare("mini", KEYS, "", "en")[0]


@pytest.mark.parametrize(
    ("seconds", "has_gpu", "is_rented", "said"),
    [
        (754, False, False, "Without a GPU the whole notebook computes for about 13 minutes."),
        (754, True, True, ""),
        (20, True, True, "A GPU pays little here: without one the whole notebook computes for"),
        (20, True, False, ""),
        (20, False, True, ""),
    ],
)
def test_who_lacks_a_gpu_or_wastes_one_is_told(
    monkeypatch: pytest.MonkeyPatch, seconds: float, has_gpu: bool, is_rented: bool, said: str
) -> None:
    import torch

    for host in HOSTS:
        monkeypatch.delenv(host.variable, raising=False)
    if is_rented:
        monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    lines = start.computing_line(replace(KEYS, seconds={"full": seconds}), "en")
    assert " ".join(lines).startswith(said) and bool(lines) == bool(said)


def test_a_notebook_of_another_version_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    said, _ = start.prepare("mini", KEYS, "ffff", "en")
    assert len(said.splitlines()) == 3 and "another version of the kit" in said


def test_without_network_a_line_says_what_still_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(start, "is_online", lambda: False)
    monkeypatch.delenv("DL_DATA_MIRROR", raising=False)
    monkeypatch.setenv("DL_DATA_CACHE", str(tmp_path))
    (line,) = start.offline_line("en")
    assert "multi30k" in line and "LAB_PROFILE=quick" in line
    (tmp_path / "airline").mkdir()
    monkeypatch.setenv("LAB_PROFILE", "quick")
    assert start.offline_line("en") == []


# --- the kit -----------------------------------------------------------------------------------


def published(folder: Path) -> Path:
    (folder / "grading").mkdir(parents=True)
    (folder / "grading" / "tick.py").write_text("x = 1\n")
    (folder / "lab.ipynb").write_text("{}")
    lines = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("grading/tick.py", "lab.ipynb")
    ]
    (folder / "MANIFEST").write_text("".join(lines))
    return folder


def test_a_whole_kit_is_not_damaged_and_a_notebook_may_change(tmp_path: Path) -> None:
    kit = published(tmp_path / "kit")
    (kit / "lab.ipynb").write_text('{"answers": 1}')
    assert start.damage(kit) == []
    assert start.damage(tmp_path) == []  # somebody's working copy


@pytest.mark.parametrize("harm", [lambda p: p.unlink(), lambda p: p.write_text("x = ")])
def test_a_half_downloaded_kit_is_named(tmp_path: Path, harm, monkeypatch) -> None:
    kit = published(tmp_path / "kit")
    harm(kit / "grading" / "tick.py")
    monkeypatch.setattr(start, "KIT", kit)
    (line,) = start.kit_problems(KEYS, "mini", "", "en")
    assert "1 files, the first grading/tick.py" in line and "delete it" in line


# --- packages ----------------------------------------------------------------------------------


@pytest.fixture
def wanted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    file = tmp_path / "requirements.txt"
    file.write_text("# a comment\nnumpy>=1.0\nnumpy>=9999\nno-such-package==1.2\n")
    monkeypatch.setattr(start, "SESSION_REQUIREMENTS", file)
    return file


@pytest.mark.usefixtures("wanted")
def test_only_what_is_missing_or_too_old_is_wanted() -> None:
    assert start.missing_packages() == ["numpy>=9999", "no-such-package==1.2"]


def test_on_a_laptop_nothing_is_installed(wanted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    monkeypatch.setattr(start, "install", lambda packages: pytest.fail("it installed"))
    line = start.prepare_packages("en")
    assert "no-such-package==1.2" in line and f"pip install -r {wanted}" in line


@pytest.mark.usefixtures("wanted")
def test_on_colab_what_is_missing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setenv("COLAB_RELEASE_TAG", "test")
    monkeypatch.setattr(start, "install", lambda packages: asked.append(packages) or "")
    assert "Installed what was missing" in start.prepare_packages("en")
    assert asked == [["numpy>=9999", "no-such-package==1.2"]]
    monkeypatch.setattr(start, "install", lambda packages: "ERROR: no way")
    assert "could not be installed: ERROR: no way" in start.prepare_packages("en")


@pytest.mark.usefixtures("wanted")
@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_a_rented_machine_gets_what_is_missing_and_an_own_one_does_not(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    for other in HOSTS:
        monkeypatch.delenv(other.variable, raising=False)
    monkeypatch.setenv(host.variable, "x")
    monkeypatch.setattr(start, "install", lambda packages: asked.append(packages) or "")
    start.prepare_packages("en")
    assert bool(asked) == host.rented


def test_torch_and_numpy_are_pinned_to_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip refuses, in one line and touching nothing, what would need another numpy."""
    before = start.metadata.version("numpy")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert "numpy" in start.install(["numpy==1.0"])
    assert start.metadata.version("numpy") == before


# --- where work is kept ------------------------------------------------------------------------


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("DL_WORK", raising=False)
    monkeypatch.setenv("COLAB_RELEASE_TAG", "test")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "MyDrive"
    monkeypatch.setattr(storage, "DRIVE", folder)
    return folder


def test_work_goes_to_drive_where_it_is_mounted(drive: Path) -> None:
    assert storage.storage().folder == Path.cwd() / "dl-work"
    (line,) = start.storage_lines("mini", {}, "en")
    assert "mount Drive" in line
    drive.mkdir()
    assert storage.storage() == storage.Storage(drive / "dl-work", keeps="all")
    assert storage.work_folder("lab").is_dir()


def test_a_drive_without_permission_is_passed_over_and_named(
    drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive.mkdir()
    monkeypatch.setattr(storage, "is_writable", lambda folder: False)
    first, second = start.storage_lines("mini", {}, "en")
    assert "cannot be written to" in first and str(drive) in first
    assert "mount Drive" in second


@pytest.mark.parametrize(
    ("host", "line"),
    [
        ("Colab", "Colab: your work is kept in {0}, which goes with this machine: mount Drive"),
        ("Kaggle", "Kaggle: your work is kept in {0} only while this session lasts, unless"),
        ("Deepnote", "Deepnote: your work is kept in {0}."),
        ("Binder", "Binder: your work is kept in {0}, which goes with this machine after"),
        ("Codespaces", "Codespaces: your work is kept in {0}."),
        ("VS Code", "VS Code: your work is kept in {0}."),
        ("Jupyter", "Jupyter: your work is kept in {0}."),
        (None, "Your work is kept in {0}."),
    ],
)
def test_each_place_is_named_with_what_it_keeps(
    host: str | None, line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DL_WORK", raising=False)
    monkeypatch.chdir(tmp_path)
    for one in HOSTS:
        monkeypatch.delenv(one.variable, raising=False)
        if one.name == host:
            monkeypatch.setenv(one.variable, "x")
    (said,) = start.storage_lines("mini", {}, "en")
    assert said.startswith(line.format(tmp_path / "dl-work"))


def test_a_training_run_that_was_kept_is_mentioned(drive: Path) -> None:
    drive.mkdir()
    (storage.work_folder("mini") / "a1b2").mkdir()
    assert "goes on where it was" not in start.storage_lines("mini", {}, "en")[0]
    (storage.work_folder("mini") / "a1b2" / "run.pt").touch()
    assert "goes on where it was" in start.storage_lines("mini", {}, "en")[0]


def test_a_folder_that_takes_no_file(tmp_path: Path) -> None:
    assert storage.is_writable(tmp_path)
    assert not storage.is_writable(tmp_path / "missing")


def test_progress_survives_and_bad_progress_costs_nothing(tmp_path: Path) -> None:
    start.write_progress("mini", {"size": 2.0})
    assert start.read_progress("mini") == {"size": 2.0}
    file = Path(os.environ["DL_WORK"]) / "mini" / "progress.json"
    for text in ("", "[]", '{"passed": 3}', '{"passed": {"size": "two"}}', "\x00"):
        file.write_text(text)
        assert start.read_progress("mini") == {}
    file.unlink()
    file.mkdir()
    start.write_progress("mini", {"size": 2.0})  # a disk that refuses


# --- the cell itself ---------------------------------------------------------------------------


def run_setup(folder: Path, **environment: str) -> str:
    """Run a setup cell as a script in a Python that has no kit, and return what it prints."""
    folder.mkdir(exist_ok=True)
    source = setup_source("mini", "en", version="0123", **SETUP)
    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", source],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return done.stdout


SETUP = {"repository": "somebody/course", "tag": "v1"}


@pytest.fixture
def remote(tmp_path: Path) -> dict[str, str]:
    """A local git remote in the place of GitHub, holding a kit of a few lines."""
    kit = tmp_path / "kit" / "grading"
    kit.mkdir(parents=True)
    (kit / "__init__.py").touch()
    (kit / "tick.py").write_text("def start(lab, lang, version):\n    print(lab, lang, version)\n")
    config = {
        "GIT_CONFIG_COUNT": "3",
        "GIT_CONFIG_KEY_0": f"url.{kit.parent}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/somebody/course.git",
        "GIT_CONFIG_KEY_1": "user.email",
        "GIT_CONFIG_VALUE_1": "a@b.c",
        "GIT_CONFIG_KEY_2": "user.name",
        "GIT_CONFIG_VALUE_2": "a",
    }
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "kit"], ["tag", "v1"]):
        environment = {"PATH": os.environ["PATH"], **config}
        subprocess.run(["git", *command], cwd=kit.parent, env=environment, check=True)
    return config | {"COLAB_RELEASE_TAG": "test"}


def test_kaggle_fetches_the_kit_too(tmp_path: Path, remote: dict[str, str]) -> None:
    del remote["COLAB_RELEASE_TAG"]
    assert "git clone" in run_setup(tmp_path / "content", **remote)
    remote["KAGGLE_KERNEL_RUN_TYPE"] = "Interactive"
    assert run_setup(tmp_path / "content", **remote) == "mini en 0123\n"


def test_on_colab_the_kit_is_fetched_once(tmp_path: Path, remote: dict[str, str]) -> None:
    content = tmp_path / "content"
    assert run_setup(content, **remote) == "mini en 0123\n"
    assert not (content / "dl-course.part").exists()
    remote["GIT_CONFIG_KEY_0"] = "url./nowhere.insteadOf"
    assert run_setup(content, **remote) == "mini en 0123\n"


def test_a_fetch_that_was_cut_off_is_done_again(tmp_path: Path, remote: dict[str, str]) -> None:
    for name in ("dl-course.part", "dl-course"):
        (tmp_path / "content" / name / "grading").mkdir(parents=True)
    assert run_setup(tmp_path / "content", **remote) == "mini en 0123\n"


def test_a_wrong_tag_is_one_line(tmp_path: Path, remote: dict[str, str], monkeypatch) -> None:
    monkeypatch.setitem(SETUP, "tag", "v2")
    (line,) = run_setup(tmp_path / "content", **remote).splitlines()
    assert "could not be fetched" in line and "remote ref v2" in line
    assert list((tmp_path / "content").iterdir()) == []


def test_an_incomplete_kit_is_one_line(tmp_path: Path, remote: dict[str, str]) -> None:
    run_setup(tmp_path / "content", **remote)
    tick = tmp_path / "content" / "dl-course" / "grading" / "tick.py"
    tick.write_text("from grading import messages\n")
    (line,) = run_setup(tmp_path / "content", **remote).splitlines()
    assert "incomplete" in line and "messages" in line and "!rm -rf dl-course" in line


def test_on_a_laptop_without_a_kit_one_line_says_what_to_do(tmp_path: Path) -> None:
    (line,) = run_setup(tmp_path / "content").splitlines()
    assert "git clone --branch v1 https://github.com/somebody/course.git" in line
    assert list((tmp_path / "content").iterdir()) == []


@pytest.mark.parametrize("place", [".", "notebooks/en"])
def test_on_a_laptop_the_kit_beside_the_notebook_is_used(
    tmp_path: Path, remote: dict[str, str], place: str
) -> None:
    inside = tmp_path / "kit" / place
    inside.mkdir(parents=True, exist_ok=True)
    assert run_setup(inside) == "mini en 0123\n"
