"""The chain of stages behind every explorer: mixture → … → scores, each remembered.

A stage declares which parts of the `State` it reads and which stages it needs. Its results are
kept under the values of all that it and its ancestors read: a slider makes only those stages run
again that lie below it, and going back to an earlier value costs nothing.

    mixture ──► spectrogram ──► activations ──► gain ──► separation ──► si_sdr, scores
                speech, noise (dictionaries) ──┘

There is no widget in here. Quick stages run under one lock, for a slider may be heard on another
thread than a cell runs on. Slow ones (training and the full scores) run outside it, so that the
others stay at hand meanwhile.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Any

import numpy as np

from nmflab.core.model import StageProgress
from nmflab.corpus.folders import Corpus
from nmflab.errors import NmflabError
from nmflab.explorer.engine.stages import STAGES, Stage
from nmflab.explorer.engine.state import State, View
from nmflab.settings import Settings

REMEMBERED = 2
"""Results that each stage keeps."""

REMEMBERED_TRAINED = 8
"""Results that each stage keeps that trains, as long as they are small enough together."""

LARGEST = 16_000_000
"""Bytes that they may have, the newest aside: what is beyond that is in the cache folder."""

Key = tuple[Any, ...]


class Chain:
    """The stages over one corpus.

    Parameters
    ----------
    corpus : Corpus
        Where clips, noises and training audio come from.

    Attributes
    ----------
    stages : dict of str to Stage
        The stages by name.
    depends : dict of str to tuple of str
        What each stage and its ancestors read.
    results : dict of str to OrderedDict
        What is remembered of each stage.
    runs : collections.Counter
        How often each stage really ran.
    lock : threading.RLock
        Held while a quick stage runs.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.runs: Counter[str] = Counter()
        self.lock = threading.RLock()
        self._keys: tuple[State | None, dict[str, Key]] = None, {}  # of the state asked for last
        self.stages: dict[str, Stage] = {}
        self.depends: dict[str, tuple[str, ...]] = {}
        self.results: dict[str, OrderedDict[Key, Any]] = {}
        for stage in STAGES.values():
            self.add(stage)

    def add(self, stage: Stage) -> None:
        """Add a stage, as the lessons' explorers do; those that it needs are there already."""
        above = [part for needed in stage.needs for part in self.depends[needed]]
        self.stages[stage.name] = stage
        self._keys = None, {}
        self.depends[stage.name] = tuple(dict.fromkeys([*above, *stage.reads]))
        self.results[stage.name] = OrderedDict()

    def state(self, settings: Settings | None = None) -> State:
        """Give the state to begin with: the first clip in the first noise."""
        settings = settings or Settings()
        if settings.sampling_rate != self.corpus.sampling_rate:
            raise NmflabError(
                f"sampling_rate is {settings.sampling_rate} but the corpus is at "
                f"{self.corpus.sampling_rate} Hz: load it with "
                f"load_corpus(sampling_rate={settings.sampling_rate})."
            )
        clip, noise = self.corpus.test_speech.names[0], self.corpus.test_noise.names[0]
        return State(settings=settings, clip=clip, noise=noise)

    def key(self, name: str, state: State) -> Key:
        """Give the values of all that a stage and its ancestors read."""
        last, keys = self._keys
        if last is not state:
            self._keys = state, (keys := {})
        if name not in keys:
            keys[name] = tuple(state.read(part) for part in self.depends[name])
        return keys[name]

    def get(self, name: str, state: State, progress: StageProgress | None = None) -> Any:
        """Give the result of a stage; what isn't remembered runs.

        ``progress(what, done, total)`` is called during training. An exception that it raises
        ends the training, and nothing is remembered of it.
        """
        key = self.key(name, state)
        with self.lock:
            if key in self.results[name]:
                self.results[name].move_to_end(key)
                return self.results[name][key]
        stage = self.stages[name]
        if stage.slow:
            result = self._computed(stage, state, progress)
            ran = f"first look at {name}" if state.preview and stage.preview else name
            return self._remember(name, key, result, ran)
        for needed in stage.needs:  # a slow one among them must not hold the lock
            self.get(needed, state, progress)
        with self.lock:
            if key in self.results[name]:  # another thread was faster
                return self.results[name][key]
            return self._remember(name, key, self._computed(stage, state, progress))

    def missing(self, state: State, names: Iterable[str]) -> tuple[Key, ...]:
        """Give names and keys of those stages whose result isn't remembered."""
        with self.lock:
            keys = [(name, self.key(name, state)) for name in names]
            return tuple((name, key) for name, key in keys if key not in self.results[name])

    def can_preview(self, names: Iterable[str]) -> bool:
        """Say whether there is a first look at the results of all these stages."""
        return all(self.stages[name].preview for name in names)

    def recall(self, state: State, names: Iterable[str]) -> None:
        """Fetch of what is missing what earlier runs have kept."""
        for name, key in self.missing(state, names):
            stage = self.stages[name]
            found = stage.recall(self._view(stage, state)) if stage.recall else None
            if found is not None:
                self._remember(name, key, found, f"recall of {name}")

    def forget_previews(self) -> None:
        """Forget all that was made of a first look."""
        with self.lock:
            for name, parts in self.depends.items():
                if "preview" in parts:
                    at, results = parts.index("preview"), self.results[name]
                    for key in [key for key in results if key[at]]:
                        del results[key]

    def _computed(self, stage: Stage, state: State, progress: StageProgress | None) -> Any:
        if state.preview and stage.preview is not None:
            return self._previewed(stage, state)
        inputs = [self.get(needed, state, progress) for needed in stage.needs]
        options = {"progress": progress} if stage.trained else {}
        return stage.compute(self._view(stage, state), *inputs, **options)

    def _previewed(self, stage: Stage, state: State) -> Any:
        """Give the result if it is there, and else a first look at it."""
        assert stage.preview is not None
        whole, parts = state.replace(preview=False), self.depends[stage.name]
        with self.lock:
            results = dict(self.results[stage.name])
        key = self.key(stage.name, whole)
        if key in results:
            return results[key]
        fixed = [at for at, part in enumerate(parts) if part not in stage.near_but_for]
        is_near = (all(other[at] == key[at] for at in fixed) for other in results)
        near = [found for found, near in zip(results.values(), is_near, strict=True) if near]
        return stage.preview(self._view(stage, state), near=near[-1] if near else None)

    def _view(self, stage: Stage, state: State) -> View:
        return View(state, self.corpus, stage.name, stage.reads)

    def _remember(self, name: str, key: Key, result: Any, ran: str = "") -> Any:
        with self.lock:
            self.runs[ran or name] += 1
            self.results[name][key] = result
            while self._has_too_many(name):
                self.results[name].popitem(last=False)
        return result

    def _has_too_many(self, name: str) -> bool:
        results = self.results[name]
        if not self.stages[name].trained:
            return len(results) > REMEMBERED
        size = sum(map(_bytes_of, results.values()))
        return len(results) > REMEMBERED_TRAINED or (len(results) > 1 and size > LARGEST)


def _bytes_of(result: Any) -> int:
    """Count what the arrays of a result take."""
    return sum(part.nbytes for part in vars(result).values() if isinstance(part, np.ndarray))
