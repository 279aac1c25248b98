"""What an explorer hands out: the command line that reproduces it, and files."""

from __future__ import annotations

import io
import json
import os
import shlex
import zipfile
from collections.abc import Iterable, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmflab.audio.files import write_audio
from nmflab.names import file_name, shell_word
from nmflab.settings import Settings, settings_of
from nmflab.system.files import replacing

if TYPE_CHECKING:
    from nmflab.core.pipeline import Separation
    from nmflab.evaluation.metrics import Scores


def command_line(settings: Settings, data: str | PathLike[str] | None = None) -> str:
    """Give the ``nmflab enhance`` line that runs the experiment with some settings.

    What has its default is left out; `data` is None for the embedded corpus.

    >>> command_line(Settings(penalty=0.1, p=4))
    'nmflab enhance --penalty 0.1 --p 4.0'
    """
    return " ".join(["nmflab enhance", *_folder(data), *_options(settings, Settings())])


def separate_line(
    settings: Settings,
    recording: str | PathLike[str],
    data: str | PathLike[str] | None = None,
    noise: str | None = None,
) -> str:
    """Give the line that trains a model and separates a recording with it.

    `noise` is the training noise of the dictionary; None is all of them.

    >>> separate_line(Settings.tuned().replace(p=4), "my talk.wav", noise="fan")
    "nmflab train --noises=fan --p 4.0 && nmflab separate model.npz 'my talk.wav'"
    """
    noises = [] if noise is None else [shlex.quote(f"--noises={noise}")]
    mixed = {name: getattr(Settings.tuned(), name) for name in settings_of("mixture")}
    options = _options(settings.replace(**mixed), Settings.tuned())
    train = " ".join(["nmflab train", *_folder(data), *noises, *options])
    return f"{train} && nmflab separate model.npz {shell_word(fspath(recording))}"


def denoise_line(
    settings: Settings,
    recording: str | PathLike[str],
    marks: Sequence[tuple[float, float]] = (),
) -> str:
    """Give the line that learns the noise from a recording, or what is marked, and takes it out.

    >>> denoise_line(Settings.own().replace(p=2), "my talk.wav", [(0.4, 61.25)])
    "nmflab denoise --noise 0:00.40-1:01.25 --p 2.0 'my talk.wav'"
    """
    noise = [word for mark in marks for word in ("--noise", "-".join(map(_clock, mark)))]
    mixed = {name: getattr(Settings.own(), name) for name in settings_of("mixture")}
    options = _options(settings.replace(**mixed), Settings.own())
    return " ".join(["nmflab denoise", *noise, *options, shell_word(fspath(recording))])


def _clock(seconds: float) -> str:
    minutes, hundredths = divmod(round(100 * seconds), 6000)
    return f"{minutes}:{hundredths / 100:05.2f}"


def _folder(data: str | PathLike[str] | None) -> list[str]:
    return [] if data is None else ["--data", shell_word(fspath(data))]


def _options(settings: Settings, default: Settings) -> list[str]:
    words = []
    for name, value in settings.to_dict().items():
        if value != getattr(default, name):
            words += [f"--{name}", shlex.quote(str(value))]
    return words


def save_result(
    folder: str | PathLike[str],
    name: str,
    separation: Separation,
    png: bytes,
    facts: dict[str, Any],
) -> list[Path]:
    """Write enhanced speech, removed noise, picture and settings, each whole or not at all."""
    safe = file_name(name)
    wav, noise, picture, text = (
        Path(folder) / f"{safe}{end}" for end in (".wav", "_noise.wav", ".png", ".json")
    )
    rate = separation.settings.sampling_rate
    write_audio(wav, separation.speech, rate)
    write_audio(noise, separation.noise, rate)
    with replacing(picture) as temporary:
        temporary.write_bytes(png)
    with replacing(text) as temporary:
        temporary.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return [wav, noise, picture, text]


def zipped(files: Iterable[Path]) -> bytes:
    """Pack files into one archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.name)
    return content.getvalue()


def in_dashboard() -> bool:
    """Say whether this kernel serves a page of Voilà, whose reader has no folder here."""
    is_voila = os.environ.get("SERVER_SOFTWARE", "").lower().startswith("voila")
    return is_voila or any(name.startswith("VOILA_") for name in os.environ)


def scores_as_json(scores: Scores | None) -> dict[str, float | None] | None:
    """Give scores in a form that JSON has: what doesn't exist is null."""
    if scores is None:
        return None
    finite = abs(float("inf"))
    return {k: v if abs(v) < finite else None for k, v in scores.to_dict().items()}
