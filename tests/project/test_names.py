"""A name is text, whatever bytes the file system allows: many names by many outputs."""

import csv
import html
import json
import os
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.commands import FAST
from support.corpora import SETTINGS, make_corpus

import nmflab as nl
from nmflab.cli.main import main
from nmflab.evaluation.outputs import mixture_name
from nmflab.explorer import SeparationExplorer, SweepExplorer
from nmflab.explorer import sweep as sweeping
from nmflab.names import shell_word, showable

NAMES = {
    "dollars": b"pay_$5_or_$6",
    "mathematics": b"Ba$$in \\frac{1}{2} $x^2$",
    "markup": b"<b>bold &amp; <script>",
    "rich markup": b"[red]alarm :smile: [bold]",
    "percent": b"100%s %d %(x)s {0} {name}",
    "newline": b"two\nlines\r\n",
    "controls": b"tab\there \x1b[31mred \x07\x7f",
    "no UTF-8": b"caf\xe9 \xff\xfe",
    "right to left": "שלום עולם \u202emp3".encode(),
    "emoji": "👩‍🚀 rocket 🚀".encode(),
    "quotes": b'it\'s "so", a;b=c',
    "backslash": b"C:\\temp\\new",
    "spaces": b"  two  spaces ",
    "comma": b"one,two",
    "dashes": b"--output=x",
    "long": b"x" * 120,
    "longest": b"y" * 251,
}


def speech(seed, seconds=1.0):
    t = np.arange(int(16000 * seconds)) / 16000
    rng = np.random.default_rng(seed)
    tone = 0.2 * np.sin(2 * np.pi * (150 + 30 * seed) * t) * (np.sin(18 * t) > -0.3)
    return (tone + 0.002 * rng.standard_normal(t.size)).astype("f4")


def noise(seed, seconds=1.5):
    rng = np.random.default_rng(seed)
    return (0.05 * rng.standard_normal(int(16000 * seconds))).astype("f4")


