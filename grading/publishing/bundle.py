"""The student bundle: what of the kit students get, as a tree that can be pushed to GitHub.

`tree_of` builds it, `leaks` says what must not be in it, `write` puts it into a folder.
"""

import hashlib
import os
import re
import shlex
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from grading.authoring import Lab, building, colab_url, total_points
from grading.course.config import LANGUAGES, Course
from grading.course.roster import read_roster
from grading.errors import UserError
from grading.messages import message
from grading.places import KIT, PACKAGES, SERVICE_ADDRESS, SESSION_REQUIREMENTS, STRINGS
from grading.publishing.closure import closure
from grading.publishing.commits import KIT_TAGS, commit_of, has_remote
from grading.publishing.leaks import (
    Secret,
    Tree,
    is_published,
    leaks,
    secrets_of_lab,
    secrets_of_modules,
)

MANIFEST = "MANIFEST"
MAX_BYTES = 5_000_000
PREINSTALLED = (
    "accelerate",
    "ipykernel",
    "ipywidgets",
    "matplotlib",
    "numpy",
    "pandas",
    "scipy",
    "torch",
)
GIT_FILES = {
    ".gitattributes": b"* -text\n",  # the same bytes everywhere: MANIFEST has their hashes
    ".gitignore": b"__pycache__/\n.ipynb_checkpoints/\n",
}
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


@dataclass(frozen=True)
class Published:
    """What `publish` wrote.

    Attributes
    ----------
    folder : Path
    files : int
    size : int
        In bytes.
    removed : tuple of str
        Files of the bundle before that this one no longer has.
    """

    folder: Path
    files: int
    size: int
    removed: tuple[str, ...]


def publish(course: Course, folder: Path) -> Published:
    """Write the student bundle of a course into ``folder``.

    Parameters
    ----------
    course : Course
    folder : Path
        Missing, empty or an earlier bundle; ``.git`` and files of others in it are kept.

    Raises
    ------
    UserError
        If keys are out of date, the bundle is too large, something in it must not be published
        (all of it is named, one line each), or ``folder`` is none of those. Then nothing is
        written.
    """
    earlier = files_of_earlier(folder)
    labs = [building.read_lab(course, lab.name) for lab in course.labs]
    if not labs:
        raise UserError("course.toml lists no labs; there is nothing to publish")
    stale = [line for lab in labs for line in building.stale_keys(course, lab)]
    if stale:
        raise UserError("\n".join(stale))
    tree = tree_of(course, labs)
    roster = read_roster(course.roster) if course.roster.exists() else None
    if found := leaks(tree, _secrets(labs), roster) + reaching_out():
        raise UserError("\n".join(f"not published: {line}" for line in found))
    if (size := sum(map(len, tree.values()))) > MAX_BYTES:
        largest = max(tree, key=lambda path: len(tree[path]))
        raise UserError(
            f"the bundle takes {_mb(size)} MB, more than {_mb(MAX_BYTES)} MB; "
            f"its largest file is {largest} ({_mb(len(tree[largest]))} MB)"
        )
    _refuse_foreign(tree, folder, earlier)
    tree = tree_of(course, labs, commit_of(kit_of(course, labs), folder))
    return Published(folder, len(tree), size, write(tree, folder, earlier))


def next_steps(course: Course, published: Published) -> list[str]:
    """Return the commands that put a bundle where the notebooks fetch it."""
    remote = f"https://github.com/{course.repository}.git"
    steps = [f"cd {shlex.quote(str(published.folder))}"]
    if not (published.folder / ".git").exists():
        steps.append("git init --initial-branch main")
    if not has_remote(published.folder):
        steps.append(f"git remote add origin {remote}")
    return [
        *steps,
        "git add --all",
        f"git commit --message {shlex.quote(f'{course.name}, {course.term}')}",
        "git push origin HEAD",
        f"git push origin {shlex.quote(f'refs/tags/{KIT_TAGS}*:refs/tags/{KIT_TAGS}*')}",
        f"git tag --force {course.tag}",
        f"git push --force origin refs/tags/{course.tag}",
    ]


# --- what is in it -----------------------------------------------------------------------------


def tree_of(course: Course, labs: list[Lab], commit: str = "") -> dict[str, bytes]:
    """Return every file of the bundle by its path, the manifest included.

    The notebooks name ``commit`` as that of the kit.
    """
    tree = {path: content for path, content in kit_of(course, labs).items() if path != MANIFEST}
    for lab in labs:
        for notebook, text in building.student_files(course, lab, commit).items():
            tree[notebook.relative_to(course.root).as_posix()] = text.encode()
    tree["README.md"] = readme(course, labs).encode()
    return tree | {MANIFEST: manifest(tree)}


def kit_of(course: Course, labs: list[Lab]) -> dict[str, bytes]:
    """Return what notebooks fetch: every file of the bundle but notebooks and README."""
    tree = dict(GIT_FILES)
    for lab in labs:
        keys = building.paths(course, lab.name).keys
        tree[f"grading/keys/{lab.name}.json"] = keys.read_bytes()
    for path in (*kit_files(), KIT / "LICENSE"):
        tree[_name(path)] = path.read_bytes()
    if course.service.address:
        tree[_name(SERVICE_ADDRESS)] = f"{course.service.address}\n".encode()
    return tree | {MANIFEST: manifest(tree)}


