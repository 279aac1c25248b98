"""Change nmflab/core in one place at a time, and see whether its fast tests notice.

``python tools/mutants.py [--number 400] [--seed 0] [--file stft.py] [--seconds 25]``. The tests are
collected once. A mutant is a fork of that process in which the functions of one file have other
code; it runs the tests that reach the changed line until one fails: first those that have noticed
most others of the file for their time, then the quickest. Who survives those of ``--seconds`` of
processor time has survived; ``--again LOG --seconds 600`` is for such, and ``--tests FILE`` asks
those of a file alone. What stands outside of functions is imported anew, by a process of its own.
"""

from __future__ import annotations

import argparse
import ast
import copy
import gc
import importlib.abc
import importlib.machinery
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import coverage
import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "nmflab" / "core"
TESTS = [str(ROOT / "tests" / name) for name in ("core", "priors")]
OPTIONS = [
    "-q",
    "-W",
    "ignore::PendingDeprecationWarning",
    "-m",
    "not slow and not browser",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
]
PATIENCE = 120  # further seconds, after which a mutant has no end, and is noticed
BUSY = 10  # how much longer than the processor needs it may take on a busy machine
OTHERS: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv, ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.And: ast.Or, ast.Or: ast.And,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
NAMES = {"maximum": "minimum", "minimum": "maximum", "max": "min", "min": "max", "any": "all",
         "all": "any", "zeros": "ones", "ones": "zeros", "zeros_like": "ones_like",
         "ones_like": "zeros_like", "sum": "max", "log": "exp", "exp": "log"}  # fmt: skip


class Place(NamedTuple):
    """A node, where it hangs, and whether it stands in the body of a function."""

    parent: ast.AST
    field: str
    index: int | None
    node: ast.AST
    is_inside: bool


class Mutant(NamedTuple):
    """A file with one change: the k-th of its i-th place."""

    file: str
    place: int
    change: int
    line: int
    is_inside: bool
    what: str


def places(node: ast.AST, is_inside: bool = False) -> Iterator[Place]:
    """Give all nodes that compute something: no annotation, docstring or text of an error."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "keywords_of_raise", "ctx"):
            continue
        inside = is_inside or (
            field == "body" and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        )
        many = isinstance(value, list)
        for index, child in enumerate(value if many else [value]):
            if not isinstance(child, ast.AST) or is_silent(child):
                continue
            yield Place(node, field, index if many else None, child, inside)
            yield from places(child, inside)


def is_silent(node: ast.AST) -> bool:
    """Say whether a statement changes no result: a docstring, an error, an import, a type."""
    if isinstance(node, ast.Raise | ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Global):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return True
    targets = getattr(node, "targets", [])
    return any(isinstance(t, ast.Name) and t.id in ("__all__", "Block") for t in targets)


def changes(place: Place) -> list[ast.AST]:
    """Give what could stand in a place instead."""
    node, found = place.node, []
    if type(node) in OTHERS:
        found.append(OTHERS[type(node)]())
    elif isinstance(node, ast.Constant):
        found += [ast.Constant(value) for value in other_values(node.value)]
    elif isinstance(node, ast.Attribute) and node.attr in NAMES:
        found.append(ast.Attribute(node.value, NAMES[node.attr], node.ctx))
    elif isinstance(node, ast.UnaryOp):
        found.append(node.operand)
    elif isinstance(node, ast.Return) and node.value is not None:
        found.append(ast.Return(ast.Constant(None)))
    elif isinstance(node, ast.Expr) or (
        isinstance(node, ast.AugAssign) and place.index is not None
    ):
        found.append(ast.Pass())
    elif isinstance(node, ast.If | ast.While | ast.IfExp):
        for value in (False,) if isinstance(node, ast.While) else (True, False):
            other = copy.copy(node)
            other.test = ast.Constant(value)
            found.append(other)
    elif isinstance(node, ast.Break):
        found.append(ast.Continue())
    elif isinstance(node, ast.Continue):
        found.append(ast.Break())
    elif isinstance(node, ast.keyword) and node.arg and place.field == "keywords":
        found.append(ast.keyword(None, ast.Dict([], [])))  # as if it weren't given
    for other in found:
        if hasattr(node, "lineno"):
            ast.copy_location(other, node)
    return found


def other_values(value: object) -> list[object]:
    """Give what a constant could be instead."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return (
            [value + 1, value - 1] if isinstance(value, int) else [value * 2 or 1.0, -value or 0.5]
        )
    is_word = isinstance(value, str) and " " not in value  # the others are text for people
    return [f"{value} changed"] if is_word else []


