"""The student bundle: what is in it, what it refuses, and where it is written."""

import ast
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from grading.authoring import building
from grading.authoring.stubs import BEGIN, regions, split_answer
from grading.course.config import LANGUAGES, Course, load_course
from grading.course.roster import Roster, Student
from grading.errors import UserError
from grading.places import PACKAGES
from grading.publishing import bundle
from grading.publishing.closure import closure, imports
from grading.publishing.commits import commit_of
from grading.publishing.leaks import is_published, leaks, secrets_of_lab, secrets_of_modules
from grading.session import keyfile
from grading.session.keyfile import KeyFile
from tests import mini
from tests.command import command

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "grading" / "session_requirements.txt"
SECRET = mini.SOURCE.replace(
    "    return float(x @ y / (x @ x))", "    return float(np.sum(x * y) / np.sum(np.square(x)))"
).replace("Because.", "Because the errors of all points count, and none outweighs the others.")
ROSTER = Roster(
    (
        Student("al1001", "Ana Robledo Vidal", "ana@example.org"),
        Student("ada", "Ada", ""),
        Student("204", "Pérez Gil, Juan", ""),
    )
)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """Return a small course whose keys are those of its source."""
    course = mini.make_course(tmp_path / "course")
    building.paths(course, mini.LAB).source.write_text(SECRET, encoding="utf-8")
    keep_keys(course)
    return course


def keep_keys(course: Course) -> None:
    """Write keys that look as if the present solution had been executed."""
    lab = building.read_lab(course, mini.LAB)
    keys = KeyFile(
        lab=mini.LAB,
        source=building.solution_hash(lab),
        checks=(),
        question_marks=0,
        profiles={"quick": {}},
    )
    path = building.paths(course, mini.LAB).keys
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(keyfile.dump(building.up_to_date(keys, lab)), encoding="utf-8")


def files_under(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


# --- what is in it -----------------------------------------------------------------------------


def test_the_bundle_is_what_students_need_and_says_so_itself(course: Course, tmp_path: Path):
    done = command(course.root, "publish", str(tmp_path / "public"))
    assert done.returncode == 0, done.stderr
    files = files_under(tmp_path / "public")
    assert {"README.md", "LICENSE", "MANIFEST", "utils/text.py", "data/registry.toml"} <= set(files)
    assert {f"notebooks/{lang}/mini.ipynb" for lang in LANGUAGES} <= set(files)
    assert {f"{p}/strings/{lang}.toml" for p in ("grading", "utils") for lang in LANGUAGES} <= set(
        files
    )
    listed = dict(line.split("  ")[::-1] for line in files.pop("MANIFEST").decode().splitlines())
    assert listed == {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    assert list(listed) == sorted(listed)
    assert f"{len(files) + 1} files" in done.stdout
    assert f"git push --force origin refs/tags/{course.tag}" in done.stdout
    readme = files["README.md"].decode()
    for lang in LANGUAGES:
        address = f"/{course.tag}/notebooks/{lang}/mini.ipynb) | 4 | 11 |"
        assert address in readme


def test_notebooks_are_built_from_the_source_not_copied(course: Course, tmp_path: Path):
    stale = building.paths(course, mini.LAB).students["en"]
    stale.parent.mkdir()
    stale.write_text("an old notebook", encoding="utf-8")
    bundle.publish(course, tmp_path / "public")
    lab = building.read_lab(course, mini.LAB)
    commit = commit_of(bundle.kit_of(course, [lab]), tmp_path / "again")
    for path, text in building.student_files(course, lab, commit).items():
        assert (tmp_path / "public" / path.relative_to(course.root)).read_text() == text


@pytest.mark.slow
def test_the_address_of_a_service_is_part_of_the_kit_and_of_no_notebook(
    course: Course, tmp_path: Path
):
    bundle.publish(course, tmp_path / "without")
    about = course.root / "course.toml"
    service = '\n[service]\naddress = "https://hand-in.example.org"\n'
    about.write_text(about.read_text(encoding="utf-8") + service, encoding="utf-8")
    bundle.publish(load_course(course.root), tmp_path / "with")
    without, files = files_under(tmp_path / "without"), files_under(tmp_path / "with")
    assert files.keys() - without.keys() == {"grading/service_address.txt"}
    assert b"grading/service_address.txt" in files["MANIFEST"]
    built = [path for path in files if path.endswith(".ipynb")]
    assert built and not any(b"hand-in.example.org" in files[path] for path in built)
    session = "from grading.session.uploading import service_address as at; print(at())"
    done = subprocess.run(
        [sys.executable, "-c", session], cwd=tmp_path / "with", capture_output=True, text=True
    )
    assert done.stdout.strip() == "https://hand-in.example.org", done.stderr


@pytest.mark.slow
def test_a_session_runs_on_the_bundle_alone(course: Course, tmp_path: Path):
    bundle.publish(course, tmp_path / "public")
    session = (
        "import sys\n"
        "import grading.compat, grading.tick\n"
        "grading.compat.install()\n"
        "grading.tick.start('mini', lang='en')\n"
        "grading.tick.value('one', lambda: 1)\n"
        "grading.tick.summary()\n"
        "print([m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'grading'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", session], cwd=tmp_path / "public", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    loaded = ast.literal_eval(done.stdout.splitlines()[-1])
    assert loaded and all(Path(path).is_relative_to(tmp_path / "public") for path in loaded)


def test_of_grading_whole_student_rooms_are_in_it_and_nothing_else():
    files = {path.relative_to(ROOT).as_posix() for path in bundle.kit_files()}
    code = {path for path in files if path.startswith("grading/") and path.endswith(".py")}
    rooms = {path.split("/")[1].removesuffix(".py") for path in code}
    floor = {"errors", "files", "messages", "places"}
    assert rooms == {"__init__", "tick", "answers", "cells", "compat", "session"} | floor
    for room in ("answers", "cells", "compat", "session"):
        there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "grading" / room).glob("*")}
        assert {path for path in there if path.endswith(".py")} <= code


