"""``nmflab separate``: noisy recordings taken apart with a trained model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from nmflab.cli import options
from nmflab.cli.output import DONE, FAILED, Bars, say, wrote
from nmflab.cli.results import parts, stems
from nmflab.errors import NmflabError
from nmflab.settings import Settings, settings_of

if TYPE_CHECKING:
    from nmflab.core.model import SeparationModel


def _add_options(parser: options.Parser) -> None:
    parser.add_argument(
        "model", type=options.path, metavar="MODEL", help="a model that 'nmflab train' wrote"
    )
    parser.add_argument(
        "files", type=options.path, metavar="FILE", nargs="+", help="noisy recordings"
    )
    parser.add_argument(
        "--output",
        type=options.path,
        default="output",
        metavar="FOLDER",
        help="folder for NAME_speech.wav and NAME_noise.wav (default: output)",
    )
    options.add_quiet(parser)
    options.add_settings(parser, None, settings_of("activations", "gain"))


def _run(arguments: argparse.Namespace) -> int:
    from nmflab.corpus.model_files import load_model

    model = load_model(arguments.model)
    settings = model.settings.replace(**arguments.given)
    output = Path(arguments.output)
    found = stems({file: output / Path(file).stem for file in arguments.files})
    failed = 0
    for file, stem in found.items():
        try:
            _separate_file(model, settings, file, stem, arguments.quiet)
        except NmflabError as error:
            failed += 1
            say(f"{file} skipped: {error}")
    if failed and len(found) > 1:
        say(f"{failed} of {len(found)} recordings could not be separated.")
    return FAILED if failed else DONE


def _separate_file(
    model: SeparationModel, settings: Settings, file: Path, stem: Path, quiet: bool
) -> None:
    """Separate one recording, write its two parts and say where they are."""
    from nmflab.audio.files import duration, read_audio, write_audio
    from nmflab.core.pipeline import separate
    from nmflab.recordings.blocks import LONG
    from nmflab.recordings.long import separate_file, warn_of_silence

    results = parts(stem)
    replaced = [path.exists() for path in results.values()]
    with Bars(quiet) as bars:
        if duration(file) > LONG:
            separate_file(model, file, results["speech"], results["noise"], settings, progress=bars)
        else:
            mixture = read_audio(file, settings.sampling_rate)
            if not mixture.any():
                warn_of_silence(file)
            result = separate(model, mixture, settings, progress=bars)
            for source, path in results.items():
                write_audio(path, getattr(result, source), settings.sampling_rate)
    for path, there in zip(results.values(), replaced, strict=True):
        print(wrote(path, there))


COMMAND = options.Command(
    "separate", "take your own noisy recordings apart with a trained model", _add_options, _run
)
