"""``nmflab denoise``: any recording, with nothing trained; the noise is learnt from itself."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from nmflab.cli import options
from nmflab.cli.output import DONE, FAILED, Bars, say, wrote
from nmflab.cli.results import parts, record_file, stems
from nmflab.errors import NmflabError
from nmflab.settings import Settings, settings_of


def _add_options(parser: options.Parser) -> None:
    parser.add_argument(
        "files", type=options.path, metavar="FILE", nargs="+", help="recordings, or folders of them"
    )
    parser.add_argument(
        "--noise",
        type=stretch,
        action="append",
        metavar="FROM-TO",
        help="a stretch where nobody speaks, as 0:00-0:02 or 3.5-5 (seconds), to learn the noise "
        "from first; may be given several times; for one recording only",
    )
    parser.add_argument(
        "--output",
        type=options.path,
        default="output",
        metavar="FOLDER",
        help="folder for NAME_speech.wav and NAME_noise.wav (default: output)",
    )
    parser.add_argument(
        "--jobs",
        type=options.count,
        default=1,
        metavar="N",
        help="recordings that are worked on at once; one alone uses all cores (default: 1)",
    )
    options.add_quiet(parser)
    options.add_settings(
        parser, "own", settings_of("spectrogram", "speech", "activations", "gain"), choice=False
    )


def stretch(text: str) -> tuple[float, float]:
    """Read a stretch of time, FROM-TO, each in seconds or as minutes:seconds."""
    start, dash, stop = text.partition("-")
    begin, end = (_seconds(part.strip()) for part in (start, stop))
    if not dash or begin is None or end is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no stretch of time: write it as 0:00-0:02 or 3.5-5"
        )
    if begin >= end:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no stretch of time: it must end after it begins"
        )
    return begin, end


def _seconds(text: str) -> float | None:
    """Read 75.5, 1:15.5 or 0:01:15.5 as seconds; None for anything else."""
    if not re.fullmatch(r"(\d+:){0,2}\d+(\.\d*)?", text):
        return None
    seconds = 0.0
    for part in text.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


def _run(arguments: argparse.Namespace) -> int:
    from nmflab.evaluation.processes import do_all
    from nmflab.system.records import record

    options.refuse_window(arguments)
    output = Path(arguments.output)
    found = stems(dict(_recordings(arguments.files, output)))
    if arguments.noise and len(found) > 1:
        arguments.error("--noise marks a stretch of one recording, but there are several.")
    made = record(
        "denoised recording",
        command=arguments.line,
        settings=arguments.settings.to_dict(),
        seed=arguments.settings.seed,
        noise=arguments.noise,
    )
    work = partial(_denoise, arguments.settings, arguments.noise, arguments.jobs > 1, made)
    with Bars(arguments.quiet) as bars:
        ends = do_all(
            work,
            list(found.items()),
            jobs=min(arguments.jobs, len(found)),
            stage="recordings",
            total=len(found),
            report=bars,
        )
    for done, sentences in ends:
        for sentence in sentences:
            print(sentence) if done else say(sentence)
    failed = sum(not done for done, _ in ends)
    if failed and len(found) > 1:
        say(f"{failed} of {len(found)} recordings could not be denoised.")
    return FAILED if failed else DONE


def _recordings(files: list[str], output: Path) -> Iterator[tuple[str, Path]]:
    """Give the recordings, those of folders among them, and where the results of each go."""
    from nmflab.corpus.clips import audio_files

    for name in files:
        path = Path(name)
        if not path.is_dir():
            yield name, output / path.stem
            continue
        inside = sorted(audio_files(path))
        if not inside:
            raise NmflabError(f"The folder {name!r} holds no recordings: name one that does.")
        for file in inside:
            yield str(file), output / file.relative_to(path).with_suffix("")


def _denoise(
    settings: Settings,
    marks: list[tuple[float, float]] | None,
    quiet: bool,
    made: dict[str, Any],
    task: tuple[Path, Path],
    report: Callable[[str, int, int], None],
    tick: Callable[[], None],
) -> tuple[bool, list[str]]:
    """Denoise one recording; say whether it went well, and what is to be said of it."""
    from nmflab.recordings.denoise_files import denoise_file
    from nmflab.system.records import digest_of, write_record

    file, stem = task
    results = parts(stem)
    replaced = [path.exists() for path in results.values()]
    try:
        denoise_file(
            file,
            results["speech"],
            results["noise"],
            marks=marks,
            settings=settings,
            progress=None if quiet else report,
        )
        facts = {**made, "recording": file.name, "sha256": digest_of(file)}
        write_record(record_file(stem), facts)
    except NmflabError as error:
        return False, [f"{file} skipped: {error}"]
    finally:
        tick()
    written = zip(results.values(), replaced, strict=True)
    return True, [wrote(path, there) for path, there in written]


COMMAND = options.Command(
    "denoise", "clean any recording of a voice, with nothing trained", _add_options, _run
)
