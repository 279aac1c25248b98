"""ARCHITECTURE.md: what it names is there, and every folder of the package is named."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text()
NAMED = set(re.findall(r"`([\w./-]+)`", TEXT))


def exists(name):
    """Say whether a name that looks like a path leads somewhere; files of one room go by name."""
    return (ROOT / name).exists() or ("/" not in name and any((ROOT / "nmflab").rglob(name)))


def test_every_path_that_it_names_exists():
    paths = {name for name in NAMED if "/" in name or re.search(r"\.(py|js|md|toml)$", name)}
    assert len(paths) > 30
    assert sorted(name for name in paths if not exists(name)) == []


def test_every_folder_of_the_package_is_named():
    folders = {path.parent for path in (ROOT / "nmflab").rglob("*.py")} - {ROOT / "nmflab"}
    assert {folder.relative_to(ROOT).as_posix() for folder in folders} <= NAMED


def test_every_file_of_the_core_is_named():
    core = [p.relative_to(ROOT).as_posix() for p in (ROOT / "nmflab" / "core").glob("*.py")]
    assert sorted(set(core) - NAMED) == ["nmflab/core/__init__.py"]


def test_it_is_one_page():
    assert len(TEXT.split()) < 1300


def test_contributing_and_readme_lead_to_it():
    for name in ("CONTRIBUTING.md", "README.md"):
        assert "(ARCHITECTURE.md)" in (ROOT / name).read_text()