def test_what_students_get_imports_nothing_that_they_do_not_get(monkeypatch):
    assert bundle.reaching_out() == []
    monkeypatch.setattr(
        bundle, "is_published", lambda path: is_published(path) and "scorecard" not in path
    )
    (line,) = bundle.reaching_out()
    assert line.startswith("grading.session.scorecard: is of the grader's side")


@pytest.mark.slow
def test_the_course_of_this_repository_can_be_published():
    course = load_course(ROOT)
    labs = [building.read_lab(course, lab.name) for lab in course.labs]
    tree = bundle.tree_of(course, labs)
    secrets = [secret for lab in labs for secret in secrets_of_lab(lab)]
    assert leaks(tree, secrets) == []
    assert sum(map(len, tree.values())) <= bundle.MAX_BYTES


# --- what it refuses ---------------------------------------------------------------------------


def test_stale_keys_are_refused(course: Course, tmp_path: Path):
    source = building.paths(course, mini.LAB).source
    source.write_text(SECRET.replace("2 * np", "3 * np"), encoding="utf-8")
    done = command(course.root, "publish", str(tmp_path / "public"))
    assert done.returncode == 2
    assert "keys of mini were made from another version of its solution" in done.stderr
    assert not (tmp_path / "public").exists()


def test_a_bundle_that_is_too_large_is_refused(course: Course, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(bundle, "MAX_BYTES", 100_000)
    with pytest.raises(UserError, match=r"more than 0\.1 MB; its largest file is \w+/"):
        bundle.publish(course, tmp_path / "public")
    assert not (tmp_path / "public").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("total = 0  ### begin  solution", "a solution marker"),
        ("return float( np.sum(x*y)\n   / np.sum(np.square(x)) )", "a solution (exercise 'slope'"),
        ("# return float(np.sum(x * y) /\n# np.sum(np.square(x)))", "a solution (exercise 'slope'"),
        (
            "Why? Because the errors of all points count,\nand none outweighs the others.",
            "a model answer (question 'why' of mini)",
        ),
    ],
)
@pytest.mark.parametrize("where", ["a source", "a cell", "an output"])
def test_a_leak_is_found_wherever_it_is(course: Course, text: str, reason: str, where: str):
    secrets = secrets_of_lab(building.read_lab(course, mini.LAB))
    if where == "a source":
        tree = {"utils/text.py": text.encode()}
    else:
        notebook = mini.blank(course)
        cell = notebook.cells[-1]
        if where == "a cell":
            cell.source += "\n" + text
        else:
            cell.metadata["outputs"] = [{"text": text.splitlines(keepends=True)}]
        tree = {"notebooks/en/mini.ipynb": json.dumps(notebook).encode()}
    (leak,) = leaks(tree, secrets)
    assert leak.startswith(f"{next(iter(tree))}: holds ")
    assert reason in leak
    assert "\n" not in leak


