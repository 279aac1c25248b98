"""The command line: ``nmflab COMMAND …``, also ``python -m nmflab COMMAND …``.

Conventions: results go to standard output, everything else (progress, notices, errors) to
standard error. Exit codes: 0 done, 1 failed (one sentence says why), 2 bad arguments, 130
interrupted with Ctrl-C, 141 nobody reads the output any more (as after ``| head``). Every file
appears under its name only when it is complete.

The options of the settings are made from the fields of `nmflab.settings.Settings`: their names,
defaults, units and choices have one definition. Slow libraries are imported by the commands that
need them, so that ``nmflab --help`` answers at once.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from nmflab.errors import NmflabError
from nmflab.evaluation.metrics import SCORES
from nmflab.settings import ENCODING, PRESETS, Settings, parameters, settings_of

if TYPE_CHECKING:
    from rich.progress import TaskID
    from rich.table import Table

    from nmflab.core.model import SeparationModel
    from nmflab.corpus.clips import ClipList
    from nmflab.evaluation.experiment import Experiment
    from nmflab.evaluation.sweep import Sweep


MODEL_LEAVES_OPEN = tuple(name for name in settings_of(*ENCODING) if name != "snr")
"""Settings that ``nmflab separate`` may change."""

DONE, FAILED, BAD_ARGUMENTS, INTERRUPTED, UNREAD = 0, 1, 2, 130, 141
ROWS = 10  # of the best combinations are shown
LONG = 180.0  # seconds: longer recordings are separated block by block


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, by default those of the process.

    Returns
    -------
    int
        The exit code: 0 done, 1 failed, 2 bad arguments, 130 interrupted, 141 unread.
    """
    _prepare_output()
    code = _run(sys.argv[1:] if argv is None else argv)
    return _finish_output() or code


def _run(argv: Sequence[str]) -> int:
    """Run a command; give the exit code, whatever happens."""
    try:
        arguments = _parse(argv)
        return int(arguments.run(arguments))
    except SystemExit as end:  # argparse has shown the help, or what is wrong
        return int(end.code or 0)
    except KeyboardInterrupt:
        _say("Interrupted; no file is half-written.")
        return INTERRUPTED
    except NmflabError as error:
        _say(f"nmflab: {error}")
    except BrokenPipeError:
        return UNREAD
    except OSError as error:
        _say(f"nmflab: {error.filename or 'A file'} can't be used: {error.strerror or error}.")
    except MemoryError:
        _say("nmflab: There is not enough memory: use shorter clips, fewer bases or fewer --jobs.")
    return FAILED


# The arguments


class _Parser(argparse.ArgumentParser):
    """A parser that keeps its error messages to two lines."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_ARGUMENTS, f"{self.prog}: {message}\nTry '{self.prog} --help'.\n")


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments; `given` holds the settings among them, checked."""
    parser, commands = _parser()
    arguments, unknown = parser.parse_known_args(_with_underscores(argv))
    given = {name: value for name, value in vars(arguments).items() if name in parameters()}
    preset = PRESETS[getattr(arguments, "preset", "original")]
    command = commands.get(arguments.command)
    if unknown:
        (command or parser).error(f"unrecognised arguments: {' '.join(unknown)}")
    if command is None:
        parser.error("say which command you want: " + ", ".join(commands) + ".")
    try:
        arguments.settings, arguments.given = preset.replace(**given), given
    except NmflabError as error:
        command.error(str(error))
    arguments.error = command.error
    return arguments


def _with_underscores(argv: Sequence[str]) -> list[str]:
    """Let every long option be spelled with dashes too: --win-size is --win_size."""
    end = list(argv).index("--") if "--" in argv else len(argv)
    return [_option_with_underscores(word) for word in argv[:end]] + list(argv[end:])


def _option_with_underscores(word: str) -> str:
    if not word.startswith("--"):
        return word
    name, equals, value = word[2:].partition("=")
    return f"--{name.replace('-', '_')}{equals}{value}"


