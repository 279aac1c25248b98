"""`SweepExplorer`: a score map of settings, cell by cell for the eye and the ear.

The map belongs to one mixture. Its columns are values of λ, its rows values of the gain's power p
or of a number of bases; sweeping it is a training like any other to the explorer: in a thread,
with a progress bar, to be cancelled. See notebooks/07_evaluation.ipynb.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from nmflab.audio.signals import Mixture
from nmflab.core.model import SeparationModel, StageProgress
from nmflab.core.pipeline import Separation
from nmflab.core.stft import Stft
from nmflab.evaluation.metrics import SCORES, measure, oracle_mask
from nmflab.evaluation.sweep import Sweep, sweep
from nmflab.explorer.base import Explorer
from nmflab.explorer.engine.stages import Stage
from nmflab.explorer.engine.state import State, View
from nmflab.explorer.layout import muted, row
from nmflab.explorer.panels import Panel
from nmflab.explorer.tables import table
from nmflab.explorer.widgets.player import Player
from nmflab.figures.scales import decibels
from nmflab.settings import SOURCES, Settings, parameters, settings_of

if TYPE_CHECKING:
    from nmflab.explorer.sweep_folder import SweepFolderExplorer

PENALTIES = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
ROWS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "p": ("Power p", (0.5, 1.0, 2.0, 4.0, 8.0)),
    "num_basis_noise": ("Noise bases K_N", (2, 4, 8, 16, 32, 64)),
    "num_basis_speech": ("Speech bases K_S", (8, 16, 32, 64, 128)),
}
"""What the rows of the map can be, what they are called, and their values."""

SHOWN = ("sdr", "sir", "sar", "si_sdr", "stoi")
DEPTH = {"dB": 8.0, "": 0.25}
"""Scores that are further below the best than this have the darkest colour."""


class SweepExplorer(Explorer):
    """Sweep λ against another setting, read the score map, and hear the cell that is clicked.

    Parameters
    ----------
    corpus : Corpus, optional
        By default the embedded one.
    settings : Settings, optional
        By default ``Settings.framewise()`` with 32 speech bases and the accelerated solver.

    Examples
    --------
    >>> explorer = SweepExplorer()                                        # doctest: +SKIP
    >>> explorer.choose(penalty=0.3, p=1.0)                              # doctest: +SKIP
    >>> explorer.map.mean("sdr"), explorer.scores                        # doctest: +SKIP
    """

    names = (
        *("penalty", "p", "nmf_mode", "num_basis_speech", "num_basis_noise"),
        *("clip", "noise", "snr"),
    )
    pinned = ("penalty", "p")
    training_text = "Sweeping … Until it is done, {}: "
    before = "the earlier state is shown", "the earlier map is shown"
    cancelled_text = "The sweep was cancelled; the earlier map stays."

    @staticmethod
    def open(folder: str | Path, **options: Any) -> SweepFolderExplorer:
        """Open the folder of a sweep, as ``nmflab sweep`` writes it, also while it grows.

        Parameters
        ----------
        folder : str or Path
            The folder.
        **options
            Passed on to `SweepFolderExplorer`.

        Returns
        -------
        SweepFolderExplorer
            A map that fills in; a click on a cell plays its worst mixture.
        """
        from nmflab.explorer.sweep_folder import SweepFolderExplorer

        return SweepFolderExplorer(folder, **options)

    @property
    def trained(self) -> tuple[str, ...]:  # type: ignore[override]
        """The stages that train: the dictionaries and the map that is wanted."""
        return "speech", "noise", _stage(self.rows.value)

    def _default_settings(self) -> Settings:
        return Settings.framewise().replace(
            num_basis_speech=32, max_iter_train=30, max_iter_test=10, solver="accelerated"
        )

    def _build(self) -> None:
        self.panel = Panel(
            "Score map: click a cell", self.group, pick=True, slider=False, colormap="viridis",
            columns_label="Penalty λ", columns_unit="", rows_unit="",
        )  # fmt: skip
        self.panel.widget.on_pick(self._picked)
        self.panel.widget.add_class("nmflab-wide")
        self.noisy = Panel("Noisy", self.group, sound="noisy")
        self.enhanced = Panel("This cell", self.group, sound="enhanced")
        self.clean = Panel("Clean", self.group, sound="clean")
        self.player = Player(labels=("noisy", "enhanced", "clean"), group=self.group)
        self.player.source = "enhanced"
        self.table = widgets.HTML()
        self.rows = _menu("rows", {text: name for name, (text, _) in ROWS.items()})
        self.rows.tooltip = "What the rows of the map are; its columns are values of λ."
        self.metric = _menu("score", {SCORES[name].label: name for name in SHOWN})
        self.metric.tooltip = "Which score the map shows."
        for menu in (self.rows, self.metric):
            self.controls.add(menu, self._changed)
        self._drawn = self.rows.value
        self._add_stages()

    def _add_stages(self) -> None:
        for name in ROWS:
            swept = ("penalty", name)
            reads = ("clip", "noise", *(n for n in parameters() if n not in swept))
            compute = partial(self._sweep, name)
            self.chain.add(Stage(_stage(name), compute, reads, slow=True, trained=True))
        rate, stft = ("sampling_rate",), settings_of("spectrogram")
        self.chain.add(Stage("floor", _floor, rate, needs=("mixture",)))
        self.chain.add(Stage("chosen", _chosen, rate, needs=("mixture", "separation")))
        self.chain.add(Stage("ceiling", _ceiling, stft, needs=("mixture",)))

    def _above(self) -> Sequence[Any]:
        best = self.button("go to the best", self.choose_best, "Choose the cell with the star.")
        return self.player, self.table, row([self.rows, self.metric, best])

    def _panels(self) -> Sequence[Any]:
        panels = (self.panel, self.enhanced, self.noisy, self.clean)
        return [panel.widget for panel in panels]

    @property
    def map(self) -> Sweep:
        """The sweep whose map is shown."""
        return self._map(self.store.shown)

    @property
    def scores(self) -> dict[str, float]:
        """The scores of the settings that are chosen, by the names of the metrics."""
        return self._scores("chosen", self.store.shown)

    def choose(self, **values: Any) -> None:
        """Choose settings: see and hear what they make of the mixture.

        Parameters
        ----------
        **values
            Settings, in practice those of a cell: ``penalty`` and that of the rows.

        Raises
        ------
        NmflabError
            If a setting is unknown or out of range.
        """
        with self.telling():
            self.controls.set(self.store.wanted.replace(**values), whole=False)

    def choose_best(self) -> None:
        """Choose the cell with the highest score."""
        self.choose(**self.map.best(self.metric.value))

    def _sweep(self, name: str, view: View, *, progress: StageProgress | None) -> Sweep:
        grid = {name: ROWS[name][1], "penalty": PENALTIES}

        def train(settings: Settings, noise: str, report: StageProgress) -> SeparationModel:
            state = State(settings=settings, clip=view.clip, noise=noise)
            speech, noises = (self.chain.get(source, state, report) for source in SOURCES)
            return SeparationModel(speech, noises, settings)

        return sweep(
            view.corpus,
            view.settings.replace(**{name: values[0] for name, values in grid.items()}),
            grid,
            metrics=SHOWN,
            clips=[view.clip],
            noises=[view.noise],
            train=train,
            progress=progress,
        )

    def _map(self, state: State) -> Sweep:
        found: Sweep = self.chain.get(_stage(self._drawn), state)
        return found

    def _scores(self, stage: str, state: State) -> dict[str, float]:
        found: dict[str, float] = self.chain.get(stage, state)
        return found

    def _paint(self, state: State) -> None:
        """Compute a state and show it; of a map that is still being swept, the one before."""
        if not self.chain.missing(state, [_stage(self.rows.value)]):
            self._drawn = self.rows.value
        self._paint_map(state)
        spectrogram, clean = self.chain.get("spectrogram", state), self.chain.get("clean", state)
        stft, V = spectrogram.stft, spectrogram.V
        gain, loudest = self.chain.get("separation", state).gain, float(V.max()) or 1.0
        if self.noisy.is_new(V):
            self.noisy.show_spectrum(decibels(V, loudest), stft)
        if self.clean.is_new(clean, V):
            self.clean.show_spectrum(decibels(clean, loudest), stft)
        if self.enhanced.is_new(gain, V):
            self.enhanced.show_spectrum(decibels(gain * V, loudest), stft)
        self._paint_table(state)

    def _paint_map(self, state: State) -> None:
        found, metric = self._map(state), self.metric.value
        (label, _), score = ROWS[self._drawn], SCORES[metric]
        canvas = self.panel.widget
        if self.panel.is_new(found, metric):
            scores, best = found.mean(metric), _cell(found, found.best(metric))
            top = float(scores[best])
            low = max(float(scores[np.isfinite(scores)].min()), top - DEPTH[score.unit])
            texts = [[score.text(value) for value in values] for values in scores]
            texts[best[0]][best[1]] += " ★"
            canvas.rows_label = label
            canvas.value_label, canvas.value_unit = score.label, score.unit
            canvas.show(
                scores,
                low=low,
                high=max(top, low + 1e-3),
                row_names=[f"{value:g}" for value in found.axes[self._drawn]],
                column_names=[f"{value:g}" for value in found.axes["penalty"]],
                cell_texts=texts,
            )
        chosen = {name: state.read(name) for name in found.axes}
        canvas.highlight(*_cell(found, chosen))

    def _paint_table(self, state: State) -> None:
        """Show the scores between the floor and the ceiling."""
        stages = {
            "floor": "floor",
            "this cell": "chosen",
            "ceiling": "ceiling",
        }
        rows = {name: _cells(self._scores(stage, state)) for name, stage in stages.items()}
        self.table.value = table([SCORES[name].label for name in SHOWN], rows)

    def _settle(self, state: State) -> None:
        with self.chain.lock:
            mixture = self.chain.get("mixture", state)
            enhanced = self.chain.get("separation", state).speech
            sounds = {"noisy": mixture.mixture, "enhanced": enhanced, "clean": mixture.speech}
            self.player.load(sounds, state.settings.sampling_rate)

    def _picked(self, line: int, column: int) -> None:
        axes = self.map.axes
        self.choose(**{self._drawn: axes[self._drawn][line], "penalty": axes["penalty"][column]})

    @property
    def _fixed(self) -> Sequence[str]:
        """The dictionaries and the map that are there."""
        return "speech", "noise", _stage(self._drawn)

    def _go_back(self) -> None:
        """After a cancelled sweep: the menus tell again what is shown."""
        with muted(self.rows, self._changed):
            self.rows.value = self._drawn
        super()._go_back()

    def _summary(self, state: State) -> str:
        s, found, metric = state.settings, self._map(state), self.metric.value
        scores, best = self._scores("chosen", state), found.best(metric)
        score = SCORES[metric]
        top = f"{score.text(float(found.mean(metric)[_cell(found, best)]))} {score.unit}"
        where = ", ".join(f"{_symbol(name)} {best[name]:g}" for name in ("penalty", self._drawn))
        skipped = f". {found.skipped[0]}" if found.skipped else ""
        return (
            f"{state.clip} in {state.noise} at {s.snr:.0f} dB, {s.nmf_mode}, "
            f"K {s.num_basis_speech} + {s.num_basis_noise}, λ {s.penalty:g}, p {s.p:g}: "
            f"SDR {scores['sdr']:.2f} dB, SI-SDR {scores['si_sdr']:.2f} dB, "
            f"STOI {scores['stoi']:.2f}; best {score.label} of the map {top.strip()} "
            f"at {where}{skipped}"
        )


def _stage(name: str) -> str:
    return f"map of {name}"


def _symbol(name: str) -> str:
    """Give what stands for a setting in formulas, the last word of its control's label."""
    control = parameters()[name].control
    return control.label.split()[-1] if control else name


