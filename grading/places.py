"""Where the kit's own files are; whoever moves a module changes nothing here."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
KIT = PACKAGE.parent
PACKAGES = ("grading", "utils", "data")  # in it: what a notebook imports
KEYS = PACKAGE / "keys"  # the sandbox hides it
STRINGS = PACKAGE / "strings"
SESSION_REQUIREMENTS = PACKAGE / "session_requirements.txt"
SERVICE_ADDRESS = PACKAGE / "service_address.txt"  # in a bundle whose course has a service
