"""The model file: the dictionaries of speech and of noise, and the settings of their training.

`SeparationModel.save` writes it; what is read is checked in full.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nmflab import checks
from nmflab.core.model import ARRAYS, VERSION, Dictionary, SeparationModel
from nmflab.errors import NmflabError
from nmflab.settings import SOURCES, Settings
from nmflab.system.archives import read_archive

__all__ = ["load_model"]

FIRST_ARRAYS = {"header", *(f"{s}_{name}" for s in SOURCES for name in ("W", "H", "divergence"))}


def load_model(path: str | Path) -> SeparationModel:
    """Read a model that `SeparationModel.save` wrote.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    SeparationModel
        The model.

    Raises
    ------
    NmflabError
        If the file is missing, truncated, of another version, holds pickles or isn't a model.
    """
    remedy = "make one with `nmflab train`"
    model = read_archive(checks.as_path(path), "model", VERSION, _model_of, remedy=remedy)
    if model is None:
        raise NmflabError(
            f"{path} is a model of an early nmflab, which didn't keep the level of the training "
            f"audio that the priors' scale needs: {remedy}."
        )
    return model


def _model_of(header: dict[str, Any], archive: Mapping[str, Any]) -> SeparationModel | None:
    """Build the model from its file; any error says that its arrays don't fit each other.

    Models of the first format say that they are of this version too; they give None.
    """
    if set(archive) == FIRST_ARRAYS:
        return None
    settings = Settings.from_dict(header["settings"])
    speech, noise = (
        dictionary_of(
            {name: archive[f"{source}_{name}"] for name in ARRAYS},
            settings.num_bins,
            K,
            settings.context,
        )
        for source, K in zip(
            SOURCES, (settings.num_basis_speech, settings.num_basis_noise), strict=True
        )
    )
    return SeparationModel(speech, noise, settings)


def dictionary_of(
    arrays: Mapping[str, Any], num_bins: int, num_bases: int, context: int = 1
) -> Dictionary:
    """Build a dictionary of its `ARRAYS`; a ValueError says that they aren't one of this shape."""
    W, H, divergence, rms = (arrays[name] for name in ARRAYS)
    shape = context * num_bins, num_bases
    if W.shape != shape or H.ndim != 2 or len(H) != num_bases or rms.ndim != 0:
        raise ValueError("the arrays don't fit the settings")
    for array in (W, H, divergence, rms):
        least, most = array.min(initial=0), array.max(initial=0)
        if array.dtype.kind != "f" or not (least >= 0 and most < np.inf):
            raise ValueError("an array holds what it may not")
    if not (W.any(axis=0).all() and (H.any() or num_bases == 0) and rms > 0):
        raise ValueError("the dictionary is silent")
    return Dictionary(W, H, divergence, float(rms), context)
