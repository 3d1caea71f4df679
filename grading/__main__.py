"""``python -m grading COMMAND``."""

from grading.cli.app import run_app

if __name__ == "__main__":
    run_app()