def kit_files() -> list[Path]:
    """Return the kit's own files that students get: `utils`, `data` and the published rooms."""
    code = [path for path in _code() if is_published(_name(path))]
    strings = [*STRINGS.glob("*.toml"), *(KIT / "utils" / "strings").glob("*.toml")]
    return [*code, *strings, KIT / "data" / "registry.toml", SESSION_REQUIREMENTS]


def reaching_out() -> list[str]:
    """Return one line for each module that students do not get and theirs would import."""
    sources = {_module(path): path.read_text(encoding="utf-8") for path in _code()}
    ours = {_module(path) for path in kit_files() if path.suffix == ".py"}
    beyond = sorted(closure(ours, sources) - ours)
    return [
        f"{module}: is of the grader's side, and students' modules import it" for module in beyond
    ]


def manifest(tree: Tree) -> bytes:
    """Return the manifest of files: one line each, ``sha256  path``, by path."""
    lines = (f"{hashlib.sha256(tree[path]).hexdigest()}  {path}\n" for path in sorted(tree))
    return "".join(lines).encode()


def readme(course: Course, labs: list[Lab]) -> str:
    """Return the bundle's README: in each language, how to start and a link to each notebook."""
    languages = sorted(LANGUAGES, key=lambda lang: lang != course.language)
    parts = [f"# {course.name}\n\n{course.institution} · {course.term}"]
    for lang in languages:
        rows = "".join(
            f"| [{course.lab(lab.name).title[lang]}]({colab_url(course, lab.name, lang)}) "
            f"| {course.lab(lab.name).hours:g} | {total_points(lab):g} |\n"
            for lab in labs
        )
        parts.append(
            message(
                "bundle.readme",
                lang,
                folder=lang,
                rows=rows.rstrip(),
                tag=course.tag,
                remote=f"https://github.com/{course.repository}.git",
                packages=" ".join(PREINSTALLED),
            ).strip()
        )
    return "\n\n".join(parts) + "\n"


def _code() -> list[Path]:
    return [path for name in PACKAGES for path in sorted((KIT / name).rglob("*.py"))]


def _name(path: Path) -> str:
    return path.relative_to(KIT).as_posix()


def _module(path: Path) -> str:
    parts = path.relative_to(KIT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _secrets(labs: list[Lab]) -> list[Secret]:
    private = [path for path in _code() if not is_published(_name(path))]
    code = {_name(path): path.read_text(encoding="utf-8") for path in private}
    return [secret for lab in labs for secret in secrets_of_lab(lab)] + secrets_of_modules(code)


# --- where it goes -----------------------------------------------------------------------------


def files_of_earlier(folder: Path) -> list[str]:
    """Return the files of the bundle that is in ``folder``; none if it is missing or empty.

    Raises
    ------
    UserError
        If it is no folder, or holds something else.
    """
    advice = "give an empty folder or an earlier bundle"
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UserError(f"{folder} is not a folder; {advice}")
    there = sorted(item.name for item in folder.iterdir()) if folder.exists() else []
    others = [name for name in there if name != ".git"]
    files = _listed(folder / MANIFEST)
    if others and not files:
        raise UserError(f"{folder} holds {others[0]} and no {MANIFEST} of a bundle; {advice}")
    return files


def _in_the_way(folder: Path, path: str) -> Path | None:
    """Return what stands where a file or one of its folders has to be."""
    *parents, here = [folder / part for part in reversed([Path(path), *Path(path).parents][:-1])]
    if here.is_symlink() or here.exists():
        return here
    return next((item for item in parents if item.is_symlink() or item.is_file()), None)


def _listed(path: Path) -> list[str]:
    """Return the files that a manifest lists; none if this is not a manifest of ours."""
    try:
        lines = [_LINE.fullmatch(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError):
        return []
    names = [line[2] for line in lines if line]
    is_ours = len(names) == len(lines) and "grading/tick.py" in names
    is_inside = not any(name.startswith("/") or ".." in name.split("/") for name in names)
    return names if is_ours and is_inside else []


def write(tree: Tree, folder: Path, earlier: list[str]) -> tuple[str, ...]:
    """Put a tree into ``folder`` and return which files of an ``earlier`` bundle it removed.

    No file is ever seen half written. The manifest comes before the other files, so that a run
    that was stopped leaves what the next one knows for a bundle, and a session for a damaged one.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    removed = tuple(path for path in earlier if path not in tree)
    try:
        for path, content in tree.items():
            (staged / path).parent.mkdir(parents=True, exist_ok=True)
            (staged / path).write_bytes(content)
        folder.mkdir(exist_ok=True)
        for path in removed:
            (folder / path).unlink(missing_ok=True)
            _prune((folder / path).parent, folder)
        for path in sorted(tree, key=lambda path: path != MANIFEST):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(staged / path, folder / path)
    finally:
        shutil.rmtree(staged)
    return removed


def _refuse_foreign(tree: Tree, folder: Path, earlier: list[str]) -> None:
    """Raise `UserError` if a file that is not of the earlier bundle is in the way."""
    for path in tree:
        if path not in (*earlier, MANIFEST) and (other := _in_the_way(folder, path)):
            raise UserError(f"{other} is not of the bundle in {folder}; move it away and try again")


def _prune(folder: Path, top: Path) -> None:
    """Remove folders that became empty, up to ``top``."""
    while folder != top and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f}"
