"""What the service gave back, drawn as the scorecard draws what the session's checks show."""

from html import escape

from grading.messages import message
from grading.session.keyfile import ListedCheck
from grading.session.outcomes import Verdict
from grading.session.replies import Check, Result, Standing, Stored
from grading.session.scorecard import Row, Scorecard, as_sentence, beside_bar, render_table


def link(address: str) -> str:
    """Return an address as HTML that opens it in a window of its own."""
    safe = escape(address)
    return f'<a href="{safe}" target="_blank" rel="noopener noreferrer">{safe}</a>'


def record(stored: Stored, lang: str) -> list[str]:
    """Return the lines by which a student can show that a hand-in was received."""
    time = stored.received.isoformat(sep=" ", timespec="seconds")
    return [
        message("upload.received", lang, attempt=stored.attempt, time=time),
        message("hand_in.sha256", lang, value=stored.sha256),
    ]


def render_stored(stored: Stored, is_new: bool, lang: str) -> tuple[str, str]:
    """Return the record of a hand-in as (text, HTML)."""
    lines = record(stored, lang)
    if is_new:
        lines.append(message("upload.place", lang, count=stored.place))
    else:
        lines.append(message("upload.same", lang))
    safe = [*map(escape, lines), link(stored.url)]
    return "\n".join([*lines, stored.url]), beside_bar(Verdict.PASSED, safe)


def render_result(card: Scorecard, stored: Stored, standing: Standing) -> tuple[str, str]:
    """Return what came of a hand-in as (text, HTML): the marks, and where some were lost."""
    lang, result = card.lang, standing.result
    notes = [standing.detail] if standing.detail else []
    if result is None:
        failed = standing.state == "failed"
        key = "upload.failed" if failed else "upload.graded"
        lines = [message(key, lang, attempt=stored.attempt), *notes]
        verdict = Verdict.FAILED if failed else Verdict.PASSED
        safe = [*map(escape, lines), link(stored.url)]
        return "\n".join([*lines, stored.url]), beside_bar(verdict, safe)
    title = message("upload.marks", lang, lab=card.lab, attempt=stored.attempt)
    text, html = render_table(title, _rows(card, result), notes, lang)
    for check in result.checks:
        if check.marks < check.most:
            line = _lost(card, check)
            text, html = f"{text}\n{line}", html + beside_bar(Verdict.FAILED, [escape(line)])
    return f"{text}\n{stored.url}", f"{html}<p>{link(stored.url)}</p>"


def _rows(card: Scorecard, result: Result) -> list[Row]:
    """Return the marks by section, as the notebook names them, and the total."""
    sections: dict[str, tuple[float, float]] = {}
    for check in result.checks:
        known = _listed(card, check)
        name = known.section.get(card.lang, "") if known else ""
        earned, most = sections.get(name, (0.0, 0.0))
        sections[name] = (earned + check.marks, most + check.most)
    total = message("upload.total", card.lang)
    rest = message("upload.rest", card.lang)
    rows = [(name or rest, *marks) for name, marks in sections.items()]
    return [*rows, (total, result.score, result.most)]


def _lost(card: Scorecard, check: Check) -> str:
    known = _listed(card, check)
    about = {
        "label": known.title.get(card.lang, check.label) if known else check.label,
        "earned": f"{check.marks:g}",
        "marks": f"{check.most:g}",
    }
    if not check.reason:  # the course keeps it to itself before the deadline
        return message("upload.less", card.lang, **about)
    return message("judged.lost", card.lang, why=as_sentence(check.reason), **about)


def _listed(card: Scorecard, check: Check) -> ListedCheck | None:
    """Return the check as this session's keys list it, by its label in any language."""
    listed = card.keys.checks if card.keys else ()
    return next((one for one in listed if check.label in {one.label, *one.title.values()}), None)
