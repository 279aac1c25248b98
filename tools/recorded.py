"""Record explorers for the site's pages: a mixture with its dictionaries, and H for each λ.

Where the noise is learnt on the mixture, its bases are recorded for each λ, too.

A page then separates the mixture by itself, with no kernel: see docs/site/recorded. λ has the
places of a grid; p, which needs no H of its own, has so for the scores, which are computed here.
"""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nmflab as nl
from nmflab.corpus.folders import Corpus
from nmflab.evaluation.metrics import SCORES, bss_eval
from nmflab.explorer.widgets import canvas, modules
from nmflab.window_functions import COSINES

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "docs" / "site" / "recorded"
WIDGETS = Path(modules.__file__).parent

LESSONS = {
    "00_quickstart": ("allison_en_01", "fan"),
    "01_stft": ("rms_01", "wind"),
    "02_nmf": ("carlo_09", "siren"),
    "03_dictionaries": ("allison_en_02", "factory"),
    "04_separation": ("rms_02", "fan"),
    "05_priors": ("carlo_10", "car"),
    "06_map_separation": ("allison_en_04", "babble"),
    "07_evaluation": ("allison_es_01", "pink"),
    "08_explorer": ("carlo_11", "factory"),
    "09_own_noise": ("allison_en_01", "factory"),
}
"""For each lesson the speech and the noise that its page mixes."""

SETTINGS = nl.Settings.framewise().replace(num_basis_speech=32, max_iter_train=40)
OWN_NOISE = nl.Settings.own().replace(
    context=1,
    keep=100.0,
    **{name: getattr(SETTINGS, name) for name in ("num_basis_speech", "max_iter_train")},
)
"""Those of a lesson whose noise is learnt on the mixture: a page knows bases of one frame alone."""

BLIND = frozenset({"09_own_noise"})
PENALTIES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
POWERS = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
START = (3, 3)
SECONDS = 1.5
SKIPPED = 0.4
"""Of each sentence, at its beginning."""


def settings_of(lesson: str) -> nl.Settings:
    """Give the settings that a lesson's mixture is separated with."""
    return OWN_NOISE if lesson in BLIND else SETTINGS


def record(clip: str, noise: str, fixed: nl.Settings = SETTINGS) -> dict[str, Any]:
    """Give all that a page needs to separate a sentence from a noise by itself."""
    corpus = _corpus()
    rate, begin = corpus.sampling_rate, round(SKIPPED * corpus.sampling_rate)
    speech = corpus.test_speech[clip][begin : begin + round(SECONDS * rate)]
    mixed = nl.mix_at_snr(speech, corpus.test_noise[noise], fixed.snr)
    model = nl.train_model(corpus.train_speech, corpus.training_noise(noise), fixed)
    stft = nl.Stft.from_settings(fixed)
    activations, scores, free = [], [], []
    for penalty in PENALTIES:
        settings = fixed.replace(penalty=penalty)
        found = nl.separate(model, mixed.mixture, settings)
        activations.append(_packed(found.H))
        if found.W_free is not None:
            free.append(_packed(found.W_free.T))
        scores.append([_sdr(model, mixed, settings.replace(p=p)) for p in POWERS])
    peak = float(np.abs(mixed.mixture).max())
    return {
        "title": f"{clip} {noise}",
        "rate": rate,
        "mixture": _text(np.rint(mixed.mixture * (32767 / peak)).astype("<i2").tobytes()),
        "scale": peak,
        "stft": {
            "fft": stft.fft,
            "win_size": stft.win_size,
            "hop": stft.hop,
            "cosines": list(COSINES[fixed.window]),
        },
        "bases": [fixed.num_basis_speech, fixed.num_basis_noise + fixed.num_basis_free],
        "W": _packed(model.W.T),
        "free": free,
        "penalties": [f"{penalty:g}" for penalty in PENALTIES],
        "H": activations,
        "powers": list(POWERS),
        "scores": scores,
        "before": SCORES["sdr"].text(bss_eval(mixed.speech, mixed.noise, mixed.mixture)[0]),
        "start": list(START),
        "loudest": float(np.abs(stft.analyse(mixed.mixture)).max()),
        "palette": _text(canvas.palette("magma")),
    }


def write(folder: Path, name: str) -> None:
    """Write a lesson's recording as a script: a page from the disk may read no other file."""
    recording = json.dumps(record(*LESSONS[name], settings_of(name)), separators=(",", ":"))
    text = f"(window.nmflabRecordings ??= {{}})[{json.dumps(name)}] = {recording};\n"
    (folder / f"{name}.js").write_text(text, encoding="utf-8")


def script() -> str:
    """Put the explorers' widgets and what moves them into one script, for all pages."""
    canvas_js, player_js = (_as_value(WIDGETS / f"{name}.js") for name in ("canvas", "player"))
    shown = modules.linked(SOURCES / "recorded.js")
    return (
        f"{{\nconst widgets = {{ canvas: {canvas_js}, player: {player_js} }};\n{shown}\n"
        "const start = () => show(widgets, window.nmflabRecordings);\n"
        'window.addEventListener("DOMContentLoaded", start);\n}'
    )


def style() -> str:
    """Give the style of the widgets."""
    return (WIDGETS / "style.css").read_text(encoding="utf-8")


def _as_value(path: Path) -> str:
    """Turn a widget's module into an expression: a page from the disk may import none."""
    text = modules.linked(path).replace("\nexport default ", "\nconst exported = ", 1)
    return f"(() => {{\n{text}\nreturn exported;\n}})()"


@cache
def _corpus() -> Corpus:
    return nl.load_corpus()


def _sdr(model: nl.SeparationModel, mixed: Any, settings: nl.Settings) -> str:
    found = nl.separate(model, mixed.mixture, settings)
    return SCORES["sdr"].text(bss_eval(mixed.speech, mixed.noise, found.speech)[0])


def _packed(rows: NDArray[np.floating]) -> dict[str, Any]:
    """Keep numbers of 0 and more as a byte each: the root, as a part of the row's greatest."""
    scales = np.maximum(rows.max(axis=1), 1e-12)
    codes = np.rint(255 * np.sqrt(rows / scales[:, np.newaxis])).astype(np.uint8)
    return {"bytes": _text(codes.tobytes()), "scales": [float(f"{x:.5g}") for x in scales]}


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
