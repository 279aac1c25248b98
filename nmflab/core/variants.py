"""The variants of NMF: which prior each one fits to the activations left over from training.

A variant is one object. It shows up by itself in `nmflab.Settings`, on the command line, in the
explorers' menus and in sweeps. `NMF` has no prior, `NMF_g` a gamma prior and `NMF_e` an
exponential prior on each row of H (Kwon, Shin and Kim, ICASSP 2016). See
notebooks/05_priors.ipynb.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from numpy.typing import ArrayLike

from nmflab.core.priors import ExponentialPrior, GammaPrior, Prior

__all__ = ["VARIANTS", "Variant", "register"]


@dataclass(frozen=True)
class Variant:
    """A variant of NMF, named for its prior.

    Parameters
    ----------
    name : str
        As the settings spell it, for instance ``"NMF_g"``.
    label : str
        What the prior is, in two words.
    fit : callable, optional
        ``fit(H, floor)`` fits the prior to activations H of shape (K, T). `floor` is the level,
        relative to the mean of a row, to which its activations are raised before logarithms are
        taken; a prior that takes none ignores it. Without `fit` there is no prior.
    """

    name: str
    label: str
    fit: Callable[[ArrayLike, float], Prior] | None = None


VARIANTS: dict[str, Variant] = {}
"""All variants by name, in the order of the menus."""


def register(variant: Variant) -> Variant:
    """Add a variant to those that there are.

    Parameters
    ----------
    variant : Variant
        The variant; one of the same name is replaced.

    Returns
    -------
    Variant
        The same variant.
    """
    VARIANTS[variant.name] = variant
    return variant


register(Variant("NMF", "no prior"))
register(Variant("NMF_g", "gamma prior", lambda H, floor: GammaPrior.fit(H, floor=floor)))
register(Variant("NMF_e", "exponential prior", lambda H, floor: ExponentialPrior.fit(H)))
