"""Dictionaries that are trained once: later runs find them in the cache folder."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from nmflab.checks import check_flag, check_kind, check_progress, steady
from nmflab.core.model import (
    ARRAYS,
    Dictionary,
    SeparationModel,
    StageProgress,
    train_dictionary,
)
from nmflab.corpus.model_files import dictionary_of
from nmflab.corpus.shipped_dictionaries import fingerprint_of, shipped
from nmflab.settings import SOURCES, Settings
from nmflab.system import caching

__all__ = ["train_model"]

KIND = "dictionary"


def trained(
    signals: Sequence[ArrayLike],
    source: str,
    settings: Settings,
    *,
    progress: StageProgress | None = None,
    cache: bool = True,
) -> Dictionary:
    """Give the dictionary of a source ("speech" or "noise"), to the byte as training gives it.

    It comes out of the cache folder, or is trained and put there. `progress` is called as in
    `train_dictionary`, and not at all if there is nothing to train; an exception that it raises
    ends the training. With `cache` off, the folder is left alone. What is shipped comes before
    all that, in the precision of `nmflab.corpus.shipped_dictionaries`, unless `cache` is off.
    """
    K = getattr(settings, f"num_basis_{source}")
    found, name = _recall(signals, source, settings) if cache and K > 0 else (None, None)
    if found is None:
        found = train_dictionary(signals, K, settings, name=source, progress=progress)
        if name is not None:
            caching.keep(KIND, name, {}, {array: getattr(found, array) for array in ARRAYS})
    return found


def remembered(signals: Sequence[ArrayLike], source: str, settings: Settings) -> Dictionary | None:
    """Give the dictionary if it is shipped or in the cache folder; None if it has to be trained."""
    if getattr(settings, f"num_basis_{source}") == 0:
        return None
    return _recall(signals, source, settings)[0]


def share(signals: Sequence[ArrayLike], source: str, settings: Settings) -> None:
    """Keep a dictionary, if it is in the cache folder, for all forks of this process."""
    found = remembered(signals, source, settings)
    if found is not None:
        _shared[fingerprint_of(signals, source, settings)] = found


@steady
def train_model(
    speech: Sequence[ArrayLike],
    noise: Sequence[ArrayLike],
    settings: Settings | None = None,
    *,
    progress: StageProgress | None = None,
    cache: bool = True,
) -> SeparationModel:
    """Train the dictionaries of speech and of noise, apart from each other.

    They are kept in the cache folder, where the same again is found: same signals, same settings
    of training, same nmflab. ``NMFLAB_CACHE`` names another folder, or is ``off`` for none.

    Parameters
    ----------
    speech, noise : sequence of array_like, each of shape (n,)
        Clean audio of the two sources at ``settings.sampling_rate``. Where
        ``settings.num_basis_noise`` is 0 no noise is needed.
    settings : Settings, optional
        By default ``Settings()``.
    progress : callable, optional
        Called as ``progress(stage, done, total)`` after each iteration.
    cache : bool, default True
        Whether dictionaries may come out of the cache folder, and are kept there; the result is
        the same.

    Returns
    -------
    SeparationModel
        The model.

    Raises
    ------
    NmflabError
        If a source has no signal, all are silent, one is unusable, or there are fewer frames than
        bases.
    """
    settings = Settings() if settings is None else settings
    check_kind(settings, Settings, "settings", "Settings")
    check_progress(progress)
    check_flag(cache, "cache")
    both = [
        trained(signals, source, settings, progress=progress, cache=cache)
        for signals, source in zip((speech, noise), SOURCES, strict=True)
    ]
    return SeparationModel(both[0], both[1], settings)


_shared: dict[str, Dictionary] = {}


def _recall(
    signals: Sequence[ArrayLike], source: str, settings: Settings
) -> tuple[Dictionary | None, str | None]:
    """Give the dictionary if it is shipped, shared or in the cache folder, and its name there."""
    found = shipped(signals, source, settings)
    if found is not None or caching.cache_folder() is None:
        return found, None
    name = fingerprint_of(signals, source, settings)
    shape = settings.num_bins, getattr(settings, f"num_basis_{source}"), settings.context
    found = _shared.get(name) or caching.look_up(
        KIND, name, lambda _, arrays: dictionary_of(arrays, *shape)
    )
    return found, name
