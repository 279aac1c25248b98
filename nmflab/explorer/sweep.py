"""`SweepExplorer`: a score map of settings, cell by cell for the eye and the ear.

The map belongs to one mixture. Its columns are values of λ, its rows values of the gain's power p
or of a number of bases; sweeping it is a training like any other to the explorer: in a thread,
with a progress bar, to be cancelled. See notebooks/07_evaluation.ipynb.
"""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import ipywidgets as widgets
import numpy as np

from nmflab.core.model import SeparationModel, StageProgress
from nmflab.core.stft import Stft
from nmflab.evaluation import metrics
from nmflab.evaluation.sweep import Sweep, measure, sweep
from nmflab.explorer.base import Explorer, muted, row
from nmflab.explorer.engine.chain import Stage
from nmflab.explorer.engine.scheduling import hear_browser
from nmflab.explorer.engine.stages import STFT
from nmflab.explorer.engine.state import State
from nmflab.explorer.panels import Panel
from nmflab.explorer.widgets.player import Player
from nmflab.figures.scales import decibels
from nmflab.settings import Settings

PENALTIES = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
ROWS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "p": ("Power p", (0.5, 1.0, 2.0, 4.0, 8.0)),
    "num_basis_noise": ("Noise bases K_N", (2, 4, 8, 16, 32, 64)),
    "num_basis_speech": ("Speech bases K_S", (8, 16, 32, 64, 128)),
}
"""What the rows of the map can be, what they are called, and their values."""

SHORT = {"penalty": "λ", "p": "p", "num_basis_noise": "K_N", "num_basis_speech": "K_S"}
SCORES = {
    "sdr": ("SDR", "dB"),
    "sir": ("SIR", "dB"),
    "sar": ("SAR", "dB"),
    "si_sdr": ("SI-SDR", "dB"),
    "stoi": ("STOI", ""),
}
DEPTH = {"dB": 8.0, "": 0.25}
"""Scores that are further below the best than this have the darkest colour."""

HIGHEST = 99.0
"""Ratios in dB above this mean "perfect", and are shown as this."""