def _parser() -> tuple[_Parser, dict[str, _Parser]]:
    """Build the parser of everything, and that of each command by its name."""
    parser = _Parser(
        prog="nmflab",
        allow_abbrev=False,
        description="Separate speech from noise by non-negative matrix factorisation.",
        epilog="'nmflab COMMAND --help' lists the options of a command.",
    )
    parser.add_argument("--version", action=_Version, help="show the version and end")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    builders = {
        "enhance": (_add_enhance, "the whole experiment on folders of audio: mix, separate, score"),
        "train": (_add_train, "learn a model from recordings of speech and of noise"),
        "separate": (_add_separate, "take your own noisy recordings apart with a trained model"),
        "sweep": (_add_sweep, "score every combination of some settings on a corpus"),
        "lab": (_add_lab, "open JupyterLab on the notebooks"),
        "dashboard": (_add_dashboard, "open the explorer as a page of its own, with Voilà"),
        "data": (_add_data, "say what a data folder holds, or fetch a public corpus"),
    }
    for name, (build, purpose) in builders.items():
        build(
            commands.add_parser(
                name,
                allow_abbrev=False,
                help=purpose,
                description=purpose[0].upper() + purpose[1:] + ".",
                epilog="Long options may be spelled with dashes too, as in --win-size.",
            )
        )
    return parser, dict(commands.choices)


