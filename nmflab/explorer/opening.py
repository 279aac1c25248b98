"""Own recordings in the separation explorer, and what is marked as noise in what is shown.

The free bases are trained on what is marked, with the function that `nmflab.denoise` uses, and
then follow the noise.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.audio.files import read_audio
from nmflab.audio.signals import resample
from nmflab.checks import as_signal, without_offset
from nmflab.explorer.base import Explorer
from nmflab.explorer.controls import own_settings
from nmflab.explorer.engine.scheduling import browser_drives
from nmflab.explorer.engine.state import Recording, State, Stretches
from nmflab.explorer.panels import Panel
from nmflab.explorer.widgets.opener import Read
from nmflab.explorer.words import noise_in_words
from nmflab.recordings.denoise import as_stretches
from nmflab.system.shipped import is_embedded

LONGEST = 30.0
"""Seconds of an own recording that are used: encoding 30 s takes some 4 s for each move of λ."""

BARELY = 0.1
"""Seconds that are cut off without a word: a recording ends with a block of samples."""


class Opening(Explorer):
    """An explorer that takes recordings of one's own, and marks of what in them is noise."""

    noisy: Panel
    unmark: Any

    def open(self, recording: str | PathLike[str] | ArrayLike, sampling_rate: int | None = None,
             *, name: str = "recording") -> None:  # fmt: skip
        """Take an own noisy recording in place of the mixture, of a long one the first 30 s.

        Parameters
        ----------
        recording : path-like or array_like, shape (n,)
            An audio file, or samples.
        sampling_rate : int, optional
            Of samples, in Hz; by default the corpus's.
        name : str, default "recording"
            What to call samples; a file is called by its name.

        Raises
        ------
        NmflabError
            If it can't be read or used.
        """
        rate = self.chain.corpus.sampling_rate
        if isinstance(recording, str | PathLike):
            name, samples = PurePath(recording).stem, read_audio(recording, rate)
        else:
            samples = resample(as_signal(recording, name), sampling_rate or rate, rate)
        path = Path(recording).absolute() if isinstance(recording, str | PathLike) else None
        self._take(name, samples, len(samples) / rate, path)

    def mark(self, *stretches: tuple[float, float]) -> None:
        """Mark stretches as noise, in place of those before; none: it is learnt from all of it.

        Settings that learn no noise make room for ``Settings.own()``.

        Parameters
        ----------
        *stretches : (float, float)
            From and to in seconds, where nobody speaks; kept to hundredths.

        Raises
        ------
        NmflabError
            If a stretch lies outside the recording, or is too short.
        """
        state = self.store.wanted
        marks = as_stretches(list(stretches), self._duration(state)) if stretches else []
        self._mark(tuple((round(start, 2), round(stop, 2)) for start, stop in marks))

    def _mark(self, marks: Stretches) -> None:
        state = self.store.wanted
        if marks and not state.settings.num_basis_free:
            state = state.replace(settings=own_settings(state.settings))
        is_whole = state is not self.store.wanted
        self.controls.set(state.replace(marks=tuple(sorted(marks))), whole=is_whole)

    def _marked(self, stretches: Stretches) -> None:
        """Take what was marked in the browser."""
        with self.telling():
            self.noisy.widget.show_marks(stretches)
            self._mark(tuple((round(start, 2), round(stop, 2)) for start, stop in stretches))

    def _unmark(self) -> None:
        self._mark(())

    def _show_marks(self, state: State) -> None:
        """Show what is marked in the state that is wanted: what is shown follows."""
        self.noisy.widget.show_marks(state.marks)
        self.unmark.layout.display = "" if state.marks else "none"

    def _duration(self, state: State) -> float:
        samples = self.chain.get("mixture", state).mixture
        return len(samples) / state.settings.sampling_rate

    def _noise_words(self, state: State) -> str:
        """Say from what the noise is known."""
        names = self.chain.corpus.train_noise.names
        return noise_in_words(state, state.noise if state.noise in names else "all noises")

    def _take(
        self, name: str, samples: NDArray[np.float32], seconds: float, path: Path | None = None
    ) -> None:
        """Take the beginning of a recording of so many seconds."""
        kept = without_offset(samples[: int(LONGEST * self.chain.corpus.sampling_rate)])
        is_cut = seconds > LONGEST + BARELY
        whole = f"{seconds:.4g} s; the copied command cleans all of it"
        cut = f" (the first {LONGEST:g} s of {whole})" if is_cut else ""
        recording, state = Recording(name, kept, cut, path), self.controls.state
        settings = state.settings
        if state.recording is None and is_embedded(self.chain.corpus.root):
            settings = own_settings(settings)  # no noise of the corpus is that of a recording
        self.controls.add_recording(recording, settings)

    def _opened(self, name: str, read: Read) -> None:
        """Take the file that was opened; a bad one is one sentence in the status line."""
        with browser_drives(), self.telling():
            samples, seconds = read(self.chain.corpus.sampling_rate)
            self._take(PurePath(name).stem, samples, seconds, Path(name))

    def _recorded(self, samples: Any, sampling_rate: float) -> None:
        with browser_drives(), self.telling():
            self.open(samples, int(sampling_rate), name="microphone")
