"""Train beforehand what a page of the JupyterLite site would have to train: see docs/anywhere.md.

    python tools/ship_dictionaries.py FOLDER

These are the dictionaries of all presets and noises, and those that the explorers begin with and
the lessons ask for, all of the short corpus. The folder is made anew; `make lite` puts it into the
wheel.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import nmflab as nl
from nmflab import explorer as explorers
from nmflab.corpus import dictionaries
from nmflab.corpus.shipped_dictionaries import facts_of, name_of, write
from nmflab.explorer.presets import PRESETS
from nmflab.system.shipped import notebooks_folder


@contextmanager
def shipping(folder: Path) -> Iterator[None]:
    """Write each dictionary that is trained meanwhile into a folder."""
    train = dictionaries.train_dictionary

    def shipped(signals: Any, K: int, settings: nl.Settings, *, name: str, **options: Any) -> Any:
        found = train(signals, K, settings, name=name, **options)
        if K:
            facts = facts_of(name, settings)  # all that an explorer's settings let it read
            write(found, nl.Settings(**facts), folder / name_of(signals, name, settings))
        return found

    dictionaries.train_dictionary = shipped
    try:
        yield
    finally:
        dictionaries.train_dictionary = train


def train_presets(presets: Iterable[nl.Settings]) -> None:
    """Train speech and each noise of the embedded corpus, once for all presets that share them."""
    corpus, done = nl.load_corpus(), set()
    for settings in presets:
        for name in (None, *corpus.noise_names):
            source = "speech" if name is None else "noise"
            facts = name, settings.read_by(source)
            if facts not in done and getattr(settings, f"num_basis_{source}"):
                done.add(facts)
                signals = corpus.train_speech if name is None else corpus.training_noise(name)
                dictionaries.trained(signals, source, settings)


def begin_explorers() -> None:
    """Let each explorer train what it begins with."""
    for name in explorers.__all__:
        getattr(explorers, name)().close()


def run_lesson(path: Path) -> None:
    """Run a lesson's cells, but for one that asks for what a page hasn't got."""
    shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
    shell.enable_gui = lambda gui=None: None
    shell.reset(new_session=False)
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and "librosa" not in source:
            with redirect_stdout(io.StringIO()):
                shell.run_cell(source, silent=True).raise_error()


def main() -> None:
    """Fill the folder, and say how much it holds."""
    parser = argparse.ArgumentParser(description="Train what the JupyterLite site ships.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--presets-only", action="store_true", help="leave out the lessons'")
    given = parser.parse_args()
    os.environ |= {"NMFLAB_SHORT": "1", "NMFLAB_CACHE": "off", "MPLBACKEND": "agg"}
    shutil.rmtree(given.folder, ignore_errors=True)
    given.folder.mkdir(parents=True)
    with shipping(given.folder):
        train_presets(PRESETS.values())
        begin_explorers()
        for path in () if given.presets_only else sorted(notebooks_folder().glob("[0-9]*.ipynb")):
            run_lesson(path)
    sizes = [path.stat().st_size for path in given.folder.iterdir()]
    print(f"{len(sizes)} dictionaries are shipped, {sum(sizes) / 1e6:.1f} MB.")


if __name__ == "__main__":
    main()
