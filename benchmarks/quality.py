"""How well recordings are cleaned: ours and what people would do instead, on test mixtures.

``python -m benchmarks.quality [FOLDER]`` mixes every test voice with every test noise of a corpus
(the embedded one by default) at each SNR, lets every system clean it, and prints a table for each
SNR: the mean over the mixtures, and how far the mean may be off (the half width of a 95 % bootstrap
interval over files). ``--output FILE`` keeps all scores as CSV.

Who knows what:

- *tuned* and *framewise*: ``Settings.tuned()`` and ``Settings.framewise()``, which trained on the
  training part of that very noise.
- *noisereduce, given*: stationary, with the same training part as its noise.
- *marked*: the recording begins with 1 or 2 s of the noise alone, marked as such; they aren't
  scored.
- *one look*: blind, without the second look (`nmflab.recordings.second_look`).
- *blind*: the mixture and nothing else. log-MMSE takes its first 120 ms for noise, as it does by
  default.
"""

import argparse
import csv
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import numpy as np
from scipy.stats import bootstrap

import nmflab as nl
from nmflab.corpus.dictionaries import train_model
from nmflab.evaluation.metrics import SCORES, Truth
from nmflab.recordings import denoise as cleaning
from nmflab.recordings.second_look import second_log_ratio
from nmflab.settings import Settings
from nmflab.system.threads import one_blas_thread

SNRS = (-5.0, 0.0, 5.0, 10.0)
SHOWN = ("sdr", "si_sdr", "stoi", "estoi", "pesq")
LEAD = 2.0  # seconds of noise alone that every recording could begin with

Row = dict[str, float | str]


class Recording:
    """A mixture (n,), the noise alone that went before it, and what is true of it."""

    def __init__(self, speech, noise, snr: float, rate: int) -> None:
        lead = round(LEAD * rate)
        mixed = nl.mix_at_snr(speech, noise, snr, offset=lead)
        scale = np.abs(mixed.noise).sum() / np.abs(np.resize(noise[lead:], len(speech))).sum()
        self.rate, self.mixture = rate, mixed.mixture
        self.before = np.asarray(noise[:lead] * scale, dtype=np.float32)
        self.truth = Truth(mixed.speech, mixed.noise, rate)

    def marked(self, seconds: float):
        return np.concatenate([self.before[-round(seconds * self.rate) :], self.mixture])


def noisy(recording: Recording, folder: str | None, noise: str):
    return recording.mixture


def trained(recording: Recording, folder: str | None, noise: str, settings: Settings):
    return nl.separate(_model(folder, noise, settings), recording.mixture).speech


def blind(recording: Recording, folder: str | None, noise: str, settings: Settings | None = None):
    return nl.denoise(recording.mixture, recording.rate, settings=settings).speech


def one_look(recording: Recording, folder: str | None, noise: str):
    with patch.object(cleaning, "second_log_ratio", partial(second_log_ratio, looks=0)):
        return blind(recording, folder, noise)


def marked(recording: Recording, folder: str | None, noise: str, seconds: float):
    found = nl.denoise(recording.marked(seconds), recording.rate, noise=[(0.0, seconds)])
    return found.speech[-len(recording.mixture) :]


def noisereduce_given(recording: Recording, folder: str | None, noise: str):
    from noisereduce import reduce_noise

    known = _training_noise(_corpus(folder), noise)
    return reduce_noise(recording.mixture, recording.rate, y_noise=known[0], stationary=True)


def noisereduce_blind(recording: Recording, folder: str | None, noise: str):
    from noisereduce import reduce_noise

    return reduce_noise(recording.mixture, recording.rate, stationary=False)


def log_mmse(recording: Recording, folder: str | None, noise: str, seconds: float = 0.0):
    with np.errstate():  # it leaves NumPy's set to raise
        from logmmse import logmmse

        x = recording.marked(seconds) if seconds else recording.mixture
        peak = max(1.0, float(np.abs(x).max()))
        pcm = np.round(x / peak * 32767).astype(np.int16)
        frames = {"initial_noise": round(seconds / 0.02)} if seconds else {}  # of 20 ms
        speech = logmmse(pcm, recording.rate, **frames)
    speech = np.pad(speech, (0, max(0, len(x) - len(speech))))[: len(x)] * (peak / 32767.0)
    return speech[-len(recording.mixture) :].astype(np.float32)


SYSTEMS: dict[str, Callable] = {
    "noisy": noisy,
    "noisereduce, blind": noisereduce_blind,
    "noisereduce, given": noisereduce_given,
    "log-MMSE, blind": log_mmse,
    "log-MMSE, 1 s marked": partial(log_mmse, seconds=1.0),
    "framewise, trained": partial(trained, settings=Settings.framewise()),
    "tuned, trained": partial(trained, settings=Settings.tuned()),
    "denoise, one look": one_look,
    "denoise, blind": blind,
    "denoise, 1 s marked": partial(marked, seconds=1.0),
    "denoise, 2 s marked": partial(marked, seconds=2.0),
}