class SweepExplorer(Explorer):
    """Sweep λ against another setting, read the score map, and hear the cell that is clicked.

    Parameters
    ----------
    corpus : Corpus, optional
        By default the embedded one.
    settings : Settings, optional
        By default the tuned ones with 32 speech bases and the accelerated solver.

    Examples
    --------
    >>> explorer = SweepExplorer()                                        # doctest: +SKIP
    >>> explorer.choose(penalty=0.3, p=1.0)                              # doctest: +SKIP
    >>> explorer.map.mean("sdr"), explorer.scores                        # doctest: +SKIP
    """

    names = ("nmf_mode", "num_basis_speech", "num_basis_noise", "p", "clip", "noise", "snr")
    cancelled_text = "The sweep was cancelled; the earlier map stays."

    @property
    def trained(self) -> tuple[str, ...]:  # type: ignore[override]
        """The stages that train: the dictionaries and the map that is wanted."""
        return "speech", "noise", _stage(self.rows.value)

    def _default_settings(self) -> Settings:
        """Give the settings to begin with."""
        return Settings.tuned().replace(
            num_basis_speech=32, max_iter_train=30, max_iter_test=10, solver="accelerated"
        )

    def _build(self) -> None:
        """Make the panels."""
        self.panel = Panel(
            "Score map: click a cell", self.group, pick=True, slider=False, colormap="viridis",
            columns_label="Penalty λ", columns_unit="", rows_unit="", height=260,
            layout={"flex": "2 1 460px"},
        )  # fmt: skip
        self.panel.widget.on_pick(self._picked)
        self.noisy = Panel("Noisy", self.group)
        self.enhanced = Panel("Enhanced by the cell", self.group)
        self.clean = Panel("Clean", self.group)
        self.player = Player(labels=("noisy", "enhanced", "clean"), group=self.group)
        self.player.source = "enhanced"
        self.table = widgets.HTML()
        self.rows = _menu("rows", {text: name for name, (text, _) in ROWS.items()})
        self.rows.tooltip = "What the rows of the map are; its columns are values of λ."
        self.metric = _menu("score", {text: name for name, (text, _) in SCORES.items()})
        self.metric.tooltip = "Which score the map shows."
        for menu in (self.rows, self.metric):
            hear_browser(menu)
            menu.observe(self._menu_moved, "value")
        self._drawn = self.rows.value
        self._add_stages()

    def _add_stages(self) -> None:
        stages = self.chain.stages
        mixture, separation = stages["mixture"], stages["separation"]
        every = [field.name for field in dataclasses.fields(Settings)]
        for name in ROWS:
            reads = ("clip", "noise", *(n for n in every if n not in ("penalty", name)))
            compute = partial(self._sweep, name)
            self.chain.add(Stage(_stage(name), compute, reads=reads, slow=True, trained=True))
        self.chain.add(Stage("floor", _floor, needs=(mixture,)))
        self.chain.add(Stage("chosen", _chosen, needs=(mixture, separation)))
        self.chain.add(Stage("ceiling", _ceiling, reads=STFT, needs=(mixture,)))

    def _above(self) -> Sequence[Any]:
        """List what stands between the controls and the panels."""
        best = self.button("go to the best", self.choose_best, "Choose the cell with the star.")
        heard = widgets.VBox([self.player, self.table])
        return row([self.rows, self.metric, best]), row([self.panel.widget, heard])

    def _panels(self) -> Sequence[Any]:
        """List the panels."""
        return [panel.widget for panel in (self.enhanced, self.noisy, self.clean)]

    def _pictured(self) -> Sequence[Any]:
        """List the canvases of the static picture: the map and the panels."""
        return [self.panel.widget, *self._panels()]

    # What users ask

    @property
    def map(self) -> Sweep:
        """The sweep whose map is shown."""
        return self._map(self._shown)

    @property
    def scores(self) -> dict[str, float]:
        """The scores of the settings that are chosen, by the names of the metrics."""
        return self._scores("chosen", self._shown)

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
            self.controls.set(self._wanted.replace(**values))

    def choose_best(self) -> None:
        """Choose the cell with the highest score."""
        self.choose(**self.map.best(self.metric.value))

    # What is shown

    def _sweep(self, name: str, state: State, *, progress: StageProgress | None) -> Sweep:
        def train(settings: Settings, noise: str, report: StageProgress) -> SeparationModel:
            return self.chain.model(state.replace(settings=settings, noise=noise), report)

        return sweep(
            self.chain.corpus,
            state.settings,
            {name: ROWS[name][1], "penalty": PENALTIES},
            metrics=tuple(SCORES),
            clips=[state.clip],
            noises=[state.noise],
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
        spectrogram, clean = self.chain.spectrogram(state), self.chain.get("clean", state)
        stft, V = spectrogram.stft, spectrogram.V
        gain, loudest = self.chain.separation(state).gain, float(V.max()) or 1.0
        if self.noisy.is_new(V):
            self.noisy.show_spectrum(decibels(V, loudest), stft)
        if self.clean.is_new(clean, V):
            self.clean.show_spectrum(decibels(clean, loudest), stft)
        if self.enhanced.is_new(gain, V):
            self.enhanced.show_spectrum(decibels(gain * V, loudest), stft)
        self._paint_table(state)

    def _paint_map(self, state: State) -> None:
        found, metric = self._map(state), self.metric.value
        (label, _), (title, unit) = ROWS[self._drawn], SCORES[metric]
        canvas = self.panel.widget
        if self.panel.is_new(found, metric):
            scores, best = found.mean(metric), _cell(found, found.best(metric))
            top = float(scores[best])
            low = max(float(scores[np.isfinite(scores)].min()), top - DEPTH[unit])
            texts = [[_number(value, metric) for value in values] for values in scores]
            texts[best[0]][best[1]] += " ★"
            canvas.rows_label, canvas.value_label, canvas.value_unit = label, title, unit
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
        named = (("noisy: the floor", "floor"), ("this cell", "chosen"))
        heads = "".join(f"<th scope='col'>{html.escape(text)}</th>" for text, _ in SCORES.values())
        body = "".join(
            f"<tr><th scope='row'>{name}</th>{_cells(self._scores(stage, state))}</tr>"
            for name, stage in (*named, ("oracle: the ceiling", "ceiling"))
        )
        self.table.value = f"<table class='nmflab-scores'><tr><td></td>{heads}</tr>{body}</table>"

    def _settle(self, state: State) -> None:
        """Send the sound."""
        with self.chain.lock:
            mixture = self.chain.mixture(state)
            enhanced = self.chain.separation(state).speech
            sounds = {"noisy": mixture.mixture, "enhanced": enhanced, "clean": mixture.speech}
            self.player.load(sounds, state.settings.sampling_rate)

    def _picked(self, line: int, column: int) -> None:
        axes = self.map.axes
        self.choose(**{self._drawn: axes[self._drawn][line], "penalty": axes["penalty"][column]})

    def _menu_moved(self, _: object) -> None:
        self._changed(self._wanted)

    def _meanwhile(self, state: State) -> State:
        """Take from the state all that the dictionaries and the map that are there allow."""
        there = ("speech", "noise", _stage(self._drawn))
        fixed = {part for name in there for part in self.chain.stages[name].depends}
        return state.replace(**{part: self._shown.read(part) for part in fixed})

    def _go_back(self) -> None:
        """After a cancelled sweep: the menus tell again what is shown."""
        with muted(self.rows, self._menu_moved):
            self.rows.value = self._drawn
        super()._go_back()

    def _summary(self, state: State) -> str:
        """Say in one deterministic line what is shown."""
        s, found, metric = state.settings, self._map(state), self.metric.value
        scores, best = self._scores("chosen", state), found.best(metric)
        top = _number(float(found.mean(metric)[_cell(found, best)]), metric)
        where = ", ".join(f"{SHORT[name]} {best[name]:g}" for name in ("penalty", self._drawn))
        title, unit = SCORES[metric]
        skipped = f". {found.skipped[0]}" if found.skipped else ""
        return (
            f"{state.clip} in {state.noise} at {s.snr:.0f} dB, {s.nmf_mode}, "
            f"K {s.num_basis_speech} + {s.num_basis_noise}, λ {s.penalty:g}, p {s.p:g}: "
            f"SDR {scores['sdr']:.2f} dB, SI-SDR {scores['si_sdr']:.2f} dB, "
            f"STOI {scores['stoi']:.2f}; best {title} of the map {f'{top} {unit}'.strip()} "
            f"at {where}{skipped}"
        )


def _stage(name: str) -> str:
    return f"map of {name}"


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


def _number(value: float, metric: str) -> str:
    if np.isnan(value):
        return "–"
    return f"{min(value, HIGHEST):z.{1 if SCORES[metric][1] else 2}f}"


def _cells(scores: Mapping[str, float]) -> str:
    return "".join(f"<td>{_number(scores[metric], metric)}</td>" for metric in SCORES)


def _scores(state: State, mixture: Any, estimate: Any) -> dict[str, float]:
    rate, names = state.settings.sampling_rate, tuple(SCORES)
    values = measure(mixture.speech, mixture.noise, estimate, rate, names)
    return dict(zip(names, values, strict=True))


def _floor(state: State, mixture: Any) -> dict[str, float]:
    return _scores(state, mixture, mixture.mixture)


def _chosen(state: State, mixture: Any, separation: Any) -> dict[str, float]:
    return _scores(state, mixture, separation.speech)


def _ceiling(state: State, mixture: Any) -> dict[str, float]:
    """Score what the gain of the true sources makes of the mixture."""
    stft = Stft.from_settings(state.settings)
    S, N, X = (stft.analyse(x) for x in (mixture.speech, mixture.noise, mixture.mixture))
    oracle = stft.synthesise(metrics.oracle_mask(S, N) * X, len(mixture.mixture))
    return _scores(state, mixture, oracle)
