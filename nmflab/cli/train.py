"""``nmflab train``: a model of one's own recordings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from nmflab.cli import options
from nmflab.cli.output import DONE, Bars, say, wrote
from nmflab.settings import parameters

if TYPE_CHECKING:
    from nmflab.corpus.clips import ClipList


def _add_options(parser: options.Parser) -> None:
    options.add_data(parser, training_only=True)
    for source in ("speech", "noise"):
        parser.add_argument(
            f"--{source}",
            nargs="+",
            type=options.path,
            metavar="PATH",
            help=f"files and folders with {source} alone, in place of the data folder",
        )
    parser.add_argument(
        "--noises", metavar="NAME,NAME", help="which noises of the data folder (default: all)"
    )
    parser.add_argument(
        "--output",
        type=options.path,
        default="model.npz",
        metavar="FILE",
        help="the model (default: model.npz)",
    )
    options.add_cache(parser)
    options.add_quiet(parser)
    read = [name for name, declared in parameters().items() if declared.read_by != ("mixture",)]
    options.add_settings(parser, "tuned", read)


def _run(arguments: argparse.Namespace) -> int:
    from nmflab.corpus.dictionaries import train_model
    from nmflab.corpus.folders import fingerprint_of
    from nmflab.system.records import record

    settings, output = arguments.settings, Path(arguments.output)
    options.refuse_window(arguments)
    speech, noise = _training_clips(arguments, settings.sampling_rate)
    options.refuse_output(output, "model", speech, noise)
    replaced = output.exists()
    with Bars(arguments.quiet) as bars:
        model = train_model(speech, noise, settings, progress=bars, cache=arguments.cache)
        made = record(
            "model",
            command=arguments.line,
            settings=settings.to_dict(),
            corpus=fingerprint_of(speech=speech, noise=noise),
            seed=settings.seed,
        )
        model.save(output, record=made)
    print(wrote(output, replaced))
    return DONE


def _training_clips(arguments: argparse.Namespace, sampling_rate: int) -> tuple[ClipList, ClipList]:
    """Read what a model is trained on, and name what can't be read."""
    from nmflab.corpus.clips import load_clips
    from nmflab.corpus.folders import load_corpus

    if bool(arguments.speech) != bool(arguments.noise):
        arguments.error("--speech and --noise go together.")
    if arguments.speech and arguments.data:
        arguments.error("give either --data or --speech and --noise.")
    if arguments.noises is not None and arguments.speech:
        arguments.error("--noises chooses among those of a data folder: name the files instead.")
    if not arguments.speech:
        corpus = load_corpus(arguments.data, sampling_rate=sampling_rate, training_only=True)
        say(*corpus.skipped)
        wanted = options.chosen(arguments, "noises", corpus.train_noise)
        noises = (clip for clip in corpus.train_noise.clips if clip.name in wanted)
        return corpus.train_speech, type(corpus.train_noise)(noises)
    speech, noise = (
        load_clips(paths, sampling_rate) for paths in (arguments.speech, arguments.noise)
    )
    say(*speech.skipped, *noise.skipped)
    return speech, noise


COMMAND = options.Command(
    "train", "learn a model from recordings of speech and of noise", _add_options, _run
)
