"""The small tables beside the player."""

import math

import pytest

from nmflab.explorer.tables import number, table


def test_a_table_names_its_rows_and_columns_and_escapes_all():
    found = table(("SDR", ""), {"noisy <1>": ("0.10", "a & b"), "enhanced": ("8.20", "")})
    assert found == (
        "<table class='nmflab-scores'><tr><td></td><th scope='col'>SDR</th><td></td></tr>"
        "<tr><th scope='row'>noisy &lt;1&gt;</th><td>0.10</td><td>a &amp; b</td></tr>"
        "<tr><th scope='row'>enhanced</th><td>8.20</td><td></td></tr></table>"
    )


@pytest.mark.parametrize(
    ("value", "text"), [(1.234, "1.23"), (-0.5, "−0.50"), (None, "–"), (math.nan, "–")]
)
def test_a_number_has_a_true_minus_or_is_a_dash(value, text):
    assert number(value, 2) == text
