"""What an explorer hands out: the command line that reproduces it, and files."""

from __future__ import annotations

import dataclasses
import json
import shlex
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmflab.audio.files import write_audio
from nmflab.settings import Settings
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
    words = ["nmflab", "enhance"] + ([] if data is None else ["--data", str(data)])
    default = Settings()
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if value != getattr(default, field.name):
            words += [f"--{field.name}", str(value)]
    return shlex.join(words)


def save_result(
    folder: str | PathLike[str],
    name: str,
    separation: Separation,
    png: bytes,
    facts: dict[str, Any],
) -> list[Path]:
    """Write the enhanced speech, the picture and the settings, each whole or not at all."""
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)
    wav, picture, text = (Path(folder) / f"{safe}.{ending}" for ending in ("wav", "png", "json"))
    write_audio(wav, separation.speech, separation.settings.sampling_rate)
    with replacing(picture) as temporary:
        temporary.write_bytes(png)
    with replacing(text) as temporary:
        temporary.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return [wav, picture, text]


def scores_as_json(scores: Scores | None) -> dict[str, float | None] | None:
    """Give scores in a form that JSON has: what doesn't exist is null."""
    if scores is None:
        return None
    finite = abs(float("inf"))
    return {k: v if abs(v) < finite else None for k, v in scores.to_dict().items()}
