"""Lesson 10: each of its small functions does what the lesson says of it."""

import numpy as np
import pytest
from support.corpora import SETTINGS, make_corpus

import nmflab as nl
from nmflab.core.context import stacked
from nmflab.evaluation.bench import Bench
from nmflab.lessons.what_came_after import (
    SpectrumPrior,
    bases_for_mixtures,
    reconstruction_bases,
    separate_discriminative,
    separate_spectrum,
    spectrum_objective,
    spectrum_step,
    stacks,
    worth_figure,
)
from nmflab.priors.distributions import Prior


def test_a_step_on_the_spectrum_never_raises_the_objective(rng):
    W_S, W_N = rng.dirichlet(np.ones(20), 5).T, rng.dirichlet(np.ones(20), 3).T
    V, H = rng.gamma(0.6, 1, (20, 30)) + 0.05, np.ones((8, 30))
    shape = rng.uniform(0.3, 2.5, 20)  # below 1 and above
    prior = SpectrumPrior(Prior(scale=np.full(20, 0.5), shape=shape), np.full((20, 1), 0.2))
    for penalty in (0.0, 0.1, 2.0):
        costs = []
        for _ in range(25):
            costs.append(spectrum_objective(V, W_S, W_N, H, prior, penalty))
            H = spectrum_step(V, W_S, W_N, H, prior, penalty)
        assert (np.diff(costs) <= 1e-9 * np.abs(costs[0])).all()
        assert costs[-1] < costs[0]
        H = np.ones((8, 30))


def test_a_step_without_a_penalty_is_lee_and_seung_s(rng):
    W, V, H = rng.dirichlet(np.ones(20), 8).T, rng.random((20, 30)) + 0.1, rng.random((8, 30))
    prior = SpectrumPrior(Prior(scale=np.ones(20), shape=np.ones(20)), np.ones((20, 1)))
    step = spectrum_step(V, W[:, :5], W[:, 5:], H, prior, 0.0)
    np.testing.assert_allclose(step, H * (W.T @ (V / (W @ H))), rtol=1e-6)


def test_the_priors_of_spectra_are_found_again(rng):
    speech, noise = rng.gamma(0.8, 3, (4, 20000)), rng.rayleigh(5, (4, 20000))
    prior = SpectrumPrior.fit(speech, noise, floor=0.0)
    np.testing.assert_allclose(prior.speech.shape, 0.8, rtol=0.05)
    rms = np.sqrt(np.mean(noise**2))
    np.testing.assert_allclose(prior.at_level(rms).variance, 25, rtol=0.05)


@pytest.mark.parametrize("context", [1, 2, 3, 5])
def test_stacks_are_the_core_s(rng, context):
    V = rng.random((6, 11), dtype=np.float32)
    np.testing.assert_array_equal(stacks(V, context), stacked(V, context))


def test_reconstruction_bases_lower_the_divergence_of_the_source(rng):
    V, H, W = rng.random((20, 50)), rng.random((4, 50)), rng.dirichlet(np.ones(20), 4).T
    costs = [
        nl.kl_divergence(V, reconstruction_bases(V, H, W, iterations=n) @ H) for n in range(12)
    ]
    assert (np.diff(costs) < 0).all()


def test_one_basis_is_rebuilt_in_one_update(rng):
    V, H = rng.random((20, 50)), rng.random((1, 50))
    W = reconstruction_bases(V, H, np.ones((20, 1)), iterations=1)
    np.testing.assert_allclose(W[:, 0], V.sum(axis=1) / H.sum())


@pytest.mark.parametrize("context", [1, 3])
def test_each_idea_takes_noise_out_of_the_bench_s_mixtures(context):
    settings = SETTINGS.replace(context=context)
    bench = Bench(make_corpus(), ["hiss"], voices=1, every=1)
    models, rehearsal = bench.models(settings), bench.rehearsal("hiss")
    bases = bases_for_mixtures(models["hiss"], rehearsal, settings)
    assert [W.shape[0] for W in bases] == [settings.num_bins] * 2

    noisy = bench.worth(lambda noise, mixture: mixture)
    rebuilt = bench.worth(
        lambda noise, mixture: separate_discriminative(models[noise], bases, mixture, settings)
    )
    assert rebuilt[0] > noisy[0] + 1
    if context == 1:
        S, N = bench.spectrograms(settings)
        priors = {"hiss": SpectrumPrior.fit(S, N["hiss"])}
        on_spectrum = bench.worth(lambda n, x: separate_spectrum(models[n], priors[n], x, 0.01))
        assert on_spectrum[0] > noisy[0] + 1


def test_the_figure_marks_each_idea_where_its_sdr_is_best():
    found = {"one": {0: (1, 0, 0.7), 0.1: (3, 0, 0.6)}, "other": {0: (4, 0, 0.5), 0.1: (2, 0, 0.8)}}
    sdr, stoi = worth_figure(found).axes
    marks = [
        (line.get_xdata()[0], line.get_ydata()[0]) for line in sdr.lines if line.get_marker() == "o"
    ]
    assert marks == [(1, 3), (0, 4)]
    assert [text.get_text() for text in sdr.get_xticklabels()] == ["0", "0.1"]
    assert [line.get_ydata()[0] for line in stoi.lines if line.get_marker() == "o"] == [0.6, 0.5]
