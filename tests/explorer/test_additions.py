"""What is added in one place shows up by itself: a variant, a panel, a setting."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.corpora import SETTINGS, make_corpus

import nmflab as nl
from nmflab.explorer import PenaltyExplorer, SeparationExplorer
from nmflab.explorer.panels import Panel
from nmflab.explorer.saving import command_line
from nmflab.priors.distributions import ExponentialPrior
from nmflab.priors.variants import VARIANTS, Variant

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def corpus():
    return make_corpus()


@pytest.fixture
def fourth(monkeypatch):
    """Add a fourth variant: a prior of twice the training's mean."""
    variant = Variant("NMF_x", "timid prior", lambda H, floor: ExponentialPrior.fit(2 * H))
    monkeypatch.setitem(VARIANTS, "NMF_x", variant)


def test_a_variant_is_in_the_menu_in_the_status_line_and_computed(corpus, fourth):
    explorer = SeparationExplorer(corpus, SETTINGS)
    assert ("NMF_x: timid prior", "NMF_x") in explorer.controls.nmf_mode.options
    explorer.controls.nmf_mode.value = "NMF_x"
    assert "NMF_x" in explorer.status.value
    assert "--nmf_mode NMF_x" in command_line(explorer.settings)
    model = nl.train_model(corpus.train_speech, [corpus.train_noise["hiss"]], explorer.settings)
    mixed = nl.mix_at_snr(corpus.test_speech["alice"], corpus.test_noise["hiss"], 0)
    expected = nl.separate(model, mixed.mixture)
    np.testing.assert_allclose(explorer.result.speech, expected.speech, atol=1e-6)
    assert list(PenaltyExplorer(corpus, SETTINGS).results()) == [*VARIANTS]


class WithRatio(SeparationExplorer):
    """One panel more: the log-ratio of speech and noise."""

    def _build(self):
        super()._build()
        self.ratio = Panel("Log-ratio", self.group, low=-5.0, high=5.0)

    def _panels(self):
        return [*super()._panels(), self.ratio.widget]

    def _paint(self, state):
        super()._paint(state)
        found, stft = (
            self.chain.get("activations", state),
            self.chain.get("spectrogram", state).stft,
        )
        if self.ratio.is_new(found.log_ratio):
            self.ratio.show_spectrum(found.log_ratio, stft)


def test_a_panel_is_one_subclass(corpus):
    explorer = WithRatio(corpus, SETTINGS)
    shown = explorer.chain.get("activations", explorer.store.shown).log_ratio
    np.testing.assert_array_equal(explorer.ratio.widget.matrix, shown)
    assert explorer.ratio.widget in explorer.widget.children[-1].children
    before, without = explorer.ratio.widget.seq, SeparationExplorer(corpus, SETTINGS)
    assert explorer.png() != without.png()
    explorer.controls.p.value = 5.0
    assert explorer.ratio.widget.seq == before
    explorer.controls.penalty.value = 1.0
    assert explorer.ratio.widget.seq == before + 1


SETTING = """
    smoothing: float = setting(
        0.5,
        "smoothing of the gain",
        ("gain",),
        within=(0.0, 1.0),
        control=Control("smoothing", "How even it is.", place=6, even=(0.0, 1.0, 0.1)),
    )
    snr: float = setting("""

PROGRAM = """
from support.corpora import SETTINGS, make_corpus
from nmflab.explorer import SeparationExplorer
from nmflab.explorer.saving import command_line

explorer = SeparationExplorer(make_corpus(), SETTINGS)
names = list(explorer.names)
assert names[names.index("smoothing") + 1] == "snr"
slider = explorer.controls.smoothing
assert (slider.description, slider.tooltip) == ("smoothing", "How even it is.")
assert [value for _, value in slider.options] == [k / 10 for k in range(11)]
assert slider.value == 0.5
explorer.chain.runs.clear()
slider.value = 0.7
assert explorer.settings.smoothing == explorer.result.settings.smoothing == 0.7
assert explorer.chain.runs["gain"] == 1
assert explorer.chain.runs["activations"] == explorer.chain.runs["speech"] == 0
assert "--smoothing 0.7" in command_line(explorer.settings)
"""


def test_a_setting_is_one_declaration(tmp_path):
    shutil.copytree(ROOT / "nmflab", tmp_path / "nmflab")
    declared = tmp_path / "nmflab" / "settings.py"
    text = declared.read_text("utf-8")
    assert text.count("\n    snr: float = setting(") == 1
    declared.write_text(text.replace("\n    snr: float = setting(", SETTING), "utf-8")
    path = os.pathsep.join([str(tmp_path), str(ROOT / "tests")])
    subprocess.run(
        [sys.executable, "-c", PROGRAM],
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
    )
