"""Hand damaged files to everything that reads files, guided by the lines that they reach.

``python tools/fuzz.py [--runs 100000] [--only audio]`` takes the engine of atheris (``pip install
nmflab[fuzz]``): each reader has a process of its own, begins with good small files, and may use
1 GB of memory beyond what it has at the start, and 2 s of processor time for a file. A reader may
give its result or an `NmflabError`; anything else is a fault, whose file is kept.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nmflab.errors import NmflabError

SECONDS, MEMORY = 2.0, 2**30
SHARES = {"audio": 40, "flac": 20, "blocks": 10, "model": 10, "settings": 10, "sweep": 10}
"""Percent of the runs that each reader gets."""


class Hang(BaseException):
    """A file has taken too much time."""


def sounds(folder: Path) -> list[bytes]:
    """Give small good files of many formats."""
    import soundfile

    rng = np.random.default_rng(0)
    signal_ = (0.1 * rng.standard_normal((60, 2))).astype(np.float32)
    found = []
    for form, subtype in (
        ("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("WAV", "IMA_ADPCM"),
        ("WAVEX", "PCM_24"), ("AIFF", "PCM_16"), ("AU", "PCM_16"), ("CAF", "PCM_16"),
        ("W64", "PCM_16"), ("RF64", "PCM_16"), ("NIST", "PCM_16"), ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"),
    ):  # fmt: skip
        file = io.BytesIO()
        with contextlib.suppress(Exception):
            soundfile.write(file, signal_, 16000, format=form, subtype=subtype)
            found.append(file.getvalue())
    return found


def flacs(folder: Path) -> list[bytes]:
    """Give small FLAC files."""
    import soundfile

    found = []
    for channels, size, kind in ((1, 50, "PCM_16"), (2, 300, "PCM_16"), (1, 80, "PCM_24")):
        t = np.arange(size)
        x = np.stack([0.3 * np.sin(0.1 * t * (c + 1)) for c in range(channels)], 1)
        file = io.BytesIO()
        soundfile.write(file, x, 8000, format="FLAC", subtype=kind)
        found.append(file.getvalue())
    return found


def models(folder: Path) -> list[bytes]:
    """Give a small model."""
    import nmflab as nl

    rng = np.random.default_rng(0)
    settings = nl.Settings(
        num_basis_speech=1, num_basis_noise=1, max_iter_train=1, win_size=16, overlap=8, fft=16
    )
    x = [0.1 * rng.standard_normal(40)]
    nl.train_model(x, x, settings, cache=False).save(folder / "model.npz")
    return [(folder / "model.npz").read_bytes()]


def texts(folder: Path) -> list[bytes]:
    """Give settings as JSON."""
    import nmflab as nl

    return [json.dumps(s.to_dict()).encode() for s in (nl.Settings(), nl.Settings.tuned())]


def manifests(folder: Path) -> list[bytes]:
    """Give a manifest, a row of a journal, and both: a zero byte stands between them."""
    manifest = {"kind": "sweep", "version": "1", "corpus": {}, "metrics": {"sdr": {}}, "lines": []}
    text = json.dumps(manifest).encode()
    row = b'{"noise": "a", "speech": "b", "part": "test", "sdr_noisy": 1.0}\n'
    return [text, text + b"\0" + row, b"\0" + row]


def read_audio(content: bytes, folder: Path) -> None:
    """Read a file as the commands do, with a name that says nothing."""
    from nmflab.audio.files import read_audio

    (folder / "file.wav").write_bytes(content)
    read_audio(folder / "file.wav", 16000)


def read_flac(content: bytes, folder: Path) -> None:
    """Read a FLAC by the decoder of our own."""
    from nmflab.audio import flac

    with contextlib.suppress(flac.Damaged):  # what it calls damaged, its caller puts in a sentence
        form = flac.read_form(content)
        for _ in flac.decode(content, form):
            pass


def read_blocks(content: bytes, folder: Path) -> None:
    """Read a file block by block, and ask how long it is."""
    from nmflab.audio.files import duration, read_blocks

    (folder / "file.flac").write_bytes(content)
    duration(folder / "file.flac")
    for _ in read_blocks(folder / "file.flac"):
        pass


def read_model(content: bytes, folder: Path) -> None:
    """Load a model, and use it."""
    import nmflab as nl

    (folder / "model.npz").write_bytes(content)
    model = nl.load_model(folder / "model.npz")
    if model.settings.fft <= 4096 and model.W.size < 10**6:
        nl.separate(model, np.full(50, 0.1, np.float32))


def read_settings(content: bytes, folder: Path) -> None:
    """Make settings of whatever JSON there is."""
    import nmflab as nl

    with contextlib.suppress(ValueError, RecursionError):  # it is no JSON
        nl.Settings.from_dict(json.loads(content))


def read_sweep(content: bytes, folder: Path) -> None:
    """Read a sweep's folder: its manifest, and the rows of its journal."""
    from nmflab.evaluation.sweeps.store import MANIFEST, read_rows
    from nmflab.system.records import read_record

    manifest, _, journal = content.partition(b"\0")
    (folder / MANIFEST).write_bytes(manifest)
    (folder / "journal.jsonl").write_bytes(journal)
    read_record(folder / MANIFEST)
    read_rows(folder)


