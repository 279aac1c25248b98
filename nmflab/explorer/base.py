"""What all explorers share: controls bound to a chain, panels on a page, a static face."""

from __future__ import annotations

import gc
import uuid
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from nmflab.errors import NmflabError
from nmflab.explorer.controls import Controls
from nmflab.explorer.engine.chain import Chain
from nmflab.explorer.engine.state import State
from nmflab.explorer.face import display_apart, in_notebook
from nmflab.explorer.layout import box, panels_box, row
from nmflab.explorer.lifetime import close_widgets, succeed
from nmflab.explorer.plots import Plot
from nmflab.explorer.saving import in_dashboard
from nmflab.explorer.widgets.canvas import MatrixCanvas
from nmflab.explorer.widgets.page import Page
from nmflab.explorer.widgets.view import ViewBar
from nmflab.explorer.working import Working
from nmflab.settings import Settings
from nmflab.system.memory import give_back

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nmflab.corpus.folders import Corpus

PNG_COLOURS = 160
"""Colours of the static picture: with all of them one explorer would fill a notebook."""


class Explorer(Working):
    """Controls, stages and pictures, bound together; the lessons' explorers are made of it.

    A subclass names its controls and what it trains, makes its panels in `_build`, lists them in
    `_panels`, and shows a state on them in `_paint`.

    Parameters
    ----------
    corpus : Corpus, optional
        By default the embedded one.
    settings : Settings, optional
        By default ``Settings()``.
    clip, noise : str, optional
        The test speech and the noise to begin with, and to go back to; by default the first of
        the corpus, or what suits the explorer.

    Attributes
    ----------
    chain : Chain
        The stages.
    store : Store
        The state that is wanted and the one that is shown.
    controls : Controls
        The widgets, by the names of the settings.
    widget : ipywidgets.VBox
        What is shown.
    """

    closed = False
    names: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ("penalty",)
    words: Mapping[str, tuple[str, str]] = MappingProxyType({})
    noise: str | None = None

    def __init__(
        self,
        corpus: Corpus | None = None,
        settings: Settings | None = None,
        *,
        clip: str | None = None,
        noise: str | None = None,
    ) -> None:
        from nmflab.corpus.folders import load_corpus

        succeed(self)
        settings = settings or self._default_settings()
        chain = Chain(corpus or load_corpus(sampling_rate=settings.sampling_rate))
        first = self._first_state(chain, settings)
        super().__init__(chain, _opened_with(chain.corpus, first, clip, noise))
        self.group = uuid.uuid4().hex
        self.page = Page(alone=in_dashboard())
        self.controls = Controls(
            self.store,
            self._work_off,
            self._tell_error,
            names=self.names,
            clips=chain.corpus.test_speech.names,
            noises=chain.corpus.test_noise.names,
            words=self.words,
        )
        self.view = ViewBar(group=self.group)
        self._build()
        self.widget = self._arranged()
        self.page.observe(self._theme_changed, "dark")
        self._now(self.store.wanted, at_rest=not in_notebook())

    def _first_state(self, chain: Chain, settings: Settings) -> State:
        """Give the state to begin with: the noise of the class, where the corpus has it."""
        state, noises = chain.state(settings), chain.corpus.test_noise.names
        return state.replace(noise=self.noise) if self.noise in noises else state

    def _default_settings(self) -> Settings:
        return Settings()

    def _build(self) -> None:
        """Make the panels."""
        raise NotImplementedError

    def _above(self) -> Sequence[Any]:
        """List what stands between the controls and the panels."""
        return ()

    def _stage(self, above: Sequence[Any]) -> Sequence[Any]:
        """List what stays in sight however far the page is scrolled, beside the pinned controls."""
        return [part for part in above if not isinstance(part, widgets.Box)]

    def _pictured(self) -> Sequence[Any]:
        """List the widgets whose matrices the static picture holds."""
        return self._panels()

    def _plots(self) -> Sequence[Plot]:
        """List the matplotlib plots."""
        return ()

    def _summary(self, state: State) -> str:
        """Say in one deterministic line what is shown: settings and scores, to two decimals."""
        raise NotImplementedError

    def _line(self, state: State) -> str:
        """Say what is shown in the status line, quick enough to follow a slider."""
        return self._summary(state)

    @property
    def settings(self) -> Settings:
        """The settings in force: those of what is shown."""
        return self.store.shown.settings

    def close(self) -> None:
        """Stop all work, take the widgets off the page, and free everything."""
        if self.closed:
            return
        self.closed = True
        self._halt()
        close_widgets((*vars(self).values(), self.controls.preset))
        vars(self).clear()
        self.closed = True

    if not TYPE_CHECKING:  # it would let every name pass

        def __getattr__(self, name: str) -> Any:
            if vars(self).get("closed") and not name.startswith("_"):
                raise NmflabError("This explorer is closed: run its cell again, or make a new one.")
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def figure(self) -> Figure:
        """Draw the whole explorer as it is now, for pages that can run nothing.

        Returns
        -------
        matplotlib.figure.Figure
            Its panels and plots.
        """
        from nmflab.figures.panels import panels_figure

        with self.chain.lock:
            canvases = [panel for panel in self._pictured() if isinstance(panel, MatrixCanvas)]
            pictures = [plot.picture() for plot in self._plots()]
            return panels_figure(canvases, pictures, title=self._summary(self.store.shown))

    def png(self) -> bytes:
        """Draw the whole explorer as PNG.

        Returns
        -------
        bytes
            The same bytes for the same state.
        """
        from nmflab.figures.drawing import png_bytes

        with self.chain.lock:
            if self._png is None:
                self._png = png_bytes(self.figure(), dpi=80, colours=PNG_COLOURS)
                if in_notebook():  # a figure goes round in circles, and stays for long
                    gc.collect()
                    give_back()
            return self._png

    def __repr__(self) -> str:
        if self.closed:
            return f"{type(self).__name__}: closed"
        return f"{type(self).__name__}: {self._summary(self.store.shown)}"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give the live view, and for pages that can run nothing a picture and a line of text."""
        if self.closed:
            return self._still(), {}
        view, metadata = self._view()
        return {**view, **self._still()}, metadata

    def _ipython_display_(self) -> None:
        view, metadata = ({}, {}) if self.closed else self._view()
        display_apart(view, metadata, self._still)

    def _view(self) -> tuple[dict[str, Any], dict[str, Any]]:
        # Colab finds in the metadata of our widgets, not in a box's, what shows them.
        _, metadata = self.page._repr_mimebundle_() or ({}, {})
        return dict(self.widget._repr_mimebundle_() or {}), metadata

    def _still(self) -> dict[str, Any]:
        """Give a picture and a line of text; they take their time, the scores for one."""
        if self.closed:
            return {"text/plain": repr(self)}
        self._background.wait()
        return {"image/png": self.png(), "text/plain": repr(self)}

    def _theme_changed(self, change: dict[str, Any]) -> None:
        with self.chain.lock:
            for plot in self._plots():
                plot.set_dark(change["new"])
                plot.draw()

    def _arranged(self) -> Any:
        above = self._above()
        stage = self._stage(above)
        said = row([self.status, self._training_row])  # beside it: nothing below may jump
        pinned = [control for name, control in self.controls.widgets.items() if name in self.pinned]
        controls = box([c for c in self.controls if c not in pinned], "nmflab-controls")
        above = [part for part in above if part not in stage]
        panels = panels_box(self._panels())
        canvases = [part for part in self._pictured() if isinstance(part, MatrixCanvas)]
        sight = box([*stage, self.view], "nmflab-stage")
        if pinned:  # the others come after what they move, so that this is not below the fold
            sight.children = (box(pinned, "nmflab-sliders"), *sight.children)
            panels.children = (*panels.children, controls)
            above = [sight, *above]
        else:
            above = [controls, *above, sight]
        root = widgets.VBox([self.page, *above, said, panels])
        root.add_class("nmflab-explorer")
        if not any(canvas.rows_unit == "kHz" for canvas in canvases):
            root.add_class("nmflab-no-frequencies")
        return root


def _opened_with(corpus: Corpus, state: State, clip: str | None, noise: str | None) -> State:
    """Give the state with another clip and noise, where they are asked for and there."""
    for name, clips in ((clip, corpus.test_speech), (noise, corpus.test_noise)):
        if name is not None:
            clips[name]  # where it isn't, the error says which there are
    return state.replace(clip=clip or state.clip, noise=noise or state.noise)
