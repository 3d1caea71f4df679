"""Files that the page takes to the student's own machine."""

import os
import shutil


def download(filename: str) -> None:
    """Copy a file to where the student's downloads are."""
    shutil.copy(filename, os.environ["COLAB_DOWNLOADS"])
