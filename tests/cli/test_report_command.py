"""``nmflab report``: the page says what the rows say, and needs no network."""

import base64
import io
import re
import shutil

import numpy as np
import pytest
import soundfile
from support.commands import FAST, RATE, one_sentence

from nmflab.cli import main as cli
from nmflab.evaluation.sweeps.choice import choose, read_results
from nmflab.evaluation.sweeps.plots import maps, multiples
from nmflab.evaluation.sweeps.report import write_report


@pytest.fixture
def swept(data, tmp_path):
    """Give the folder of a sweep of four settings."""
    folder = tmp_path / "sweep"
    grid = ["penalty=0,0.5", "num_basis_noise=2,4", "p=1,2", "window=hann,hamming", "snr=0,6"]
    words = [word for axis in grid for word in ("--grid", axis)]
    metrics = ["--metrics", "si_sdr,stoi", "--jobs", "1", "--output", str(folder)]
    assert cli.main(["sweep", "--data", str(data), *FAST, *words, *metrics]) == 0
    return folder


@pytest.mark.slow
def test_the_page_says_what_the_rows_say_and_asks_for_nothing_from_outside(swept, capsys):
    capsys.readouterr()
    assert cli.main(["report", str(swept)]) == 0
    page = swept / "report.html"
    assert capsys.readouterr().out == f"Wrote {page} of {16 * 4 + 2 * 8} rows\n"
    text = page.read_text("utf-8")
    assert not re.findall(r"<(?:script|link|img|audio)[^>]*(?:src|href)=[\"']?http", text)
    results = read_results(swept, "validation", ("si_sdr", "stoi"))
    found = write_report(swept, page)
    mean = results.mean("si_sdr_gain", next(
        name for name, point in results.points.items() if point == found["best"]
    ))  # fmt: skip
    assert f"{mean.value:+.2f}".replace("-", "−") in text.split("class=answer")[1].split("</p>")[0]
    for title in ("Maps", "By noise and SNR", "All settings at once", "What it costs"):
        assert f"<h2>{title}</h2>" in text
    assert text.count("data-root-id") >= 1 + 3 + 1 + 2
    best = found["best"]
    assert f"--num_basis_noise {best.num_basis_noise}" in text
    assert len(text) < 6e6


@pytest.mark.slow
def test_the_players_hold_the_mixture_and_its_clean_speech(swept):
    write_report(swept, swept / "report.html")
    text = (swept / "report.html").read_text("utf-8")
    sounds = re.findall(r"src='data:audio/flac;base64,([^']+)' aria-label='(\w+)'", text)
    assert [name for _, name in sounds[:3]] == ["noisy", "enhanced", "clean"]
    assert len(sounds) % 6 == 0  # as many of the best as of the worst
    signals = [soundfile.read(io.BytesIO(base64.b64decode(code)))[0] for code, _ in sounds[:3]]
    noisy, enhanced, clean = signals
    assert noisy.size == enhanced.size == clean.size == RATE // 2
    assert np.corrcoef(noisy, clean)[0, 1] > 0.5
    assert not np.allclose(noisy, enhanced)


def test_a_page_whose_recordings_are_gone_has_no_sounds_and_says_so(swept, data, capsys):
    shutil.rmtree(data)
    capsys.readouterr()
    assert cli.main(["report", str(swept), "--output", str(swept / "other.html")]) == 0
    assert "There are no sounds" in capsys.readouterr().err
    assert "There are no sounds" in (swept / "other.html").read_text("utf-8")


def test_a_folder_without_a_sweep_is_a_sentence(tmp_path, capsys):
    assert cli.main(["report", str(tmp_path)]) == 1
    one_sentence(capsys, "holds no sweep")


@pytest.mark.slow
def test_drawn_values_of_two_settings_are_points_coloured_by_their_gain(data, tmp_path):
    folder = tmp_path / "drawn"
    words = ["--random", "24", "--grid", "penalty=0.01:1", "--grid", "p=0.5:4"]
    words += ["--metrics", "si_sdr", "--guard", "none", "--jobs", "1", "--output", str(folder)]
    assert cli.main(["sweep", "--data", str(data), *FAST, *words]) == 0
    results = read_results(folder, "validation", ("si_sdr",))
    choice = choose(results, "si_sdr", {})
    (cloud,) = maps(results, choice)
    points, best = cloud.renderers[0].data_source.data, results.points[choice.best]
    drawn = set(zip(points["x"], points["y"], strict=True))
    assert drawn == {(point.penalty, point.p) for point in results.points.values()}
    assert len(drawn) == 24
    assert (points["x"][-1], points["y"][-1]) == (best.penalty, best.p), "the best is on top"
    assert list(points["gain"]) == sorted(points["gain"])
    ticks = cloud.xaxis[0].ticker.ticks
    assert set(ticks) <= {0.01, 0.03, 0.1, 0.3, 1.0}
    for plot, *_ in multiples(results, choice).children:  # its values are no categories
        assert type(plot.x_scale).__name__ == "LogScale"