def mutants_of(file: Path) -> list[Mutant]:
    """List all mutants of a file."""
    found = []
    for number, place in enumerate(places(ast.parse(file.read_text("utf-8")))):
        for k, other in enumerate(changes(place)):
            line = getattr(place.node, "lineno", getattr(place.parent, "lineno", 0))
            what = f"{shown(place.node)} → {shown(other)}"
            found.append(Mutant(file.name, number, k, line, place.is_inside, what))
    return found


def shown(node: ast.AST) -> str:
    """Show a node in a few characters."""
    if isinstance(node, ast.operator | ast.cmpop | ast.boolop):
        return type(node).__name__
    return " ".join(ast.unparse(node).split())[:60] or "nothing"


def code_of(mutant: Mutant) -> CodeType:
    """Compile a file with its one change."""
    file = CORE / mutant.file
    tree = ast.parse(file.read_text("utf-8"))
    place = list(places(tree))[mutant.place]
    other = changes(place)[mutant.change]
    if place.index is None:
        setattr(place.parent, place.field, other)
    else:
        getattr(place.parent, place.field)[place.index] = other
    return compile(ast.fix_missing_locations(tree), str(file), "exec")


def all_codes(code: CodeType) -> Iterator[CodeType]:
    """Give a code and all that are nested in it."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from all_codes(inner)


def install(mutant: Mutant) -> None:
    """Give the functions of a file, wherever they are held, the mutant's code."""
    code = code_of(mutant)
    new = {(one.co_qualname, one.co_firstlineno): one for one in all_codes(code)}
    for held in gc.get_objects():
        if isinstance(held, FunctionType) and held.__code__.co_filename == code.co_filename:
            held.__code__ = new[(held.__code__.co_qualname, held.__code__.co_firstlineno)]


class Imported(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Import one file of the core as a mutant."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        self.name = f"nmflab.core.{mutant.file.removesuffix('.py')}"

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Find the one file, and no other."""
        if name != self.name:
            return None
        return importlib.machinery.ModuleSpec(
            name, self, origin=str(CORE / self.mutant.file), is_package=False
        )

    def exec_module(self, module: Any) -> None:
        """Make the module of the mutant's code."""
        module.__file__ = str(CORE / self.mutant.file)
        exec(code_of(self.mutant), module.__dict__)


class Bounded:
    """A plugin of pytest that skips what comes after so much processor time."""

    def __init__(self, seconds: float) -> None:
        self.end = time.process_time() + seconds

    def pytest_runtest_setup(self) -> None:
        """Skip a test that comes too late."""
        if time.process_time() > self.end:
            pytest.skip("The time is up.")


class Hunt:
    """A plugin of pytest that runs the tests once for each mutant."""

    def __init__(
        self, mutants: Sequence[Mutant], log: Path, seconds: float, tests: Sequence[str]
    ) -> None:
        self.mutants, self.tests = mutants, tests
        self.seconds = seconds
        self.log = log
        self.fates: Counter[str] = Counter()
        known = log.read_text("utf-8").splitlines() if log.exists() else []
        self.killers = Counter(
            (line["file"], line.get("by", "")) for line in map(json.loads, known)
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Learn which lines each test reaches, then hunt."""
        if session.testsfailed:
            raise session.Interrupted("the tests can't be collected")
        reached, seconds = self.measured(session)
        print(f"{len(session.items)} tests; {len(self.mutants)} mutants", flush=True)
        everywhere = sorted(session.items, key=lambda item: seconds[item.nodeid])
        for number, mutant in enumerate(self.mutants, 1):
            begin = time.monotonic()
            near = reached.get((mutant.file, mutant.line), set())
            items = [item for item in everywhere if item.nodeid in near or not near]
            worth = {
                test: self.killers[mutant.file, test] / (0.1 + needed)
                for test, needed in seconds.items()
            }
            items.sort(key=lambda item: -worth[item.nodeid])
            fate, killer = self.fate(session, mutant, items)
            self.killers[mutant.file, killer] += bool(killer)
            self.fates[fate.split(":")[0]] += 1
            taken = time.monotonic() - begin
            line = f"{number} {fate} | {mutant.file}:{mutant.line} | {mutant.what}"
            print(f"{line} | {len(near)} near, {taken:.1f} s", flush=True)
            with self.log.open("a", encoding="utf-8") as log:
                log.write(json.dumps({**mutant._asdict(), "fate": fate, "by": killer}) + "\n")
        return True

    def measured(self, session: pytest.Session) -> tuple[dict[Any, set[str]], dict[str, float]]:
        """Run all tests once in a fork, and give the tests of each line, and their seconds."""
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            answer = json.dumps(cover(session)).encode()
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(answer)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            lines, seconds, failed = json.load(pipe)
        os.waitpid(child, 0)
        if failed:
            raise session.Interrupted(f"tests fail without a mutant: {failed}")
        reached: dict[Any, set[str]] = defaultdict(set)
        for file, line, test in lines:
            reached[file, line].add(test)
        return reached, seconds

    def fate(
        self, session: pytest.Session, mutant: Mutant, items: Sequence[Any]
    ) -> tuple[str, str]:
        """Say what became of a mutant, and the test that noticed."""
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            if mutant.is_inside:
                become(session, mutant, items, self.seconds, writer)
            own = [sys.executable, __file__, "--one", json.dumps(mutant)]
            own += ["--seconds", str(self.seconds), "--tests", *self.tests]
            run = subprocess.run(own, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
            os._exit(run.returncode != 0)
        os.close(writer)
        os.set_blocking(reader, False)
        fate = self.end_of(child)
        with os.fdopen(reader, "rb") as pipe:
            return fate, (pipe.read() or b"").decode()

    def end_of(self, child: int) -> str:
        """Wait for a mutant, and say what became of it."""
        deadline = time.monotonic() + BUSY * (self.seconds + PATIENCE)
        while time.monotonic() < deadline:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                if code == -signal.SIGXCPU:
                    break
                return "survived" if code == 0 else "noticed" if code == 1 else f"noticed: {code}"
            time.sleep(0.02)
        else:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        return "noticed: without an end"


def cover(session: pytest.Session) -> tuple[list[Any], dict[str, float], list[str]]:
    """Run all tests; give the lines that each reaches, their seconds, and those that fail."""
    measure = coverage.Coverage(data_file=None, config_file=False, include=[f"{CORE}/*"])
    seconds, failed = {}, []
    measure.start()
    for item in session.items:
        measure.switch_context(item.nodeid)
        begin = time.process_time()
        if not passes(session, item):
            failed.append(item.nodeid)
        seconds[item.nodeid] = time.process_time() - begin
    measure.stop()
    data = measure.get_data()
    lines = [
        (Path(file).name, line, test)
        for file in data.measured_files()
        for line, tests in data.contexts_by_lineno(file).items()
        for test in tests
        if test
    ]
    return lines, seconds, failed


def passes(session: pytest.Session, item: Any) -> bool:
    """Run a test alone; give whether no part of it failed."""
    from _pytest.runner import runtestprotocol

    reports = runtestprotocol(item, log=False, nextitem=None)
    return not any(report.failed for report in reports)


def become(
    session: pytest.Session, mutant: Mutant, items: Sequence[Any], seconds: float, writer: int
) -> None:
    """In a fork: become the mutant, run the tests, write which of them has noticed, and end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    end = time.process_time() + seconds  # a fork's clock, and its limit, begin at 0
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + PATIENCE, resource.RLIM_INFINITY))
    try:
        install(mutant)
        for item in items:
            if time.process_time() > end:
                break
            if not passes(session, item):
                os.write(writer, item.nodeid.encode())
                os._exit(1)
    except BaseException:
        os._exit(2)
    os._exit(0)


