"""What is added in one place, a variant or a setting, shows up wherever its like do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.corpora import SETTINGS, make_corpus

import nmflab
from nmflab.cli import main as cli
from nmflab.evaluation.experiment import enhance_corpus
from nmflab.evaluation.sweep import sweep
from nmflab.priors.distributions import ExponentialPrior
from nmflab.priors.variants import VARIANTS, Variant


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def fourth(monkeypatch):
    """Register a variant whose prior is that of NMF_e with all its rows three times as loud."""
    one = Variant("NMF_x", "loud prior", lambda H, floor: ExponentialPrior.fit(3 * np.asarray(H)))
    monkeypatch.setitem(VARIANTS, one.name, one)
    return one.name


def test_a_fourth_variant_runs_everywhere(corpus, fourth, tmp_path, capsys):
    assert cli.parse(["enhance", "--nmf_mode", fourth]).settings.nmf_mode == fourth
    assert cli.main(["separate", "--help"]) == 0
    assert fourth in capsys.readouterr().out
    settings = SETTINGS.replace(nmf_mode=fourth, penalty=0.5)
    found = enhance_corpus(corpus, settings, tmp_path, plots=False)
    assert {row.mode for row in found.rows} == {fourth}
    assert (tmp_path / "enhanced_audio" / fourth / "enhanced_bob_hiss.wav").exists()
    swept = sweep(corpus, settings, {"nmf_mode": ("NMF", "NMF_e", fourth)})
    assert len(set(swept.mean().tolist())) == 3


SETTING = """\
    boost: float = setting(
        1.0,
        "boost of the gain",
        ("gain",),
        unit="dB",
        within=(0.0, 9.0),
        control=Control("boost", "How much louder.", even=(0.0, 9.0, 1.0)),
    )

    def __post_init__"""

SWEPT = """\
from support.corpora import SETTINGS, make_corpus
from nmflab.evaluation import mixtures, sweep as sweeps
encoded, encode = [], mixtures.encode_mixture
mixtures.encode_mixture = lambda *a, **k: encoded.append(1) or encode(*a, **k)
grid = {"boost": (0, 1, 2)}
found = sweeps.sweep(make_corpus(), SETTINGS, grid, clips=["bob"], noises=["hiss"])
print(found.axes, found.mean().shape, len(encoded))
"""


@pytest.mark.slow
def test_a_further_setting_is_an_option_and_an_axis_that_shares_its_encoding(tmp_path):
    package = Path(nmflab.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__", "embedded")
    shutil.copytree(package, tmp_path / "nmflab", ignore=ignored)
    file = tmp_path / "nmflab" / "settings.py"
    file.write_text(file.read_text("utf-8").replace("    def __post_init__", SETTING), "utf-8")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1])])

    def run(*arguments):
        command = [sys.executable, *arguments]
        environment = {**os.environ, "PYTHONPATH": path}
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return " ".join(done.stdout.split())

    assert "--boost N boost of the gain in dB (default: 1.0)" in run(
        "-m", "nmflab", "enhance", "--help"
    )
    assert "--boost N" in run("-m", "nmflab", "separate", "--help")
    assert run("-c", SWEPT) == "{'boost': (0.0, 1.0, 2.0)} (3,) 1"
