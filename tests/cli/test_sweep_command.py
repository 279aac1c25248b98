"""``nmflab sweep``: the table, the best combination, what can't be."""

import csv

import numpy as np
import pytest
from support.commands import FAST, one_sentence, tree

import nmflab
import nmflab.evaluation.sweep
from nmflab.cli import main as cli
from nmflab.settings import Settings
from nmflab.system import files


@pytest.fixture
def sweep(data, tmp_path):
    """Give a function that runs ``nmflab sweep`` and returns the exit code."""

    def run(*options, output=tmp_path / "sweep.csv"):
        command = ["sweep", "--data", str(data), "--output", str(output), *FAST]
        return cli.main([*command, *map(str, options)])

    return run


def table_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_sweep_writes_every_combination_and_names_the_best(sweep, data, tmp_path, capsys):
    options = ["--grid", "penalty=0,0.1,1", "--grid", "num-basis-noise=2,4"]
    assert sweep(*options, "--part", "test", "--p", 1.5) == 0
    rows = table_of(tmp_path / "sweep.csv")
    names = ["penalty", "num_basis_noise", "noise", "speech", "sdr", "si_sdr", "stoi"]
    assert list(rows[0]) == names
    assert len(rows) == 3 * 2 * 2 * 2
    corpus = nmflab.load_corpus(data)
    settings = Settings.tuned().replace(
        num_basis_speech=4, max_iter_train=5, max_iter_test=3, p=1.5
    )
    grid = {"penalty": (0, 0.1, 1), "num_basis_noise": (2, 4)}
    found = nmflab.evaluation.sweep.sweep(corpus, settings, grid, metrics=names[4:])
    for row, wanted in zip(rows, found.to_rows(), strict=True):
        assert {name: row[name] for name in ("noise", "speech")}.items() <= wanted.items()
        for name in set(names) - {"noise", "speech"}:
            assert row[name] == ("" if np.isnan(wanted[name]) else str(wanted[name]))
    out, err = capsys.readouterr()
    assert err == ""
    best = found.best()
    line = f"--penalty {best['penalty']:g} --num_basis_noise {best['num_basis_noise']}"
    assert out.splitlines()[-1] == f"Wrote {tmp_path / 'sweep.csv'}; best sdr: {line}"
    first = out.splitlines()[1].split()
    assert first[:2] == [f"{best['penalty']:g}", str(best["num_basis_noise"])]
    assert float(first[2]) == pytest.approx(found.mean().max(), abs=0.006)


def test_sweep_chooses_on_the_validation_part(sweep, tmp_path, capsys):
    assert sweep("--grid", "p=1,2", "--metrics", "si_sdr", "--noises", "hum") == 0
    rows = table_of(tmp_path / "sweep.csv")
    assert [(row["p"], row["noise"], row["speech"]) for row in rows] == [
        ("1.0", "hum", "bob"),
        ("2.0", "hum", "bob"),
    ]
    assert sweep("--grid", "p=1", "--metrics", "si_sdr", "--clips", "bob") == 0
    assert "Replaced" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [(["--grid", "num_basis_noise=9999"], "Nothing could be scored")],
)
def test_a_sweep_that_can_t_be_is_one_sentence(sweep, tmp_path, capsys, options, sentence):
    assert sweep("--grid", "p=1", *options) == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "sweep.csv").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--metrics", "mos"], "no score called 'mos'"),
        (["--metrics", "sdr,pesq"], "needs the package pesq"),
        (["--grid", "penalty=-1"], "penalty"),
        (["--grid", "nmf_mode=NMF_x"], "nmf_mode"),
        (["--grid", "seed=1,1"], "each of them once"),
        (["--grid", "sampling_rate=8000"], "a corpus has one"),
        (["--output", ""], "the name is empty"),
        (["--clips", "ann,eve", "--part", "test"], "called 'eve'; there are: ann, bob."),
        (["--clips", "ann"], "called 'ann'; there are: bob."),  # it is trained on
        (["--noises", "hiss,,buzz"], "called 'buzz'; there are: hiss, hum."),
        (["--noises", ","], "--noises names none; there are: hiss, hum."),
    ],
)
def test_bad_arguments_are_refused_before_the_work_and_leave_the_table(
    data, tmp_path, monkeypatch, capsys, options, sentence
):
    monkeypatch.setattr(nmflab.evaluation.sweep, "sweep", None)
    monkeypatch.setattr(nmflab.evaluation.metrics.importlib.util, "find_spec", lambda _: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.csv").write_text("a good result")
    assert cli.main(["sweep", "--data", str(data), "--grid", "p=1", *options]) == 2
    assert sentence in capsys.readouterr().err
    assert (tmp_path / "sweep.csv").read_text() == "a good result"


def test_sweep_checks_the_output_before_the_work(sweep, data, tmp_path, monkeypatch, capsys):
    (tmp_path / "taken").touch()
    before = tree(data)
    monkeypatch.setattr(nmflab.evaluation.sweep, "sweep", None)
    clip = data / "test/speech/ann.wav"
    for output, word in {
        tmp_path: "folder",
        "/dev/null": "must be a folder",
        tmp_path / "taken/sweep.csv": "taken",
        tmp_path / "taken": "must be a folder",
        clip: "must be a folder",
        data / "test/speech/sweep": "among the recordings",
    }.items():
        assert sweep("--grid", "p=1", output=output) == 1
        one_sentence(capsys, word)
    assert tree(data) == before


def test_a_sweep_without_its_first_score_says_so_once_the_table_is_written(
    sweep, tmp_path, monkeypatch, capsys
):
    pytest.importorskip("pesq")
    monkeypatch.setattr(nmflab.evaluation.metrics, "pesq", lambda *_: float("nan"))
    options = ["--grid", "p=1,2", "--metrics", "pesq,si_sdr", "--noises", "hum"]
    assert sweep(*options) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == f"Wrote {tmp_path / 'sweep.csv'}"
    assert "No combination has the score 'pesq'" in err
    assert [row["pesq"] for row in table_of(tmp_path / "sweep.csv")] == ["", ""]


def test_ctrl_c_leaves_the_table_before(sweep, tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    (tmp_path / "sweep.csv").write_text("as it was")
    monkeypatch.setattr(files, "write_table", interrupted)
    assert sweep("--grid", "p=1", "--metrics", "si_sdr") == 130
    monkeypatch.undo()
    monkeypatch.setattr(csv.DictWriter, "writerow", interrupted)
    assert sweep("--grid", "p=1", "--metrics", "si_sdr") == 130
    assert "Interrupted" in capsys.readouterr().err
    assert (tmp_path / "sweep.csv").read_text() == "as it was"
    assert not list(tmp_path.glob(".*.part"))
