"""What an explorer leaves in a notebook: the live view, the mark, the picture."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from support.corpora import SETTINGS, make_corpus

from nmflab.explorer.face import MARK, WIDGET_VIEW
from nmflab.explorer.stft import StftExplorer


@pytest.fixture
def explorer():
    return StftExplorer(make_corpus(), SETTINGS)


@pytest.fixture
def published(monkeypatch):
    """Give what is displayed, as pairs of data and metadata."""
    shell, outputs = InteractiveShell.instance(), []
    monkeypatch.setattr(
        shell.display_pub,
        "publish",
        lambda data, metadata=None, **_: outputs.append((data, metadata)),
    )
    yield outputs
    InteractiveShell.clear_instance()


def test_view_mark_and_picture_are_outputs_of_their_own(explorer, published):
    display(explorer)
    (view, _), (mark, _), (still, _) = published
    assert set(view) == {WIDGET_VIEW}
    assert mark == {"text/html": MARK}
    assert still == {"image/png": explorer.png(), "text/plain": repr(explorer)}


def test_a_closed_explorer_shows_its_name(explorer, published):
    explorer.close()
    display(explorer)
    assert [data for data, _ in published] == [{"text/plain": "StftExplorer: closed"}]


def test_colab_is_told_what_shows_our_widgets(explorer, published, monkeypatch):
    output = ModuleType("google.colab.output")
    output.enable_custom_widget_manager = lambda: None
    output._widgets = SimpleNamespace(_installed_url="https://where.example/manager.js")
    monkeypatch.setitem(sys.modules, output.__name__, output)
    _, expected = explorer.page._repr_mimebundle_()  # anywidget's own answer there
    assert "custom_widget_manager" in str(expected)
    bundle, metadata = explorer._repr_mimebundle_()
    assert WIDGET_VIEW in bundle
    assert metadata == expected
    display(explorer)
    assert published[0][1] == expected
