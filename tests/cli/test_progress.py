"""Progress without a terminal is a line now and then; with --quiet it is nothing."""

import io

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


class Terminal(io.StringIO):
    """What a command says, taken for a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_for_each_stage_which_is_gone_at_the_end(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(output.sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with Bars(False) as bars:
        bars("mixtures [1/2]", 1, 2)
        bars("mixtures [1/2]", 2, 2)
    said = terminal.getvalue()
    assert "mixtures [1/2]" in said, "a name in brackets is no markup"
    assert "2/2" in said
    assert said.rstrip().endswith("\x1b[2K"), "the last thing is that lines are wiped"
