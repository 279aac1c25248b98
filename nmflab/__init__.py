"""NMF source separation to learn, teach and tune.

The method of K. Kwon, J. W. Shin and N. S. Kim, "NMF-based source separation utilizing prior
knowledge on encoding vector", ICASSP 2016: dictionaries trained on speech and noise apart, priors
fitted to the activations left over from training, and a Wiener gain.
"""

from nmflab.audio.files import read_audio, write_audio
from nmflab.audio.signals import mix_at_snr
from nmflab.core.model import SeparationModel
from nmflab.core.nmf import encode, kl_divergence, train_nmf
from nmflab.core.pipeline import Separation, separate
from nmflab.core.stft import Stft
from nmflab.core.wiener import wiener_gain
from nmflab.corpus.dictionaries import train_model
from nmflab.corpus.folders import load_corpus
from nmflab.corpus.model_files import load_model
from nmflab.errors import NmflabError, NmflabWarning
from nmflab.priors.distributions import ExponentialPrior, GammaPrior
from nmflab.recordings.denoise import denoise
from nmflab.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "ExponentialPrior",
    "GammaPrior",
    "NmflabError",
    "NmflabWarning",
    "Separation",
    "SeparationModel",
    "Settings",
    "Stft",
    "denoise",
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
