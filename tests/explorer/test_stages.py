"""A stage reads what it declares, and nothing else: so its key holds all that it depends on."""

import dataclasses

import pytest
from support.corpora import ANOTHER, SETTINGS, make_corpus

import nmflab as nl
from nmflab.core.stft import Stft
from nmflab.explorer.engine.chain import Chain
from nmflab.explorer.engine.stages import STAGES, Stage
from nmflab.settings import parameters, settings_of

DECLARED = [
    (stage, setting)
    for stage in ("mixture", "spectrogram", "speech", "noise", "activations", "gain")
    for setting in settings_of(stage)
]


@pytest.fixture(scope="module")
def corpus():
    return make_corpus()


@pytest.fixture
def chain(corpus):
    return Chain(corpus)


def below(name):
    """Give the stages that read a setting, and all that need one of them, however far away."""
    found = {stage.name for stage in STAGES.values() if name in stage.reads}
    for stage in STAGES.values():
        if found & set(stage.needs):
            found.add(stage.name)
    return found


def test_every_setting_has_another_value_to_try():
    assert set(ANOTHER) == set(parameters())


@pytest.mark.parametrize("name", parameters())
def test_a_setting_changes_the_keys_of_what_lies_below_the_stages_that_declare_it(chain, name):
    state = chain.state(SETTINGS)
    other = state.replace(**{name: ANOTHER[name]})
    changed = {stage for stage in STAGES if chain.key(stage, state) != chain.key(stage, other)}
    assert changed == below(name)
    assert set(parameters()[name].read_by) <= changed


def test_the_stages_read_the_settings_that_declare_them():
    assert {stage for parameter in parameters().values() for stage in parameter.read_by} == {
        stage for stage, _ in DECLARED
    }
    for stage, setting in DECLARED:
        assert setting in STAGES[stage].reads


@pytest.mark.parametrize(("stage", "setting"), DECLARED)
def test_a_stage_that_forgets_to_declare_a_setting_fails_loudly(chain, stage, setting):
    state, whole = chain.state(SETTINGS), STAGES[stage]
    fewer = tuple(part for part in whole.reads if part != setting)
    chain.stages[stage] = dataclasses.replace(whole, reads=fewer)
    with pytest.raises(nl.NmflabError, match=f"stage '{stage}' reads '{setting}'"):
        chain.get(stage, state)
    chain.stages[stage] = whole
    chain.get(stage, state)


@pytest.mark.parametrize(
    ("look", "part"),
    [
        (lambda view: view.settings.snr, "snr"),
        (lambda view: view.settings.hop, "win_size"),
        (lambda view: view.settings.read_by("mixture"), "snr"),
        (lambda view: view.settings.replace(p=3.0), "nmf_mode"),
        (lambda view: view.settings.to_dict(), "nmf_mode"),
        (lambda view: hash(view.settings), "nmf_mode"),
        (lambda view: Stft.from_settings(view.settings), "sampling_rate"),
        (lambda view: view.clip, "clip"),
        (lambda view: view.noise, "noise"),
        (lambda view: view.recording, "recording"),
    ],
)
def test_no_way_leads_to_what_is_not_declared(chain, look, part):
    chain.add(Stage("nosy", look, reads=("p",)))
    with pytest.raises(nl.NmflabError, match=f"stage 'nosy' reads '{part}'"):
        chain.get("nosy", chain.state(SETTINGS))


def test_a_view_gives_what_is_declared(chain):
    seen = {}

    def look(view):
        seen.update(p=view.settings.p, clip=view.clip, corpus=view.corpus)

    chain.add(Stage("look", look, reads=("p", "clip")))
    chain.get("look", chain.state(SETTINGS.replace(p=3.0)))
    assert seen == {"p": 3.0, "clip": "alice", "corpus": chain.corpus}
