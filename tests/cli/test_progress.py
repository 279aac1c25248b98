"""Progress without a terminal is a line now and then; with --quiet it is nothing."""

import pytest

from nmflab.cli import output
from nmflab.cli.output import Bars, counted


@pytest.mark.parametrize("quiet", [False, True])
def test_a_long_run_without_a_terminal_says_a_line_now_and_then(monkeypatch, capsys, quiet):
    now = [0.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: now[0])
    with Bars(quiet) as bars:
        for second in range(100):
            now[0] = float(second)
            bars("mixtures", second // 10, 77)
            bars("training noise", second, 100)
    lines = capsys.readouterr().err.splitlines()
    wanted = [
        "mixtures 3/77, training noise 29/100",
        "mixtures 6/77, training noise 59/100",
        "mixtures 9/77, training noise 89/100",
    ]
    assert lines == ([] if quiet else wanted)


def test_a_short_run_says_nothing(capsys):
    with Bars(False) as bars:
        bars("mixtures", 1, 2)
    assert capsys.readouterr().err == ""


def test_one_thing_is_no_plural():
    assert (counted(1, "mixtures"), counted(2, "mixtures")) == ("1 mixture", "2 mixtures")
