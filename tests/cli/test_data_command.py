"""``nmflab data``: what is there, and what can be fetched."""

from nmflab.cli import main as cli


def test_data_says_what_is_there(data, capsys):
    assert cli.main(["data", "--data", str(data)]) == 0
    out = capsys.readouterr().out
    assert "speech" in out
    assert "noise" in out
    assert "…" not in out
    assert f"The recordings are in {data}" in out


def test_data_fetch_without_a_name_says_what_there_is(capsys):
    from nmflab.corpus.public import PUBLIC_CORPORA

    assert cli.main(["data", "fetch"]) == 0
    out = capsys.readouterr().out
    assert [name for name in PUBLIC_CORPORA if name not in out] == []


def test_data_fetch_of_an_unknown_corpus(capsys):
    assert cli.main(["data", "fetch", "nonsense"]) == 2
    assert "no corpus called 'nonsense'; there are: " in capsys.readouterr().err
