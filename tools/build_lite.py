"""Build the lessons as a JupyterLite site: Python itself runs in the reader's browser.

    make lite                              the site in lite/; it takes Pyodide from its own server
    PYODIDE=path/to/pyodide make lite      Pyodide is part of the site: no network is needed

Any server of files will do: ``python -m http.server -d lite``. What a page installs, nmflab and the
wheels of `PURE`, lies beside it; what has compiled code comes with Pyodide. nmflab's wheel holds
dictionaries, which ``tools/ship_dictionaries.py`` has trained. See docs/anywhere.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

KERNEL_PLUGIN = "@jupyterlite/pyodide-kernel-extension:kernel"
PYODIDE_VERSION = "314.0.6"
"""The one that this version of JupyterLite's kernel is made for."""

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "lite"
LARGEST = 80e6
"""Bytes of the site, without Pyodide."""

PROJECT = ("pyproject.toml", "README.md", "LICENSE", "nmflab", "data", "notebooks")
"""What nmflab's wheel is made of."""

PURE = ("anywidget", "comm", "ipywidgets", "jupyterlab_widgets", "psygnal")
"""What the widgets need and Pyodide doesn't have; as wheels for any machine."""

SHIMS = ("widgetsnbextension",)
"""What the kernel brings as an empty shell."""

EXTENSIONS = (
    "@jupyter-widgets/jupyterlab-manager",
    "@jupyterlite/pyodide-kernel-extension",
    "anywidget",
)
"""What JupyterLab's own part of the site is to have."""


def install_cell(what: str = "nmflab") -> str:
    """Give the first cell of a notebook that may run where nmflab isn't installed."""
    return f"try:\n    import nmflab\nexcept ModuleNotFoundError:\n    %pip install -q {what}"


KERNEL = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}
NO_LOOK: Mapping[str, object] = {}

CONFIG = {
    "jupyter-lite-schema-version": 0,
    "jupyter-config-data": {
        "appName": "nmflab",
        "litePluginSettings": {KERNEL_PLUGIN: {"disablePyPIFallback": True}},
    },
}


def build(
    folder: Path,
    pyodide: Path | None = None,
    extra: Path | None = None,
    dictionaries: Path | None = None,
) -> None:
    """Build the site, and put it in its place when all is well."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".site-") as made:
        source, pages = Path(made) / "source", Path(made) / "pages"
        lay_out(source, pyodide, dictionaries)
        if extra is not None:
            shutil.copytree(extra, source / "lessons", dirs_exist_ok=True)
        command = [sys.executable, "-m", "jupyter", "lite", "build", "--no-sourcemaps"]
        command += ["--lite-dir", str(source), "--output-dir", str(pages)]
        command += ["--contents", str(source / "lessons")]
        done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stdout[-3000:] + done.stderr[-3000:])
        refuse_large(pages)
        shutil.rmtree(folder, ignore_errors=True)
        pages.rename(folder)


def lay_out(source: Path, pyodide: Path | None, dictionaries: Path | None = None) -> None:
    """Put together what JupyterLite makes the site of."""
    lessons = source / "lessons"
    leave = shutil.ignore_patterns(".*")
    shutil.copytree(ROOT / "notebooks", lessons, ignore=leave)
    for notebook in lessons.glob("*.ipynb"):
        prepare(notebook)
    (source / "jupyter-lite.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    own = {
        "ignore_sys_prefix": ["federated_extensions"],
        "federated_extensions": [str(extension(name)) for name in EXTENSIONS],
    }
    (source / "jupyter_lite_config.json").write_text(json.dumps({"LiteBuildConfig": own}), "utf-8")
    with tempfile.TemporaryDirectory() as project:
        copy_project(Path(project), dictionaries)
        collect_wheels(source / "pypi", Path(project))
    if pyodide is not None:
        if not (pyodide / "pyodide-lock.json").is_file():
            raise SystemExit(
                f"PYODIDE is {str(pyodide)!r} but must be the folder of Pyodide {PYODIDE_VERSION}, "
                "unpacked: the one with pyodide-lock.json."
            )
        shutil.copytree(pyodide, source / "static" / "pyodide")


def prepare(
    notebook: Path,
    first: str | None = None,
    *,
    kernel: Mapping[str, str] = KERNEL,
    look: Mapping[str, object] = NO_LOOK,
) -> None:
    """Put a cell before all others, by default the one that installs, and name the kernel."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    content["metadata"]["kernelspec"] = kernel
    source = install_cell() if first is None else first
    cell = {"cell_type": "code", "id": "install", "metadata": dict(look), "source": source}
    content["cells"].insert(0, {**cell, "outputs": [], "execution_count": None})
    notebook.write_text(json.dumps(content), encoding="utf-8")


def copy_project(folder: Path, dictionaries: Path | None) -> None:
    """Copy what a wheel is built of, and put dictionaries into the package."""
    leave = shutil.ignore_patterns(".*", "__pycache__")
    for part in PROJECT:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=leave)
        else:
            shutil.copy(ROOT / part, folder)
    if dictionaries is not None:
        shutil.copytree(dictionaries, folder / "nmflab" / "embedded" / "dictionaries")


def collect_wheels(folder: Path, project: Path) -> None:
    """Build nmflab's wheel, and fetch those of `PURE` in the versions that are pinned."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    own = [*pip, "wheel", "--no-deps", "--no-build-isolation"]
    own += ["--wheel-dir", str(folder), str(project)]
    any_machine = ["--platform", "any", "--implementation", "py", "--abi", "none"]
    pure = [*pip, "download", "--no-deps", "--only-binary=:all:", *any_machine]
    pure += ["--constraint", str(ROOT / "constraints.txt"), "--dest", str(folder), *PURE]
    for command in (own, pure):
        subprocess.run(command, check=True)


def extension(name: str) -> Path:
    """Find a package's part for JupyterLab."""
    return Path(sys.prefix) / "share" / "jupyter" / "labextensions" / name


def size(folder: Path) -> int:
    """Count the bytes of a site, without Pyodide."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files if "pyodide" not in path.parent.parts)


def refuse_large(pages: Path) -> None:
    """Refuse a site that takes too long to come over a network."""
    if size(pages) > LARGEST:
        raise SystemExit(f"The site has {size(pages) / 1e6:.0f} MB, more than {LARGEST / 1e6:.0f}.")


def main(arguments: list[str] | None = None) -> None:
    """Build the site and say how to look at it."""
    parser = argparse.ArgumentParser(description="Build the JupyterLite site.")
    parser.add_argument("folder", nargs="?", type=Path, default=SITE, help="default: lite")
    parser.add_argument("--extra", type=Path, help="a folder of more notebooks and files")
    parser.add_argument("--dictionaries", type=Path, help="a folder of those to be shipped")
    given = parser.parse_args(arguments)
    folder = given.folder.resolve()
    pyodide = os.environ.get("PYODIDE")
    build(folder, Path(pyodide).resolve() if pyodide else None, given.extra, given.dictionaries)
    print(f"{size(folder) / 1e6:.0f} MB without Pyodide. To look at it:")
    print(f"{sys.executable} -m http.server -d {folder}")


if __name__ == "__main__":
    main()
