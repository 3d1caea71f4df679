"""What a line of the benchmarks says."""

import pytest

from benchmarks.line import Line

WHAT = "negative sampling, 10 epochs of 854,376 pairs, with words that go on and on and on"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (Line(WHAT, 5.2, "s", "<= 3 s", met=False), ["✗", "5.2 s", "(target: <= 3 s)"]),
        (
            Line(WHAT, 2.5, "s", "its time or less", True, "gensim, 2 workers", 5.0, 2.0),
            ["✓", "gensim, 2 workers: 5 s", "ratio 2.00"],
        ),
        (Line("whole lab", 1234567.0, "pairs/s", "none", True), ["1.235e+06 pairs/s"]),
    ],
)
def test_a_line_fits_the_terminal_and_says_it_all(line: Line, words: list[str]):
    rows = line.text().splitlines()
    assert max(map(len, rows)) <= 80
    text = " ".join(row.strip() for row in rows)
    assert line.what in text
    assert [word for word in words if word not in text] == []


def test_what_was_not_measured_is_not_met():
    line = Line.skipped("Word2Vec on real tweets", OSError("no network\nand more"))
    assert not line.met
    assert line.text().startswith("✗ Word2Vec on real tweets: skipped, no network (target")
