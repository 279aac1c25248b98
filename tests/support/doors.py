"""Every public function that computes, with arguments that it takes, and what no argument is."""

import dataclasses
import inspect
from decimal import Decimal
from fractions import Fraction
from functools import cache

import numpy as np

import nmflab
from nmflab.audio import signals
from nmflab.core import model, nmf, pipeline, stft, wiener
from nmflab.corpus.model_files import load_model
from nmflab.evaluation import metrics
from nmflab.priors import distributions as priors
from nmflab.priors import variants
from nmflab.recordings.denoise import denoise
from nmflab.settings import Settings

MODULES = (signals, model, nmf, pipeline, priors, stft, variants, wiener, metrics)
SMALL = Settings(
    fft=64,
    win_size=64,
    overlap=48,
    num_basis_speech=6,
    num_basis_noise=4,
    max_iter_train=5,
    max_iter_test=5,
    penalty=0.1,
    nmf_mode="NMF_g",
)


def voice(seed, n=3000):
    """Give tones that come and go."""
    rng, t = np.random.default_rng(seed), np.arange(n)
    tones = [
        np.sin(f * t) * np.sin(t / rng.uniform(100, 400)) ** 2 for f in rng.uniform(0.05, 2, 5)
    ]
    return (0.1 * sum(tones) + 1e-3 * rng.standard_normal(n)).astype(np.float32)


def hiss(seed, n=3000):
    """Give noise."""
    noise = np.random.default_rng(seed).standard_normal(n + 1)
    return (0.1 * (noise[1:] + 0.9 * noise[:-1])).astype(np.float32)


@cache
def small_model():
    """Give a model that takes no time to train."""
    return nmflab.train_model([voice(0), voice(1)], [hiss(2)], SMALL)


@cache
def doors():
    """Give (function, arguments that it takes) of all public functions and methods, by name."""
    rng = np.random.default_rng(0)
    V, W = rng.gamma(0.3, 1.0, (9, 14)), rng.gamma(0.3, 1.0, (9, 3)) + 1e-6
    H = rng.gamma(0.4, 1.0, (3, 14))
    V, W, H = (A.astype(np.float32) for A in (V, W, H))
    V[:, 3] = V[2] = 0.0
    H[1, 2:5] = 0.0
    s, n = voice(3, 9000), hiss(4, 9000)
    transform = stft.Stft.from_settings(SMALL)
    S, N = transform.analyse(s), transform.analyse(n)
    gamma = priors.GammaPrior(scale=np.array([0.5, 2.0, 1e-9]), shape=np.array([0.3, 2.0, 1.0]))
    expon = priors.ExponentialPrior(scale=np.ones(3), shape=np.ones(3))
    trained = small_model()
    of = {
        "Settings": (Settings, dataclasses.asdict(SMALL)),
        "Settings.replace": (lambda **x: SMALL.replace(**x), dataclasses.asdict(SMALL)),
        "Settings.from_dict": (Settings.from_dict, {"parameters": {"p": 1.0}}),
        "Settings.read_by": (lambda stage: SMALL.read_by(stage), {"stage": "gain"}),
        "mix_at_snr": (signals.mix_at_snr, {"speech": s, "noise": n, "snr": 3.0, "offset": 7}),
        "resample": (signals.resample, {"samples": s, "rate": 16000, "sampling_rate": 8000}),
        "kl_divergence": (nmf.kl_divergence, {"V": V, "V_hat": V + 1}),
        "train_model": (
            nmflab.train_model,
            {"speech": [s], "noise": [n], "settings": SMALL, "progress": None, "cache": True},
        ),
        "train_dictionary": (
            model.train_dictionary,
            {"signals": [s], "num_bases": 2, "settings": SMALL, "progress": None},
        ),
        "Dictionary.prior": (
            trained.speech.prior,
            {"nmf_mode": "NMF_g", "activation_floor": 0.2},
        ),
        "load_model": (load_model, {}),
        "SeparationModel.save": (trained.save, {"path": "model.npz"}),
        "train_nmf": (
            nmf.train_nmf,
            {"V": V, "n_bases": 3, "n_iter": 4, "epsilon": 0.1, "solver": "plain", "init": (W, H),
             "seed": 1, "trace": True, "progress": None},
        ),
        "encode": (
            nmf.encode,
            {"V": V, "W": W, "prior": gamma, "penalty": 0.1, "n_iter": 6, "epsilon": 0.0,
             "update": "mm", "solver": "accelerated", "init": H, "seed": 1, "trace": True,
             "progress": None},
        ),
        "separate": (
            pipeline.separate,
            {"model": trained, "mixture": s + n, "settings": SMALL, "unit": None, "progress": None},
        ),
        "denoise": (
            denoise,
            {"samples": s, "sampling_rate": 16000, "noise": [(0.0, 0.2)], "progress": None,
             "settings": Settings.own().replace(max_iter_test=1)},
        ),
        "Stft": (
            stft.Stft,
            {"fft": 64, "window": "hann", "win_size": 32, "overlap": 16, "sampling_rate": 8000},
        ),
        "Stft.from_settings": (stft.Stft.from_settings, {"settings": SMALL}),
        "Stft.num_frames": (transform.num_frames, {"length": 900}),
        "Stft.times": (transform.times, {"num_frames": 9}),
        "Stft.frequencies": (transform.frequencies, {}),
        "Stft.analyse": (transform.analyse, {"x": s}),
        "Stft.synthesise": (transform.synthesise, {"X": S, "length": 9000}),
        "wiener_gain": (wiener.wiener_gain, {"S": V, "N": V[::-1].copy(), "p": 2.0}),
        "bss_eval": (metrics.bss_eval, {"speech": s, "noise": n, "speech_estimate": s + n}),
        "oracle_mask": (
            metrics.oracle_mask,
            {"speech_spectrogram": S, "noise_spectrogram": N, "p": 1.0},
        ),
        "pesq": (metrics.pesq, {"reference": s, "estimate": s + n, "sampling_rate": 16000}),
        "score": (
            metrics.score,
            {"speech": s, "noise": n, "speech_estimate": s + n, "sampling_rate": 16000},
        ),
        "measure": (
            metrics.measure,
            {"speech": s, "noise": n, "speech_estimate": s + n, "sampling_rate": 16000,
             "names": ("sdr", "stoi")},
        ),
        "si_sdr": (metrics.si_sdr, {"reference": s, "estimate": s + n}),
        "stoi": (
            metrics.stoi,
            {"reference": s, "estimate": s + n, "sampling_rate": 16000, "extended": True},
        ),
    }  # fmt: skip
    for kind, prior in (("GammaPrior", gamma), ("ExponentialPrior", expon)):
        of |= {
            kind: (type(prior), {"scale": gamma.scale, "shape": gamma.shape}),
            f"{kind}.stretched": (prior.stretched, {"factor": 2.0}),
            f"{kind}.quantile": (prior.quantile, {"probability": [0.1, 0.9]}),
            f"{kind}.log_likelihood": (prior.log_likelihood, {"H": H, "floor": 0.1}),
            f"{kind}.fit": (prior.fit, {"H": H} | ({"floor": 0.1} if prior is gamma else {})),
        }
        for name in ("penalty", "derivative", "logpdf", "pdf"):
            of[f"{kind}.{name}"] = getattr(prior, name), {"H": H + np.float32(1e-3)}
    return of