class _Version(argparse.Action):
    """Show the version; it is looked up only when asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from nmflab import __version__

        print(f"nmflab {__version__}")
        parser.exit(DONE)


def _add_lab(parser: _Parser) -> None:
    parser.set_defaults(run=_open_lab)
    parser.add_argument(
        "--folder",
        default="nmflab-notebooks",
        metavar="FOLDER",
        help="where the notebooks are to be: those that aren't there yet are copied, what is "
        "there stays as it is (default: nmflab-notebooks)",
    )
    _add_server_arguments(parser, "jupyter lab", "--no-browser")


def _add_dashboard(parser: _Parser) -> None:
    parser.set_defaults(run=_open_dashboard)
    _add_server_arguments(parser, "voila", "--port=8866")


def _add_server_arguments(parser: _Parser, server: str, example: str) -> None:
    parser.add_argument(
        "arguments",
        nargs="*",
        metavar="ARGUMENT",
        help=f"passed on to {server}; put -- before them, as in -- {example}",
    )


def _add_enhance(parser: _Parser) -> None:
    parser.set_defaults(run=_enhance)
    _add_data_option(parser)
    parser.add_argument(
        "--output", default="output", metavar="FOLDER", help="output folder (default: output)"
    )
    parser.add_argument(
        "--noise_dictionary",
        choices=("each", "joint"),
        default="each",
        help="each: one dictionary per training noise, chosen by the name of the test noise; "
        "joint: one for all noises, as in the original script (default: each)",
    )
    parser.add_argument(
        "--jobs",
        type=_count,
        default=1,
        metavar="N",
        help="processes that share the noises; the result is the same for any number (default: 1)",
    )
    for option, meaning in (
        (("-v", "--visualize"), "1: draw the spectrograms; 0: no plots (default: 1)"),
        (("--plot_save",), "1: write the plots as PNG; 0: no plots either (default: 1)"),
    ):
        parser.add_argument(*option, type=int, choices=(0, 1), default=1, help=meaning)
    _add_quiet(parser)
    _add_preset(parser, "original")
    _add_settings(parser, "original", parameters())


def _add_train(parser: _Parser) -> None:
    parser.set_defaults(run=_train)
    _add_data_option(parser)
    for source in ("speech", "noise"):
        parser.add_argument(
            f"--{source}",
            nargs="+",
            metavar="PATH",
            help=f"files and folders with {source} alone, in place of the data folder",
        )
    parser.add_argument(
        "--output", default="model.npz", metavar="FILE", help="the model (default: model.npz)"
    )
    _add_quiet(parser)
    _add_preset(parser, "tuned")
    names = [name for name in parameters() if name != "snr"]
    _add_settings(parser, "tuned", names)


def _add_separate(parser: _Parser) -> None:
    parser.set_defaults(run=_separate)
    parser.add_argument("model", metavar="MODEL", help="a model that 'nmflab train' wrote")
    parser.add_argument("files", metavar="FILE", nargs="+", help="noisy recordings")
    parser.add_argument(
        "--output",
        default="output",
        metavar="FOLDER",
        help="folder for NAME_speech.wav and NAME_noise.wav (default: output)",
    )
    _add_quiet(parser)
    _add_settings(parser, None, MODEL_LEAVES_OPEN)


def _add_sweep(parser: _Parser) -> None:
    parser.set_defaults(run=_sweep)
    parser.add_argument(
        "--grid",
        action="append",
        required=True,
        type=_axis,
        metavar="NAME=VALUE,VALUE",
        help="a setting and the values to try, as in --grid penalty=0,0.03,0.1; give it once for "
        "each setting",
    )
    _add_data_option(parser)
    parser.add_argument(
        "--part",
        choices=("validation", "test"),
        default="validation",
        help="validation: cut out of the training part, for choosing settings; test: the test "
        "part, for the figure that is reported (default: validation)",
    )
    parser.add_argument(
        "--metrics",
        type=_names,
        default=("sdr", "si_sdr", "stoi"),
        metavar="NAME,NAME",
        help=f"scores: {', '.join(SCORES)}; the first one decides what is best "
        "(default: sdr,si_sdr,stoi)",
    )
    for source in ("clips", "noises"):
        parser.add_argument(
            f"--{source}", type=_names, metavar="NAME,NAME", help=f"which {source} (default: all)"
        )
    parser.add_argument(
        "--output", default="sweep.csv", metavar="FILE", help="the table (default: sweep.csv)"
    )
    _add_quiet(parser)
    _add_preset(parser, "tuned")
    _add_settings(parser, "tuned", parameters())


def _add_data(parser: _Parser) -> None:
    parser.set_defaults(run=_describe_data)
    _add_data_option(parser)
    fetch = parser.add_subparsers(metavar="fetch", title="commands").add_parser(
        "fetch",
        allow_abbrev=False,
        help="download a public corpus",
        description="Download a public corpus; without NAME, say which there are.",
    )
    fetch.set_defaults(run=_fetch_data)
    fetch.add_argument("name", metavar="NAME", nargs="?", help="which corpus")
    _add_quiet(fetch)


def _add_data_option(parser: _Parser) -> None:
    parser.add_argument(
        "--data",
        metavar="FOLDER",
        help="data folder with train/speech, train/noise, test/speech and, if there is one, "
        "test/noise (default: the corpus that comes with nmflab)",
    )


def _add_quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="no progress bars")


def _add_preset(parser: _Parser, default: str) -> None:
    parser.add_argument(
        "--preset",
        choices=tuple(PRESETS),
        default=default,
        help="what settings that you don't give are taken from: the original script's defaults, "
        f"or the best found since (default: {default})",
    )


def _add_settings(parser: _Parser, preset: str | None, names: Iterable[str]) -> None:
    """Add one option for each setting; without a preset it is the model that has the defaults."""
    group = parser.add_argument_group("settings")
    for name in names:
        declared = parameters()[name]
        default = "the model's" if preset is None else getattr(PRESETS[preset], name)
        unit = f" in {declared.unit}" if declared.unit else ""
        group.add_argument(
            *([declared.short] if declared.short else []),
            f"--{name}",
            type=_READERS[declared.kind],
            choices=tuple(declared.choices) or None,
            metavar=None if declared.choices else "NAME" if declared.kind is str else "N",
            default=argparse.SUPPRESS,
            help=f"{declared.meaning}{unit} (default: {default})",
        )


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


_READERS: dict[type, Callable[[str], Any]] = {int: _whole_number, float: _number, str: str}


def _count(text: str) -> int:
    """Read a whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    """Read names with commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _axis(text: str) -> tuple[str, list[Any]]:
    """Read a setting and its values, NAME=VALUE,VALUE."""
    name, equals, values = text.partition("=")
    name = name.strip().replace("-", "_")
    if name not in parameters():
        raise argparse.ArgumentTypeError(f"there is no setting called {name!r}")
    kind = parameters()[name].kind
    try:
        found = [kind(value) for value in _names(values)]
    except ValueError:
        found = []
    if not equals or not found:
        wanted = "words" if kind is str else "numbers"
        raise argparse.ArgumentTypeError(f"{text!r} is not {name}=VALUE,VALUE with {wanted}")
    return name, found


# The commands


def _enhance(arguments: argparse.Namespace) -> int:
    from nmflab.corpus.folders import load_corpus
    from nmflab.evaluation.experiment import enhance_corpus

    settings = arguments.settings
    _refuse_window(arguments)
    corpus = load_corpus(arguments.data, sampling_rate=settings.sampling_rate)
    with _Bars(arguments.quiet) as bars:
        result = enhance_corpus(
            corpus,
            settings,
            arguments.output,
            noise_dictionary=arguments.noise_dictionary,
            jobs=arguments.jobs,
            plots=bool(arguments.visualize and arguments.plot_save),
            progress=bars,
        )
    _say(*result.skipped)
    _show(_summary_table(result))
    skipped = f", {len(result.skipped)} skipped" if result.skipped else ""
    print(f"{len(result.rows)} mixtures by {settings.nmf_mode}{skipped}; see {arguments.output}")
    return DONE


def _train(arguments: argparse.Namespace) -> int:
    from nmflab.core.model import train_model

    settings, output = arguments.settings, Path(arguments.output)
    _refuse_window(arguments)
    speech, noise = _training_clips(arguments, settings.sampling_rate)
    _check_output(output, "model", speech, noise)
    replaced = output.exists()
    with _Bars(arguments.quiet) as bars:
        model = train_model(speech, noise, settings, progress=bars)
        model.save(output)
    print(f"{'Replaced' if replaced else 'Wrote'} {output}")
    return DONE


def _check_output(output: Path, what: str, *recordings: ClipList) -> None:
    """Refuse before any work is done what can't be written or would destroy a recording."""
    from nmflab.system.files import check_output

    paths = [path for clips in recordings for path in clips.paths]
    if os.path.realpath(output) in map(os.path.realpath, paths):
        raise NmflabError(
            f"The {what} would replace the recording {output}: choose another file with --output."
        )
    check_output(output)


