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

from nmflab.priors.distributions import ExponentialPrior, GammaPrior, Prior

__all__ = ["VARIANTS", "Variant"]


@dataclass(frozen=True)
class Variant:
    """A variant of NMF, named for its prior.

    Parameters
    ----------
    name : str
        As the settings spell it, for instance ``"NMF_g"``.
    label : str
        What the prior is, in two words.
    fit : callable of (ndarray of shape (K, T), float), optional
        ``fit(H, floor)`` fits the prior to activations; without it there is no prior.
    floored : bool, default False
        Whether the fit looks at `floor`, the level, relative to the mean of a row, to which its
        activations are raised before logarithms are taken.
    """

    name: str
    label: str
    fit: Callable[[ArrayLike, float], Prior] | None = None
    floored: bool = False


VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("NMF", "no prior"),
        Variant("NMF_g", "gamma prior", lambda H, floor: GammaPrior.fit(H, floor=floor), True),
        Variant("NMF_e", "exponential prior", lambda H, floor: ExponentialPrior.fit(H)),
    )
}
"""All variants by name, in the order of the menus; a further one is a further entry."""
