"""utils.unfinished: a cell that waits for an exercise says for which, and hides no mistake."""

import pytest
from IPython.utils.capture import capture_output

from tests.shells import a_shell
from utils.unfinished import Models, once_done


def test_a_block_waits_for_its_exercise_and_for_what_a_skipped_block_would_have_left(capsys):
    with once_done():
        raise NotImplementedError("Complete encode()")
    with once_done():
        print(never_assigned)  # noqa: F821
    assert capsys.readouterr().out == (
        "⏳ Complete encode()\n⏳ `never_assigned` is not there yet: an earlier cell makes it\n"
    )


def test_a_block_whose_exercises_are_done_runs(capsys):
    with once_done():
        print("done")
    assert capsys.readouterr().out == "done\n"


def test_a_mistake_is_not_taken_for_an_unfinished_exercise():
    with pytest.raises(ValueError, match="shapes"), once_done():
        raise ValueError("shapes")


def test_a_model_waits_until_it_is_trained(capsys):
    models = Models()
    with once_done():
        models["RNN"].eval()
    assert capsys.readouterr().out == "⏳ RNN is not trained yet\n"
    assert "RNN" not in models  # asking leaves nothing behind
    models["RNN"] = "trained"
    assert models["RNN"] == "trained"


@pytest.mark.parametrize(("mode", "goes_on"), [("student", True), ("grading", False)])
def test_a_wrong_answer_stops_no_other_cell_of_a_students_session(mode, goes_on, monkeypatch):
    monkeypatch.setenv("DL_MODE", mode)
    with a_shell() as shell:
        shell.run_cell("from utils.unfinished import once_done")
        with capture_output() as captured:
            result = shell.run_cell("with once_done():\n    raise ValueError('shapes')")
    assert result.success == goes_on
    assert "ValueError" in captured.stdout and "shapes" in captured.stdout
    assert ("⚠ an exercise above raised this" in captured.stdout) == goes_on
