"""The marks seen in a student's session, and how they look as text and as HTML."""

from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape

from grading.messages import Title, message
from grading.session.keyfile import KeyFile, ListedCheck
from grading.session.outcomes import Outcome, Verdict

Row = tuple[str, float, float]  # what for, marks earned, marks there are
BAR_WIDTH = 12
# Of the bar beside a line, whose text has the page's own colour. Mid tones, which keep the 3:1
# contrast that a graphic needs on Colab's white page and on its dark one (#383838).
COLOURS = {
    Verdict.PASSED: "#1c9c59",
    Verdict.FAILED: "#e0584f",
    Verdict.NEAR: "#c8742a",
    Verdict.PENDING: "#9a8630",
    Verdict.UNKNOWN: "#868686",
}


@dataclass
class Scorecard:
    """What the checks of one session have shown so far.

    Attributes
    ----------
    lab, lang : str
    keys : KeyFile or None
    outcomes : dict
        By label, the latest one last.
    earlier : dict
        Marks by label of the checks that passed in an earlier session.
    hints : dict
        By label, a function that makes the hints of a check, vaguest first.
    asked : dict
        How many hints of each check were shown.
    """

    lab: str = ""
    lang: str = "en"
    keys: KeyFile | None = None
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    earlier: dict[str, float] = field(default_factory=dict)
    hints: dict[str, Callable[[], list[str]]] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    def open(self, lab: str, lang: str, keys: KeyFile | None) -> None:
        """Begin a lab; the outcomes of the same lab are kept."""
        if lab != self.lab:
            for memory in (self.outcomes, self.earlier, self.hints, self.asked):
                memory.clear()
        self.lab, self.lang, self.keys = lab, lang, keys

    def restore(self, earlier: dict[str, float]) -> None:
        """Take over the checks that passed in an earlier session, but for those that ran since."""
        self.earlier = {
            label: marks for label, marks in earlier.items() if label not in self.outcomes
        }

    def record(self, outcome: Outcome) -> None:
        """Remember the latest outcome of a check; running it again replaces the earlier one."""
        self.earlier.pop(outcome.label, None)
        self.outcomes.pop(outcome.label, None)
        self.outcomes[outcome.label] = outcome

    @property
    def passed(self) -> dict[str, float]:
        """Marks by label of the checks that passed, now or in an earlier session."""
        now = {o.label: o.marks for o in self.outcomes.values() if o.verdict is Verdict.PASSED}
        return self.earlier | now

    @property
    def open_label(self) -> str:
        """The latest check that did not pass; ``""`` if there is none."""
        waiting = [o.label for o in self.outcomes.values() if o.verdict is not Verdict.PASSED]
        return waiting[-1] if waiting else ""

    def refused_under(self, label: str) -> Title | None:
        """Return a check that failed on an exercise that the check of this label covers, too."""
        checks = self.keys.checks if self.keys else ()
        listed = {check.label: set(check.covers) for check in checks}
        return next(
            (
                other.title
                for other in self.outcomes.values()
                if other.verdict is Verdict.FAILED
                and other.label != label
                and listed.get(label, set()) & listed.get(other.label, set())
            ),
            None,
        )

    def label_of(self, name: str) -> str:
        """Return the label of the check that is called ``name`` in any language, else ``name``."""
        called = (o.label for o in self.outcomes.values() if name in o.words.values())
        return name if name in self.outcomes else next(called, name)

    def title_of(self, label: str) -> Title:
        """Return what people read in place of a label."""
        outcome = self.outcomes.get(label)
        return outcome.title if outcome else Title(label)

    def next_hint(self, label: str) -> tuple[int, list[str]]:
        """Return the number of the next hint of a check and all its hints; the last one stays."""
        hints = self.hints[label]()
        self.asked[label] = number = min(self.asked.get(label, 0) + 1, len(hints))
        return number, hints


def render_outcome(outcome: Outcome, lang: str, profile: str) -> tuple[str, str]:
    """Return one check's line as (text, HTML)."""
    lines = [_headline(outcome, lang, profile)]
    if outcome.verdict in (Verdict.FAILED, Verdict.NEAR):
        lines.append(message("tick.ask", lang))
    return "\n   ".join(lines), beside_bar(outcome.verdict, [escape(line) for line in lines])


def beside_bar(verdict: Verdict, lines: list[str]) -> str:
    """Return lines of HTML beside a bar in the colour of a verdict."""
    return (
        f'<div role="status" style="border-left:4px solid {COLOURS[verdict]};padding:2px 8px;'
        f'margin:2px 0;white-space:pre-wrap;overflow-wrap:anywhere">{"<br>".join(lines)}</div>'
    )


