"""The commit by which published notebooks name their kit: a tag can be moved, a commit cannot.

It holds the kit alone and has no parents, no author of its own and no date, so that the same kit is
always the same commit. A tag ``kit-...`` keeps it, to be pushed once and never moved.
"""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

KIT_TAGS = "kit-"
DIGITS = 12  # of a commit, in the name of its tag

_NOBODY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (
        ("NAME", "python -m grading publish"),
        ("EMAIL", "publish@localhost"),
        ("DATE", "2000-01-01T00:00:00Z"),
    )
}


def commit_of(kit: Mapping[str, bytes], folder: Path) -> str:
    """Write a kit into the git repository in ``folder`` and return its commit.

    A missing or empty folder becomes a repository. Its branches and files stay as they are.

    Returns
    -------
    str
        Empty where there is no git, or ``.git`` is nothing that it knows.
    """
    if not (folder / ".git").exists():
        folder.mkdir(parents=True, exist_ok=True)
        if _git(folder, "init", "--quiet", "--initial-branch", "main") is None:
            return ""
    with tempfile.TemporaryDirectory() as scratch:
        files, index = Path(scratch, "kit"), {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
        for path, content in kit.items():
            (files / path).parent.mkdir(parents=True, exist_ok=True)
            (files / path).write_bytes(content)
        if _git(folder, "add", "--all", "--force", ".", work=files, env=index) is None:
            return ""
        tree = _git(folder, "write-tree", env=index)
    commit = tree and _git(folder, "commit-tree", tree, "-m", "The kit", env=_NOBODY)
    if not commit or _git(folder, "tag", "--force", f"{KIT_TAGS}{commit[:DIGITS]}", commit) is None:
        return ""
    return commit


def has_remote(folder: Path) -> bool:
    """Whether the repository in ``folder`` knows where it is pushed to."""
    return bool(_git(folder, "remote"))


def _git(
    folder: Path,
    *arguments: str,
    work: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str | None:
    """Return what git prints; None if it is not there, or fails."""
    where = [f"--git-dir={(folder / '.git').absolute()}"]
    if work is not None:
        where.append(f"--work-tree={work}")
    command = ["git", *where, *arguments]
    if arguments[0] == "init":
        command = ["git", *arguments, str(folder)]
    try:
        done = subprocess.run(
            command,
            cwd=work,
            env=os.environ | dict(env or {}),
            capture_output=True,
            text=True,
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
