"""What each cell of a solution costs."""

from pathlib import Path

import pytest
from nbformat import v4

from grading.authoring.costs import costs_of, grown, read_costs, table, write_costs
from grading.errors import UserError
from grading.judging.assess import Terms


def terms(**seconds: float) -> Terms:
    """A solution whose cells took these seconds."""
    cells = [
        v4.new_code_cell(id=name.replace("_", "-"), metadata={"dl": {"role": "given"}})
        for name in seconds
    ]
    return Terms("quick", 0, v4.new_notebook(cells=cells), b"{}", tuple(seconds.values()))


def test_every_second_is_in_the_table_once():
    found = terms(load=1.5, tiny=0.01, train=6.0, small=0.02)
    assert costs_of(found) == {"load": 1.5, "train": 6.0, "": 0.03}
    lines = table(found)
    assert [line.split()[0] for line in lines] == ["1.50", "6.00", "0.03", "7.53"]
    assert "80%" in lines[1] and "train" in lines[1]


@pytest.mark.parametrize(
    ("now", "named"),
    [
        ({"load": 2.0, "train": 12.0, "": 0.2}, []),  # a slower machine
        ({"load": 1.0, "train": 12.0, "": 0.1}, ["train"]),
        ({"load": 1.0, "train": 6.0, "draw": 1.0, "": 0.1}, ["draw"]),
        ({"load": 1.0, "train": 3.0, "": 0.1}, ["load"]),
        ({"load": 1.0, "train": 6.0, "": 3.0}, []),
    ],
)
def test_a_cell_whose_share_grows_is_named(now: dict[str, float], named: list[str]):
    lines = grown({"load": 1.0, "train": 6.0, "": 0.1}, now)
    assert [line.split("'")[1] for line in lines] == named


def test_a_first_build_has_nothing_to_compare_with():
    assert grown({}, {"train": 6.0}) == []


def test_costs_are_kept_by_lab(tmp_path: Path):
    file = tmp_path / "costs.json"
    assert read_costs(file) == {}
    write_costs(file, "one", {"train": 6.0})
    write_costs(file, "two", {"train": 1.0})
    write_costs(file, "one", {"train": 5.0})
    assert read_costs(file) == {"one": {"train": 5.0}, "two": {"train": 1.0}}


@pytest.mark.parametrize("text", ["", "[]", '{"lab": 3}', '{"lab": {"train": "long"}}', "\0"])
def test_a_file_that_is_no_table_is_refused_in_one_line(tmp_path: Path, text: str):
    file = tmp_path / "costs.json"
    file.write_text(text)
    with pytest.raises(UserError, match=r"costs\.json is not a table.*delete it"):
        read_costs(file)
