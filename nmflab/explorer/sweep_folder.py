"""`SweepFolderExplorer`: the score map of a sweep's folder, which fills in while the sweep runs.

A cell is the best that the other settings make of it, averaged over all its mixtures; a click plays
the one that it does worst on. Nothing is swept here: the rows are those of ``nmflab sweep``.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from nmflab.errors import NmflabError
from nmflab.evaluation.dictionaries import Dictionaries
from nmflab.evaluation.metrics import SCORES
from nmflab.evaluation.sweeps.choice import read_results
from nmflab.evaluation.sweeps.sounds import corpus_of, signals_of
from nmflab.evaluation.sweeps.store import MANIFEST, PARTS
from nmflab.explorer.layout import muted, row
from nmflab.explorer.lifetime import close_widgets, succeed
from nmflab.explorer.panels import Panel
from nmflab.explorer.saving import in_dashboard
from nmflab.explorer.status import sentence_of, status_line
from nmflab.explorer.widgets.page import Page
from nmflab.explorer.widgets.player import Player
from nmflab.names import as_typed
from nmflab.settings import Settings, parameters
from nmflab.system.records import read_record

__all__ = ["SweepFolderExplorer"]

EVERY = 5.0
"""Seconds after which the folder is looked at again."""

MOST_NAMES, BINS = 16, 8
"""An axis of more values than the first is cut into so many parts."""

DEPTH = {"dB": 8.0, "": 0.25}
"""Scores that are further below the best than this have the darkest colour."""

ALL = "all noises"


class SweepFolderExplorer:
    """Watch a sweep, read its map, and hear where a cell does worst.

    Parameters
    ----------
    folder : str or Path
        What ``nmflab sweep`` writes.
    every : float, default 5
        Seconds after which the folder is looked at again; 0 for never.

    Attributes
    ----------
    results : Results
        The rows that are shown.
    chosen : Settings or None
        The combination that was clicked.
    widget : ipywidgets.VBox
        What is shown.

    Raises
    ------
    NmflabError
        If the folder holds no sweep.

    Examples
    --------
    >>> explorer = SweepExplorer.open("sweep")                            # doctest: +SKIP
    >>> explorer.choose_best()                                            # doctest: +SKIP
    """

    def __init__(self, folder: str | Path, *, every: float = EVERY) -> None:
        self.folder = Path(folder)
        if not (self.folder / MANIFEST).is_file():
            raise NmflabError(
                f"The folder {str(self.folder)!r} holds no sweep: make one with `nmflab sweep`."
            )
        succeed(self)
        self.closed = False
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._seen: object = None
        self._models: Dictionaries | None = None
        self.chosen: Settings | None = None
        self._build()
        self.refresh()
        self._best_first()
        if every > 0:
            threading.Thread(target=self._watch, args=(every,), daemon=True).start()

    def _build(self) -> None:
        self.group = uuid.uuid4().hex
        self.page = Page(alone=in_dashboard())
        self.panel = Panel(
            "Score map: click a cell to hear its worst mixture", self.group, pick=True,
            slider=False, colormap="viridis", columns_unit="", rows_unit="", height=320,
        )  # fmt: skip
        self.panel.widget.on_pick(self._picked)
        self.player = Player(labels=("noisy", "enhanced", "clean"), group=self.group)
        self.player.source = "enhanced"
        self.status, self.count = widgets.HTML(), widgets.HTML()
        self.rows, self.columns, self.metric, self.noise = (
            widgets.Dropdown(
                description=label,
                style={"description_width": "60px"},
                layout={"width": "240px"},
            )
            for label in ("rows", "columns", "score", "noise")
        )
        for menu in self._menus:
            menu.observe(self._changed, "value")
        best = widgets.Button(description="go to the best", tooltip="Choose the star")
        best.on_click(lambda _: self._told(self.choose_best))
        panel = self.panel.widget
        self.widget = widgets.VBox(
            [self.page, row([*self._menus, best]), panel, self.player, self.status, self.count]
        )
        self.widget.add_class("nmflab-explorer")

    @property
    def _menus(self) -> Sequence[Any]:
        return self.rows, self.columns, self.metric, self.noise

    # What is in the folder

    def refresh(self) -> None:
        """Look at the folder, and show what is new in it."""
        with self._lock:
            parts = sorted(path.name for path in (self.folder / PARTS).glob("*.parquet"))
            if self.closed or parts == self._seen:
                return
            self._manifest = read_record(self.folder / MANIFEST)
            self._run = self._manifest["runs"][-1]
            self.results = read_results(self.folder, self._run["part"], self._manifest["metrics"])
            self._seen = parts
            self._offer()
            self._paint()

    def _offer(self) -> None:
        """Offer what the rows have, and keep what was chosen."""
        axes = [(_label(name), name) for name in self.results.axes]
        noises = sorted({noise for noise, _ in self.results.files})
        offered: dict[Any, list[Any]] = {
            self.rows: [("–", ""), *axes],
            self.columns: axes or [("–", "")],
            self.metric: [(SCORES[name].label, name) for name in self.results.metrics],
            self.noise: [ALL, *noises],
        }
        for menu, options in offered.items():
            kept = menu.value
            values = [one[1] if isinstance(one, tuple) else one for one in options]
            with muted(menu, self._changed):
                menu.options = options
                menu.value = kept if kept in values else values[0]

    def _best_first(self) -> None:
        """Put λ across and another setting up, where both are there."""
        axes = list(self.results.axes)
        if "penalty" in axes:
            axes.sort(key=lambda name: name != "penalty")
        for menu, name in zip((self.columns, self.rows), axes, strict=False):
            menu.value = name

    def _watch(self, every: float) -> None:
        """Look at the folder now and then, until the explorer is closed."""
        while not self._ended.wait(every):
            self._told(self.refresh)

    # The map

    @property
    def map(self) -> NDArray[np.float64]:
        """The score map as it is shown, of shape (rows, columns); NaN where no row is yet."""
        return self._cells()[0]

    def _cells(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Give for each cell the best mean, and which combination has it, −1 for none."""
        means = self._means()
        (up, row_names), (across, column_names) = map(self._axis, (self.rows, self.columns))
        scores = np.full((len(row_names), len(column_names)), np.nan)
        which = np.full(scores.shape, -1)
        sign = 1 if SCORES[self.metric.value].higher_is_better else -1
        for i in np.argsort(sign * means):  # the best comes last; NaN are behind it
            if np.isfinite(means[i]):
                scores[up[i], across[i]], which[up[i], across[i]] = means[i], i
        return scores, which

    def _means(self) -> NDArray[np.float64]:
        """Average the score over the mixtures that each combination was tried on."""
        only = {} if self.noise.value == ALL else {"noise": self.noise.value}
        values = self.results.matrix(f"{self.metric.value}_enhanced", **only)
        there = np.isfinite(values)
        total = np.where(there, values, 0).sum(axis=1)
        return np.where(there.any(axis=1), total / np.maximum(there.sum(axis=1), 1), np.nan)

    def _axis(self, menu: Any) -> tuple[NDArray[np.int64], list[str]]:
        """Give the place of each combination on an axis, and the names of the places."""
        points = list(self.results.points.values())
        if not menu.value:
            return np.zeros(len(points), dtype=np.int64), [""]
        values = [getattr(point, menu.value) for point in points]
        known = sorted(set(values))
        if len(known) <= MOST_NAMES or isinstance(known[0], str):
            return np.array([known.index(v) for v in values]), [as_typed(v) for v in known]
        edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)))
        places = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
        return places, [f"{low:.2g}–{high:.2g}" for low, high in pairwise(edges)]

    def _paint(self) -> None:
        if not self.results.points:
            self._say("The sweep has no rows yet.", "training")
            return
        scores, _ = self._cells()
        score = SCORES[self.metric.value]
        canvas = self.panel.widget
        canvas.rows_label, canvas.columns_label = (
            _label(menu.value) for menu in (self.rows, self.columns)
        )
        canvas.value_label, canvas.value_unit = score.label, score.unit
        texts = [[score.text(value) for value in values] for values in scores]
        if star := self._star():
            texts[star[0]][star[1]] += " ★"
        top = float(np.nanmax(scores)) if np.isfinite(scores).any() else 0.0
        low = max(float(np.nanmin(scores)), top - DEPTH[score.unit]) if top else -1.0
        canvas.show(
            scores,
            low=low,
            high=max(top, low + 1e-3),
            row_names=self._axis(self.rows)[1],
            column_names=self._axis(self.columns)[1],
            cell_texts=texts,
        )
        self.count.value = f"<div class=nmflab-status>{self._summary()}</div>"

    def _star(self) -> tuple[int, int] | None:
        """Find the best of the cells whose combination was tried on all mixtures."""
        scores, which = self._cells()
        tried = np.append(self.results.complete, False)[which]  # −1 is none
        scores = np.where(tried, scores, np.nan)
        if not np.isfinite(scores).any():
            return None
        best = np.nanargmax if SCORES[self.metric.value].higher_is_better else np.nanargmin
        line, column = np.unravel_index(int(best(scores)), scores.shape)
        return int(line), int(column)

    def _summary(self) -> str:
        rows, points = len(self.results.columns["row"]), len(self.results.points)
        whole = int(self.results.complete.sum())
        return (
            f"{rows} rows of {points} combinations on {len(self.results.files)} mixtures of the "
            f"{self.results.part} part, {whole} of them on all."
        )

    # What is chosen

    def choose_best(self) -> None:
        """Choose the cell with the star."""
        star = self._star()
        if star is None:
            raise NmflabError("The sweep has no scores yet: wait for the first rows.")
        self.choose(*star)

    def choose(self, line: int, column: int) -> None:
        """Choose a cell: hear the mixture that its best combination does worst on.

        Parameters
        ----------
        line, column : int
            Place on the map, from 0.

        Raises
        ------
        NmflabError
            If the cell is empty, or the recordings aren't there any more.
        """
        with self._lock:
            place = int(self._cells()[1][line, column])
            if place < 0:
                raise NmflabError("This cell has no rows yet.")
            self.panel.widget.highlight(line, column)
            columns, metric = self.results.columns, self.metric.value
            rows = np.flatnonzero(columns["combination"] == place)
            if self.noise.value != ALL:
                rows = rows[columns["noise"][rows] == self.noise.value]
            gains = columns[f"{metric}_gain"][rows]
            if np.isnan(gains).all():  # a score that mixtures don't have
                gains = columns[f"{metric}_enhanced"][rows]
            worst = int(rows[np.nanargmin(gains)])
            self._play(place, worst, float(np.nanmin(gains)))

    def _play(self, place: int, worst: int, gain: float) -> None:
        columns = self.results.columns
        noise, speech, snr = (columns[name][worst] for name in ("noise", "speech", "snr"))
        point = list(self.results.points.values())[place]
        settings = point.replace(snr=float(snr), seed=int(columns["seed"][worst]))
        where = f"{self._values(settings)}: worst on {speech} in {noise} at {snr:g} dB"
        self._say(f"{where}. Training its bases and separating it …", "training")
        if self._models is None:
            self._corpus = corpus_of(self._manifest, self.results.part)
            self._models = Dictionaries(self._corpus)
        sounds = signals_of(self._corpus, self._models, settings, noise, speech)
        self.player.load(sounds, settings.sampling_rate)
        self.chosen = settings
        score = SCORES[self.metric.value]
        text = score.text(gain, score.decimals + 1)
        self._say(f"{where}, {score.label} gain {text} {score.unit}".rstrip() + ".", "ready")

    def _values(self, settings: Settings) -> str:
        return ", ".join(f"{n} {as_typed(getattr(settings, n))}" for n in self.results.axes)

    def _picked(self, line: int, column: int) -> None:
        self._told(lambda: self.choose(line, column))

    def _changed(self, _: Any) -> None:
        with self._lock:
            self._told(self._paint)

    def _told(self, work: Any) -> None:
        """Do something, and say in the status line what went wrong."""
        try:
            work()
        except Exception as error:
            if not self.closed:
                self._say(sentence_of(error), "error")

    def _say(self, text: str, mark: str) -> None:
        self.status.value = status_line(text, mark, self.panel.widget.seq)

    def close(self) -> None:
        """Stop looking at the folder, and take the widgets off the page."""
        if not self.closed:
            self.closed = True
            self._ended.set()
            close_widgets([self.widget])

    def __repr__(self) -> str:
        if self.closed:
            return "SweepFolderExplorer: closed"
        return f"SweepFolderExplorer: {self._summary()}"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.closed:
            return {"text/plain": repr(self)}, {}
        _, metadata = self.page._repr_mimebundle_() or ({}, {})
        view = dict(self.widget._repr_mimebundle_() or {})
        return {**view, "text/plain": repr(self)}, metadata


def _label(name: str) -> str:
    """Give what stands at an axis."""
    control = parameters()[name].control if name else None
    return control.label if control else name.replace("_", " ")
