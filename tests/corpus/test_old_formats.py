"""Files of the formats before: they load, or say why not.

``model_of_the_first_format.npz`` was written by the project's first commit (a6630da).
"""

import json
from pathlib import Path

import numpy as np
import pytest

from nmflab.corpus.model_files import load_model
from nmflab.errors import NmflabError
from nmflab.settings import Settings

FIRST = Path(__file__).with_name("model_of_the_first_format.npz")


def test_a_model_of_the_first_format_says_what_it_lacks_and_what_to_do():
    with pytest.raises(NmflabError, match=r"early nmflab.*level of the training.*`nmflab train`"):
        load_model(FIRST)


def test_a_damaged_model_is_not_taken_for_an_early_one(tmp_path):
    with np.load(FIRST) as archive:
        arrays = dict(archive)
    del arrays["noise_H"]
    np.savez(tmp_path / "damaged.npz", **arrays)
    with pytest.raises(NmflabError, match="damaged or something else"):
        load_model(tmp_path / "damaged.npz")


def test_settings_of_the_first_format_are_read_with_every_value_they_had():
    with np.load(FIRST) as archive:
        old = json.loads(str(archive["header"]))["settings"]
    assert old["num_basis_speech"] == 3
    new = Settings.from_dict(old).to_dict()
    assert {name: new[name] for name in old} == old