@pytest.mark.slow
def test_every_long_statement_and_sentence_of_the_labs_would_be_found():
    course = load_course(ROOT)
    for info in course.labs:
        lab = building.read_lab(course, info.name)
        secrets = secrets_of_lab(lab)
        for cell in lab.of_role("exercise"):
            lines = cell.code.split("\n")
            for region in regions(cell.code):
                body = "\n".join(lines[region.begin : region.end - 1])
                if len("".join(body.split())) >= 30:
                    assert leaks({"utils/a.py": body.encode()}, secrets), (lab.name, cell.id)
        for cell in lab.of_role("question"):
            for text in cell.text.values():
                answer = split_answer(text)[1]
                assert leaks({"README.md": answer.encode()}, secrets), (lab.name, cell.id)


def test_sources_and_the_graders_side_are_refused_by_path_and_by_content():
    engine = ROOT / "grading" / "engine" / "runner.py"
    secrets = secrets_of_modules({"grading/engine/runner.py": engine.read_text()})
    found = leaks({"utils/runner.py": engine.read_bytes()}, secrets)
    assert found == ["utils/runner.py: holds a module of the grader (grading/engine/runner.py)"]
    for path in (
        "notebooks/source/lab0/1_part.py",
        "grading/engine/wire/zmtp.py",
        "grading/judging/judge.py",
        "grading/__main__.py",
        "grading/a_new_room/a.py",
        "grading/notes.txt",
        "grading/session/answers.json",
    ):
        (leak,) = leaks({path: b"x = 1"}, [])
        assert leak.startswith(f"{path}: is a lab's source or of the grader's side")


@pytest.mark.parametrize(
    ("text", "student"),
    [
        ("thanks to al1001 for this", "al1001"),
        ("write to ANA@example.org", "al1001"),
        ("by Ana Robledo\nVidal", "al1001"),
        ("by Robledo Vidal, Ana", "al1001"),
        ("by juan perez  gil", "204"),
    ],
)
def test_nobody_of_the_roster_is_published(text: str, student: str):
    (leak,) = leaks({"data/registry.toml": text.encode()}, [], ROSTER)
    assert leak.startswith("data/registry.toml: holds the ")
    assert student in leak


@pytest.mark.parametrize("text", ["Ada wrote it", "204 images", "zal1001", "0.204", "ana robledo"])
def test_common_words_and_numbers_are_nobody(text: str):
    assert leaks({"README.md": text.encode()}, [], ROSTER) == []


def test_publish_refuses_a_leak_and_writes_nothing(course: Course, tmp_path: Path):
    answer = "The sum over all points of x times y, divided by the sum of all squares of x."
    source = building.paths(course, mini.LAB).source
    told = SECRET.replace("# A little arithmetic.", f"# {answer}").replace("# Because.", "# .")
    told = re.sub(r"# Because the errors.*", f"# {answer}", told)
    told = told.replace("## Sums", "## Sums for Ada Lovelace")
    source.write_text(told, encoding="utf-8")
    keep_keys(course)
    done = command(course.root, "publish", str(tmp_path / "public"))
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert "notebooks/en/mini.ipynb: holds a model answer (question 'why' of mini)" in said
    assert "notebooks/en/mini.ipynb: holds the name of ada, who is on the roster" in said
    assert BEGIN not in said and "notebooks/es" not in said
    assert not (tmp_path / "public").exists()


# --- where it is written -----------------------------------------------------------------------


