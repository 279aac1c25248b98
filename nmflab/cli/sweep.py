"""``nmflab sweep``: combinations of settings, scored on a corpus; the best of them."""

from __future__ import annotations

import argparse
import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmflab.cli import options, sweep_table
from nmflab.cli.output import DONE, FAILED, Bars, counted, say
from nmflab.errors import NmflabError
from nmflab.evaluation.metrics import SCORES
from nmflab.names import showable
from nmflab.settings import parameters

if TYPE_CHECKING:
    from nmflab.corpus.folders import Corpus
    from nmflab.evaluation.sweeps.choice import Results
    from nmflab.evaluation.sweeps.jobs import Executor, Work
    from nmflab.evaluation.sweeps.plan import Plan

METRICS = ("sdr", "si_sdr", "stoi", "estoi", "pesq")
"""The scores by default, those whose packages are installed."""

FOR_A_PROCESS = 16
"""For fewer separations a process isn't worth its start."""

SAID = 10
"""So many sentences are said of what failed."""


def _add_options(parser: options.Parser) -> None:
    parser.add_argument(
        "--grid",
        action="append",
        required=True,
        type=options.axis,
        metavar="NAME=VALUE,VALUE",
        help="a setting and the values to try, as in --grid penalty=0,0.03,0.1; give it once for "
        "each setting; snr and seed are averaged over; with --random also NAME=LOW:HIGH",
    )
    parser.add_argument(
        "--random",
        type=options.count,
        metavar="N",
        help="draw so many combinations of the grid, log-uniformly where ratios count",
    )
    parser.add_argument(
        "--draw", type=int, default=0, metavar="N", help="seed of --random (default: 0)"
    )
    parser.add_argument(
        "--halving",
        action="store_true",
        help="try all combinations on few mixtures, and the better half on twice as many, till all",
    )
    options.add_data(parser)
    parser.add_argument(
        "--part",
        choices=("validation", "test"),
        default="validation",
        help="validation: choose on recordings cut out of the training part, then report the best "
        "on the test part; test: all on the test part (default: validation)",
    )
    parser.add_argument(
        "--metrics",
        type=options.names,
        metavar="NAME,NAME",
        help=f"scores: {', '.join(SCORES)}; the first one decides what is best "
        f"(default: {','.join(METRICS)}, those that are installed)",
    )
    parser.add_argument(
        "--guard",
        type=guard,
        default={"stoi": 0.0},
        metavar="NAME=GAIN",
        help="the best must gain so much on the mixture at least, on average; none: whatever is "
        "best (default: stoi=0)",
    )
    for source in ("clips", "noises"):
        parser.add_argument(
            f"--{source}", metavar="NAME,NAME", help=f"which {source} (default: all)"
        )
    parser.add_argument(
        "--output",
        type=options.path,
        default="sweep",
        metavar="FOLDER",
        help="where the rows are kept; the same line again goes on, another grid adds; a name "
        "that ends in .csv is a plain table, kept when all is done (default: sweep)",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="a Dask scheduler whose workers do the work, as tcp://10.0.0.1:8786",
    )
    parser.add_argument(
        "--shard",
        type=shard,
        default=(1, 1),
        metavar="I/N",
        help="do the I-th of N shares alone, as 2/5, into an --output of its own",
    )
    parser.add_argument(
        "--merge",
        nargs="+",
        type=options.path,
        default=[],
        metavar="FOLDER",
        help="first add the rows of other folders, as those of shards",
    )
    options.add_work(parser)
    options.add_quiet(parser)
    options.add_settings(parser, "tuned", parameters())


def guard(text: str) -> dict[str, float]:
    """Read scores and what they must gain, NAME=GAIN,NAME=GAIN, or none."""
    if text == "none":
        return {}
    found = {}
    for one in options.names(text):
        name, _, value = one.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not NAME=GAIN, nor none") from None
        if name not in SCORES or not SCORES[name].before:
            raise argparse.ArgumentTypeError(f"there is no score {name!r} to guard")
    return found


