"""Many starts of one encoding: what is drawn, and where it ends."""

import numpy as np
import pytest
from support.corpora import SETTINGS, make_corpus

from nmflab.explorer.listening import FIRST, ListeningExplorer
from nmflab.explorer.starts import MODES, StartsExplorer


@pytest.fixture(scope="module")
def explorer():
    return StartsExplorer(make_corpus(), SETTINGS.replace(penalty=0.1))


def test_each_draw_is_another_start_under_both_priors(explorer):
    explorer.controls.reset()
    seq = explorer._seq
    explorer.draw()
    explorer.draw()
    first, second, third = explorer.ends()[:3]
    assert explorer._seq > seq
    assert set(first) == set(MODES)
    assert not np.array_equal(second["NMF_g"].H, third["NMF_g"].H)
    assert [line.get_xdata()[0] for line in explorer.plot.lines] == [0.0, 0.0]
    assert "start 3" in repr(explorer)


def test_another_mixture_begins_anew(explorer):
    explorer.draw()
    explorer.controls.penalty.value = 0.3
    assert len(explorer.ends()) == len(explorer.starts) == 1
    assert repr(explorer) == repr(explorer)


def test_the_first_start_is_the_one_that_separate_takes(explorer):
    explorer.controls.penalty.value = 0.1
    H = explorer.ends()[0]["NMF_e"].H
    state = explorer.store.shown.replace(nmf_mode="NMF_e", max_iter_test=60)
    expected = explorer.chain.get("activations", state).encoding.H
    np.testing.assert_allclose(H, expected, rtol=1e-3, atol=1e-6)


def test_the_listening_explorer_shows_three_sliders_and_folds_the_rest():
    explorer = ListeningExplorer(make_corpus(), SETTINGS)
    _page, seen, *_, more = explorer.widget.children
    sliders, *others = seen.children
    assert others == [explorer.player, explorer.view]  # also in hall mode
    assert list(sliders.children) == [explorer.controls.widgets[name] for name in FIRST]
    assert more.selected_index is None
    before = repr(explorer)
    explorer.controls.p.value = 0.5
    assert repr(explorer) != before