def _headline(outcome: Outcome, lang: str, profile: str) -> str:
    why = outcome.reason.text(lang) if outcome.reason else ""
    if outcome.verdict is Verdict.UNKNOWN:
        why = message("tick.unknown_why", lang)
    return message(
        f"tick.{outcome.verdict.value}",
        lang,
        label=outcome.title,
        earned=f"{outcome.earned:g}",
        marks=f"{outcome.marks:g}",
        why=as_sentence(why),
        profile=profile,
    ).rstrip()


def as_sentence(text: str) -> str:
    """Give a reason a capital letter and a full stop."""
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def render_summary(card: Scorecard) -> tuple[str, str]:
    """Return the table of marks by section, the total and the next step, as (text, HTML)."""
    lang = card.lang
    listed = card.keys.checks if card.keys else ()
    title = message("summary.title", lang, lab=card.lab or "?")
    rows = [
        (section, sum(_earned(card, check) for check in checks), sum(c.marks for c in checks))
        for section, checks in _by_section(listed, lang).items()
    ]
    earned, marks = sum(row[1] for row in rows), sum(row[2] for row in rows)
    rows.append((message("summary.total", lang), earned, marks))
    return render_table(title, rows, _notes(card, listed), lang)


def render_table(title: str, rows: list[Row], notes: list[str], lang: str) -> tuple[str, str]:
    """Return rows of marks, the last one their total, with notes below, as (text, HTML)."""
    return _table_text(title, rows, notes), _table_html(title, rows, notes, lang)


def _earned(card: Scorecard, check: ListedCheck) -> float:
    return check.marks if check.label in card.passed else 0.0


def _by_section(listed: tuple[ListedCheck, ...], lang: str) -> dict[str, list[ListedCheck]]:
    sections: dict[str, list[ListedCheck]] = {}
    for check in listed:
        sections.setdefault(check.section.get(lang, ""), []).append(check)
    return sections


def _notes(card: Scorecard, listed: tuple[ListedCheck, ...]) -> list[str]:
    lang, notes = card.lang, []
    if card.keys is None:
        return [message("tick.no_keys", lang, lab=card.lab or "?")]
    if not card.outcomes and not card.earlier:
        notes.append(message("summary.none_yet", lang))
    if card.earlier:
        notes.append(message("summary.earlier", lang, marks=f"{sum(card.earlier.values()):g}"))
    waiting = [check for check in listed if _earned(card, check) < check.marks]
    if waiting:
        check = waiting[0]
        notes.append(
            message(
                "summary.next_check",
                lang,
                label=check.title.get(lang, check.label),
                section=check.section.get(lang, ""),
            )
        )
        if minutes := round(sum(check.minutes for check in waiting)):
            notes.append(message("summary.minutes", lang, minutes=minutes))
    else:
        notes.append(message("summary.all_done", lang))
    if card.keys.question_marks:
        notes.append(message("summary.manual", lang, marks=f"{card.keys.question_marks:g}"))
    return notes


def _bar(earned: float, marks: float) -> str:
    share = min(earned / marks, 1) if marks else 0
    filled = int(BAR_WIDTH * share)  # full only with all marks
    return "█" * filled + "░" * (BAR_WIDTH - filled)


def _percent(earned: float, marks: float) -> str:
    return f"{int(100 * earned / marks)} %" if marks else "–"


def _table_text(title: str, rows: list[Row], notes: list[str]) -> str:
    width = max(len(row[0]) for row in rows)
    lines = [title]
    for name, earned, marks in rows:
        bar, share = _bar(earned, marks), _percent(earned, marks)
        lines.append(f"{name:<{width}}  {bar}  {earned:g}/{marks:g}  {share}")
    return "\n".join(lines + notes)


def _table_html(title: str, rows: list[Row], notes: list[str], lang: str) -> str:
    heads = "".join(
        f'<th scope="col" style="text-align:left;padding:2px 12px">'
        f"{escape(message(f'summary.{key}', lang))}</th>"
        for key in ("section", "progress", "marks")
    )
    body = ""
    for index, (name, earned, marks) in enumerate(rows):
        rule = ";border-top:1px solid" if index == len(rows) - 1 else ""
        cell = f'style="text-align:left;padding:2px 12px{rule}"'
        share = _percent(earned, marks)
        body += (
            f'<tr><th scope="row" {cell}>{escape(name)}</th>'
            f'<td {cell} aria-label="{share}"><span aria-hidden="true">{_bar(earned, marks)}'
            f"</span></td><td {cell}>{earned:g}/{marks:g} · {share}</td></tr>"
        )
    paragraphs = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        f"<table><caption>{escape(title)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody></table>{paragraphs}"
    )