def shard(text: str) -> tuple[int, int]:
    """Read I/N."""
    first, _, of = text.partition("/")
    if not (first.isdecimal() and of.isdecimal() and 1 <= int(first) <= int(of)):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N, as 2/5")
    return int(first), int(of)


def _run(arguments: argparse.Namespace) -> int:
    from nmflab.corpus.folders import load_corpus, validation
    from nmflab.evaluation.metrics import refuse_missing

    grid = dict(arguments.grid)
    if len(grid) < len(arguments.grid):
        arguments.error("give each setting of the grid once.")
    plain = Path(arguments.output).suffix.lower() == ".csv"
    if arguments.metrics is None:
        arguments.metrics = tuple(
            name
            for name in (METRICS[:3] if plain else METRICS)
            if not SCORES[name].package or importlib.util.find_spec(SCORES[name].package)
        )
    try:
        refuse_missing(arguments.metrics)
        plan = _plan(arguments, grid)
    except NmflabError as error:
        arguments.error(str(error))
    if arguments.halving and arguments.shard != (1, 1):
        arguments.error("--halving compares all combinations, which a --shard doesn't have.")
    if "win_size" not in grid and "overlap" not in grid:
        options.refuse_window(arguments)
    if plain and (arguments.scheduler or arguments.random or arguments.halving):
        arguments.error("a plain table holds a grid; give --output the name of a folder.")
    corpus = load_corpus(arguments.data, sampling_rate=arguments.settings.sampling_rate)
    say(*corpus.skipped)
    parts = {"test": corpus}
    if arguments.part == "validation":
        parts = {"validation": validation(corpus), **parts}
    if plain:
        return sweep_table.run(arguments, grid, corpus, parts[arguments.part])
    return _sweep(arguments, plan, corpus, parts)


def _plan(arguments: argparse.Namespace, grid: Mapping[str, object]) -> Plan:
    from nmflab.evaluation.sweeps.plan import plan

    return plan(arguments.settings, grid, random=arguments.random, draw=arguments.draw)  # type: ignore[arg-type]


def _sweep(
    arguments: argparse.Namespace, plan: Plan, corpus: Corpus, parts: dict[str, Corpus]
) -> int:
    from nmflab.cli.sweep_shown import show
    from nmflab.evaluation.sweeps.choice import choose
    from nmflab.evaluation.sweeps.run import Runner, halve, results_of
    from nmflab.evaluation.sweeps.store import SweepFolder, manifest

    output = Path(arguments.output)
    _refuse_place(output, corpus)
    work = _work(arguments, plan, parts[arguments.part])
    record = manifest(corpus, arguments.data, arguments.metrics)
    _say_impossible(plan)
    with SweepFolder(output, record, _asked(arguments, plan)) as folder:
        for other in arguments.merge:
            say(f"{counted(folder.merge(Path(other)), 'rows')} added from {other}.")
        with Bars(arguments.quiet) as bars, _executor(arguments, parts, work, bars) as executor:
            runner = Runner(
                folder, executor, arguments.metrics, arguments.guard, bars, arguments.shard
            )
            if arguments.halving:
                work = halve(runner, work)
            else:
                runner.run(work)
            chosen = reported = None
            whole = arguments.shard == (1, 1) and not executor.failures
            if whole:
                results = results_of(runner, work)
                chosen = choose(results, arguments.metrics[0], arguments.guard)
                if arguments.part == "validation":
                    tested = _test_of(arguments, plan, chosen.best, parts["test"])
                    runner.run(tested, "test part")
                    reported = results_of(runner, tested)
            failures = executor.failures
        print(f"{counted(len(folder), 'rows')} in {showable(output)}")
        if failures:
            say(*dict.fromkeys(failures))
            say(f"{counted(len(failures), 'tasks')} failed; the same line tries them again.")
            return FAILED
        if chosen is not None:
            say(*_reasons(results))
            show(arguments, plan, chosen, results, reported)
    return DONE


