"""How a change of an explorer's state is worked off: at once, or by training in the background."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import ipywidgets as widgets

from nmflab.errors import NmflabError
from nmflab.explorer.controls import Controls
from nmflab.explorer.engine.chain import Chain
from nmflab.explorer.engine.scheduling import Background, browser_drives, driven_by_browser
from nmflab.explorer.engine.state import MOVABLE, State, Store
from nmflab.explorer.layout import row
from nmflab.explorer.status import sentence_of, status_line
from nmflab.explorer.widgets.together import painted_together
from nmflab.system.memory import give_back

REST = 0.2
"""Seconds without a change after which a slider counts as released."""

SCORING = 0.5
"""Seconds more until the slow scores: PESQ holds Python's lock for longer than a move takes."""

SENDING = 0.002
"""Seconds for the kernel's sending thread, which waits for Python's lock beside one that draws."""

FOLLOWING = 0.1  # s within which plots and status line follow a drag once: the pictures do always
REPORTS = 0.1  # s at least between two steps of the progress bar
PAUSE = 0.15  # s without a change until what a first look was shown of begins to train


class _Stopped(Exception):
    """The training under way is not wanted any more."""


class Working:
    """What works off the changes of a state, and says so in a status line.

    A change from Python is worked off, and its errors raised, before the line returns. One from the
    browser leaves training to a thread (`nmflab.explorer.engine.scheduling`).
    """

    trained: tuple[str, ...] = ()
    training_text = "Training … Until it is done, {}: "
    before = "the earlier state is shown", "the earlier dictionaries are used"
    look_text = "A first look, while the dictionaries are still being trained: "
    cancelled_text = "The training was cancelled; the earlier dictionaries stay."
    controls: Controls

    def __init__(self, chain: Chain, state: State) -> None:
        self.chain, self.store = chain, Store(state)
        self._asked = state  # what was wanted when a change was worked off last
        self._said = ""  # of what is shown, in the status line
        self._moved = False  # whether something has moved on since a training began
        self._kept: State | None = None  # what a first look covers, and a cancel brings back
        self._has_freed = False  # whether much memory was used since the last release
        self._followed = 0.0  # when plots and status line followed last
        self._undrawn = False
        self._looked = 0.0  # when a first look was shown last
        self._seq = self._shown_seq = 0
        self._cancelled = self._halted = False
        self._background = Background()
        self._png: bytes | None = None
        self.status = widgets.HTML()
        wide = {"layout": {"width": "280px"}, "style": {"description_width": "120px"}}
        self.progress = widgets.FloatProgress(min=0, max=1, **wide)
        self.cancel_button = self.button("cancel", self.cancel, "Stop the training.")
        self._training_row = row([self.progress, self.cancel_button])
        self._training_row.layout.visibility = "hidden"

    def _panels(self) -> Sequence[Any]:
        raise NotImplementedError

    def _paint(self, state: State) -> None:
        raise NotImplementedError

    def _draw(self, state: State) -> None:
        """Show what may follow the canvases a moment later."""

    def _hear(self, state: State) -> bool:
        """Let be heard what is shown; say whether `_settle` is so slow that it had better wait."""
        return False

    def _settle(self, state: State) -> None:
        """Do what waits for a slider to be released."""

    def _line(self, state: State) -> str:
        raise NotImplementedError

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

    def button(self, label: str, action: Callable[[], object], tooltip: str) -> Any:
        """Make a button; its errors are shown in the status line."""

        def clicked(_: object) -> None:
            with browser_drives(), self.telling():
                action()

        button = widgets.Button(description=label, tooltip=tooltip)
        button.on_click(clicked)
        return button

    def _changed(self, *_: object) -> None:
        """Work off what a control that is no setting has changed."""
        self._work_off(False)

    def _work_off(self, whole: bool) -> None:
        """Work off what is wanted now; `whole` is a change of all controls together."""
        if driven_by_browser():
            self._soon(self.store.wanted, whole)
        else:
            self._now(self.store.wanted)

    def _now(self, state: State, *, at_rest: bool = True) -> None:
        """Work off a change here and now, and raise what goes wrong.

        What waits for a slider to be released is done, too, or left to a moment later.
        """
        self._halt()
        self._asked = state
        try:
            self._train(state)
            self._show_trained(state)
            if at_rest:
                self._release()
            else:
                self._background.later(self._release_late, REST)
        except _Stopped:
            if not self._cancelled:  # the browser has asked for something else meanwhile
                return self._now(self.store.wanted)
            self._go_back()
            raise NmflabError(self.cancelled_text) from None
        except BaseException as error:
            self._uncover()
            self._tell_error(error)
            raise

    def _soon(self, state: State, whole: bool) -> None:
        """Work off a change from the browser: what needs training later, the rest at once.

        Until a training is done a first look is shown or, where there is none, the state before,
        and never a mixture of the two. Only what is moved by itself meanwhile, and needs no
        training, moves on in the state before.
        """
        asked, self._asked = self._asked, state
        with self.telling():
            self.chain.recall(state, self.trained)
            if not self.chain.missing(state, self.trained):
                self._show_trained(state)
                self._background.later(self._release_late, REST)
                return
            if self._look(asked, state, whole):
                self._background.later(self._release_late, REST)
            elif whole:
                self._tell_training()
            else:
                shown = self.store.shown
                live = self._meanwhile(asked, state, shown)
                self._moved = self._moved or live != shown
                self._show(live, "training")
                if live != shown:
                    self._background.later(self._release_late, REST)
            self._background.start(self._train_in_background)

    def _look(self, asked: State, wanted: State, whole: bool) -> bool:
        """Show a first look at what is wanted; say whether there is one."""
        if not self.chain.can_preview(self.trained):
            return False
        look = wanted.replace(preview=True)
        with self.chain.lock:  # a training under way waits at its next step
            try:
                for name in self.trained:
                    self.chain.get(name, look)
            except NmflabError:  # the training itself says what is wrong
                return False
            kept = self._kept or self.store.shown
            self._kept = kept if whole else self._meanwhile(asked, wanted, kept)
            self._show(look, "training")
            self._looked = time.monotonic()
        return True

    def _show_trained(self, state: State) -> None:
        """Show a trained state; what a first look was made of goes."""
        self._show(state)
        if self._kept is not None:
            self._kept = None
            self.chain.forget_previews()

    def _uncover(self) -> None:
        """Show again what a first look covers, with its sound."""
        if self._kept is not None and not self._halted:
            self._show_trained(self._kept)
            self._background.later(self._release_late, REST)

    def _meanwhile(self, asked: State, wanted: State, shown: State) -> State:
        """Give what is shown, but for what has moved and no dictionary depends on."""
        fixed = {part for name in self._fixed for part in self.chain.depends[name]}
        moved = [
            part for part in MOVABLE if part not in fixed and asked.read(part) != wanted.read(part)
        ]
        return shown.replace(**{part: wanted.read(part) for part in moved})

    @property
    def _fixed(self) -> Sequence[str]:
        """The stages whose results are those of the state before while something trains."""
        return self.trained

    def _train_in_background(self) -> None:
        """Train for the state that is wanted at last, and show it."""
        self._cancelled = False
        try:
            while True:
                self._wait_for_pause()
                try:
                    self._train(self.store.wanted)
                except _Stopped:
                    if self._halted or self._cancelled:
                        break
                    continue
                with self.chain.lock:
                    if self.chain.missing(self.store.wanted, self.trained):
                        continue
                    self._show_trained(self.store.wanted)
                self._background.later(self._release_late, REST)
                return
            if self._cancelled:
                self._go_back()
        except Exception as error:
            self._uncover()
            self._tell_error(error)
            raise

    def _wait_for_pause(self) -> None:
        """Wait until no further first look is asked for: both cores are to be free for that."""
        while time.monotonic() < self._looked + PAUSE and not (self._halted or self._cancelled):
            time.sleep(0.02)

    def _train(self, state: State) -> None:
        """Run those stages that train, with the progress bar; `_Stopped` if it is not wanted."""
        missing = set(self.chain.missing(state, self.trained))
        if not missing:
            return
        last = 0.0
        if self._shown_seq:
            self._tell_training()
        self.progress.value = 0.0
        self._training_row.layout.visibility = "visible"

        def report(what: str, done: int, total: int) -> None:
            nonlocal last
            wanted = self.chain.missing(self.store.wanted, self.trained)
            if self._halted or self._cancelled or not missing & set(wanted):
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
            self._has_freed = True

    def _show(self, state: State, mark: str = "live") -> None:
        with self.chain.lock:
            with painted_together(self._panels()):
                self._paint(state)
            is_hurried = mark == "live" and self._is_hurried(state)
            self.store.shown = state
            self._moved = self._moved and mark == "training"
            self._seq += 1
            self._shown_seq = self._seq
            self._png = None
            if is_hurried:
                self._undrawn = True  # the release will: the hand has priority
                return
            time.sleep(SENDING)
            self._follow(state, mark)

    def _is_hurried(self, state: State) -> bool:
        """Say whether a drag goes on in the same mixture, and all has followed a moment ago."""
        one, other = (self.chain.key("mixture", s) for s in (state, self.store.shown))
        is_soon = time.monotonic() < self._followed + FOLLOWING
        return driven_by_browser() and is_soon and one == other

    def _follow(self, state: State, mark: str) -> None:
        """Draw what follows the canvases, and say what is shown."""
        self._draw(state)
        self._tell(mark)
        self._undrawn = False
        self._followed = time.monotonic()

    def _release(self) -> None:
        """Do what waits for the slider to be released."""
        state = self.store.shown
        self._catch_up(state)
        self._settle(state)
        if self._has_freed:
            give_back()
            self._has_freed = False
        with self.chain.lock:
            if state is self.store.shown and self._seq == self._shown_seq:  # no error since then
                self._tell("ready" if state is self.store.wanted else "training")
                self._followed = 0.0  # "ready" must not stay when something moves

    def _catch_up(self, state: State) -> None:
        with self.chain.lock:
            if self._undrawn and self._seq == self._shown_seq:
                self._follow(state, "live")

    def _release_late(self, *, rested: bool = False) -> None:
        """Do so after a pause, or two; an error is told, and kept for `flush`."""
        state = self.store.shown
        try:
            if rested or not self._hear(state):
                self._release()
            elif state is self.store.shown:
                self._catch_up(state)
                slow = partial(self._release_late, rested=True)
                self._background.later(slow, SCORING, in_turn=True)
        except Exception as error:
            self._tell_error(error)
            raise

    def _go_back(self) -> None:
        """After a cancelled training: the controls tell again what is shown."""
        self._uncover()
        self.controls.show(self.store.shown)
        self._asked, self._moved = self.store.shown, False
        self._seq += 1  # so that a release that is still to come leaves it there
        self._tell("ready", self.cancelled_text)

    def _halt(self) -> None:
        """Wait until nothing runs in the background."""
        self._background.drop_late()
        self._halted = True
        try:
            self._background.wait()
        finally:
            self._halted = self._cancelled = False

    def _tell(self, mark: str, text: str | None = None) -> None:
        self._png = None  # the picture may have changed without the state, as with another row
        if text is None:
            text = self._said = self._line(self.store.shown)
            if mark == "training":
                text = self._in_training()
        self.status.value = status_line(text, mark, self._seq)

    def _tell_training(self) -> None:
        """Say that what is shown is the state before."""
        with self.chain.lock:
            self._seq += 1
            self._shown_seq = self._seq
            self._tell("training", self._in_training())

    def _in_training(self) -> str:
        if self.store.shown.preview:
            return self.look_text + self._said
        return self.training_text.format(self.before[self._moved]) + self._said

    def _tell_error(self, error: BaseException) -> None:
        """Say in one sentence what went wrong; what was shown stays."""
        with self.chain.lock:
            self._seq += 1
            self._tell("error", sentence_of(error))

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Show the errors of what runs inside; from Python they are raised too."""
        try:
            yield
        except Exception as error:
            self._tell_error(error)
            if not driven_by_browser():
                raise