def write(folder, name, samples):
    """Write a WAV under a name of any bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = folder / "plain.part"
    soundfile.write(plain, samples, 16000, format="WAV")
    try:
        path = os.fsdecode(os.fsencode(folder) + b"/" + name + b".wav")
        plain.rename(path)
    except OSError:
        plain.unlink()
        pytest.skip("this file system takes no such name")
    return path


QUICK = ("dollars", "newline", "no UTF-8", "longest")
"""Those of the quick checks."""


@pytest.fixture(
    params=[
        pytest.param(name, id=kind, marks=() if kind in QUICK else pytest.mark.slow)
        for kind, name in NAMES.items()
    ]
)
def name(request):
    return request.param


@pytest.fixture
def data(tmp_path, name):
    """Give a data folder where a clip and a noise have the name."""
    root = tmp_path / "data"
    write(root / "train/speech", name, speech(1))
    for part in ("train/noise", "test/noise"):
        write(root / part, name, noise(len(part)))
    write(root / "train/noise", b"hum", noise(3))
    write(root / "test/speech", name, speech(4))
    return root


def is_text(text):
    """Tell whether a text is one line that can be written and shown."""
    text.encode("utf-8")
    return text == showable(text) and "\n" not in text


@pytest.mark.slow
def test_a_corpus_an_explorer_and_a_sweep_take_the_name(data, name, tmp_path, monkeypatch):
    monkeypatch.setattr(sweeping, "PENALTIES", (0.1,))
    monkeypatch.setitem(sweeping.ROWS, "p", ("Power p", (1.0,)))
    corpus = nl.load_corpus(data)
    (shown,) = corpus.test_speech.names
    assert shown == corpus.train_speech.names[0]
    assert is_text(shown)
    assert shown in corpus.test_noise.names
    for kind in (SeparationExplorer, SweepExplorer):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            explorer = kind(corpus, SETTINGS, noise=shown)
            if kind is SweepExplorer:  # all explorers' pictures have their title from one place
                explorer.png = bytes
            bundle, _ = explorer._repr_mimebundle_()
        assert f"{shown} in {shown}" in bundle["text/plain"]
        if kind is SeparationExplorer:
            assert bundle["image/png"].startswith(b"\x89PNG")
        assert html.escape(f"{shown} in {shown}") in explorer.status.value
        assert shown in explorer.controls.clip.options
        explorer.close()


@pytest.fixture(scope="module")
def explorer():
    explorer = SeparationExplorer(make_corpus(), SETTINGS)
    yield explorer
    explorer.close()


@pytest.mark.slow
def test_an_own_recording_takes_the_name(explorer, name, tmp_path):
    explorer.controls.clip.options = explorer.chain.corpus.test_speech.names
    path = write(tmp_path / "own", name, speech(5))
    explorer.open(path)
    (label,) = (o for o in explorer.controls.clip.options if o.startswith("own: "))
    shown = label.removeprefix("own: ")
    assert is_text(shown)
    assert html.escape(shown) in explorer.status.value
    assert explorer.png().startswith(b"\x89PNG")
    explorer.copy_command()
    assert is_text(explorer.command.value)
    *_, picture, text = explorer.save(tmp_path / "saved")
    facts = json.loads(text.read_text("utf-8"))
    assert (facts["recording"], facts["command"]) == (shown, explorer.command.value)
    assert picture.parent == tmp_path / "saved"
    assert len(list(picture.parent.iterdir())) == 4
    explorer.controls.reset()


def test_a_shell_reads_the_quoted_path_back(name):
    path = os.fsdecode(b"/tmp/a folder/" + name)
    line = f"printf %s {shell_word(path)}"
    found = subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout
    assert found == os.fsencode(path)


def test_the_experiment_takes_the_name(data, name, tmp_path, capsys):
    (shown,) = nl.load_corpus(data).test_speech.names
    output = tmp_path / "out"
    code = main(["enhance", "--data", str(data), "--output", str(output), "--quiet", *FAST])
    said = capsys.readouterr()
    if len(name) > 200:  # no file system takes the name of any of the files
        assert code == 1
        assert "names together are too long" in said.err
        return
    assert code == 0
    assert shown in said.out
    said.out.encode("utf-8")
    assert all(map(is_text, [*said.out.splitlines(), *said.err.splitlines()]))
    with (output / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = {(row["speech"], row["noise"]) for row in csv.DictReader(file)}
    assert rows == {(shown, shown)}
    file = mixture_name(shown, shown)
    assert (output / f"enhanced_audio/NMF_e/enhanced_{file}.wav").is_file()
    assert (output / f"plot/NMF_e/{file}.png").is_file()


def test_the_table_of_a_sweep_and_of_the_data_take_the_name(data, name, tmp_path, capsys):
    (shown,) = nl.load_corpus(data).test_speech.names
    table = tmp_path / "sweep.csv"
    words = ["sweep", "--data", str(data), "--part", "test", "--grid", "p=1,2", "--metrics", "sdr"]
    assert main([*words, "--output", str(table), "--quiet", "--preset", "original", *FAST]) == 0
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["speech"] for row in rows} == {shown}
    assert {row["noise"] for row in rows} == {shown}
    capsys.readouterr()
    assert main(["data", "--data", str(data)]) == 0
    said = capsys.readouterr().out
    assert said.count(shown.rstrip()) >= 4
    assert all(map(is_text, said.splitlines()))


def test_messages_are_one_line_that_can_be_shown(name, tmp_path, capsys):
    path = write(tmp_path, name, speech(1))
    Path(path).write_bytes(b"no sound at all")
    with pytest.raises(nl.NmflabError) as caught:
        nl.read_audio(path)
    assert is_text(str(caught.value))
    with pytest.raises(nl.NmflabError) as caught:
        nl.load_corpus(tmp_path / "missing" / os.fsdecode(name))
    assert is_text(str(caught.value))
    for words in (["data", "--data", path], ["separate", path, path], ["enhance", f"--{path}"]):
        assert main(words) > 0
        said = capsys.readouterr().err
        assert all(map(is_text, said.splitlines()))
        assert "Traceback" not in said
        assert len(said.splitlines()) <= 2


def test_a_model_and_its_results_take_the_name(data, name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (shown,) = nl.load_corpus(data).test_speech.names
    options = ["--quiet", *FAST]
    train = ["train", "--data", str(data), f"--noises={shown}", "--preset", "original"]
    assert main([*train, *options]) == 0
    path = write(tmp_path / "own", name, speech(5))
    code = main(["separate", "model.npz", path, "--quiet"])
    said = capsys.readouterr()
    assert all(map(is_text, [*said.out.splitlines(), *said.err.splitlines()]))
    if len(name) > 200:
        assert code == 1  # its results would have names of more than 255 bytes
        return
    assert code == 0
    assert len(list((tmp_path / "output").iterdir())) == 2
    shutil.rmtree(tmp_path / "output")