def chosen(own: argparse.Namespace) -> list[Mutant]:
    """Draw mutants by the seed, or take those that survived in a log."""
    if own.again:
        lines = [json.loads(line) for line in Path(own.again).read_text("utf-8").splitlines()]
        return [
            Mutant(**{name: line[name] for name in Mutant._fields})
            for line in lines
            if line["fate"] == "survived"
        ]
    files = [CORE / own.file] if own.file else sorted(CORE.glob("*.py"))
    found = [mutant for file in files for mutant in mutants_of(file)]
    print(f"{len(found)} mutants in {len(files)} files")
    return random.Random(own.seed).sample(found, min(own.number, len(found)))


def main() -> int:
    """Hunt mutants and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=400, help="mutants (default: 400)")
    parser.add_argument("--seed", type=int, default=0, help="which are drawn (default: 0)")
    parser.add_argument("--file", help="a file of the core, to keep to")
    parser.add_argument("--seconds", type=float, default=25, help="for a mutant (default: 25)")
    parser.add_argument("--log", default="mutants.jsonl", help="where their fates are kept")
    parser.add_argument("--again", help="a log, to run those that survived")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="files that shall notice")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    own, others = parser.parse_known_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # no threads: they don't live in a fork
    if own.one:
        sys.meta_path.insert(0, Imported(Mutant(*json.loads(own.one))))
        return int(pytest.main([*OPTIONS, "-x", *own.tests], plugins=[Bounded(own.seconds)]))
    hunt = Hunt(chosen(own), Path(own.log), own.seconds, own.tests)
    begin = time.monotonic()
    code = pytest.main([*OPTIONS, *own.tests, *others], plugins=[hunt])
    print(f"mutants: {hunt.fates.total()}; {dict(hunt.fates)}")
    print(f"seed: {own.seed}; minutes: {(time.monotonic() - begin) / 60:.1f}")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
