"""NMF source separation to learn, teach and tune.

The method of K. Kwon, J. W. Shin and N. S. Kim, "NMF-based source separation utilizing prior
knowledge on encoding vector", ICASSP 2016: dictionaries trained on speech and noise apart, priors
fitted to the activations left over from training, and a Wiener gain.
"""

from nmflab.audio import mix_at_snr, read_audio, write_audio
from nmflab.corpus import load_corpus
from nmflab.errors import NmflabError
from nmflab.nmf import encode, kl_divergence, train_nmf
from nmflab.priors import ExponentialPrior, GammaPrior
from nmflab.separation import Separation, SeparationModel, load_model, separate, train_model
from nmflab.settings import Settings
from nmflab.stft import Stft
from nmflab.wiener import wiener_gain

__version__ = "0.1.0"

__all__ = [
    "ExponentialPrior",
    "GammaPrior",
    "NmflabError",
    "Separation",
    "SeparationModel",
    "Settings",
    "Stft",
    "encode",
    "kl_divergence",
    "load_corpus",
    "load_model",
    "mix_at_snr",
    "read_audio",
    "separate",
    "train_model",
    "train_nmf",
    "wiener_gain",
    "write_audio",
]