def _refuse_place(output: Path, corpus: Corpus) -> None:
    """Refuse a folder that is a file, or lies among the recordings."""
    from nmflab.corpus.folders import PARTS

    if output.exists() and not output.is_dir():
        raise NmflabError(
            f"{str(output)!r} is a file but must be a folder: choose another with --output."
        )
    real = Path(os.path.realpath(output))
    for part in PARTS:
        if real.is_relative_to(os.path.realpath(corpus.root / part)):
            raise NmflabError(
                f"The folder {str(output)!r} lies among the recordings of "
                f"{str(corpus.root / part)!r}: choose another with --output."
            )


def _say_impossible(plan: Plan) -> None:
    if plan.impossible:
        number = sum(int(sentence.split(" × ")[0]) for sentence in plan.impossible)
        say(f"{counted(number, 'combinations')} of the grid can't be, and are skipped:")
        say(*plan.impossible[:3])


def _work(arguments: argparse.Namespace, plan: Plan, part: Corpus) -> Work:
    from nmflab.evaluation.sweeps.jobs import Work

    clips = options.chosen(arguments, "clips", part.test_speech)
    noises = options.chosen(arguments, "noises", part.test_noise)
    mixtures = list(product(noises, clips))
    return Work(arguments.part, plan.points, mixtures, plan.snrs, plan.seeds)


def _test_of(arguments: argparse.Namespace, plan: Plan, best: str, test: Corpus) -> Work:
    """Give the work of the report: the best and, to compare, what the sweep began with."""
    from nmflab.evaluation.sweeps.jobs import Work
    from nmflab.evaluation.sweeps.plan import identity

    wanted = arguments.noises and options.names(arguments.noises)
    noises = [n for n in test.noise_names if not wanted or n in wanted] or test.noise_names
    points = {best: plan.points[best], identity(plan.settings): plan.settings}
    return Work(
        "test", points, list(product(noises, test.test_speech.names)), plan.snrs, plan.seeds
    )


def _asked(arguments: argparse.Namespace, plan: Plan) -> dict[str, Any]:
    """Give what the manifest keeps of a line."""
    from nmflab.system.records import record

    grid = {name: vars(v) if hasattr(v, "low") else list(v) for name, v in arguments.grid}
    kept = ("part", "random", "draw", "halving", "guard", "clips", "noises", "shard", "preset")
    return record(
        "run of a sweep",
        command=arguments.line,
        grid=grid,
        settings=plan.settings.to_dict(),
        snrs=plan.snrs,
        seeds=plan.seeds,
        impossible=plan.impossible[:20],
        **{name: getattr(arguments, name) for name in kept},
    )


@contextmanager
def _executor(
    arguments: argparse.Namespace, parts: Mapping[str, Corpus], work: Work, bars: Bars
) -> Iterator[Executor]:
    """Give who does the work: this process, processes of this machine, or a scheduler."""
    from nmflab.evaluation.sweeps.jobs import Here, Recordings

    recordings = Recordings(parts)
    jobs = min(arguments.jobs, 1 + len(list(work.conditions())) * len(work.points) // FOR_A_PROCESS)
    if arguments.scheduler is None and jobs > 1 and not importlib.util.find_spec("distributed"):
        say("Dask isn't installed (the package distributed), so one process does all the work.")
        jobs = 1
    if arguments.scheduler is None and jobs == 1:
        yield Here(recordings, cache=arguments.cache, progress=bars)
        return
    from nmflab.evaluation.sweeps.dask import OnDask, cluster_of

    with cluster_of(arguments.scheduler, jobs) as client:
        yield OnDask(client, recordings, cache=arguments.cache)


def _reasons(results: Results) -> list[str]:
    """Say of each mixture that could not be scored why, the first ones."""
    import numpy as np

    columns = results.columns
    found: dict[str, None] = {}
    for i in np.flatnonzero(columns["reason"].astype(bool)):
        noise, speech = results.files[columns["file"][i]]
        found[f"{speech} in {noise} skipped: {columns['reason'][i]}"] = None
    more = [f"and {len(found) - SAID} more."] if len(found) > SAID else []
    return [*list(found)[:SAID], *more]


COMMAND = options.Command(
    "sweep", "score combinations of settings on a corpus, and choose", _add_options, _run
)
