"""A closed explorer frees all that it had, and a cell that runs again closes what it made."""

import gc
import threading
import weakref
from types import SimpleNamespace

import ipywidgets
import pytest
from support.corpora import SETTINGS, make_corpus
from support.hands import drag, held_up

import nmflab as nl
from nmflab import explorer as explorers
from nmflab.explorer import SeparationExplorer

EXPLORERS = [getattr(explorers, name) for name in explorers.__all__]


@pytest.fixture(scope="module")
def corpus():
    return make_corpus()


def widgets_alive():
    return set(ipywidgets.widgets.widget._instances)


def own_threads():
    """Give all threads but those that share blocks, which belong to nobody."""
    return {t for t in threading.enumerate() if not t.name.startswith("nmflab")}


@pytest.mark.slow
@pytest.mark.parametrize("kind", EXPLORERS, ids=lambda kind: kind.__name__)
def test_close_frees_widgets_and_chain(kind, corpus):
    before, threads = widgets_alive(), own_threads()
    explorer = kind(corpus, SETTINGS)
    control = getattr(explorer.controls, kind.names[-1])
    drag(control, control._options_full[0][1] if hasattr(control, "options") else 2)
    explorer.flush()
    explorer.png()
    chain, page = weakref.ref(explorer.chain), weakref.ref(explorer.page)
    assert len(widgets_alive()) > len(before)
    explorer.close()
    assert widgets_alive() == before
    assert own_threads() <= threads
    gc.collect()
    assert chain() is page() is None  # though the explorer itself is kept, as in Out[1]
    assert repr(explorer) == f"{kind.__name__}: closed"
    explorer.close()
    with pytest.raises(nl.NmflabError, match="closed"):
        explorer.png()
    with pytest.raises(AttributeError):
        explorer._no_such_thing  # noqa: B018


def test_close_stops_a_training(corpus, monkeypatch):
    explorer = SeparationExplorer(corpus, SETTINGS)
    started, go_on = held_up(monkeypatch)
    drag(explorer.controls.num_basis_speech, 8)
    assert started.wait(20)
    chain = weakref.ref(explorer.chain)
    threading.Timer(0.1, go_on.set).start()
    explorer.close()
    del explorer
    gc.collect()
    assert chain() is None


@pytest.fixture
def cell(monkeypatch):
    """Give a function that begins a run of a cell, as JupyterLab does."""
    shell = SimpleNamespace(run=0, parent={})
    shell.get_parent = lambda: shell.parent

    def begin(name):
        shell.run += 1
        shell.parent = {"metadata": {"cellId": name}, "header": {"msg_id": str(shell.run)}}

    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    begin.shell = shell
    return begin


@pytest.mark.slow
def test_a_cell_run_again_closes_what_it_made_before(cell, corpus):
    make = lambda: SeparationExplorer(corpus, SETTINGS)  # noqa: E731
    cell("one")
    first, second = make(), make()
    cell("two")
    other = make()
    assert not first.closed
    cell("one")
    third = make()
    assert first.closed
    assert second.closed
    assert not other.closed
    cell("one")
    fourth = make()
    assert third.closed
    assert not fourth.closed
    assert fourth.settings == SETTINGS


def test_where_the_page_names_no_cells_nothing_is_closed(cell, corpus):
    cell.shell.parent = {"metadata": {}, "header": {"msg_id": "1"}}
    first = SeparationExplorer(corpus, SETTINGS)
    cell.shell.parent = {"metadata": {}, "header": {"msg_id": "2"}}
    SeparationExplorer(corpus, SETTINGS)
    assert not first.closed
