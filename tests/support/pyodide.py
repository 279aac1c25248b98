"""Pyodide as npm has it, without compiled packages, and what else a kernel needs of it to start."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ROOT / "node_modules" / "pyodide"
STARTED_WITH = ("micropip", "ipython", "jedi", "typing-extensions")


def lock():
    """Give Pyodide's list of packages, by their names."""
    return json.loads((CORE / "pyodide-lock.json").read_text())["packages"]


def needed(packages, names):
    """Give packages with all that they depend on."""
    found = []
    waiting = [name for name in names if name in packages]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.append(name)
            waiting += [d.lower().replace("_", "-") for d in packages[name]["depends"]]
    return found


def core_that_starts(folder):
    """Make a folder of Pyodide's core and of the pure wheels that a kernel starts with."""
    shutil.copytree(CORE, folder)
    content = json.loads((folder / "pyodide-lock.json").read_text())
    packages = content["packages"]
    names = needed(packages, STARTED_WITH)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"]
    pip += ["--no-deps", "--only-binary=:all:", "--platform", "any", "--python-version", "3.14"]
    pip += ["--dest", str(folder), *(f"{name}=={packages[name]['version']}" for name in names)]
    subprocess.run(pip, check=True)
    for name in names:
        package = packages[name]
        stem = f"{package['name'].replace('-', '_')}-{package['version']}".lower()
        (wheel,) = (p for p in folder.glob("*.whl") if p.name.lower().startswith(stem))
        package["file_name"] = wheel.name
        package["sha256"] = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "pyodide-lock.json").write_text(json.dumps(content))
    return folder
