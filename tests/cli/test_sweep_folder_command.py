"""``nmflab sweep`` into a folder: what it prints can be done again, and it survives."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time

import pytest
from support.commands import FAST, one_sentence, scores

from nmflab.cli import main as cli
from nmflab.evaluation.sweeps.store import read_rows

COMMAND = [sys.executable, "-m", "nmflab"]


@pytest.fixture
def sweep(data, tmp_path):
    """Give a function that runs ``nmflab sweep`` and returns the exit code."""

    def run(*options, output=tmp_path / "sweep"):
        command = ["sweep", "--data", str(data), "--output", str(output), *FAST, "--jobs", "1"]
        return cli.main([*command, "--metrics", "si_sdr,stoi", *map(str, options)])

    return run


def rows_in(path):
    return read_rows(path).drop_columns(["seconds"]).sort_by("row")


def figure(out, words):
    """Give the mean that stands in the line with some words, and the command below it."""
    lines = out.splitlines()
    (place,) = (i for i, line in enumerate(lines) if words in line)
    return float(re.search(r", (-?[\d.]+)( \[|:)", lines[place])[1]), lines[place + 1].strip()


GRID = ("--grid", "win-size=256,512", "--grid", "penalty=0.1234567,1", "--grid", "p=1,2")


@pytest.mark.slow
def test_the_best_line_gives_its_figure_again(sweep, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sweep(*GRID, "--grid", "snr=0,6") == 0
    mean, line = figure(capsys.readouterr().out, "Best si_sdr on the validation part")
    assert cli.main(shlex.split(line)[1:]) == 0
    again, same = figure(capsys.readouterr().out, "Best si_sdr on the validation part")
    assert again == mean
    assert shlex.split(same)[:-1] == shlex.split(line)[:-1]
    assert read_rows(tmp_path / "sweep_best").num_rows == 2 * 2 + 2 * 4


def test_the_line_for_the_test_part_gives_its_figure_again(sweep, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sweep(*GRID) == 0
    mean, line = figure(capsys.readouterr().out, "The same on the test part")
    words = [*shlex.split(line)[1:], "--output", "output", "-v", "0", "--jobs", "1"]
    assert cli.main(words) == 0
    after = [float(row["si_sdr_after"]) for row in scores(tmp_path / "output")]
    assert sum(after) / len(after) == pytest.approx(mean, abs=0.01)


def test_the_best_is_chosen_on_validation_and_reported_on_test_beside_the_start(sweep, capsys):
    assert sweep("--grid", "penalty=0,1,10", "--guard", "none") == 0
    out = capsys.readouterr().out
    assert "best on the validation part, SI-SDR" in out
    assert "SI-SDR, best" in out
    assert "STOI, as it began" in out


def test_a_guard_that_nothing_keeps_is_said(sweep, capsys):
    assert sweep("--grid", "penalty=0,1", "--guard", "stoi=0.9") == 0
    assert "No combination keeps the guard (stoi +0.9)" in capsys.readouterr().err
    assert sweep("--grid", "penalty=0,1", "--guard", "sdr=0") == 0
    assert "aren't among --metrics: sdr" in capsys.readouterr().err


def test_impossible_combinations_are_counted_and_the_rest_is_done(sweep, capsys, tmp_path):
    options = ["--grid", "win_size=256,512", "--grid", "overlap=128,384", "--part", "test"]
    assert sweep(*options) == 0
    err = capsys.readouterr().err
    assert "1 combination of the grid can't be, and are skipped" in err
    assert read_rows(tmp_path / "sweep").num_rows == 3 * 4


def test_drawn_combinations_go_on_with_more_draws(sweep, tmp_path):
    grid = ["--grid", "penalty=0.01:1", "--grid", "p=1,2", "--part", "test"]
    assert sweep(*grid, "--random", "2") == 0
    few = read_rows(tmp_path / "sweep")["combination"].unique().to_pylist()
    assert sweep(*grid, "--random", "4") == 0
    many = read_rows(tmp_path / "sweep")["combination"].unique().to_pylist()
    assert len(few), len(many) == (2, 4)
    assert set(few) < set(many)


def test_shards_are_put_together_by_the_whole_line(sweep, tmp_path, capsys):
    folders = [tmp_path / f"sweep-{number}" for number in (1, 2)]
    for number, folder in enumerate(folders, start=1):
        assert sweep(*GRID, "--part", "test", "--shard", f"{number}/2", output=folder) == 0
        assert "Best" not in capsys.readouterr().out
    assert sweep(*GRID, "--part", "test", "--merge", *folders) == 0
    assert sweep(*GRID, "--part", "test", output=tmp_path / "whole") == 0
    assert rows_in(tmp_path / "sweep").equals(rows_in(tmp_path / "whole"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--guard", "stoi"], "not NAME=GAIN"),
        (["--guard", "mos=1"], "no score 'mos'"),
        (["--shard", "3/2"], "not I/N"),
        (["--shard", "1/2", "--halving"], "doesn't have"),
        (["--grid", "keep=1:9"], "give --random"),
        (["--random", "2", "--output", "sweep.csv"], "name of a folder"),
    ],
)
def test_bad_arguments_are_refused(data, options, words, capsys):
    assert cli.main(["sweep", "--data", str(data), "--grid", "p=1", *options]) == 2
    assert words in capsys.readouterr().err


def test_another_corpus_is_refused_with_a_sentence(sweep, data, capsys, tmp_path):
    assert sweep("--grid", "p=1", "--part", "test") == 0
    (data / "test/noise/hum.wav").unlink()
    capsys.readouterr()
    assert sweep("--grid", "p=1", "--part", "test") == 1
    one_sentence(capsys, "of another corpus", str(tmp_path / "sweep"))


# In processes of their own


def started(data, output, *options):
    words = [*COMMAND, "sweep", "--data", str(data), "--output", str(output), *FAST, *GRID]
    words += ["--grid", "snr=0,3,6,9", "--metrics", "si_sdr,sdr", "--part", "test", *options]
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for_rows(process, output, least):
    """Wait until a sweep that runs has kept so many rows."""
    until = time.monotonic() + 90
    while time.monotonic() < until and process.poll() is None:
        journal = output / "journal.jsonl"
        if journal.exists() and journal.read_bytes().count(b"\n") >= least:
            return
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ending", "jobs"), [(signal.SIGKILL, "1"), (signal.SIGKILL, "2"), (signal.SIGINT, "2")]
)
def test_a_sweep_that_is_killed_and_started_again_has_the_rows_of_an_undisturbed_one(
    data, tmp_path, ending, jobs
):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    started(data, whole, "--jobs", "1").communicate(timeout=120)
    for least in (1, 40):
        process = started(data, killed, "--jobs", jobs)
        wait_for_rows(process, killed, least)
        os.killpg(process.pid, ending)
        _, err = process.communicate(timeout=60)
        assert process.returncode in (-ending, 130, 0)
        assert "Traceback" not in err
    out, err = started(data, killed, "--jobs", jobs).communicate(timeout=120)
    assert "Best si_sdr on the test part" in out, err
    assert rows_in(killed).num_rows == 8 * 4 * 4
    assert rows_in(killed).equals(rows_in(whole))


@pytest.fixture
def cluster(tmp_path):
    """Start a scheduler and two workers as one does by hand; give their processes and address."""
    place = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    scheduler = ["dask_scheduler", "--port", "0", "--scheduler-file", str(place)]
    worker = ["dask_worker", "--nthreads", "1", "--no-nanny", "--scheduler-file", str(place)]
    worker += ["--local-directory", str(tmp_path)]
    processes = []
    try:
        for name, *options in (scheduler, worker, worker):
            command = [sys.executable, "-m", f"distributed.cli.{name}", "--no-dashboard", *options]
            processes.append(subprocess.Popen(command, **quiet))
        until = time.monotonic() + 60
        while not place.exists() and time.monotonic() < until:
            time.sleep(0.1)
        yield processes, re.search(r'"address": "(.*?)"', place.read_text())[1]
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.alone
def test_two_workers_started_apart_finish_though_one_is_killed(data, tmp_path, cluster):
    (_, lost, left), address = cluster
    whole, apart = tmp_path / "whole", tmp_path / "apart"
    started(data, whole, "--jobs", "1").communicate(timeout=120)
    process = started(data, apart, "--scheduler", address)
    wait_for_rows(process, apart, 8)
    lost.kill()
    out, err = process.communicate(timeout=120)
    assert "Best si_sdr on the test part" in out, err
    assert left.poll() is None
    assert rows_in(apart).equals(rows_in(whole))


@pytest.mark.slow
@pytest.mark.alone
def test_a_scheduler_that_dies_is_a_sentence_and_costs_no_row(data, tmp_path, cluster):
    (scheduler, *_), address = cluster
    whole, apart = tmp_path / "whole", tmp_path / "apart"
    started(data, whole, "--jobs", "1").communicate(timeout=120)
    process = started(data, apart, "--scheduler", address)
    wait_for_rows(process, apart, 8)
    scheduler.kill()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert err.count("nmflab: ") == 1
    assert "The scheduler is gone. What is done is kept" in err
    assert "Traceback" not in err
    assert 8 <= rows_in(apart).num_rows < 128
    started(data, apart, "--jobs", "1").communicate(timeout=120)
    assert rows_in(apart).equals(rows_in(whole))


@pytest.mark.slow
def test_a_scheduler_that_isn_t_there_is_a_sentence(data, tmp_path, monkeypatch, capsys):
    from nmflab.evaluation.sweeps import dask as sweep_dask

    monkeypatch.setattr(sweep_dask, "PATIENCE", 1.0)
    words = ["sweep", "--data", str(data), "--grid", "p=1", "--output", str(tmp_path / "sweep")]
    assert cli.main([*words, "--scheduler", "tcp://127.0.0.1:1"]) == 1
    one_sentence(capsys, "There is no scheduler at 'tcp://127.0.0.1:1'")


@pytest.mark.slow
def test_without_dask_pyarrow_and_bokeh_all_else_works_and_a_sentence_says_what_is_missing(
    data, tmp_path
):
    code = f"""
import sys
for name in ("dask", "distributed", "pyarrow", "bokeh"):
    sys.modules[name] = None
import nmflab, nmflab.explorer
from nmflab.cli.main import main
words = ["sweep", "--data", {str(data)!r}, "--grid", "p=1,2", "--metrics", "si_sdr", *{FAST!r}]
assert main([*words, "--output", {str(tmp_path / "sweep.csv")!r}]) == 0
assert main([*words, "--output", {str(tmp_path / "sweep")!r}]) == 1
assert main(["report", {str(tmp_path)!r}]) == 1
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "sweep.csv").exists()
    assert "needs the package pyarrow" in run.stderr
    assert "needs the package bokeh" in run.stderr
