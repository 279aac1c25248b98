"""Settings refuse every bad value in one sentence that names the parameter, and keep good ones."""

import dataclasses
import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmflab.errors import NmflabError
from nmflab.priors.variants import VARIANTS
from nmflab.settings import PENALTY_SCALES, SOLVERS, UPDATES, Settings

NAMES = [f.name for f in dataclasses.fields(Settings)]
WHOLE = [f.name for f in dataclasses.fields(Settings) if f.type == "int"]
REAL = [f.name for f in dataclasses.fields(Settings) if f.type == "float"]
TEXT = [f.name for f in dataclasses.fields(Settings) if f.type == "str"]
CHOICES = {
    "nmf_mode": VARIANTS,
    "update": UPDATES,
    "penalty_scale": PENALTY_SCALES,
    "solver": SOLVERS,
}
OUT_OF_RANGE = {
    "sampling_rate": (0, -16000, 999, 384001),
    "fft": (0, -512, 1, 2**20 + 1),
    "win_size": (0, -256, 1, 2**20 + 1),
    "overlap": (-1, 2**20 + 1),
    "max_iter_train": (0, -1, 100001),
    "max_iter_test": (0, -1, 100001),
    "num_basis_speech": (0, -1, 65537),
    "num_basis_noise": (-1, 65537),
    "num_basis_free": (-1, 65),
    "context": (0, -1, 33),
    "keep": (-0.5, 100.5),
    "epsilon": (-1e-9,),
    "penalty": (-1e-9,),
    "p": (0.0, -2.0, 100.5),
    "snr": (-100.5, 100.5),
    "seed": (-1, 2**63),
    "activation_floor": (0.0, -0.1, 10.5),
}


def refusal(**parameters):
    """Give the message, once it is known to be one line that ends in a stop."""
    with pytest.raises(NmflabError) as refused:
        Settings(**parameters)
    message = str(refused.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def test_the_defaults_are_those_of_the_original_script():
    settings = Settings()
    expected = {
        "nmf_mode": "NMF_e",
        "sampling_rate": 16000,
        "fft": 512,
        "window": "hamming",
        "win_size": 256,
        "overlap": 192,
        "max_iter_train": 100,
        "max_iter_test": 30,
        "num_basis_speech": 128,
        "num_basis_noise": 128,
        "num_basis_free": 0,
        "context": 1,
        "keep": 100.0,
        "epsilon": 0.5,
        "penalty": 0.005,
        "p": 2.0,
        "snr": 0.0,
        "seed": 0,
        "penalty_scale": "relative",
    }
    assert {name: getattr(settings, name) for name in expected} == expected


@pytest.mark.parametrize("name", WHOLE + REAL)
@pytest.mark.parametrize(
    "value",
    [None, True, False, "1", "", b"512", [1], (), {}, 1j, math.nan, math.inf, -math.inf],
    ids=repr,
)
def test_a_number_of_the_wrong_kind_is_refused_by_name(name, value):
    assert refusal(**{name: value}).startswith(name + " ")


@pytest.mark.parametrize("name", REAL)
def test_a_numpy_bool_is_no_number(name):
    assert refusal(**{name: np.True_}).startswith(name + " ")


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", [256.5, np.float32(256.5), Fraction(1, 3), 1e-9])
def test_a_whole_number_has_no_fraction(name, value):
    assert "whole number" in refusal(**{name: value})


@pytest.mark.parametrize("name", WHOLE + REAL)
def test_a_number_beyond_all_floats_is_refused_by_name(name):
    assert refusal(**{name: 10**400}).startswith(name + " ")


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in OUT_OF_RANGE.items() for v in vs])
def test_a_number_out_of_range_is_refused_by_name_and_value(name, value):
    message = refusal(**{name: value})
    assert message.startswith(name + " ")
    assert repr(value) in message


def test_a_limit_is_written_to_the_last_digit():
    assert "at most 1048576 samples" in refusal(fft=2**20 + 1)
    assert f"at most {2**63 - 1}" in refusal(seed=2**63)
    assert "at most 1e+300" in refusal(epsilon=1e301)


def test_every_number_has_a_range_that_is_tested():
    assert sorted(OUT_OF_RANGE) == sorted(WHOLE + REAL)


@pytest.mark.parametrize("name", TEXT)
@pytest.mark.parametrize("value", [None, 1, True, b"NMF", ["NMF"], math.nan], ids=repr)
def test_a_name_that_is_no_text_is_refused_by_name(name, value):
    assert refusal(**{name: value}).startswith(name + " ")


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("value", ["", "nmf", "NMF_x", "MM", "relative ", "no_such"])
def test_an_unknown_choice_is_refused_with_all_that_there_are(name, value):
    message = refusal(**{name: value})
    assert message.startswith(f"{name} is {value!r}")
    assert all(choice in message for choice in CHOICES[name])


@pytest.mark.parametrize(("name", "choice"), [(n, c) for n, cs in CHOICES.items() for c in cs])
def test_every_choice_is_taken(name, choice):
    assert getattr(Settings(**{name: choice}), name) == choice


