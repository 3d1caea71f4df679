"""A list of pins is made of what Colab published, and read as it was made."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from grading.errors import UserError
from grading.places import KIT
from grading.publishing.bundle import PREINSTALLED
from tests.colab import pins

FREEZE = """\
# what was found
bars==1.0
google-colab @ file:///dist/google_colab-1.0.tar.gz
numbers==2.0+local
shapes==4.0
Silver_Ware==0.9
torch @ https://example.org/whl/cpu/torch-2.11.0%2Bcpu-cp313-cp313-manylinux_2_28_x86_64.whl
kernels==7.0
unrelated==1.0
setuptools==60.0
"""
LISTS = sorted(pins.LISTS.glob("*.txt"))
ABOUT = {"date": "2026-08-19", "commit": "a724079", "python": "3.13.15"}


def make_wheel(folder: Path, name: str, version: str, *needs: str) -> None:
    about = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    about += [f"Requires-Dist: {need}" for need in needs]
    about += ["Provides-Extra: metal"]
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for file, text in (
            ("METADATA", "\n".join(about)),
            ("WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any"),
            ("RECORD", ""),
        ):
            wheel.writestr(f"{name}-{version}.dist-info/{file}", text)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let pip know a few wheels and no index, and the session need ``bars``, ``scores``, torch."""
    make_wheel(tmp_path, "bars", "1.0", "shapes[metal]", "torch", "old; python_version < '3'")
    make_wheel(tmp_path, "bars", "2.0")
    make_wheel(tmp_path, "shapes", "4.0", "silver_ware; extra == 'metal'", "gold; extra == 'x'")
    make_wheel(tmp_path, "silver_ware", "0.9", "setuptools")
    make_wheel(tmp_path, "setuptools", "60.0")
    make_wheel(tmp_path, "scores", "3.1", "numbers")
    make_wheel(tmp_path, "scores", "4.0")
    make_wheel(tmp_path, "numbers", "2.0+local")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setattr(pins, "PREINSTALLED", ("bars", "torch"))
    listed = tmp_path / "session_requirements.txt"
    listed.write_text("scores<4\n")
    monkeypatch.setattr(pins, "SESSION_REQUIREMENTS", listed)
    return tmp_path


def test_what_pip_froze_is_read_wheels_and_all():
    assert pins.published(FREEZE) == {
        "bars": "1.0",
        "kernels": "7.0",
        "numbers": "2.0+local",
        "setuptools": "60.0",
        "shapes": "4.0",
        "silver-ware": "0.9",
        "torch": "2.11.0+cpu",
        "unrelated": "1.0",
    }


@pytest.mark.slow
def test_a_list_has_what_is_needed_in_colabs_versions(index: Path):
    listed = index / "list.txt"
    listed.write_text(pins.made(FREEZE, **ABOUT))
    found = pins.read(listed)
    assert (found.python, found.torch) == ("3.13.15", "2.11.0")
    lines = [line for line in found.text.splitlines() if not line.startswith("#")]
    # By an extra, and by a package that Colab lacks; nothing of torch's, or that nobody needs.
    assert lines == ["bars==1.0", "numbers==2.0+local", "shapes==4.0", "silver-ware==0.9"]
    assert "2026-08-19" in found.text and "a724079" in found.text


def test_what_pip_does_not_find_is_one_line(index: Path):
    with pytest.raises(UserError, match=r"no versions that fit: ERROR: .*bars==3\.0") as error:
        pins.made(FREEZE.replace("bars==1.0", "bars==3.0"), **ABOUT)
    assert len(str(error.value).splitlines()) == 1


def test_a_text_that_lacks_what_colab_has_is_refused():
    with pytest.raises(UserError, match=r"it lacks .*torch.*give the whole pip-freeze\.txt"):
        pins.made("numpy==2.1.3\n", **ABOUT)


def test_the_newest_list_is_that_of_the_last_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for date in ("2026-08-19", "2027-01-02", "2026-12-31"):
        (tmp_path / f"{date}.txt").touch()
    monkeypatch.setattr(pins, "LISTS", tmp_path)
    assert pins.newest().name == "2027-01-02.txt"


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.name)
def test_every_list_here_is_one_that_can_be_installed(path: Path):
    found = pins.read(path)
    lines = [line for line in found.text.splitlines() if not line.startswith("#")]
    names = [line.partition("==")[0] for line in lines]
    assert path.stem in found.text
    assert names == sorted({canonicalize_name(name) for name in names})
    assert {*PREINSTALLED} - {"torch"} <= {*names}
    assert not {*pins.FREE, "google-colab"} & {*names}


def test_a_list_that_is_missing_is_one_line_that_says_which_are_there(tmp_path: Path):
    with pytest.raises(UserError, match=rf"no\.txt.*No such file.*has .*{LISTS[-1].name}"):
        pins.read(tmp_path / "no.txt")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FREEZE, "line 3: expected name==version, found 'google-colab @"),
        ("numpy>=2\n", "line 1: expected name==version, found 'numpy>=2'"),
        ("# python==3.13\nnumpy==2.1.3\n", "did not find both"),
        ("", "did not find both"),
    ],
)
def test_another_text_is_refused_with_what_to_do(tmp_path: Path, text: str, said: str):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(UserError) as error:
        pins.read(tmp_path / "list.txt")
    assert said in str(error.value) and "python -m tests.colab.pins" in str(error.value)


@pytest.mark.slow
def test_on_the_command_line_bad_input_is_one_line():
    options = [word for name, value in ABOUT.items() for word in (f"--{name}", value)]
    command = [sys.executable, "-m", "tests.colab.pins", "no-such-file.txt", *options]
    done = subprocess.run(command, cwd=KIT, capture_output=True, text=True)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr == "error: cannot read no-such-file.txt: No such file or directory\n"
