"""Why bubblewrap cannot make a sandbox here, and what to do: from what a machine says to a line."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

VERSION = "/proc/version"
# Settings that refuse namespaces to ordinary users, the value that does so, and one that does not.
SETTINGS = {
    "user.max_user_namespaces": ("0", "15000"),
    "kernel.unprivileged_userns_clone": ("0", "1"),  # Debian's
    "kernel.apparmor_restrict_unprivileged_userns": ("1", "0"),  # Ubuntu's, since 24.04
}
# What Docker, Podman, systemd and Kubernetes leave in a container.
CONTAINER = (
    "/.dockerenv",
    "/run/.containerenv",
    "/run/systemd/container",
    "/run/secrets/kubernetes.io",
)
REFUSED = re.compile(r"namespace|uid map|gid map|make / slave|mount |RTM_|pivot_root|second wall")


def path_of(setting: str) -> str:
    """Return where the kernel shows a setting.

    Examples
    --------
    >>> path_of("user.max_user_namespaces")
    '/proc/sys/user/max_user_namespaces'
    """
    return "/proc/sys/" + setting.replace(".", "/")


def facts() -> dict[str, str]:
    """Return what this machine says of itself: the text of files, empty for those that only are."""
    told = [path for path in (VERSION, *map(path_of, SETTINGS)) if os.path.exists(path)]
    texts = {path: Path(path).read_text(encoding="utf-8", errors="replace") for path in told}
    return texts | {path: "" for path in CONTAINER if os.path.exists(path)}


def explain(said: str, known: Mapping[str, str]) -> tuple[str, str]:
    """Return (obstacle, advice) where bubblewrap is installed and fails.

    Parameters
    ----------
    said : str
        The last line of its error.
    known : mapping of str to str
        Files of the machine and their texts, as `facts` returns them.
    """
    if not REFUSED.search(said):
        return f"bubblewrap does not work here: {said}", "mend that"
    version = known.get(VERSION, "")
    if "Microsoft" in version and "WSL2" not in version:
        return (
            "WSL 1 has no namespaces, which bubblewrap needs",
            "change to WSL 2 (in Windows: `wsl --set-version DISTRIBUTION 2`)",
        )
    inside = any(path in known for path in CONTAINER)
    for name, (refusing, allowing) in SETTINGS.items():
        if known.get(path_of(name), "").strip() == refusing:
            where = " on the container's host" if inside else ""
            return (
                f"this machine refuses bubblewrap its namespaces ({name} is {refusing})",
                f"allow them with `sudo sysctl {name}={allowing}`{where}",
            )
    if inside:
        return (
            f"this container refuses bubblewrap its namespaces ({said})",
            "start it with `--privileged`, grade outside it",
        )
    return (
        f"this machine refuses bubblewrap its namespaces ({said})",
        "ask who runs it to allow user namespaces, grade on another one",
    )
