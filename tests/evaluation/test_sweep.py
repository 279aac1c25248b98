"""Sweeps: each cell is what `separate` and the metrics give, and nothing is trained twice."""

import dataclasses
from itertools import product

import numpy as np
import pytest
from support.corpora import SETTINGS, make_corpus

import nmflab as nl
from nmflab.corpus import dictionaries
from nmflab.corpus.clips import Clip, ClipList
from nmflab.corpus.folders import validation
from nmflab.evaluation import metrics, mixtures
from nmflab.evaluation import sweep as sweeps
from nmflab.evaluation.dictionaries import Dictionaries
from nmflab.evaluation.sweep import Sweep, sweep
from nmflab.explorer.engine.chain import Chain

GRID = {"penalty": (0.0, 1.0), "num_basis_noise": (2, 4), "p": (1.0, 2.0)}
QUICK = ("si_sdr", "sdr", "sar")


@pytest.fixture(scope="module")
def corpus():
    return make_corpus()


@pytest.fixture(scope="module")
def found(corpus):
    return sweep(corpus, SETTINGS, GRID, metrics=QUICK)


def counted(monkeypatch):
    """Count the trainings by source and number of bases."""
    trained, train = [], dictionaries.train_dictionary

    def count(signals, num_bases, settings, *, name, progress):
        trained.append((name, num_bases))
        return train(signals, num_bases, settings, name=name, progress=progress)

    monkeypatch.setattr(dictionaries, "train_dictionary", count)
    return trained


def test_every_cell_is_what_separate_and_the_metrics_give(corpus, found):
    assert found.scores.shape == (3, 2, 2, 2, 2, 2)
    for index in product(*map(range, found.scores.shape[1:])):
        *cell, n, c = index
        values = {name: GRID[name][i] for name, i in zip(GRID, cell, strict=True)}
        settings = SETTINGS.replace(**values)
        noise = found.noises[n]
        model = nl.train_model(corpus.train_speech, [corpus.train_noise[noise]], settings)
        mix = nl.mix_at_snr(corpus.test_speech[found.clips[c]], corpus.test_noise[noise], snr=0)
        speech = nl.separate(model, mix.mixture).speech
        sdr, _, sar = metrics.bss_eval(mix.speech, mix.noise, speech)
        wanted = [metrics.si_sdr(mix.speech, speech), sdr, sar]
        np.testing.assert_allclose(found.scores[(slice(None), *index)], wanted, atol=1e-3)


def test_all_metrics_are_those_of_score(corpus):
    pytest.importorskip("pesq")
    one = sweep(
        corpus, SETTINGS, {"p": [2]}, metrics=tuple(metrics.SCORES), clips=["bob"], noises=["hiss"]
    )
    model = nl.train_model(corpus.train_speech, [corpus.train_noise["hiss"]], SETTINGS)
    mix = nl.mix_at_snr(corpus.test_speech["bob"], corpus.test_noise["hiss"], snr=0)
    wanted = metrics.score(mix.speech, mix.noise, nl.separate(model, mix.mixture).speech)
    np.testing.assert_allclose(one.scores.ravel(), list(wanted.to_dict().values()), atol=1e-3)


def test_is_deterministic(corpus, found):
    again = sweep(corpus, SETTINGS, GRID, metrics=QUICK)
    np.testing.assert_array_equal(again.scores, found.scores)
    assert again.to_rows() == found.to_rows()


@pytest.mark.slow
def test_jobs_give_the_same_bytes(corpus, found):
    again = sweep(corpus, SETTINGS, GRID, metrics=QUICK, jobs=3)
    assert again.scores.tobytes() == found.scores.tobytes()
    assert again.to_rows() == found.to_rows()


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_what_fails_is_said_in_the_same_order(corpus, jobs):
    mute = ClipList([*corpus.test_speech.clips, Clip("mute", np.zeros(9, "f4"), "mute.wav")])
    some = dataclasses.replace(corpus, test_speech=mute)
    grid = {"num_basis_noise": (2, 9999), "p": (1, 2)}
    told = []
    found = sweep(some, SETTINGS, grid, jobs=jobs, progress=lambda *what: told.append(what))
    assert [sentence.split(" skipped")[0] for sentence in found.skipped] == [
        *("mute in hiss", "alice in hiss", "bob in hiss", "mute in hiss"),
        *("mute in rumble", "alice in rumble", "bob in rumble", "mute in rumble"),
    ]
    assert ("scores", 24, 24) in told
    assert np.isnan(found.scores[0, 1]).all()
    assert not np.isnan(found.scores[0, 0, :, :, :2]).any()


def test_jobs_must_be_a_number(corpus):
    for wrong in (0, 1.5, "2"):
        with pytest.raises(nl.NmflabError, match=r"jobs is .* must be a whole number"):
            sweep(corpus, SETTINGS, GRID, jobs=wrong)