def _refuse_window(arguments: argparse.Namespace) -> None:
    """Refuse a window without inverse before any work is done."""
    from nmflab.core.stft import Stft

    try:
        Stft.from_settings(arguments.settings)
    except NmflabError as error:
        arguments.error(str(error))


def _training_clips(arguments: argparse.Namespace, sampling_rate: int) -> tuple[ClipList, ClipList]:
    """Read what a model is trained on, and name what can't be read."""
    from nmflab.corpus.clips import load_clips
    from nmflab.corpus.folders import load_corpus

    if bool(arguments.speech) != bool(arguments.noise):
        arguments.error("--speech and --noise go together.")
    if arguments.speech and arguments.data:
        arguments.error("give either --data or --speech and --noise.")
    if not arguments.speech:
        corpus = load_corpus(arguments.data, sampling_rate=sampling_rate, training_only=True)
        _say(*corpus.skipped)
        return corpus.train_speech, corpus.train_noise
    speech, noise = (
        load_clips(paths, sampling_rate) for paths in (arguments.speech, arguments.noise)
    )
    _say(*speech.skipped, *noise.skipped)
    return speech, noise


def _separate(arguments: argparse.Namespace) -> int:
    from nmflab.core.model import load_model

    model = load_model(arguments.model)
    settings = model.settings.replace(**arguments.given)
    stems = _stems(arguments.files, Path(arguments.output))
    failed = 0
    for file, stem in stems.items():
        try:
            _separate_file(model, settings, file, stem, arguments.quiet)
        except NmflabError as error:
            failed += 1
            _say(f"{file} skipped: {error}")
    if failed and len(stems) > 1:
        _say(f"{failed} of {len(stems)} recordings could not be separated.")
    return FAILED if failed else DONE