NEEDS = {"noisereduce": "noisereduce", "log-MMSE": "logmmse"}


def has(system: str) -> bool:
    return all(find_spec(module) for name, module in NEEDS.items() if system.startswith(name))


@cache
def _corpus(folder: str | None):
    return nl.load_corpus() if folder is None else nl.load_corpus(folder)


def _training_noise(corpus, noise: str):
    return [corpus.train_noise[noise]]


@cache
def _model(folder: str | None, noise: str, settings: Settings):
    corpus = _corpus(folder)
    with one_blas_thread():
        return train_model(corpus.train_speech, _training_noise(corpus, noise), settings)


def clean_all(
    folder: str | None, systems: Iterable[str], task: tuple[str, str, float]
) -> list[Row]:
    """Let every system clean one mixture, and score it."""
    voice, noise, snr = task
    corpus, rows = _corpus(folder), []
    speech = corpus.test_speech[voice]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recording = Recording(speech, corpus.test_noise[noise], snr, corpus.sampling_rate)
        for system in systems:
            estimate = SYSTEMS[system](recording, folder, noise)
            scores = recording.truth.measure(estimate, SHOWN)
            known = dict(zip(SHOWN, scores, strict=True))
            rows.append({"system": system, "snr": snr, "voice": voice, "noise": noise, **known})
    return rows


def intervals(values: list[float]) -> tuple[float, float]:
    """Give the mean, and half the width of its 95 % interval over files."""
    x = np.asarray(values)
    if np.ptp(x) == 0:
        return float(x.mean()), 0.0
    found = bootstrap((x,), np.mean, n_resamples=2000, method="percentile", rng=0)
    low, high = found.confidence_interval
    return float(x.mean()), float(high - low) / 2


def tables(rows: list[Row], by: str = "snr") -> Iterator[str]:
    """Give the tables of means in Markdown, one for each value of a column."""
    for value in dict.fromkeys(row[by] for row in rows):
        some = [row for row in rows if row[by] == value]
        groups = defaultdict(list)
        for row in some:
            groups[row["system"]].append(row)
        count = len(next(iter(groups.values())))
        yield f"\n{by} {value:g} dB" if by == "snr" else f"\n{by} {value}"
        yield f"({count} mixtures)\n"
        yield "| system | " + " | ".join(SCORES[name].label for name in SHOWN) + " |"
        yield "| --- |" + " --- |" * len(SHOWN)
        for system, members in groups.items():
            cells = []
            for name in SHOWN:
                mean, half = intervals([row[name] for row in members])
                digits = 1 if SCORES[name].unit == "dB" else 2 if name == "pesq" else 3
                cells.append(f"{mean:.{digits}f} ± {half:.{digits}f}")
            yield f"| {system} | " + " | ".join(cells) + " |"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", help="a data folder; the embedded corpus by default")
    parser.add_argument("--snr", type=float, nargs="+", default=SNRS, metavar="DB")
    parser.add_argument("--voices", type=int, metavar="N", help="only so many test voices")
    parser.add_argument(
        "--systems", nargs="+", choices=SYSTEMS, help="these (default: all but one look)"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--by-noise", action="store_true", help="a table for each noise as well")
    parser.add_argument("--output", type=Path, help="a CSV file for the scores of each mixture")
    arguments = parser.parse_args(argv)
    corpus = _corpus(arguments.folder)
    wanted = arguments.systems or [name for name in SYSTEMS if name != "denoise, one look"]
    systems = [name for name in wanted if has(name)]
    if absent := [name for name in wanted if name not in systems]:
        print(f"Not installed, so left out: {', '.join(absent)}.", file=sys.stderr)
    voices, noises = corpus.test_speech.names, corpus.test_noise.names
    voices = voices[:: -(-len(voices) // (arguments.voices or len(voices)))]
    tasks = [(v, n, snr) for snr in arguments.snr for n in noises for v in voices]
    work = partial(clean_all, arguments.folder, systems)
    with ProcessPoolExecutor(arguments.jobs) as pool:
        rows = [row for found in pool.map(work, tasks) for row in found]
    if arguments.output:
        with arguments.output.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    print("\n".join(tables(rows)))
    if arguments.by_noise:
        for snr in arguments.snr:
            print(f"\n## {snr:g} dB, by noise")
            print("\n".join(tables([row for row in rows if row["snr"] == snr], by="noise")))


if __name__ == "__main__":
    main()
