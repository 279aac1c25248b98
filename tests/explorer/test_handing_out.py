"""What an explorer hands out: a line that computes what is shown, and files or a download."""

import io
import os
import shlex
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.corpora import SETTINGS, make_corpus
from support.hands import state_of

import nmflab as nl
from nmflab.cli.main import main
from nmflab.corpus import folders
from nmflab.explorer import SeparationExplorer
from nmflab.explorer.saving import in_dashboard
from nmflab.names import file_name

ROOT = Path(__file__).parents[2]
TINY = SETTINGS.replace(win_size=512, fft=512, overlap=384, p=3.0, seed=2, penalty=0.0123)


@pytest.fixture
def data(tmp_path):
    """Write the small corpus to a data folder whose name a shell would take apart."""
    root, corpus = tmp_path / "my $data's & more", make_corpus()
    for part in ("train_speech", "train_noise", "test_speech", "test_noise"):
        for clip in getattr(corpus, part).clips:
            path = root / part.replace("_", "/") / f"{clip.name}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, clip.samples, 16000, subtype="FLOAT")
    return root


def run(line, folder):
    """Run a line in a shell, with this interpreter's nmflab."""
    folder.mkdir()
    (folder / "nmflab").write_text(f'#!/bin/sh\nexec {sys.executable} -m nmflab "$@"\n')
    (folder / "nmflab").chmod(0o755)
    environment = {
        **os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    work = folder / "work"
    work.mkdir()
    done = subprocess.run(
        ["bash", "-c", line], cwd=work, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return work / "output"


def same(path, samples):
    np.testing.assert_allclose(nl.read_audio(path), samples, atol=1e-4)


@pytest.mark.slow
def test_the_line_of_a_mixture_computes_it(data, tmp_path):
    explorer = SeparationExplorer(nl.load_corpus(data), TINY, clip="bob", noise="rumble")
    explorer.copy_command()
    found = run(explorer.command.value, tmp_path / "shell")
    same(found / "enhanced_audio/NMF_e/enhanced_bob_rumble.wav", explorer.result.speech)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["NMF", "NMF_g", "NMF_e"])
def test_the_line_of_a_mixture_of_the_embedded_corpus_computes_it(tmp_path, monkeypatch, variant):
    """It names no data folder; here the corpus has but the clip and the noise that are shown."""
    corpus, read = nl.load_corpus(), []
    one = replace(corpus, test_speech=corpus.test_speech[-1:], test_noise=corpus.test_noise[-2:-1])
    settings = TINY.replace(nmf_mode=variant, snr=-2.5, window="hann", seed=7)
    (clip,), (noise,) = one.test_speech.names, one.test_noise.names
    explorer = SeparationExplorer(corpus, settings, clip=clip, noise=noise)
    command, *line = shlex.split(explorer.command_line())
    assert command == "nmflab"
    monkeypatch.setattr(folders, "load_corpus", lambda path, **_: read.append(path) or one)
    monkeypatch.chdir(tmp_path)
    assert main([*line, "-v", "0"]) == 0
    assert read == [None]
    name = f"{clip}_{noise}.wav"
    same(Path(f"output/enhanced_audio/{variant}/enhanced_{name}"), explorer.result.speech)
    mixture = explorer.chain.get("mixture", explorer.store.shown).mixture
    same(Path(f"output/test_noisy_audio/{name}"), mixture)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["-it's $5 & \u00e9", "a\nb\t\\x"])
def test_the_line_of_an_own_file_computes_it(data, tmp_path, rng, name):
    explorer = SeparationExplorer(nl.load_corpus(data), TINY, noise="rumble")
    path = tmp_path / f"{name}.wav"
    path.write_bytes((data / "test/speech/alice.wav").read_bytes())
    explorer.open(path)
    explorer.copy_command()
    line = explorer.command.value
    assert line.startswith("nmflab train --data ")
    assert "\n" not in line
    found = run(line, tmp_path / "shell")
    same(found / f"{name}_speech.wav", explorer.result.speech)
    same(found / f"{name}_noise.wav", explorer.result.noise)


def test_the_line_of_a_recording_in_no_file_says_what_it_takes(rng):
    explorer = SeparationExplorer(make_corpus(), SETTINGS)
    explorer.open(rng.standard_normal(16000), name="from <air>")
    explorer.copy_command()
    assert explorer.command.value.endswith("&& nmflab separate model.npz from--air-.wav")
    assert "put this recording into from--air-.wav first" in explorer.status.value


def test_the_status_line_says_what_the_noise_was_trained_on(rng):
    explorer = SeparationExplorer(make_corpus(), SETTINGS)
    assert "noise trained: hiss" in explorer.status.value
    explorer.open(rng.standard_normal(16000))
    explorer.controls.noise.value = "rumble"
    assert "noise trained: rumble" in explorer.status.value
    assert "noise trained: rumble" in repr(explorer)


@pytest.mark.parametrize(
    ("name", "value", "is_one"),
    [("SERVER_SOFTWARE", "voila/0.5.8", True), ("VOILA_KERNEL_ID", "1", True),
     ("SERVER_SOFTWARE", "jupyter/2", False), ("OTHER", "voila", False)],
)  # fmt: skip
def test_a_dashboard_is_known_by_its_environment(monkeypatch, name, value, is_one):
    for other in [n for n in os.environ if n.startswith(("VOILA_", "SERVER_SOFTWARE"))]:
        monkeypatch.delenv(other)
    monkeypatch.setenv(name, value)
    assert in_dashboard() == is_one


@pytest.mark.slow
def test_a_dashboard_saves_by_download_and_leaves_nothing_behind(monkeypatch, tmp_path):
    explorer, sent = SeparationExplorer(make_corpus(), SETTINGS), []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(explorer.page, "send", lambda *message: sent.append(message))
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.8")
    explorer.hand_out()
    ((message, (content,)),) = sent
    name = message["download"]
    assert (name, state_of(explorer)) == ("alice_hiss_NMF_e.zip", "ready")
    assert name in explorer.status.value
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        stem = Path(name).stem
        ends = (".wav", "_noise.wav", ".png", ".json")
        assert archive.namelist() == [f"{stem}{end}" for end in ends]
        noise, rate = soundfile.read(io.BytesIO(archive.read(f"{stem}_noise.wav")))
    np.testing.assert_allclose(noise, explorer.result.noise, atol=1e-4)
    assert rate == 16000
    assert list(tmp_path.iterdir()) == []
    monkeypatch.delenv("SERVER_SOFTWARE")
    explorer.hand_out()
    assert len(sent) == 1
    assert len(list((tmp_path / "output/explorer").iterdir())) == 4


def test_a_file_name_is_short_and_safe():
    assert file_name("../a b/\u00e9\U0001f600?") == "-a-b-\u00e9--"
    assert len(file_name("\u00e9" * 300).encode()) <= 180
    assert file_name("") == file_name("...") == "-"
