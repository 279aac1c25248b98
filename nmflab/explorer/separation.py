"""`SeparationExplorer`: the whole experiment on one mixture, live."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from os import PathLike
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmflab.audio.files import read_audio
from nmflab.audio.signals import resample
from nmflab.checks import as_signal, without_offset
from nmflab.evaluation.metrics import SCORES
from nmflab.explorer.base import Explorer
from nmflab.explorer.controls import placed
from nmflab.explorer.engine.scheduling import browser_drives
from nmflab.explorer.engine.state import Recording, State
from nmflab.explorer.layout import row
from nmflab.explorer.panels import LEAST_GAIN, ActivationPanel, Panel, bands
from nmflab.explorer.plots import CurvePlot, Plot
from nmflab.explorer.presets import QUICK
from nmflab.explorer.prior_plots import PriorPlot
from nmflab.explorer.saving import (
    command_line,
    denoise_line,
    in_dashboard,
    save_result,
    scores_as_json,
    separate_line,
    zipped,
)
from nmflab.explorer.tables import table
from nmflab.explorer.widgets.opener import Opener, Read
from nmflab.explorer.widgets.player import Player
from nmflab.explorer.widgets.recorder import Recorder
from nmflab.explorer.words import in_words
from nmflab.figures.scales import decibels
from nmflab.names import file_name, showable
from nmflab.settings import Settings
from nmflab.system.shipped import is_embedded

if TYPE_CHECKING:
    from nmflab.core.pipeline import Separation
    from nmflab.evaluation.metrics import Scores

LONGEST = 30.0
"""Seconds of an own recording that are used."""

BARELY = 0.1
"""Seconds that are cut off without a word: a recording ends with a block of samples."""

SOUNDS = ("noisy", "enhanced", "noise removed", "clean")
SCORED = ("scores", "scores_before")
TABLE = ("sdr", "si_sdr", "stoi", "pesq")


class SeparationExplorer(Explorer):
    """Take the noise out of a recording and see, hear and score it at every move of a slider.

    Parameters
    ----------
    corpus : Corpus, optional
        By default the embedded one.
    settings : Settings, optional
        By default those of the original script with the accelerated solver, which trains and
        encodes to the same objective in fewer iterations.

    Examples
    --------
    >>> explorer = SeparationExplorer()                              # doctest: +SKIP
    >>> explorer.controls.penalty.value = 0.1                        # doctest: +SKIP
    >>> explorer.result.gain.shape, explorer.scores.sdr              # doctest: +SKIP
    """

    names = placed()
    trained = ("speech", "noise")
    noise = "siren"  # what is gone can be seen and heard at once; babble, the first, is the hardest

    def _default_settings(self) -> Settings:
        return QUICK

    def _build(self) -> None:
        self.noisy = Panel("Noisy", self.group, sound="noisy")
        self.enhanced = Panel("Enhanced", self.group, sound="enhanced")
        self.reference = Panel("Clean", self.group, sound="clean")
        self.gain = Panel(
            "Gain", self.group, colormap="cividis", low=0.0, high=1.0, value_label="Gain",
            value_unit="", slider=False,
        )  # fmt: skip
        self.H = ActivationPanel("Activations H", self.group, pick=True)
        self.H.widget.add_class("nmflab-whole")
        self.H.widget.on_pick(self._basis_picked)
        self.objective = CurvePlot()
        self.prior = PriorPlot()
        self.basis: int | None = None
        self.player = Player(labels=SOUNDS, group=self.group, source="enhanced")
        self.score = widgets.HTML()
        self.command = widgets.Text(
            description="command", layout={"width": "100%", "display": "none"}
        )
        self.upload = Opener(max_seconds=LONGEST)
        self.upload.on_open(self._opened)
        self.recorder = Recorder(max_seconds=LONGEST)
        self.recorder.on_recording(self._recorded)

    def _above(self) -> Sequence[Any]:
        buttons = [
            self.button("reset", self.controls.reset, "Set all controls back."),
            self.button(
                "copy as command",
                self.copy_command,
                "Show and copy the line for the terminal that computes this: all mixtures of the "
                "corpus with these settings, or an own recording from its file.",
            ),
            self.button(
                "save", self.hand_out, "Write the sounds, the picture and the settings to files."
            ),
            self.upload,
            self.recorder,
        ]
        heard = row([self.player, self.score])
        return [row([self.controls.preset, *buttons]), self.command, heard]

    def _panels(self) -> Sequence[Any]:
        panels = (self.noisy, self.enhanced, self.reference, self.gain, self.H)
        return [*(panel.widget for panel in panels), *(plot.widget for plot in self._plots())]

    def _plots(self) -> Sequence[Plot]:
        return self.objective, self.prior

    @property
    def result(self) -> Separation:
        """The separation that is shown."""
        result: Separation = self.chain.get("separation", self.store.shown)
        return result

    @property
    def scores(self) -> Scores | None:
        """All scores of what is shown; None for an own recording."""
        scores: Scores | None = self.chain.get("scores", self.store.shown)
        return scores

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

    def _take(
        self, name: str, samples: NDArray[np.float32], seconds: float, path: Path | None = None
    ) -> None:
        """Take the beginning of a recording of so many seconds."""
        kept = without_offset(samples[: int(LONGEST * self.chain.corpus.sampling_rate)])
        is_cut = seconds > LONGEST + BARELY
        cut = f" (the first {LONGEST:g} s of {seconds:.4g} s)" if is_cut else ""
        recording, state = Recording(name, kept, cut, path), self.controls.state
        settings = state.settings
        if state.recording is None and is_embedded(self.chain.corpus.root):
            settings = Settings.own()  # no noise of the corpus is that of a recording
        self.controls.add_recording(recording, settings)

    def command_line(self) -> str:
        """Give the line that computes what is shown in a terminal.

        Returns
        -------
        str
            For a mixture ``nmflab enhance``, which runs the experiment with these settings; for an
            own recording ``nmflab denoise`` if the noise is learnt from it, or else ``nmflab
            train`` and ``nmflab separate``. One that is in no file must be
            saved first, under the name that is given there.
        """
        corpus, own = self.chain.corpus, self.store.shown.recording
        data = None if is_embedded(corpus.root) else corpus.root
        if own is None:
            return command_line(self.settings, data)
        if self.settings.num_basis_noise == 0:
            return denoise_line(self.settings, own.path or f"{file_name(own.name)}.wav")
        noise = self.store.shown.noise
        is_one_of_many = noise in corpus.train_noise.names and len(corpus.train_noise) > 1
        file = own.path or f"{file_name(own.name)}.wav"
        return separate_line(self.settings, file, data, noise if is_one_of_many else None)

    def copy_command(self) -> None:
        """Show that line, put it on the clipboard, and say what it takes."""
        self.command.value = self.command_line()
        self.command.layout.display = ""
        self.page.copy(self.command.value)
        own = self.store.shown.recording
        if own is not None and own.path is None:
            name = f"{file_name(own.name)}.wav"
            self._tell("ready", f"The line is for a file: put this recording into {name} first.")
        elif own is not None and own.cut:
            self._tell("ready", "The line separates the whole file, not only what is shown here.")

    def save(self, folder: str | PathLike[str] = "output/explorer") -> list[Path]:
        """Write enhanced speech and removed noise (WAV), picture (PNG) and settings (JSON).

        Parameters
        ----------
        folder : path-like, default "output/explorer"
            Where to; made where it is missing.

        Returns
        -------
        list of Path
            The four files, in that order.

        Raises
        ------
        NmflabError
            If the folder can't be written.
        """
        state = self.store.shown
        source = state.recording.name if state.recording else f"{state.clip}_{state.noise}"
        facts = {
            "speech": None if state.recording else state.clip,
            "recording": state.recording.name if state.recording else None,
            "noise": state.noise,
            "settings": state.settings.to_dict(),
            "command": self.command_line(),
            "scores": scores_as_json(self.scores),
        }
        name = f"{source}_{state.settings.nmf_mode}"
        files = save_result(folder, name, self.result, self.png(), facts)
        names = ", ".join(file.name for file in files)
        self._tell("ready", showable(f"Saved {names} in {folder}."))
        return files

    def hand_out(self) -> None:
        """Save in a folder beside the notebook, or as a download where there is no such folder."""
        if not in_dashboard():
            self.save()
            return
        with tempfile.TemporaryDirectory() as folder:
            files = self.save(folder)
            name = f"{files[0].stem}.zip"
            self.page.download(name, zipped(files))
        self._tell("ready", f"Saved {name}, with your other downloads.")

    def _paint(self, state: State) -> None:
        chain, spectrogram = self.chain, self.chain.get("spectrogram", state)
        stft, V = spectrogram.stft, spectrogram.V
        if self.noisy.is_new(V):
            self._loudest = float(V.max()) or 1.0
            self._levels = decibels(V, self._loudest)
            self.noisy.show_spectrum(self._levels, stft)
        H = chain.get("activations", state).encoding.H
        self.H.show(H, stft, bands(state.settings))
        self.H.widget.highlight(row=self._basis_shown(state))
        G = chain.get("gain", state)
        if self.gain.is_new(G):
            self.gain.show_spectrum(G, stft)
        if self.enhanced.is_new(G, V):
            self.enhanced.show_spectrum(self._levels + decibels(G, 1.0, lowest=LEAST_GAIN), stft)
        self._paint_reference(state, V, G)

    def _draw(self, state: State) -> None:
        self._tell_scores(state, complete=not self.chain.missing(state, SCORED))
        objective = self.chain.get("activations", state).encoding.objective
        if self.objective.is_new(objective):
            self.objective.show([objective])
        self._draw_prior(state)

    def _paint_reference(self, state: State, V: Any, G: Any) -> None:
        """Show the clean speech or, where nobody knows it, the noise that was removed."""
        self.controls.snr.disabled = state.recording is not None  # nothing is mixed
        stft = self.chain.get("spectrogram", state).stft
        if state.recording is not None:
            if self.reference.is_new(G, V):
                self._name_reference("noise removed")
                levels = self._levels + decibels(np.float32(1) - G, 1.0, lowest=LEAST_GAIN)
                self.reference.show_spectrum(levels, stft)
            return
        clean = self.chain.get("clean", state)
        if self.reference.is_new(clean, V):
            self._name_reference("clean")
            self.reference.show_spectrum(decibels(clean, self._loudest), stft)

    def _name_reference(self, sound: str) -> None:
        self.reference.widget.title, self.reference.widget.sound = sound.capitalize(), sound

    def _basis_shown(self, state: State) -> int:
        """Give the basis that was picked, or the busiest one of speech."""
        K = state.settings.num_basis_speech + state.settings.num_basis_noise
        if self.basis is not None and self.basis < K:
            return self.basis
        return int(np.argmax(self.chain.get("speech", state).row_means))

    def _draw_prior(self, state: State) -> None:
        """Show how the priors fit a basis."""
        basis, K_S = self._basis_shown(state), state.settings.num_basis_speech
        name, k = ("speech", basis) if basis < K_S else ("noise", basis - K_S)
        source, floor = self.chain.get(name, state), state.settings.activation_floor
        if self.prior.is_new(source, k, floor):
            row = source.H[k].copy()
            del source  # matplotlib's frames stay for long, and with them all that they know
            self.prior.show(row, floor=floor, title=f"Prior of {name} basis {k + 1}")

    def _basis_picked(self, basis: int, _: int) -> None:
        with self.chain.lock:
            self.basis = basis
            self.H.widget.highlight(row=basis)
            self._draw_prior(self.store.shown)
            self._png = None

    def _settle(self, state: State) -> None:
        with self.chain.lock:
            mixture, separation = (self.chain.get(n, state) for n in ("mixture", "separation"))
            sounds = {
                "noisy": mixture.mixture,
                "enhanced": separation.speech,
                "noise removed": separation.noise,
            }
            if state.recording is None:
                sounds["clean"] = mixture.speech
            self.player.load(sounds, state.settings.sampling_rate)
        if state is not self.store.shown or state.preview:  # nobody wants these scores
            return
        for name in SCORED:
            self.chain.get(name, state)
        with self.chain.lock:
            if state is self.store.shown:
                self._tell_scores(state, complete=True)

    def _tell_scores(self, state: State, *, complete: bool) -> None:
        """Show the table of scores; while a slider moves, only what is quick to compute."""
        if state.recording is not None:
            self.score.value = (
                "<p class='nmflab-no-scores'>No scores: the clean speech is not known.</p>"
            )
            return
        known = not self.chain.missing(state, ["scores_before"])
        before = self.chain.get("scores_before", state).to_dict() if complete or known else {}
        if complete:
            after = self.chain.get("scores", state).to_dict()
        else:
            after = {"si_sdr": self.chain.get("si_sdr", state)}
        rows = {
            name: [SCORES[key].text(scores.get(key), 2) for key in TABLE]
            for name, scores in (("noisy", before), ("enhanced", after))
        }
        self.score.value = table([SCORES[key].label for key in TABLE], rows)

    def _line(self, state: State) -> str:
        score = self.chain.get("si_sdr", state)
        end = "" if score is None else f", SI-SDR {SCORES['si_sdr'].text(score, 2)} dB"
        return f"{in_words(state, self._dictionary(state))}{end}"

    def _dictionary(self, state: State) -> str:
        """Name what the noise dictionary was trained on; nothing if it has no bases."""
        if state.settings.num_basis_noise == 0:
            return ""
        return state.noise if state.noise in self.chain.corpus.train_noise.names else "all noises"

    def _summary(self, state: State) -> str:
        scores, before = (self.chain.get(name, state) for name in SCORED)
        if scores is None or before is None:
            return in_words(state, self._dictionary(state))
        return (
            f"{in_words(state)}: SDR {before.sdr:.2f} to {scores.sdr:.2f} dB, "
            f"SI-SDR {before.si_sdr:.2f} to {scores.si_sdr:.2f} dB, "
            f"STOI {before.stoi:.2f} to {scores.stoi:.2f}"
        )

    def _opened(self, name: str, read: Read) -> None:
        """Take the file that was opened; a bad one is one sentence in the status line."""
        with browser_drives(), self.telling():
            samples, seconds = read(self.chain.corpus.sampling_rate)
            self._take(PurePath(name).stem, samples, seconds)

    def _recorded(self, samples: Any, sampling_rate: float) -> None:
        with browser_drives(), self.telling():
            self.open(samples, int(sampling_rate), name="microphone")
