"""What a test needs of the system that it runs on."""

import os

import pytest

needs_posix = pytest.mark.skipif(
    os.name != "posix", reason="needs the signals and limits of a POSIX system"
)