def test_each_dictionary_is_trained_once(corpus, monkeypatch):
    trained = counted(monkeypatch)
    sweep(corpus, SETTINGS, {**GRID, "nmf_mode": ("NMF_e", "NMF_g")}, metrics=["si_sdr"])
    assert sorted(trained) == [("noise", 2)] * 2 + [("noise", 4)] * 2 + [("speech", 6)]


def test_powers_share_an_encoding(corpus, monkeypatch):
    encoded, encode = [], mixtures.encode_mixture
    monkeypatch.setattr(
        mixtures, "encode_mixture", lambda *a: encoded.append(a[2].penalty) or encode(*a)
    )
    sweep(corpus, SETTINGS, {"p": (1, 2, 3), "penalty": (0, 1)}, clips=["bob"], noises=["hiss"])
    assert encoded == [0.0, 1.0]


@pytest.mark.parametrize("source", ["speech", "noise"])
def test_dictionaries_are_kept_by_the_settings_that_the_chain_reads(corpus, source):
    depends = Chain(corpus).depends[source]
    changed = {"win_size": 224, "overlap": 64, "window": "hann", "fft": 1024, "seed": 1}
    changed |= {"max_iter_train": 7, "epsilon": 0.1, "solver": "accelerated", "update": "mu"}
    changed |= {"penalty_scale": "raw", "penalty": 9.0, "p": 9.0, "snr": 9.0, "nmf_mode": "NMF"}
    changed |= {"num_basis_speech": 9, "num_basis_noise": 9, "max_iter_test": 9}
    changed |= {"activation_floor": 0.9, "num_basis_free": 1, "context": 2, "keep": 9.0}
    assert {"sampling_rate", *changed} == {f.name for f in dataclasses.fields(nl.Settings)}
    for name, value in changed.items():
        same = SETTINGS.replace(**{name: value}).read_by(source) == SETTINGS.read_by(source)
        assert same == (name not in depends), name


def test_noises_without_training_of_their_own_share_that_of_all(corpus):
    assert corpus.training_noise("hiss").names == ("hiss",)
    assert corpus.training_noise("car") is corpus.train_noise
    kept = Dictionaries(corpus)
    models = [kept.model(SETTINGS, name) for name in ("hiss", "car", "tram")]
    assert models[1].noise is models[2].noise is not models[0].noise
    assert len(kept) == 1 + 2


def test_a_callable_may_train_instead(corpus, found):
    kept = Dictionaries(corpus)
    again = sweep(corpus, SETTINGS, GRID, metrics=QUICK, train=kept.model)
    assert len(kept) == 1 + 2 * 2
    np.testing.assert_array_equal(again.scores, found.scores)


def test_another_window_keeps_its_overlap():
    points = sweeps.combinations(nl.Settings(), {"win_size": (128, 1024)})
    assert [(p.win_size, p.overlap, p.fft) for p in points] == [(128, 96, 512), (1024, 768, 1024)]
    (point,) = sweeps.combinations(nl.Settings(), {"win_size": [512], "overlap": [256]})
    assert point.overlap == 256


def test_a_window_of_numpy_s_keeps_its_overlap_as_well():
    points = sweeps.combinations(nl.Settings(), {"win_size": 2 ** np.arange(7, 11)})
    assert [(p.overlap, p.fft) for p in points] == [(96, 512), (192, 512), (384, 512), (768, 1024)]


# The table


def test_means_and_best(found):
    np.testing.assert_allclose(found.mean(), found.scores[0].mean(axis=(-2, -1)))
    np.testing.assert_allclose(found.mean("sar"), found.scores[2].mean(axis=(-2, -1)))
    np.testing.assert_allclose(
        found.mean("sdr", noise="rumble"), found.scores[1, ..., 1, :].mean(axis=-1)
    )
    best = found.best("sdr")
    place = tuple(GRID[name].index(value) for name, value in best.items())
    assert found.mean("sdr")[place] == found.mean("sdr").max()
    assert SETTINGS.replace(**best).penalty == best["penalty"]
    with pytest.raises(nl.NmflabError, match="no score called 'stoi'; there are: si_sdr, sdr, sar"):
        found.mean("stoi")
    with pytest.raises(nl.NmflabError, match="no noise called 'car'"):
        found.best(noise="car")


def test_rows_name_every_combination_and_mixture(found):
    rows = found.to_rows()
    assert len(rows) == 2 * 2 * 2 * 2 * 2
    assert list(rows[0]) == [*GRID, "noise", "speech", *QUICK]
    for row in (rows[0], rows[17], rows[-1]):
        place = [GRID[name].index(row[name]) for name in GRID]
        n, c = found.noises.index(row["noise"]), found.clips.index(row["speech"])
        assert row["sdr"] == found.scores[(1, *place, n, c)]


def test_what_is_not_there_does_not_count():
    scores = np.array([[[[1.0, np.nan]], [[np.nan, np.nan]]]])
    made = Sweep(SETTINGS, {"p": (1.0, 2.0)}, ("sdr",), ("hiss",), ("a", "b"), scores)
    np.testing.assert_array_equal(made.mean(), [1.0, np.nan])
    assert made.best() == {"p": 1.0}
    nothing = dataclasses.replace(made, scores=scores * np.nan)
    with pytest.raises(nl.NmflabError, match="No combination has the score 'sdr'"):
        nothing.best()