def _stems(files: Iterable[str], folder: Path) -> dict[Path, Path]:
    """Say for each recording where its results go; refuse what would destroy a file."""
    stems: dict[Path, Path] = {}
    for file in {os.path.realpath(file): Path(file) for file in files}.values():
        stem = folder / file.stem
        if stem in stems.values():
            other = next(other for other in stems if stems[other] == stem)
            raise NmflabError(
                f"The results of {other} and {file} would have the same names: rename one of "
                "them, or separate them into different folders with --output."
            )
        stems[file] = stem
    inputs = {os.path.realpath(file) for file in stems}
    for file, stem in stems.items():
        for result in _results(stem).values():
            if os.path.realpath(result) in inputs:
                raise NmflabError(
                    f"The results of {file} would replace the recording {result}: choose another "
                    "folder with --output."
                )
    return stems


def _results(stem: Path) -> dict[str, Path]:
    return {source: stem.with_name(f"{stem.name}_{source}.wav") for source in ("speech", "noise")}


def _separate_file(
    model: SeparationModel, settings: Settings, file: Path, stem: Path, quiet: bool
) -> None:
    """Separate one recording, write its two parts and say where they are."""
    from nmflab.audio.files import duration, read_audio, write_audio
    from nmflab.core.pipeline import separate
    from nmflab.recordings.long import separate_file

    results = _results(stem)
    verbs = {path: "Replaced" if path.exists() else "Wrote" for path in results.values()}
    with _Bars(quiet) as bars:
        if duration(file) > LONG:
            separate_file(model, file, results["speech"], results["noise"], settings, progress=bars)
        else:
            mixture = read_audio(file, settings.sampling_rate)
            result = separate(model, mixture, settings, progress=bars)
            for source, path in results.items():
                write_audio(path, getattr(result, source), settings.sampling_rate)
    for path, verb in verbs.items():
        print(f"{verb} {path}")


def _sweep(arguments: argparse.Namespace) -> int:
    from nmflab.corpus.folders import load_corpus, validation
    from nmflab.evaluation.sweep import sweep
    from nmflab.system.files import write_table

    settings, output, grid = arguments.settings, Path(arguments.output), dict(arguments.grid)
    if len(grid) < len(arguments.grid):
        arguments.error("give each setting of the grid once.")
    if "win_size" not in grid and "overlap" not in grid:
        _refuse_window(arguments)
    corpus = load_corpus(arguments.data, sampling_rate=settings.sampling_rate)
    _say(*corpus.skipped)
    parts = corpus.train_speech, corpus.train_noise, corpus.test_speech, corpus.test_noise
    _check_output(output, "table", *parts)
    with _Bars(arguments.quiet) as bars:
        found = sweep(
            validation(corpus) if arguments.part == "validation" else corpus,
            settings,
            grid,
            metrics=arguments.metrics,
            clips=arguments.clips,
            noises=arguments.noises,
            progress=bars,
        )
    _say(*found.skipped)
    replaced = output.exists()
    rows = found.to_rows()
    write_table(output, list(rows[0]), rows)
    _show(_sweep_table(found))
    done = f"{'Replaced' if replaced else 'Wrote'} {output}"
    try:
        best = " ".join(f"--{name} {_short(value)}" for name, value in found.best().items())
    except NmflabError:  # nothing has the first score, as without the package pesq
        print(done)
        raise
    print(f"{done}; best {found.metrics[0]}: {best}")
    return DONE


def _open_lab(arguments: argparse.Namespace) -> int:
    from nmflab.system.servers import open_lab

    return open_lab(arguments.folder, arguments.arguments)


def _open_dashboard(arguments: argparse.Namespace) -> int:
    from nmflab.system.servers import open_dashboard

    return open_dashboard(arguments.arguments)


def _describe_data(arguments: argparse.Namespace) -> int:
    from nmflab.corpus.folders import describe_corpus, load_corpus

    corpus = load_corpus(arguments.data)
    clips = describe_corpus(corpus)
    _say(*corpus.skipped)
    cells = [[clip.part, clip.name, f"{clip.seconds:.1f}", f"{clip.level:.1f}"] for clip in clips]
    _show(_table(["part", "name", "length (s)", "level (dBFS)"], cells, numbers=2))
    seconds: dict[str, float] = {}
    for clip in clips:
        seconds[clip.part] = seconds.get(clip.part, 0.0) + clip.seconds
    print("Together: " + ", ".join(f"{part} {total:.0f} s" for part, total in seconds.items()))
    return DONE


