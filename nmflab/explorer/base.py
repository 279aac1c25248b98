"""What all explorers share: controls bound to a chain, a status line, a page, a static face."""

from __future__ import annotations

import html
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from nmflab.errors import NmflabError
from nmflab.explorer.controls import Controls
from nmflab.explorer.engine.chain import Chain
from nmflab.explorer.engine.scheduling import Background, browser_drives, driven_by_browser
from nmflab.explorer.engine.state import State
from nmflab.explorer.plots import Plot
from nmflab.explorer.widgets.canvas import MatrixCanvas
from nmflab.explorer.widgets.page import Page
from nmflab.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nmflab.corpus.folders import Corpus

REST = 0.2
"""Seconds without a change after which a slider counts as released."""

SENDING = 0.002
"""Seconds that the kernel's sending thread gets to itself once the canvases have their pictures.

Beside a thread that draws it waits for Python's lock time and again, and the pictures with it.
"""

REPORTS = 0.1
"""Least seconds between two steps of the progress bar."""

PNG_COLOURS = 160
"""Colours of the static picture: with all of them one explorer would fill a notebook."""

log = logging.getLogger(__name__)


class _Stopped(Exception):
    """The training under way is not wanted any more."""


class Explorer:
    """Controls, stages and pictures, bound together; the lessons' explorers are made of it.

    A change from Python is worked off, and its errors raised, before the line returns. A change
    from the browser leaves training to a thread (see `nmflab.explorer.engine.scheduling`).

    Parameters
    ----------
    corpus : Corpus, optional
        By default the embedded one.
    settings : Settings, optional
        By default ``Settings()``.

    Attributes
    ----------
    chain : Chain
        The stages.
    controls : Controls
        The widgets, by the names of the settings.
    widget : ipywidgets.VBox
        What is shown.
    """

    names: tuple[str, ...] = ()
    trained: tuple[str, ...] = ()
    words: Mapping[str, tuple[str, str]] = MappingProxyType({})
    noise: str | None = None
    cancelled_text = "The training was cancelled; the earlier dictionaries stay."

    def __init__(self, corpus: Corpus | None = None, settings: Settings | None = None) -> None:
        from nmflab.corpus.folders import load_corpus

        settings = settings or self._default_settings()
        self.chain = Chain(corpus or load_corpus(sampling_rate=settings.sampling_rate))
        self.group = uuid.uuid4().hex
        self._shown = self._wanted = self._first_state(settings)
        self._seq = self._shown_seq = 0
        self._cancelled = self._halted = False
        self._background = Background()
        self._png: tuple[State, bytes] | None = None
        self.page = Page()
        self.status = widgets.HTML()
        self.progress = widgets.FloatProgress(
            min=0, max=1, layout={"width": "280px"}, style={"description_width": "120px"}
        )
        self.cancel_button = self.button("cancel", self.cancel, "Stop the training.")
        self._training_row = row([self.progress, self.cancel_button])
        self._training_row.layout.visibility = "hidden"
        self.controls = Controls(
            self._wanted,
            self._changed,
            self._tell_error,
            names=self.names,
            clips=self.chain.corpus.test_speech.names,
            noises=self.chain.corpus.test_noise.names,
            words=self.words,
        )
        self._build()
        self.widget = self._arranged()
        self.page.observe(self._theme_changed, "dark")
        self._now(self._wanted)

    # What an explorer is made of

    def _first_state(self, settings: Settings) -> State:
        """Give the state to begin with: the noise of the class, where the corpus has it."""
        state, noises = self.chain.state(settings), self.chain.corpus.test_noise.names
        return state.replace(noise=self.noise) if self.noise in noises else state

    def _default_settings(self) -> Settings:
        """Give the settings to begin with.

        Returns
        -------
        Settings
            ``Settings()``.
        """
        return Settings()

    def _build(self) -> None:
        """Make the panels."""
        raise NotImplementedError

    def _panels(self) -> Sequence[Any]:
        """List the widgets of the panels, in the order of their places.

        Returns
        -------
        sequence of ipywidgets.Widget
            The widgets.
        """
        raise NotImplementedError

    def _above(self) -> Sequence[Any]:
        """List what stands between the controls and the panels.

        Returns
        -------
        sequence of ipywidgets.Widget
            The widgets.
        """
        return ()

    def _pictured(self) -> Sequence[Any]:
        """List the widgets whose matrices the static picture holds.

        Returns
        -------
        sequence of ipywidgets.Widget
            By default the panels.
        """
        return self._panels()

    def _plots(self) -> Sequence[Plot]:
        """List the matplotlib plots.

        Returns
        -------
        sequence of Plot
            The plots.
        """
        return ()

    def _paint(self, state: State) -> None:
        """Compute a state and show it on the canvases.

        Parameters
        ----------
        state : State
            The state, all of whose training is done.
        """
        raise NotImplementedError

    def _draw(self, state: State) -> None:
        """Show the rest: plots and figures, which may follow a moment later.

        Parameters
        ----------
        state : State
            The state that the canvases show.
        """

    def _settle(self, state: State) -> None:
        """Do what waits for a slider to be released.

        Parameters
        ----------
        state : State
            The state that is shown.
        """

    def _summary(self, state: State) -> str:
        """Say in one deterministic line what is shown.

        Parameters
        ----------
        state : State
            The state.

        Returns
        -------
        str
            Settings and scores, to two decimals.
        """
        raise NotImplementedError

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
            return panels_figure(canvases, pictures, title=self._summary(self._shown))

    # What users ask

    @property
    def settings(self) -> Settings:
        """The settings in force: those of what is shown."""
        return self._shown.settings

    def flush(self, timeout: float | None = 120.0) -> None:
        """Wait until everything that the browser set off is shown, and raise what went wrong.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Raises
        ------
        NmflabError
            If it isn't done by then; or whatever error there was in the background.
        """
        self._background.flush(timeout)

    def cancel(self) -> None:
        """Stop the training under way; what was shown before stays."""
        self._cancelled = True

    def close(self) -> None:
        """Stop all work and take the widgets off the page."""
        self._halt()
        self.widget.close()

    def png(self) -> bytes:
        """Draw the whole explorer as PNG.

        Returns
        -------
        bytes
            The same bytes for the same state.
        """
        from nmflab.figures.drawing import png_bytes

        if self._png is None or self._png[0] is not self._shown:
            self._png = self._shown, png_bytes(self.figure(), dpi=80, colours=PNG_COLOURS)
        return self._png[1]

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self._summary(self._shown)}"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give the live view, and for pages that can run nothing a picture and a line of text."""
        bundle = dict(self.widget._repr_mimebundle_() or {})
        return {**bundle, "image/png": self.png(), "text/plain": repr(self)}, {}

    # How a change is worked off

    def _changed(self, state: State) -> None:
        self._wanted = state
        if driven_by_browser():
            self._soon(state)
        else:
            self._now(state)

    def _now(self, state: State) -> None:
        """Work off a change here and now, and raise what goes wrong."""
        self._halt()
        try:
            self._train(state)
            self._show(state)
            self._release()
        except _Stopped:
            if not self._cancelled:  # the browser has asked for something else meanwhile
                return self._now(self._wanted)
            self._go_back()
            raise NmflabError(self.cancelled_text) from None
        except BaseException as error:
            self._tell_error(error)
            raise

    def _soon(self, state: State) -> None:
        """Work off a change from the browser: what needs training later, the rest at once."""
        with self.telling():
            if self.chain.missing(state, self.trained):
                self._show(self._meanwhile(state), "training")
                self._background.start(self._train_in_background)
            else:
                self._show(state)
                self._background.later(self._release_late, REST)

    def _meanwhile(self, state: State) -> State:
        """Take from the state all but what the dictionaries that are there stand for."""
        trained = {part for name in self.trained for part in self.chain.stages[name].depends}
        return state.replace(**{part: self._shown.read(part) for part in trained})

    def _train_in_background(self) -> None:
        """Train for the state that is wanted at last, and show it."""
        self._cancelled = False
        try:
            while True:
                state = self._wanted
                try:
                    self._train(state)
                except _Stopped:
                    if self._halted or self._cancelled:
                        break
                    continue
                with self.chain.lock:
                    if self.chain.missing(self._wanted, self.trained):
                        continue
                    self._show(self._wanted)
                self._background.later(self._release_late, REST)
                return
            if self._cancelled:
                self._go_back()
        except Exception as error:
            self._tell_error(error)
            raise

    def _train(self, state: State) -> None:
        """Run those stages that train, with the progress bar; `_Stopped` if it is not wanted."""
        if not self.chain.missing(state, self.trained):
            return
        last = 0.0
        self.progress.value = 0.0
        self._training_row.layout.visibility = "visible"
        missing = self.chain.missing(state, self.trained)

        def report(what: str, done: int, total: int) -> None:
            nonlocal last
            wanted = self.chain.missing(self._wanted, self.trained)
            if self._halted or self._cancelled or not set(missing) & set(wanted):
                raise _Stopped
            if time.monotonic() - last > REPORTS or done == total:
                last = time.monotonic()
                self.progress.description = what
                self.progress.value = done / total

        try:
            for name in self.trained:
                self.chain.get(name, state, report)
        finally:
            self._training_row.layout.visibility = "hidden"

    def _show(self, state: State, mark: str = "live") -> None:
        with self.chain.lock:
            with self._canvases_together():
                self._paint(state)
            self._shown = state
            self._seq += 1
            self._shown_seq = self._seq
            time.sleep(SENDING)
            self._draw(state)
            self._tell(mark)

    @contextmanager
    def _canvases_together(self) -> Iterator[None]:
        """Let all that is painted inside leave in one go, for the browser to paint in one frame."""
        with ExitStack() as held:
            for panel in self._panels():
                if isinstance(panel, MatrixCanvas):
                    held.enter_context(panel.hold_sync())
            yield

    def _release(self) -> None:
        """Do what waits for the slider to be released."""
        state = self._shown
        self._settle(state)
        with self.chain.lock:
            if state is self._shown and self._seq == self._shown_seq:  # no error since then
                self._tell("ready" if self._shown is self._wanted else "training")

    def _release_late(self) -> None:
        """Do so after a pause; an error is told, and kept for `flush`."""
        try:
            self._release()
        except Exception as error:
            self._tell_error(error)
            raise

    def _go_back(self) -> None:
        """After a cancelled training: the controls tell again what is shown."""
        self._wanted = self._shown
        self.controls.show(self._shown)
        self._tell("ready", self.cancelled_text)

    def _halt(self) -> None:
        """Wait until nothing runs in the background."""
        self._background.drop_late()
        self._halted = True
        try:
            self._background.wait()
        finally:
            self._halted = self._cancelled = False

    # What is said

    def _line(self, state: State) -> str:
        """Say in a few words what is shown, quick enough to follow a slider.

        Parameters
        ----------
        state : State
            The state.

        Returns
        -------
        str
            The text of the status line.
        """
        return self._summary(state)

    def _tell(self, mark: str, text: str | None = None) -> None:
        self._png = None  # the picture may have changed without the state, as with another row
        text = self._line(self._shown) if text is None else text
        self.status.value = (
            f'<div class="nmflab-status" role="status" data-seq="{self._seq}" '
            f'data-state="{mark}">{html.escape(text)}</div>'
        )

    def _tell_error(self, error: BaseException) -> None:
        """Say in one sentence what went wrong; what was shown stays."""
        if isinstance(error, NmflabError):
            text = str(error)
        elif isinstance(error, KeyboardInterrupt):
            text = "Interrupted; the earlier result stays."
        else:
            log.error("An explorer failed", exc_info=error)
            text = f"This went wrong: {type(error).__name__}: {error}."
        with self.chain.lock:
            self._seq += 1
            self._tell("error", text)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Show the errors of what runs inside; from Python they are raised too.

        Yields
        ------
        None
            Nothing.
        """
        try:
            yield
        except Exception as error:
            self._tell_error(error)
            if not driven_by_browser():
                raise

    def _theme_changed(self, change: dict[str, Any]) -> None:
        with self.chain.lock:
            for plot in self._plots():
                plot.set_dark(change["new"])
                plot.draw()

    # How it is laid out

    def button(self, label: str, action: Callable[[], object], tooltip: str) -> Any:
        """Make a button; its errors are shown in the status line.

        Parameters
        ----------
        label : str
            What stands on it.
        action : callable
            What it does.
        tooltip : str
            One sentence that says so.

        Returns
        -------
        ipywidgets.Button
            The button.
        """

        def clicked(_: object) -> None:
            with browser_drives(), self.telling():
                action()

        button = widgets.Button(description=label, tooltip=tooltip)
        button.on_click(clicked)
        return button

    def _arranged(self) -> Any:
        controls = widgets.Box(list(self.controls))
        controls.add_class("nmflab-controls")
        panels = widgets.Box(list(self._panels()))
        panels.add_class("nmflab-panels")
        if len(panels.children) == 2:
            panels.add_class("nmflab-pair")
        said = row([self.status, self._training_row])  # beside it: nothing below may jump
        parts = [self.page, controls, *self._above(), said, panels]
        root = widgets.VBox(parts)
        root.add_class("nmflab-explorer")
        return root


@contextmanager
def muted(control: Any, observer: Callable[[Any], None]) -> Iterator[None]:
    """Let a control show another value without telling its observer.

    Parameters
    ----------
    control : ipywidgets.Widget
        The control.
    observer : callable
        What observes its value.

    Yields
    ------
    None
        Nothing.
    """
    control.unobserve(observer, "value")
    try:
        yield
    finally:
        control.observe(observer, "value")


def row(parts: Sequence[Any]) -> Any:
    """Put widgets beside each other; what has no room goes into the next line.

    Parameters
    ----------
    parts : sequence of ipywidgets.Widget
        The widgets.

    Returns
    -------
    ipywidgets.Box
        The row.
    """
    box = widgets.Box(list(parts))
    box.add_class("nmflab-row")
    return box