def _menu(label: str, options: Mapping[str, str]) -> Any:
    return widgets.Dropdown(
        options=list(options.items()),
        description=label,
        style={"description_width": "44px"},
        layout={"width": "220px"},
    )


def _cell(found: Sweep, values: Mapping[str, Any]) -> tuple[int, ...]:
    """Give the row and the column of some values; () if they aren't on the map."""
    places = [
        next((i for i, at in enumerate(axis) if np.isclose(at, values[name])), None)
        for name, axis in found.axes.items()
    ]
    return tuple(place for place in places if place is not None) if None not in places else ()


def _cells(scores: Mapping[str, float]) -> list[str]:
    return [SCORES[metric].text(scores[metric]) for metric in SHOWN]


def _scores(view: View, mixture: Mixture, estimate: NDArray[np.float32]) -> dict[str, float]:
    rate = view.settings.sampling_rate
    values = measure(mixture.speech, mixture.noise, estimate, rate, SHOWN)
    return dict(zip(SHOWN, values, strict=True))


def _floor(view: View, mixture: Mixture) -> dict[str, float]:
    return _scores(view, mixture, mixture.mixture)


def _chosen(view: View, mixture: Mixture, separation: Separation) -> dict[str, float]:
    return _scores(view, mixture, separation.speech)


def _ceiling(view: View, mixture: Mixture) -> dict[str, float]:
    """Score what the gain of the true sources makes of the mixture."""
    stft = Stft.from_settings(view.settings)
    S, N, X = (stft.analyse(x) for x in (mixture.speech, mixture.noise, mixture.mixture))
    oracle = stft.synthesise(oracle_mask(S, N) * X, len(mixture.mixture))
    return _scores(view, mixture, oracle)