# What can't be


@pytest.mark.parametrize(
    ("grid", "options", "sentence"),
    [
        ({}, {}, "The grid is empty"),
        ({"lambda": [1]}, {}, "no setting called 'lambda'; there are: nmf_mode"),
        ({"penalty": [0.1, -1]}, {}, r"penalty \(penalty rate λ of the prior\) is -1"),
        ({"penalty": []}, {}, r"penalty is \[\] but needs values"),
        ({"penalty": [1, 1.0]}, {}, "each of them once"),
        ({"penalty": 0.1}, {}, r"penalty is 0\.1 but the grid wants a list"),
        ({"nmf_mode": "NMF"}, {}, "nmf_mode is 'NMF' but the grid wants a list"),
        ({"sampling_rate": [8000]}, {}, "can't be swept"),
        ({"win_size": [1.5]}, {}, "win_size is 1.5 but must be a whole number"),
        ({"p": [1]}, {"metrics": ["mos"]}, "no score called 'mos'; there are: sdr"),
        ({"p": [1]}, {"metrics": []}, "no list of names of score"),
        ({"p": [1]}, {"metrics": "sdr"}, "'sdr' is no list of names"),
        ({"p": [1]}, {"clips": ["eve"]}, "no test speech called 'eve'; there are: alice, bob"),
        ({"p": [1]}, {"noises": ["car"]}, "no test noise called 'car'; there are: hiss, rumble"),
        ({"num_basis_speech": [9999]}, {}, "Nothing could be scored.*has only .* frames"),
    ],
)
def test_a_bad_grid_is_one_sentence(corpus, grid, options, sentence):
    with pytest.raises(nl.NmflabError, match=sentence):
        sweep(corpus, SETTINGS, grid, **options)


def test_another_sampling_rate_is_one_sentence(corpus):
    with pytest.raises(nl.NmflabError, match="the corpus is at 16000 Hz"):
        sweep(corpus, SETTINGS.replace(sampling_rate=8000), {"p": [1]})


def test_what_cannot_be_scored_costs_only_its_own_scores(corpus):
    silent = Clip("mute", np.zeros(8000, np.float32), "mute.wav")
    some = dataclasses.replace(corpus, test_speech=ClipList([*corpus.test_speech.clips, silent]))
    told = []
    found = sweep(
        some,
        SETTINGS,
        {"num_basis_speech": (4, 9999), "p": (1, 2)},
        noises=["hiss"],
        progress=lambda *what: told.append(what),
    )
    assert np.isfinite(found.scores[0, 0, :, 0, :2]).all()
    assert np.isnan(found.scores[0, :, :, 0, 2]).all()
    assert np.isnan(found.scores[0, 1]).all()
    assert found.best()["num_basis_speech"] == 4
    assert any(sentence.startswith("mute in hiss skipped") for sentence in found.skipped)
    assert any("frames" in sentence for sentence in found.skipped)


def test_progress_counts_up_to_the_end_and_may_stop(corpus):
    told = []
    sweep(corpus, SETTINGS, {"p": (1, 2)}, progress=lambda *what: told.append(what))
    assert {"training speech", "training noise", "scores"} == {stage for stage, *_ in told}
    assert [done for stage, done, _ in told if stage == "scores"] == list(range(9))
    assert told[-1] == ("scores", 8, 8)

    def stop(stage, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(corpus, SETTINGS, {"p": (1, 2)}, progress=stop)


# Validation


def test_validation_is_cut_out_of_training_alone(corpus):
    made = validation(corpus)
    assert made.train_speech.names == ("one",)
    assert made.test_speech.names == ("two",)
    for name, noise in zip(corpus.train_noise.names, corpus.train_noise, strict=True):
        both = np.concatenate([made.train_noise[name], made.test_noise[name]])
        np.testing.assert_array_equal(both, noise)
        assert len(made.test_noise[name]) == len(noise) // 4


def test_validation_of_the_embedded_corpus_hears_every_speaker():
    corpus = nl.load_corpus()
    made = validation(corpus)
    speakers = [{name.rsplit("_", 1)[0] for name in part.names}
                for part in (made.train_speech, made.test_speech)]  # fmt: skip
    assert speakers[0] == speakers[1]
    assert not set(made.test_speech.names) & {*made.train_speech.names, *corpus.test_speech.names}


def test_too_little_for_validation_is_one_sentence(corpus):
    one = dataclasses.replace(corpus, train_speech=corpus.train_speech[:1])
    with pytest.raises(nl.NmflabError, match="only one training recording"):
        validation(one)
    short = ClipList([Clip("tick", np.ones(3, np.float32), "tick.wav")])
    with pytest.raises(nl.NmflabError, match="tick is too short"):
        validation(dataclasses.replace(corpus, train_noise=short))
