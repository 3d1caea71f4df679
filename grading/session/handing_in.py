"""Handing in: what a notebook still lacks, the file to upload with its receipt, and the service."""

import datetime
import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from IPython.core.getipython import get_ipython

from grading.cells.identity import read_identity
from grading.cells.metadata import role_of
from grading.cells.reading import read_notebook
from grading.errors import UserError
from grading.files import write_atomically
from grading.messages import message
from grading.session.display import publish
from grading.session.replies import Stored
from grading.session.returned import record
from grading.session.scorecard import Scorecard
from grading.session.start import on_colab
from grading.session.uploading import send, service_address, watch
from utils.progress import watched
from utils.storage import storage

COLAB_SECONDS = 30


# --- what is missing ---------------------------------------------------------------------------


def missing(notebook: Any, placeholder: str, lang: str) -> list[str]:
    """Return one line for each thing that a notebook to be handed in lacks: names, answers.

    Parameters
    ----------
    notebook : NotebookNode
    placeholder : str
        What stands in a written question that nobody answered.
    lang : str
    """
    lines = []
    try:
        members, slips = read_identity(notebook)
        problems = [slip.text(lang) for slip in slips]
    except UserError as error:
        members, problems = (), [error.text(lang)]
    if not members and not problems:
        lines.append(message("hand_in.identity", lang))
    lines += [message("hand_in.identity_unreadable", lang, problem=line) for line in problems]
    lines += [
        message("hand_in.signature", lang, student=member.id)
        for member in members
        if not member.signed
    ]
    questions = [cell for cell in notebook.cells if role_of(cell) == "question"]
    blank = [
        str(number)
        for number, cell in enumerate(questions, start=1)
        if cell.source.strip() in ("", placeholder)
    ]
    if blank:
        lines.append(message("hand_in.questions", lang, numbers=", ".join(blank)))
    return lines


def order_problem(cells: Sequence[str], executed: Sequence[str], lang: str) -> str:
    """Say where a session departed from running the notebook's cells once each, in order.

    Parameters
    ----------
    cells : sequence of str
        The sources of the notebook's code cells, as they are now.
    executed : sequence of str
        What the session ran since it began, the present cell last.
    lang : str

    Returns
    -------
    str
        ``""`` if nothing departed, up to the present cell.
    """
    wanted = [text for cell in cells if (text := cell.strip())]
    ran = [text for cell in executed if (text := cell.strip())]
    ran = [text for text in ran[:-1] if text != ran[-1]] + ran[-1:]  # it may be run again
    for number, text in enumerate(ran, start=1):
        if number > len(wanted) or text != wanted[number - 1]:
            known = text in wanted
            key = "hand_in.order" if known else "hand_in.changed"
            line = text.splitlines()[0]
            return message(key, lang, number=number, line=line[:60])
    return ""


# --- the notebook's file -----------------------------------------------------------------------


def notebook_bytes(lab: str, path: str, lang: str) -> bytes:
    """Return the notebook of this session: from Colab itself, else its file as last saved.

    Raises
    ------
    UserError
        If it cannot be found or read.
    """
    if not path and on_colab():
        found = _from_colab()
        if found:
            return found
    shell = get_ipython()
    named = [
        path,
        os.environ.get("JPY_SESSION_NAME", ""),
        str(shell.user_ns.get("__vsc_ipynb_file__", "")) if shell else "",
        f"{lab}.ipynb",
    ]
    for name in [path] if path else named:
        if name and Path(name).is_file():
            return Path(name).read_bytes()
    raise UserError(message("hand_in.no_file", lang, name=path or f"{lab}.ipynb"))


def _from_colab() -> bytes:
    """Return the notebook as Colab's page has it now, unsaved changes included."""
    try:
        from google.colab import _message

        answer = _message.blocking_request("get_ipynb", timeout_sec=COLAB_SECONDS)
        return json.dumps(answer["ipynb"]).encode()
    except Exception:  # not public, so it may change: a saved file is the other way
        return b""


