"""The small tables beside the player."""

from nmflab.explorer.tables import table


def test_a_table_names_its_rows_and_columns_and_escapes_all():
    found = table(("SDR", ""), {"noisy <1>": ("0.10", "a & b"), "enhanced": ("8.20", "")})
    assert found == (
        "<table class='nmflab-scores'><tr><td></td><th scope='col'>SDR</th><td></td></tr>"
        "<tr><th scope='row'>noisy &lt;1&gt;</th><td>0.10</td><td>a &amp; b</td></tr>"
        "<tr><th scope='row'>enhanced</th><td>8.20</td><td></td></tr></table>"
    )
