"""`SeparationExplorer`: the whole experiment on one mixture, live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np

from nmflab.corpus.dictionaries import share
from nmflab.errors import NmflabError
from nmflab.evaluation.metrics import SCORES
from nmflab.explorer.brush import PICKED, Brush
from nmflab.explorer.controls import placed
from nmflab.explorer.engine.state import State
from nmflab.explorer.handing_out import HandingOut
from nmflab.explorer.layout import row
from nmflab.explorer.opening import LONGEST
from nmflab.explorer.panels import LEAST_GAIN, ActivationPanel, NoisePanel, Panel, bands
from nmflab.explorer.pinned import NAMES, Pin, Pins
from nmflab.explorer.plots import CurvePlot, Plot
from nmflab.explorer.presets import QUICK
from nmflab.explorer.prior_plots import PriorPlot
from nmflab.explorer.saving import scores_as_json
from nmflab.explorer.tables import table
from nmflab.explorer.widgets.opener import Opener
from nmflab.explorer.widgets.player import Player
from nmflab.explorer.widgets.recorder import Recorder
from nmflab.explorer.words import in_words
from nmflab.figures.scales import decibels
from nmflab.settings import SOURCES, Settings
from nmflab.system.shipped import is_short

if TYPE_CHECKING:
    from nmflab.core.pipeline import Separation
    from nmflab.evaluation.metrics import Scores

SOUNDS = ("noisy", "enhanced", "noise removed", "clean")
FURTHER = (*NAMES, PICKED)
SCORED = ("scores", "scores_before")
TABLE = ("sdr", "si_sdr", "stoi", "pesq")


class SeparationExplorer(HandingOut):
    """Take the noise out of a recording and see, hear and score it at every move of a slider.

    Parameters
    ----------
    corpus : Corpus, optional
        By default the embedded one.
    settings : Settings, optional
        By default those of the original script with the accelerated solver, which trains and
        encodes to the same objective in fewer iterations; on the short corpus
        ``Settings.framewise()``.

    Examples
    --------
    >>> explorer = SeparationExplorer()                              # doctest: +SKIP
    >>> explorer.controls.penalty.value = 0.1                        # doctest: +SKIP
    >>> explorer.result.gain.shape, explorer.scores.sdr              # doctest: +SKIP
    """

    names = placed()
    pinned = ("penalty", "p")
    trained = ("speech", "noise")
    noise = "siren"  # what is gone can be seen and heard at once; babble, the first, is the hardest

    def _default_settings(self) -> Settings:
        return Settings.framewise() if is_short() else QUICK  # far less work, as a browser needs it

    def _build(self) -> None:
        self.noisy = Panel("Noisy", self.group, sound="noisy", mark_name="noise")
        self.noisy.widget.on_mark(self._marked)
        self.enhanced = Panel("Enhanced", self.group, sound="enhanced")
        self.reference = Panel("Clean", self.group, sound="clean")
        self.gain = Panel(
            "Gain", self.group, colormap="cividis", low=0.0, high=1.0, value_label="Gain",
            value_unit="", slider=False,
        )  # fmt: skip
        self.W_N = NoisePanel("Noise bases W_N", self.group)
        self.H = ActivationPanel("Activations H", self.group, pick=True)
        self.H.widget.add_class("nmflab-wide")
        self.H.widget.on_pick(self._basis_picked)
        self.objective = CurvePlot()
        self.prior = PriorPlot()
        self.basis: int | None = None
        self.player = Player(
            labels=SOUNDS, more=FURTHER, pair=NAMES, group=self.group, source="enhanced"
        )
        pictures = [panel.widget for panel in (self.noisy, self.enhanced, self.reference)]
        self.brush = Brush(pictures, self.H.widget, self._hear_picked)
        self.view.brush = True
        self.view.observe(lambda change: self.brush.take_up(change["new"]), "brushing")
        self.pins = Pins(
            self.player,
            self.group,
            button=self.button,
            pin=self._pin,
            restore=self.controls.set,
            load=self._load,
        )
        self._heard: State | None = None  # whose sound is in the player
        self.score = widgets.HTML()
        self.command = widgets.Text(
            description="command", layout={"width": "100%", "display": "none"}
        )
        self.unmark = self.button(
            "unmark", self._unmark, "Remove the marks: the noise is learnt from all of it again."
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
            *self.pins.buttons,
            self.unmark,
            self.upload,
            self.recorder,
        ]
        kept = self.pins.widget, self.brush.widget
        return [row([self.controls.preset, *buttons, *kept]), self.command]

    def _stage(self, above: Sequence[Any]) -> Sequence[Any]:
        return self.player, self.score

    def _panels(self) -> Sequence[Any]:
        panels = (self.noisy, self.enhanced, self.reference, self.gain, self.W_N)
        objective, prior = (plot.widget for plot in self._plots())
        *small, bases = (panel.widget for panel in panels)
        return [*small, self.H.widget, bases, objective, prior, self.pins.picture]

    def _pictured(self) -> Sequence[Any]:
        return [*self._panels(), *self.pins.canvases]

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

    def _paint(self, state: State) -> None:
        chain, spectrogram = self.chain, self.chain.get("spectrogram", state)
        stft, V = spectrogram.stft, spectrogram.V
        if self.noisy.is_new(V):
            self._loudest = float(V.max()) or 1.0
            self._levels = decibels(V, self._loudest)
            self.noisy.show_spectrum(self._levels, stft)
        self._show_marks(state)
        encoding, marked = chain.get("activations", state).encoding, chain.get("marked", state)
        H, spectrum = encoding.H, None if marked is None else marked.spectrum
        self.W_N.show(chain.get("noise", state).W, encoding.W_free, spectrum, stft)
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

    def _pin(self) -> Pin:
        """Make a pin of what is shown."""
        with self.chain.lock:
            state = self.store.shown
            if state.preview:
                raise NmflabError("What is seen is a first look: keep it when it says “ready”.")
            speech = self.chain.get("separation", state).speech.copy()
        return Pin(state, speech, scores_as_json(self.chain.get("scores", state)) or {})

    def _load(self, state: State | None = None) -> None:
        """Put all that can be heard into the player, by default of what is shown."""
        state = state or self.store.shown
        with self.chain.lock:
            mixture, separation = (self.chain.get(n, state) for n in ("mixture", "separation"))
            sounds = {
                "noisy": mixture.mixture,
                "enhanced": separation.speech,
                "noise removed": separation.noise,
            }
            if state.recording is None:
                sounds["clean"] = mixture.speech
            sounds |= self.pins.sounds()
            if self.brush:
                sounds[PICKED] = self._picked_sound(state, sounds)
            self.player.load(sounds, state.settings.sampling_rate)

    def _picked_sound(self, state: State, sounds: dict[str, Any]) -> Any:
        stft, encoding = (
            self.chain.get("spectrogram", state).stft,
            self.chain.get("activations", state).encoding,
        )
        bases = [self.chain.get(source, state).W for source in SOURCES]
        if encoding.W_free is not None:
            bases.append(encoding.W_free)
        return self.brush.sound(sounds, stft, np.hstack(bases), encoding.H, state.settings.p)

    def _take(self, *recording: Any, **options: Any) -> None:
        """Take a recording, and turn to it: what was picked or kept is of another sound."""
        if self.player.source not in SOUNDS:
            self.player.source = SOUNDS[1]
        if self.brush:
            self.brush.clear()
        super()._take(*recording, **options)

    def _hear_picked(self) -> None:
        """Put what is picked into the player, and choose it."""
        with self.player.hold_sync():
            self._load()
            if self.brush:
                self.player.source = PICKED

    def _hear(self, state: State) -> bool:
        self._load(state)
        self._heard = state
        return True

    def _settle(self, state: State) -> None:
        if state is not self._heard:
            self._hear(state)
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
        return f"{in_words(state, self._noise_words(state))}{end}"

    def _summary(self, state: State) -> str:
        scores, before = (self.chain.get(name, state) for name in SCORED)
        if scores is None or before is None:
            return in_words(state, self._noise_words(state))
        return (
            f"{in_words(state)}: SDR {before.sdr:.2f} to {scores.sdr:.2f} dB, "
            f"SI-SDR {before.si_sdr:.2f} to {scores.si_sdr:.2f} dB, "
            f"STOI {before.stoi:.2f} to {scores.stoi:.2f}"
        )


def before_forks() -> None:
    """Load the dictionaries that every page begins with, once for all forks of this process."""
    from nmflab.corpus.folders import load_corpus

    corpus = load_corpus(sampling_rate=QUICK.sampling_rate)
    share(corpus.train_speech, "speech", QUICK)
    share(corpus.training_noise(SeparationExplorer.noise or ""), "noise", QUICK)