@pytest.mark.slow
def test_a_new_bundle_replaces_the_earlier_one_and_nothing_else(course: Course, tmp_path: Path):
    public = tmp_path / "public"
    (public / ".git").mkdir(parents=True)
    (public / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    bundle.publish(course, public)
    first = files_under(public)
    renamed = first["MANIFEST"].decode() + f"{'0' * 64}  old/lesson/notebook.ipynb\n"
    (public / "MANIFEST").write_text(renamed)
    (public / "old" / "lesson").mkdir(parents=True)
    (public / "old" / "lesson" / "notebook.ipynb").write_text("gone from the course")
    (public / "utils" / "text.py").write_text("half a fi")
    (public / "CNAME").write_text("labs.example.org")
    published = bundle.publish(course, public)
    assert published.removed == ("old/lesson/notebook.ipynb",)
    assert files_under(public) == first | {"CNAME": b"labs.example.org"}
    assert not (public / "old").exists()
    assert not list(tmp_path.glob(".public.*"))
    assert "git init" not in " ".join(bundle.next_steps(course, published))


@pytest.mark.parametrize(
    "manifest", [None, "", "not a manifest\n", f"{'0' * 64}  ../../grading/tick.py\n"]
)
def test_a_folder_with_other_things_is_refused(course: Course, tmp_path: Path, manifest):
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.tex").write_text("my only copy")
    if manifest is not None:
        (folder / "MANIFEST").write_text(manifest)
    before = files_under(folder)
    with pytest.raises(UserError, match="give an empty folder or an earlier bundle"):
        bundle.publish(course, folder)
    assert files_under(folder) == before


def test_a_file_is_no_folder_for_it(course: Course, tmp_path: Path):
    (tmp_path / "file").write_text("text")
    with pytest.raises(UserError, match="is not a folder"):
        bundle.publish(course, tmp_path / "file")


@pytest.mark.slow
@pytest.mark.parametrize("foreign", ["utils/text.py", "utils"])
def test_a_foreign_file_in_the_way_is_kept(course: Course, tmp_path: Path, foreign: str):
    public = tmp_path / "public"
    tree = bundle.tree_of(course, [building.read_lab(course, mini.LAB)])
    earlier = {path: b"" for path in tree if not path.startswith(("utils/", "MANIFEST"))}
    bundle.write(earlier | {"MANIFEST": bundle.manifest(earlier)}, public, [])
    (public / foreign).parent.mkdir(exist_ok=True)
    (public / foreign).write_text("mine")
    with pytest.raises(UserError, match=f"{foreign} is not of the bundle"):
        bundle.publish(course, public)
    assert (public / foreign).read_text() == "mine"
    assert (public / "README.md").read_bytes() == b""


@pytest.mark.slow
def test_a_run_that_was_stopped_can_be_run_again(course: Course, tmp_path: Path, monkeypatch):
    public = tmp_path / "public"
    moves = iter(range(10))
    move = bundle.os.replace

    def stop(source: Path, target: Path) -> None:
        if next(moves) == 5:
            raise KeyboardInterrupt
        move(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(bundle.os, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            bundle.publish(course, public)
    assert len(files_under(public)) == 5
    assert not list(tmp_path.glob(".public.*"))
    assert bundle.publish(course, public).files == len(files_under(public))


# --- the workflow that pushes it ---------------------------------------------------------------


@pytest.mark.slow
def test_the_workflow_pushes_bundle_and_site_and_moves_the_tag(course: Course, tmp_path: Path):
    remote = tmp_path / "remote.git"
    init = ["git", "init", "--quiet", "--bare", "--initial-branch", "main", str(remote)]
    subprocess.run(init, check=True)
    python = course.root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    site = "rm -rf build/site && mkdir -p build/site && echo home > build/site/index.html"
    (course.root / "Makefile").write_text(f"site:\n\t{site}\n")
    hashes = [run_workflow(course, remote, tmp_path)]
    source = building.paths(course, mini.LAB).source
    source.write_text(SECRET.replace("A little arithmetic.", "Arithmetic."), encoding="utf-8")
    hashes.append(run_workflow(course, remote, tmp_path))
    hashes.append(run_workflow(course, remote, tmp_path))
    assert hashes[0] != hashes[1] == hashes[2]  # nothing new is no new commit
    clone = ["git", "clone", "--quiet", "--branch", course.tag, str(remote), str(tmp_path / "got")]
    subprocess.run(clone, check=True, capture_output=True)
    assert "Arithmetic." in (tmp_path / "got" / "notebooks" / "en" / "mini.ipynb").read_text()
    listed = (tmp_path / "got" / "MANIFEST").read_text().splitlines()
    for digest, path in (line.split("  ") for line in listed):
        content = (tmp_path / "got" / path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, path
    listing = ["git", "-C", str(remote), "ls-tree", "--name-only", "gh-pages"]
    shown = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split()
    assert shown == [".nojekyll", "index.html"]


def run_workflow(course: Course, remote: Path, scratch: Path) -> str:
    """Run the workflow's own commands against a local remote; return the commit of the tag."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "publish.yml").read_text())
    steps = [step for step in workflow["jobs"]["publish"]["steps"] if "run" in step][1:]
    variables = scratch / "github_env"
    variables.write_text("")
    environment = {name: os.environ[name] for name in ("PATH", "HOME")} | {
        "GITHUB_ENV": str(variables),
        "GITHUB_SHA": "0123456",
        "TOKEN": "secret",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{remote.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://x-access-token:secret@github.com/{course.repository}.git",
    }
    shutil.rmtree(course.root / "public", ignore_errors=True)
    for step in steps:
        pairs = (line.split("=", 1) for line in variables.read_text().splitlines())
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=course.root / step.get("working-directory", "."),
            env=environment | dict(pairs),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (step["name"], done.stderr)
    show = ["git", "-C", str(remote), "rev-parse", f"refs/tags/{course.tag}"]
    return subprocess.run(show, check=True, capture_output=True, text=True).stdout


# --- the closure and the requirements ----------------------------------------------------------


def test_the_closure_follows_every_import_but_those_of_type_checkers():
    sources = {
        "kit": "",
        "kit.a": "from kit import b\nfrom kit.c import name\nimport json",
        "kit.b": "def f():\n    import kit.d.e",
        "kit.c": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import kit.f\n"
        "else:\n    import kit.g",
        "kit.d": "",
        "kit.d.e": "import kit.a",
        "kit.f": "",
        "kit.g": "",
        "kit.h": "import kit.a",
    }
    assert closure(["kit.a"], sources) == {*sources} - {"kit.f", "kit.h"}


def distributions() -> dict[str, set[str]]:
    """Return the names of what is installed by the module that it brings."""
    return {
        module: {canonicalize_name(name) for name in names}
        for module, names in importlib.metadata.packages_distributions().items()
    }


def test_the_sessions_requirements_are_those_of_the_kit():
    listed = REQUIREMENTS.read_text().splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(listed) <= set(project["dependencies"])
    assert listed == sorted(listed)


def test_a_session_needs_what_is_listed_or_on_colab_and_all_of_it():
    code = [path.read_text() for path in bundle.kit_files() if path.suffix == ".py"]
    code += [path.read_text() for path in (ROOT / "notebooks" / "source").rglob("*.py")]
    modules = {path.split(".")[0] for source in code for path in imports(source)}
    modules -= {*PACKAGES, *sys.stdlib_module_names}
    brought = distributions()
    colab = {canonicalize_name(name) for name in bundle.PREINSTALLED}
    for name in bundle.PREINSTALLED:  # with what these need themselves: ipykernel brings IPython
        needed = map(Requirement, importlib.metadata.requires(name) or [])
        colab |= {canonicalize_name(item.name) for item in needed if not item.marker}
    listed = {canonicalize_name(Requirement(x).name) for x in REQUIREMENTS.read_text().splitlines()}
    for module in modules - {"google"}:  # Colab's own, there or not
        assert brought[module] & (listed | colab), f"{module} is in neither list"
    used = set().union(*(brought.get(module, set()) for module in modules))
    assert listed <= used, "something is listed that no session imports"


@pytest.mark.slow
def test_the_first_cell_needs_nothing_that_it_is_to_install(course: Course, tmp_path: Path):
    bundle.publish(course, tmp_path / "public")
    listed = {canonicalize_name(Requirement(x).name) for x in REQUIREMENTS.read_text().splitlines()}
    absent = sorted(module for module, names in distributions().items() if names & listed)
    session = f"import sys\nsys.modules.update(dict.fromkeys({absent}))\nfrom grading import tick"
    done = subprocess.run(
        [sys.executable, "-c", session], cwd=tmp_path / "public", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_imports_of_code_are_read_with_their_modules():
    assert imports("from a.b import c\nimport d.e as f") == ("a.b", "a.b.c", "d.e")


def test_a_course_without_labs_has_nothing_to_publish(course: Course, tmp_path: Path):
    with pytest.raises(UserError, match="lists no labs"):
        bundle.publish(replace(course, labs=()), tmp_path / "public")
