"""The live engine: stages, panels, player, and the explorers that the notebooks show."""

from nmflab.explorer.factorisation import FactorisationExplorer
from nmflab.explorer.listening import ListeningExplorer
from nmflab.explorer.penalty import PenaltyExplorer
from nmflab.explorer.prior import PriorExplorer
from nmflab.explorer.separation import SeparationExplorer
from nmflab.explorer.starts import StartsExplorer
from nmflab.explorer.stft import StftExplorer
from nmflab.explorer.sweep import SweepExplorer

__all__ = [
    "FactorisationExplorer",
    "ListeningExplorer",
    "PenaltyExplorer",
    "PriorExplorer",
    "SeparationExplorer",
    "StartsExplorer",
    "StftExplorer",
    "SweepExplorer",
]
