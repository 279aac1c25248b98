"""What went wrong is one sentence in the status line, whoever raised it."""

import logging

from nmflab import NmflabError
from nmflab.explorer.status import sentence_of, status_line


def test_our_own_error_is_its_sentence():
    assert sentence_of(NmflabError("Choose another file.")) == "Choose another file."


def test_an_interrupt_says_that_nothing_is_lost():
    assert sentence_of(KeyboardInterrupt()) == "Interrupted; the earlier result stays."


def test_what_nobody_has_foreseen_is_named_and_logged(caplog):
    with caplog.at_level(logging.ERROR):
        assert sentence_of(ZeroDivisionError("by 0")) == "This went wrong: ZeroDivisionError: by 0."
    assert "ZeroDivisionError" in caplog.text


def test_a_name_with_angle_brackets_is_text():
    assert "&lt;b&gt;" in status_line("<b>.wav", "ready", 1)
