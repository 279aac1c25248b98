"""Families of distributions for rows of H: densities, quantiles, and who wins at which floor."""

import numpy as np
import pytest

from nmflab.priors.families import FAMILIES, fit_families, log_likelihoods


@pytest.fixture
def rows(rng):
    return np.stack([rng.exponential(1.0, 4000), rng.lognormal(-1.0, 1.5, 4000)])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_density_integrates_to_one_and_the_quantile_undoes_it(rows, name):
    floor = 0.05
    _, fits = fit_families(rows, floor)
    x = np.geomspace(1e-9, 400, 200_001)
    density = np.exp(fits[name].logpdf(np.broadcast_to(x, (2, len(x)))))
    np.testing.assert_allclose(np.trapezoid(density, x, axis=1), 1.0, atol=0.02)
    shares = np.array([0.2, 0.5, 0.9])
    for row, quantiles in enumerate(fits[name].quantile(shares)):
        for share, quantile in zip(shares, quantiles, strict=True):
            below = x <= quantile
            assert np.trapezoid(density[row][below], x[below]) == pytest.approx(share, abs=0.02)


def test_what_a_family_made_it_fits_best(rows):
    found = log_likelihoods(rows, 1e-3)
    assert max(FAMILIES, key=lambda name: found[name][1]) == "log-normal"
    assert found["exponential"][0] == pytest.approx(found["gamma"][0], abs=0.02)


def test_a_row_that_is_off_half_of_the_time_is_spike_and_slab(rng):
    row = rng.exponential(1.0, (1, 4000)) * (rng.random((1, 4000)) > 0.5)
    found = log_likelihoods(row, 0.1)
    assert max(FAMILIES, key=lambda name: found[name][0]) == "spike and slab"
