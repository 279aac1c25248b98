"""The live engine: stages, panels, player, and the explorers that the notebooks show."""

from nmflab.explorer.explorers import SeparationExplorer
from nmflab.explorer.lessons import (
    FactorisationExplorer,
    PenaltyExplorer,
    PriorExplorer,
    StftExplorer,
)
from nmflab.explorer.sweeping import SweepExplorer

__all__ = [
    "FactorisationExplorer",
    "PenaltyExplorer",
    "PriorExplorer",
    "SeparationExplorer",
    "StftExplorer",
    "SweepExplorer",
]