WITHOUT_DOOR = {
    "NmflabError": "an error",
    "NmflabWarning": "a warning",
    **dict.fromkeys(("read_audio", "write_audio", "load_corpus"), "files: tests/audio, corpus"),
    **dict.fromkeys(
        ("Mixture", "Scores", "Dictionary", "SeparationModel", "Separation", "Encoding"),
        "a record of results, made by nobody else",
    ),
    "Factorisation": "a record of results",
    "Variant": "an entry of a registry",
    **dict.fromkeys(("VARIANTS", "SCORES", "Score"), "a registry"),
    **dict.fromkeys(
        ("Estimate", "Estimate.bss_eval", "Estimate.intelligibility"), "what SCORES' entries read"
    ),
    "Score.text": "what tables read",
    "Scores.to_dict": "takes nothing",
    "Dictionary.row_means": "takes nothing",
    **{
        f"{name}.{values}": "takes nothing"
        for name in ("Encoding", "Separation")
        for values in ("objective", "divergence")
    },
    "Settings.to_dict": "takes nothing",
    **dict.fromkeys(("Settings.framewise", "Settings.tuned", "Settings.own"), "takes nothing"),
}


def public_names():
    """List what `nmflab` and the modules of numbers export, with the methods of classes."""
    found = {name: getattr(nmflab, name) for name in nmflab.__all__}
    for module in MODULES:
        found |= {name: getattr(module, name) for name in module.__all__}
    for name, thing in tuple(found.items()):
        if inspect.isclass(thing) and not issubclass(thing, tuple | Exception):
            methods = inspect.getmembers(thing, inspect.isroutine)
            found |= {f"{name}.{m}": f for m, f in methods if not m.startswith("_")}
    return set(found)


class Refusing:
    """An object that NumPy can't make an array of."""

    def __array__(self, *_, **__):
        raise TypeError("no array")


WRONG = (
    None, True, -1, 0, 1.5, float("nan"), float("inf"), -float("inf"), 10**400, -(10**400), 1j,
    "x", "", "a\0b", b"x", (), [], [[1.0], [1.0, 2.0]], [10**400, 1.0], {}, {"a": 1}, {1: 2}, {1},
    object(), Refusing(), Fraction(1, 2), Decimal(1), np.float16(2), np.bool_(True),
    np.array(3.0), np.array("a"), np.array([None]), np.array(["2020"], "M8[D]"), np.ones(3, bool),
    np.zeros(0), np.full(3, np.nan), np.ones(3), np.zeros((2, 3)), np.ones((3, 14), np.uint8),
    np.ones((2, 2, 2)), np.ones(3, complex), np.full((9, 14), 1e300), (np.ones(2), "x"),
)  # fmt: skip
