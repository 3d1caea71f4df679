"""A student's Drive."""

from pathlib import Path


def mount(mountpoint: str) -> None:
    """Make a Drive appear under a folder."""
    (Path(mountpoint) / "MyDrive").mkdir(parents=True, exist_ok=True)
    print(f"Mounted at {mountpoint}")
