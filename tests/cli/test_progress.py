"""What a run of grading says of its progress where no terminal shows a bar."""

from grading.cli.progress import LINE_SECONDS, Lines, progress


def test_lines_come_first_now_and_then_and_last():
    now, said = [0.0], []
    with Lines("mini", 100, said.append, lambda: now[0]) as lines:
        for number in range(100):
            now[0] += 1.0
            lines.advance(failed=number % 50 == 49)
    assert len(said) == 2 + 100 // int(LINE_SECONDS)
    assert said[0] == "mini: 0/100 done, starting"
    assert said[1] == "mini: 1/100 done, 0 failed, 0:00:01 so far, 0:01:39 left"
    assert said[-1] == "mini: 100/100 done, 2 failed, 0:01:40 so far, 0:00:00 left"


def test_a_pipe_gets_plain_lines(capsys):
    with progress("mini [b]x[/b]", 2) as shown:
        shown.advance(failed=False)
        shown.advance(failed=True)
    out, err = capsys.readouterr()
    assert not out
    assert [line.split(",")[0] for line in err.splitlines()] == [
        "mini [b]x[/b]: 0/2 done",
        "mini [b]x[/b]: 1/2 done",
        "mini [b]x[/b]: 2/2 done",
    ]
    assert all(char.isprintable() or char == "\n" for char in err)
