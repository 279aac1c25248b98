"""CPython with what Pyodide lacks taken away: move all explorers, and run notebooks.

``python browser_python.py NOTEBOOK …`` prints a line of JSON for each explorer and notebook.
``python browser_python.py --shipped`` refuses to train, too, and prints a line for each explorer
that begins with settings whose dictionaries are shipped, and goes through the noises.
Threads, processes and the modules of `MISSING` are refused, and there is one processor. A cell that
asks for one of `ONLY_ELSEWHERE` by itself is left out, and counted.
"""

from __future__ import annotations

import ast
import functools
import importlib.abc
import json
import os
import re
import sys
import threading
import time
from pathlib import Path

MISSING = frozenset(
    "av dask distributed filelock jupyterlab librosa llvmlite mir_eval multiprocessing.pool numba "  # noqa: SIM905
    "pesq platformdirs pooch pystoi rich sklearn soundfile soxr threadpoolctl voila".split()
)
ONLY_ELSEWHERE = frozenset({"librosa"})


class Missing(importlib.abc.MetaPathFinder):
    """Find nothing of what is missing."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname in MISSING or fullname.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def refuse_thread(_):
    raise RuntimeError("can't start new thread")


def take_away():
    """Make this process as poor as a browser's Python."""
    loaded = [name for name in sys.modules if name.partition(".")[0] in MISSING]
    assert not loaded, loaded
    sys.meta_path.insert(0, Missing())
    threading.Thread.start = refuse_thread
    os.sched_getaffinity = lambda _: {0}
    os.cpu_count = lambda: 1
    os.fork = os.posix_spawn = refuse_thread


def asks_for(source):
    """Name the top modules that a cell imports itself."""
    names = set()
    for node in ast.walk(ast.parse(re.sub(r"^%.*$", "", source, flags=re.MULTILINE))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def run(shell, path):
    """Run a notebook's cells one after the other, and show what they end with."""
    start, left_out, shown = time.process_time(), 0, 0
    shell.reset(new_session=False)
    for cell in json.loads(path.read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code":
            continue
        if asks_for(source) & ONLY_ELSEWHERE:
            left_out += 1
            continue
        result = shell.run_cell(source)
        result.raise_error()
        shown += result.result is not None
    seconds = round(time.process_time() - start, 1)
    return {"notebook": path.name, "seconds": seconds, "left_out": left_out, "shown": shown}


def another(control):
    """Give a neighbour of the value that a control has."""
    if not hasattr(control, "options"):
        return control.value - control.step
    values = [value for _, value in control._options_full]
    return values[control.index - 1] if control.index else values[-1]


def move_explorers():
    """Move each control of each explorer as a browser does, and give the state it ends in."""
    from nmflab import explorer as explorers
    from nmflab.explorer import sweep
    from support.corpora import SETTINGS, make_corpus
    from support.hands import drag, state_of

    sweep.PENALTIES = (0.0, 0.1)
    for name in explorers.__all__:
        explorer = getattr(explorers, name)(make_corpus(), SETTINGS)
        states, start = {}, time.process_time()
        for part, control in explorer.controls.widgets.items():
            moved = getattr(control, "slider", control)
            drag(moved, another(moved))
            states[part] = state_of(explorer)
            explorer.controls.reset()
        explorer.flush()
        faces = sorted(explorer._repr_mimebundle_()[0])
        seconds = round(time.process_time() - start, 1)
        yield {"explorer": name, "seconds": seconds, "states": states, "faces": faces}
        explorer.close()


def begin_explorers():
    """Let explorers begin on the embedded corpus without training; move the noise in each."""
    import nmflab as nl
    from nmflab import explorer as explorers
    from nmflab.corpus import dictionaries
    from support.hands import drag, state_of

    train = dictionaries.train_dictionary

    def refuse(signals, num_bases, settings, *, name, progress=None):
        if num_bases:
            raise RuntimeError(f"{name} would be trained")
        return train(signals, num_bases, settings, name=name)

    dictionaries.train_dictionary = refuse
    for name in explorers.__all__:
        for preset in ("framewise", "tuned", "own"):
            settings = getattr(nl.Settings, preset)()
            if preset != "framewise" and name != "SeparationExplorer":
                continue
            explorer = getattr(explorers, name)(settings=settings)
            states = {"at first": state_of(explorer)}
            noises = explorer.controls.widgets.get("noise")
            for noise in noises.options if noises and name != "SweepExplorer" else ():
                drag(noises, noise)
                states[noise] = state_of(explorer)
            explorer.flush()
            looks = [ran for ran in explorer.chain.runs if ran.startswith("first look")]
            yield {"explorer": f"{name}, {preset}", "states": states, "looks": looks}
            explorer.close()


def say(facts):
    print("\n" + json.dumps(facts), file=sys.__stderr__, flush=True)


def decode_once():
    """Decode each file once for all notebooks: the reader without a library is slow."""
    from nmflab.audio import flac

    decode = flac.decode
    flac.decode = functools.cache(lambda content, form: (*decode(content, form),))


def main():
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui=None):
            """Leave figures to what shows them."""

    take_away()
    decode_once()
    if sys.argv[1:] == ["--shipped"]:
        for facts in begin_explorers():
            say(facts)
        return
    shell = Shell.instance(config=Config(HistoryManager={"enabled": False}))
    for facts in move_explorers():
        say(facts)
    for name in sys.argv[1:]:
        say(run(shell, Path(name)))


if __name__ == "__main__":
    main()