def _download(path: Path) -> None:
    if on_colab():
        try:
            from google.colab import files

            files.download(str(path))
        except Exception:  # the file stays where the receipt says
            return


# --- handing in --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """What a hand-in left on disk, and what it holds."""

    file: Path
    content: bytes
    receipt: str


def hand_in(card: Scorecard, path: str, *, anyway: bool) -> None:
    """Check a notebook, write its file and receipt, and send it if the course has a service.

    Nothing is sent by a run that nobody watches: it could not sign in, and nobody would read marks.
    """
    made = make(card, path, anyway=anyway)
    if isinstance(made, str):
        publish(made)
        return
    address, lang = service_address(), card.lang
    if not (address and watched()):
        _download(made.file)
        unwatched = [message("hand_in.unwatched", lang, address=address)] if address else []
        said = [message("hand_in.made", lang, file=made.file), made.receipt, *unwatched]
        publish("\n".join(said))
        return
    publish("\n".join([message("hand_in.kept", lang, file=made.file), made.receipt]))
    if stored := send(card, address, made.content):
        _keep_record(made, stored, lang)
        watch(card, address, stored)
    else:
        _download(made.file)


def make(card: Scorecard, path: str, *, anyway: bool) -> Made | str:
    """Check a notebook, write the file to upload and its receipt; return why not, if it cannot.

    Nothing is written while something is missing, unless ``anyway`` is given.
    """
    lang = card.lang
    if not card.lab:
        return message("hand_in.not_started", lang)
    try:
        content = notebook_bytes(card.lab, path, lang)
        notebook = read_notebook(content)
    except UserError as error:
        return error.text(lang)
    lacking = missing(notebook, message("notebook.placeholder", lang), lang)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    if order := order_problem(code, _executed(), lang):
        lacking.append(order)
    if lacking and not anyway:
        return "\n".join(
            [
                message("hand_in.missing", lang),
                *(f"· {line}" for line in lacking),
                message("hand_in.anyway", lang),
            ]
        )
    folder = storage().folder / card.lab / "handed_in"
    file = folder / f"{card.lab}_{_who(notebook)}.ipynb"
    receipt = _receipt(card, file.name, content, lacking)
    try:
        write_atomically(file, content)
        write_atomically(_receipt_file(file), receipt.encode())
    except OSError as error:
        return message("hand_in.not_written", lang, folder=folder, problem=error.strerror)
    return Made(file, content, receipt)


def _receipt_file(file: Path) -> Path:
    return file.with_suffix(".receipt.txt")


def _keep_record(made: Made, stored: Stored, lang: str) -> None:
    """Add what the service confirmed to the receipt; a disk that refuses costs no hand-in."""
    lines = [made.receipt, *record(stored, lang), stored.url]
    try:
        write_atomically(_receipt_file(made.file), "\n".join(lines).encode())
    except OSError:
        return


def _executed() -> list[str]:
    """Return what this session ran since it began, the present cell last."""
    shell = get_ipython()
    history = shell.history_manager if shell else None
    return list(history.input_hist_raw[1:]) if history else []


def _who(notebook: Any) -> str:
    """Return the students' ids as part of a file's name."""
    try:
        ids = [re.sub(r"[^\w.-]", "", member.id) for member in read_identity(notebook).members]
    except UserError:
        ids = []
    return "_".join(ids) or "unsigned"


def _receipt(card: Scorecard, name: str, content: bytes, lacking: list[str]) -> str:
    """Return what a student keeps of a hand-in, as lines."""
    total = card.keys.marks if card.keys else 0.0
    said = {
        "file": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "time": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "marks": f"{sum(card.passed.values()):g}/{total:g}",
    }
    lines = [message(f"hand_in.{key}", card.lang, value=value) for key, value in said.items()]
    if lacking:
        lines.append(message("hand_in.incomplete", card.lang, count=len(lacking)))
    return "\n".join(lines)
