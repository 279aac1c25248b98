"""What the controls show is what is in force, for every legal `Settings`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from support.corpora import SETTINGS, make_corpus
from support.hands import drag

import nmflab as nl
from nmflab.cli import main as cli
from nmflab.explorer.controls import OWN_SETTINGS, Controls, declared
from nmflab.explorer.engine.chain import Chain
from nmflab.explorer.engine.state import State, Store
from nmflab.explorer.presets import PRESETS
from nmflab.explorer.separation import SeparationExplorer
from nmflab.explorer.sliders import ExactSlider, in_full
from nmflab.settings import parameters

ALL = (*declared(), "clip", "noise")
RANGES = {"win_size": (2, 8192), "fft": (2, 16384), "seed": (0, 2**63 - 1)}
HIGHEST = 10**5


def value_of(name, parameter):
    """Draw from all that a setting may be."""
    if parameter.choices:
        return st.sampled_from(sorted(parameter.choices))
    if parameter.kind is str:
        return st.sampled_from(["hann", "flattop", "boxcar", "bohman"])
    low, high = RANGES.get(name, parameter.within)
    if parameter.kind is int:
        return st.integers(int(low), int(min(high, HIGHEST) if name not in RANGES else high))
    return st.floats(low, high, exclude_min=parameter.open_below)


@st.composite
def all_settings(draw):
    """Draw any legal settings."""
    values = {name: draw(value_of(name, p)) for name, p in parameters().items()}
    values["sampling_rate"] = 16000
    values["fft"] = max(values["fft"], values["win_size"])
    values["overlap"] = draw(st.integers(0, values["win_size"] - 1))
    values["num_basis_free"] = max(values["num_basis_free"], int(values["num_basis_noise"] == 0))
    return nl.Settings(**values)


def made(settings):
    """Give controls alone, and the store behind them."""
    store, errors = Store(State(settings=settings, clip="one", noise="hum")), []
    controls = Controls(
        store, lambda whole: None, errors.append, names=ALL, clips=["one"], noises=["hum"]
    )
    return controls, store, errors


def shown(controls):
    """Read the controls, as numbers and as what stands beside them."""
    found = {}
    for name in declared():
        control = getattr(controls, name)
        found[name] = control.value
        part = getattr(control, "slider", control)
        if isinstance(part, ExactSlider) and control.value != 0:
            assert float(part._options_labels[part.index]) == control.value
        assert part.disabled == (name == "penalty" and control.value == 0)
    return found


def in_force(settings):
    return {name: getattr(settings, name) for name in declared()}


def echo(controls):
    """Let a browser send back all that it was told."""
    for control in controls:
        part = getattr(control, "slider", control)
        drag(part, part.value)


@budget(max_examples=60)
@given(all_settings(), all_settings())
def test_all_controls_show_what_is_in_force(first, second):
    controls, store, errors = made(first)
    echo(controls)
    assert shown(controls) == in_force(first)
    assert store.wanted.settings == first
    controls.set(store.wanted.replace(settings=second))
    assert shown(controls) == in_force(second)
    echo(controls)
    assert store.wanted.settings == second
    controls.reset()
    echo(controls)
    assert shown(controls) == in_force(first)
    assert store.wanted.settings == first
    assert errors == []


@pytest.mark.slow
@budget(max_examples=60)
@given(st.data())
def test_one_control_takes_all_that_its_setting_may_be(data):
    controls, store, _ = made(nl.Settings(fft=2**15, num_basis_free=1))
    name = data.draw(st.sampled_from([n for n in declared() if n not in ("hop", "fft")]))
    value = data.draw(value_of(name, parameters()[name]))
    getattr(controls, name).value = value
    assert getattr(store.wanted.settings, name) == value
    assert shown(controls) == in_force(store.wanted.settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [("p", 500.0), ("penalty", -1.0), ("snr", 101.0), ("max_iter_test", 0), ("hop", 256 + 1)],
)
def test_what_can_not_be_is_refused_and_not_shown(name, value):
    controls, store, _ = made(nl.Settings())
    with pytest.raises(nl.NmflabError):
        getattr(controls, name).value = value
    assert store.wanted.settings == nl.Settings()
    assert shown(controls) == in_force(nl.Settings())


@pytest.mark.parametrize(
    "changes",
    [{"snr": 60.0}, {"snr": -60.0}, {"p": 50.0}, {"p": 0.01}, {"penalty": 1e-6}, {"penalty": 50.0},
     {"max_iter_test": 300}, {"num_basis_noise": 5}, {"seed": 2**40}],
)  # fmt: skip
def test_explorer_separate_and_command_line_take_the_same_values(changes):
    corpus, settings = make_corpus(), SETTINGS.replace(**changes)
    explorer = SeparationExplorer(corpus, settings)
    ((name, value),) = changes.items()
    assert explorer.settings == settings
    assert getattr(explorer.controls, name).value == value
    model = nl.train_model(corpus.train_speech, [corpus.train_noise["hiss"]], settings)
    clip, noise = corpus.test_speech["alice"], corpus.test_noise["hiss"]
    expected = nl.separate(model, nl.mix_at_snr(clip, noise, settings.snr).mixture)
    np.testing.assert_allclose(explorer.result.speech, expected.speech, atol=1e-6)
    typed = cli.parse(["enhance", f"--{name}={value!r}"])
    assert getattr(typed.settings, name) == value
    explorer.close()


def test_a_preset_is_known_whatever_the_corpus_and_its_own_settings_are_nothing_to_set():
    controls, store, _ = made(PRESETS["tuned, frame by frame"].replace(sampling_rate=8000, snr=3.0))
    assert controls.preset.value == "tuned, frame by frame"
    drag(controls.preset, OWN_SETTINGS)
    assert controls.preset.value == "tuned, frame by frame"
    assert store.wanted is store.first


def test_numbers_are_written_in_full():
    assert [in_full(x, 1) for x in (0.3, 0.25, 1e-9)] == ["0.3", "0.25", "1e-09"]
    assert float(in_full(np.nextafter(1.0, 2.0))) == np.nextafter(1.0, 2.0)


def test_what_an_explorer_is_opened_with_has_to_be_there():
    with pytest.raises(nl.NmflabError, match="no recording called 'rain'; there are: hiss, rumble"):
        SeparationExplorer(make_corpus(), SETTINGS, noise="rain")
    assert Chain(make_corpus()).state().clip == "alice"