READERS: dict[str, tuple[Callable[[Path], list[bytes]], Callable[[bytes, Path], None]]] = {
    "audio": (sounds, read_audio),
    "flac": (flacs, read_flac),
    "blocks": (sounds, read_blocks),
    "model": (models, read_model),
    "settings": (texts, read_settings),
    "sweep": (manifests, read_sweep),
}


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """End what takes too much processor time."""

    def end(*_: Any) -> None:
        raise Hang

    signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def hand_out(name: str, runs: int, seed: int, folder: Path) -> None:
    """In a process of its own: hand files to a reader until so many were read."""
    import atheris

    make, read = READERS[name]
    for number, content in enumerate(make(folder)):
        (folder / "seeds").mkdir(exist_ok=True)
        (folder / "seeds" / str(number)).write_bytes(content)
        with contextlib.suppress(NmflabError):
            read(content, folder)  # imports what is needed, before anything is counted
    for module in ("audio", "core", "evaluation", "system", "settings", "checks", "parameters"):
        for found, there in list(sys.modules.items()):
            if found.startswith(f"nmflab.{module}"):
                for value in list(vars(there).values()):
                    if getattr(value, "__module__", "") == found and hasattr(value, "__code__"):
                        value.__code__ = atheris.instrument_func(value).__code__
    own = int(re.search(r"VmData:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (own + MEMORY, own + MEMORY))
    warnings.simplefilter("ignore")
    count = 0

    def one(content: bytes) -> None:
        nonlocal count
        count += 1
        (folder / "last").write_bytes(content)
        (folder / "count").write_text(str(count))
        try:
            with bounded():
                read(content, folder)
        except NmflabError:
            pass
        except BaseException as error:
            fault = f"{type(error).__name__}: {error}"[:300]
            (folder / "fault").write_text(fault)
            raise

    options = [f"-runs={runs}", f"-seed={seed + 1}", "-max_len=6000", "-rss_limit_mb=0",
               "-timeout=60", f"-artifact_prefix={folder}/", "-print_final_stats=0"]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(folder / "seeds")], one)
    atheris.Fuzz()


def fuzz(name: str, runs: int, seed: int, keep: Path) -> tuple[int, list[str]]:
    """Fuzz a reader; go on after a fault. Give the number of files and the faults."""
    done, faults = 0, []
    while done < runs and len(faults) < 10:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            command = [sys.executable, __file__, "--in", place, "--only", name]
            command += ["--runs", str(runs - done), "--seed", str(seed + done)]
            run = subprocess.run(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            counted = folder / "count"
            now = int(counted.read_text() or 0) if counted.exists() else 0
            done += now
            if run.returncode == 0:
                break
            said = folder / "fault"
            what = said.read_text() if said.exists() else f"ended with {run.returncode}"
            faults.append(f"{name}: {what}")
            if not said.exists():
                faults[-1] += f": {run.stderr[-600:]}"
            if (folder / "last").exists():
                keep.mkdir(exist_ok=True)
                (keep / f"{name}-{len(faults)}").write_bytes((folder / "last").read_bytes())
            if not now:  # it doesn't even begin
                break
    return done, faults


def main() -> int:
    """Fuzz all readers and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000, help="files (default: 100000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=READERS, help="a reader")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"), help="for their files")
    parser.add_argument("--in", dest="inside", type=Path, help=argparse.SUPPRESS)
    own = parser.parse_args()
    os.environ["NMFLAB_CACHE"] = "off"
    os.environ["OMP_NUM_THREADS"] = "1"
    if own.inside:
        hand_out(own.only, own.runs, own.seed, own.inside)
        return 0
    try:
        import atheris  # noqa: F401
    except ImportError:
        print("Fuzzing needs the package atheris, which is not installed: pip install nmflab[fuzz]")
        return 1
    begin, sum_, faults = time.monotonic(), 0, []
    for name in [own.only] if own.only else READERS:
        runs = own.runs if own.only else own.runs * SHARES[name] // 100
        done, found = fuzz(name, runs, own.seed, own.keep)
        sum_ += done
        faults += found
        print(f"{name}: {done} files, {len(found)} faults", flush=True)
        for fault in found:
            print(f"  FAULT {fault}", flush=True)
    print(f"files: {sum_}; faults: {len(faults)}")
    print(f"seed: {own.seed}; minutes: {(time.monotonic() - begin) / 60:.1f}")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