def _fetch_data(arguments: argparse.Namespace) -> int:
    from nmflab.corpus.public import PUBLIC_CORPORA, fetch_corpus

    if arguments.name is None:
        cells = [[name, corpus.title] for name, corpus in PUBLIC_CORPORA.items()]
        _show(_table(["name", "what it is"], cells))
        return DONE
    with _Bars(arguments.quiet) as bars:
        folder = fetch_corpus(arguments.name, progress=bars)
    print(f"{arguments.name} is in {folder}")
    return DONE


# What is shown


class _Bars:
    """Progress bars on the terminal, one for each stage of the work; call it to report.

    Nothing is drawn when standard error is no terminal.
    """

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet or not sys.stderr.isatty()
        self._stages: dict[str, TaskID] = {}

    def __enter__(self) -> _Bars:
        if not self._quiet:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
            from rich.progress import TimeRemainingColumn as Remaining

            console = Console(stderr=True)
            columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
            self._bars = Progress(*columns, Remaining(), console=console, transient=True)
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._quiet:
            self._bars.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self._quiet:
            return
        if stage not in self._stages:
            self._stages[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._stages[stage], completed=done, total=total)


def _summary_table(result: Experiment) -> Table:
    """Lay out the means over each noise and over all."""
    means = result.summary()
    shown = {
        f"{name}_{step}": (score, step) for name, score in SCORES.items() for step in score.summary
    }
    shown = {name: what for name, what in shown.items() if not math.isnan(means[-1][name])}
    labels = [f"{score.label}\n{step}" for score, step in shown.values()]
    cells = [
        [
            row["noise"],
            str(row["files"]),
            *(_rounded(row[name], score.decimals) for name, (score, _) in shown.items()),
        ]
        for row in means
    ]
    return _table(["\nnoise", "\nfiles", *labels], cells, numbers=1 + len(shown))


def _sweep_table(found: Sweep) -> Table:
    """Lay out the means of the best combinations, the best first."""
    from itertools import product

    means = [found.mean(metric).ravel() for metric in found.metrics]
    sign = -1 if SCORES[found.metrics[0]].higher_is_better else 1
    order = sorted(
        range(means[0].size), key=lambda i: (math.isnan(means[0][i]), sign * means[0][i])
    )
    points = list(product(*found.axes.values()))
    cells = [
        [*map(_short, points[i]), *(_rounded(float(mean[i]), 2) for mean in means)]
        for i in order[:ROWS]
    ]
    labels = [SCORES[metric].label for metric in found.metrics]
    return _table([*found.axes, *labels], cells, numbers=len(labels))


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _rounded(value: float, decimals: int) -> str:
    return f"{value:z.{decimals}f}"


def _table(labels: Sequence[str], cells: Iterable[Sequence[str]], numbers: int = 0) -> Table:
    """Make a plain table; its last columns are numbers, aligned to the right."""
    from rich.table import Table

    table = Table(box=None)
    for i, label in enumerate(labels, start=1):
        table.add_column(label, justify="right" if i > len(labels) - numbers else "left")
    for row in cells:
        table.add_row(*row)
    return table


def _show(table: Table) -> None:
    """Print a table on standard output with every column whole, however narrow the terminal."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, width=1000)
    with console.capture() as text:
        console.print(table)
    print(text.get(), end="")


def _say(*sentences: str) -> None:
    """Print sentences on standard error."""
    for sentence in sentences:
        print(sentence, file=sys.stderr)


def _prepare_output() -> None:
    """Show λ as ? where the terminal's encoding doesn't have it, and nothing where all is shut."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _finish_output() -> int:
    """Bring out what is still to be shown; give an exit code if that can't be done, or 0."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries again
        if isinstance(error, BrokenPipeError):
            return UNREAD
        _say(f"nmflab: The output can't be shown: {error.strerror}.")
        return FAILED
    return DONE