@pytest.mark.parametrize("overlap", [256, 257, 10000])
def test_an_overlap_of_the_window_or_more_is_refused(overlap):
    message = refusal(overlap=overlap, win_size=256)
    assert message.startswith(f"overlap is {overlap}")
    assert "win_size (256)" in message


def test_the_greatest_overlap_leaves_a_hop_of_one_sample():
    assert Settings(overlap=255, win_size=256).hop == 1


def test_an_fft_shorter_than_the_window_is_refused():
    message = refusal(fft=255, win_size=256)
    assert message.startswith("fft is 255")
    assert "win_size (256)" in message


def test_hop_and_num_bins_follow_from_the_rest():
    assert (Settings().hop, Settings().num_bins) == (64, 257)
    odd = Settings(fft=301, win_size=301, overlap=200)
    assert (odd.hop, odd.num_bins) == (101, 151)


@pytest.mark.parametrize("kind", [np.int16, np.int64, np.uint32, np.float32, np.float64, float])
def test_any_whole_number_becomes_a_plain_int(kind):
    win_size = Settings(win_size=kind(256)).win_size
    assert win_size == 256
    assert type(win_size) is int


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, int])
def test_any_real_number_becomes_a_plain_float(kind):
    p = Settings(p=kind(3)).p
    assert p == 3.0
    assert type(p) is float


@given(seed=st.integers(0, 2**63 - 1))
def test_a_seed_is_kept_to_the_last_digit(seed):
    assert Settings(seed=seed).seed == seed


@pytest.mark.parametrize("seed", [2**53 + 1, 2**63 - 1])
def test_a_seed_that_no_float_holds_is_kept_to_the_last_digit(seed):
    assert Settings(seed=seed).seed == seed


@pytest.mark.parametrize("name", NAMES)
def test_no_parameter_can_be_changed_afterwards(name):
    settings = Settings()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(settings, name, getattr(settings, name))


def test_settings_are_given_by_name_only():
    with pytest.raises(TypeError):
        Settings("NMF")


def test_equal_settings_are_equal_and_hash_alike():
    assert Settings(p=2) == Settings(p=np.float32(2.0)) != Settings(p=3)
    assert len({Settings(p=2), Settings(p=2.0), Settings(p=3)}) == 2


settings_of_any_kind = st.builds(
    lambda win_size, overlap, extra, **others: Settings(
        win_size=win_size, overlap=int(overlap * (win_size - 1)), fft=win_size + extra, **others
    ),
    win_size=st.integers(2, 5000),
    overlap=st.floats(0, 1),
    extra=st.integers(0, 5000),
    nmf_mode=st.sampled_from(list(VARIANTS)),
    window=st.sampled_from(["hamming", "hann", "blackman"]),
    update=st.sampled_from(UPDATES),
    penalty_scale=st.sampled_from(PENALTY_SCALES),
    solver=st.sampled_from(SOLVERS),
    sampling_rate=st.integers(1000, 384000),
    max_iter_train=st.integers(1, 100000),
    num_basis_noise=st.integers(1, 65536),
    num_basis_free=st.integers(0, 64),
    context=st.integers(1, 32),
    keep=st.floats(0, 100),
    epsilon=st.floats(0, 1e300),
    penalty=st.floats(0, 10),
    p=st.floats(0.01, 100),
    snr=st.floats(-100, 100),
    activation_floor=st.floats(1e-9, 10),
)


@given(settings=settings_of_any_kind)
def test_a_dictionary_and_json_give_the_same_settings_back(settings):
    parameters = settings.to_dict()
    assert list(parameters) == NAMES
    assert Settings.from_dict(parameters) == settings
    assert Settings.from_dict(json.loads(json.dumps(parameters))) == settings


def test_from_dict_gives_the_default_to_what_is_missing():
    assert Settings.from_dict({}) == Settings()
    assert Settings.from_dict({"p": 3.0}) == Settings(p=3.0)


def test_to_dict_gives_a_copy_that_is_free_to_change():
    settings = Settings()
    settings.to_dict()["p"] = 7.0
    assert settings == Settings()


@pytest.mark.parametrize("change", [Settings().replace, lambda **d: Settings.from_dict(d)])
def test_an_unknown_name_is_refused_with_all_that_there_are(change):
    with pytest.raises(NmflabError, match="no setting called 'penality'") as refused:
        change(penality=0.1)
    assert all(name in str(refused.value) for name in NAMES)


def test_replace_gives_a_checked_copy_and_leaves_the_original():
    settings = Settings()
    assert settings.replace(p=3.0) == Settings(p=3.0)
    assert settings == Settings()
    with pytest.raises(NmflabError, match=r"^overlap is 300"):
        settings.replace(overlap=300)


def test_the_tuned_preset_is_valid_and_differs_from_the_original():
    tuned = Settings.tuned()
    assert Settings.from_dict(tuned.to_dict()) == tuned != Settings()
    assert tuned.penalty_scale == "relative"
