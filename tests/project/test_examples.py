"""The examples of the docstrings and of the README run as they are printed."""

import doctest
import functools
import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import nmflab

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
PAIR = ("speech", "noise")
MODULES = [module.name for module in pkgutil.walk_packages(nmflab.__path__, "nmflab.")]


@pytest.mark.parametrize("name", [name for name in MODULES if "__main__" not in name])
def test_docstring_examples_give_what_they_show(name):
    assert doctest.testmod(importlib.import_module(name), extraglobs={"nmflab": nmflab}).failed == 0


@pytest.mark.slow
def test_readme_example_separates_a_recording(tmp_path, monkeypatch, capsys):
    small = {"num_basis_speech": 4, "num_basis_noise": 3, "max_iter_train": 2, "max_iter_test": 2}
    monkeypatch.setattr(nmflab, "Settings", functools.partial(nmflab.Settings, **small))
    monkeypatch.chdir(tmp_path)
    mixture = nmflab.mix_at_snr(*(getattr(nmflab.load_corpus(), f"test_{s}")[0] for s in PAIR), 0)
    nmflab.write_audio("noisy.wav", mixture.mixture / 4)
    exec(re.search(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[1], {})
    assert capsys.readouterr().out.startswith("(7, ")
    parts = [nmflab.read_audio(f"{source}.wav") for source in PAIR]
    np.testing.assert_allclose(sum(parts), nmflab.read_audio("noisy.wav"), atol=2**-14)
