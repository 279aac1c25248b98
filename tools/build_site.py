"""Build the site: the notebooks as they are stored, and the reference, as pages on the disk.

    make site                           the pages in site/, the first is site/index.html
    make site REPOSITORY=https://…      with buttons that open the lessons where they are live

No notebook is executed, and nothing is fetched, neither now nor when a page is read: MathJax comes
from a package and lies beside the pages. Every warning is an error, and so is whatever `problems`
finds. The old site stays where it was until the new one is there.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import pkgutil
import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from importlib.metadata import files
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import build_lite
import recorded

import nmflab

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "site"
MATHJAX = "es5/tex-svg-full.js"  # letters as outlines: one file, no fonts
DOI = re.compile(r"https://doi\.org/10\.\d{4,9}/[-._;()/:A-Za-z0-9]*[A-Za-z0-9]")


PLACES = {
    "JupyterLite": "https://{owner}.github.io/{name}/lite/lab/index.html?path={lesson}.ipynb",
    "Colab": "https://colab.research.google.com/github/{owner}/{name}/blob/gh-pages/colab/{lesson}.ipynb",
    "Binder": "https://mybinder.org/v2/gh/{owner}/{name}/HEAD?urlpath=lab/tree/notebooks/{lesson}.ipynb",
}
"""Where a lesson is live, by what the button says.

Colab opens files of a repository alone. Those of the site, which lie in the branch ``gh-pages``,
begin with a cell that installs the package.
"""

ARCHIVE = "https://github.com/{owner}/{name}/archive/HEAD.tar.gz"
"""What that cell installs."""

KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
HIDDEN = {"cellView": "form", "jupyter": {"source_hidden": True}}
"""How Colab and JupyterLab are told to hide a cell's code."""

REPOSITORY = re.compile(r"https://github\.com/([A-Za-z0-9-]+)/([A-Za-z0-9._-]+?)(?:\.git)?/?")

RECORDED = """\
<div class="nmflab-recorded" data-record="{lesson}">
<p><strong>Move it here.</strong> “{clip}” in the noise “{noise}” at {snr:g} dB. {known}, and
the activations for each λ, were computed beforehand; gain and sound are computed in this page.</p>
</div>
<script src="../_static/recorded/{lesson}.js"></script>
<script src="../_static/recorded/recorded.js"></script>"""


def checked_repository(address: str) -> tuple[str, str]:
    """Give owner and name of the repository that buttons lead to; refuse what can't be right."""
    found = REPOSITORY.fullmatch(address)
    if found is None or {found[1].lower(), found[2].lower()} & {"owner", "name", "example", "..."}:
        raise SystemExit(
            f"REPOSITORY is {address!r} but must be the project's address on GitHub, as in "
            "https://github.com/somebody/nmflab: buttons that lead elsewhere are worse than none."
        )
    git = ["git", "-C", str(ROOT), "remote", "get-url", "origin"]
    remote = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    known = REPOSITORY.fullmatch(remote.replace("git@github.com:", "https://github.com/"))
    if known and known.groups() != found.groups():
        raise SystemExit(f"REPOSITORY is {address!r} but this clone comes from {remote!r}.")
    return found[1], found[2]


def add_what_is_live(notebook: Path, repository: tuple[str, str] | None) -> None:
    """Put the buttons and the recorded explorer behind a lesson's first cell."""
    lesson, content = notebook.stem, json.loads(notebook.read_text(encoding="utf-8"))
    parts = []
    if repository:
        owner, name = repository
        links = [
            f"[open in {place}]({address.format(owner=owner, name=name, lesson=lesson)})"
            for place, address in PLACES.items()
        ]
        parts.append(" · ".join(links))
    if lesson in recorded.LESSONS:
        clip, noise = recorded.LESSONS[lesson]
        snr = recorded.settings_of(lesson).snr
        blind = lesson in recorded.BLIND
        known = "The bases of speech, those of noise" if blind else "Dictionaries"
        facts = {"lesson": lesson, "clip": clip, "noise": noise, "snr": snr, "known": known}
        parts.append(RECORDED.format(**facts))
    if parts:
        cell = {"cell_type": "markdown", "id": "live", "metadata": {}, "source": "\n\n".join(parts)}
        content["cells"].insert(1, cell)
        notebook.write_text(json.dumps(content), encoding="utf-8")


def write_for_colab(folder: Path, repository: tuple[str, str]) -> None:
    """Write the lessons with a first cell that installs the package where it isn't."""
    owner, name = repository
    cell = build_lite.install_cell(ARCHIVE.format(owner=owner, name=name))
    folder.mkdir()
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        written = Path(shutil.copy(notebook, folder))
        first = f"# @title Install nmflab, where it isn't yet\n{cell}"
        build_lite.prepare(written, first, kernel=KERNEL, look=HIDDEN)


def write_recordings(folder: Path) -> None:
    """Write the recorded explorers of all lessons, and what moves them."""
    folder.mkdir()
    (folder / "recorded.js").write_text(recorded.script(), encoding="utf-8")
    (folder / "widgets.css").write_text(recorded.style(), encoding="utf-8")
    for lesson in recorded.LESSONS:
        recorded.write(folder, lesson)


def lay_out(folder: Path, repository: tuple[str, str] | None = None) -> None:
    """Copy the sources into a folder as they lie in the project, so that their links hold."""
    shutil.copytree(ROOT / "docs" / "site", folder, dirs_exist_ok=True)
    shutil.copy(ROOT / "README.md", folder / "README.txt")  # the front page has a part of it
    shutil.copytree(ROOT / "docs" / "tour", folder / "docs" / "tour")
    shutil.copy(ROOT / "docs" / "explorer.png", folder / "docs")
    leave = shutil.ignore_patterns(".*")  # .ipynb_checkpoints
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=leave)
    shutil.copytree(ROOT / "data" / "LICENSES", folder / "data" / "LICENSES")
    shutil.copy(ROOT / "data" / "README.md", folder / "data")
    (mathjax,) = (f for f in files("django-static-mathjax") or () if f.match(MATHJAX))
    shutil.copy(str(mathjax.locate()), folder / "static")
    write_reference(folder / "reference")
    shutil.rmtree(folder / "recorded")  # the sources of what follows
    write_recordings(folder / "static" / "recorded")
    for notebook in sorted((folder / "notebooks").glob("*.ipynb")):
        add_what_is_live(notebook, repository)


def write_reference(folder: Path) -> None:
    """Write a page for each room of the package, of what its modules hold in ``__all__``."""
    folder.mkdir()
    rooms: dict[str, list[ModuleType]] = {}
    for found in pkgutil.walk_packages(nmflab.__path__, "nmflab."):
        module = importlib.import_module(found.name) if "__" not in found.name else nmflab
        if module is not nmflab and hasattr(module, "__all__"):
            rooms.setdefault(found.name.split(".")[1], []).append(module)
    for room, modules in rooms.items():
        name = f"nmflab.{room}"
        text = [name, "=" * len(name), ""]
        if modules[0].__name__ != name:
            text += [inspect.getdoc(importlib.import_module(name)) or "", ""]
        for module in modules:
            if module.__name__ != name:
                text += [module.__name__, "-" * len(module.__name__), ""]
            text += [f".. automodule:: {module.__name__}", "   :members:", ""]
        (folder / f"{room}.rst").write_text("\n".join(text), encoding="utf-8")
    title = "The Python package"
    index = [title, "=" * len(title), "", "What ``import nmflab`` gives:", ""]
    for name in nmflab.__all__:
        summary = (inspect.getdoc(getattr(nmflab, name)) or "").partition("\n\n")[0]
        index += [f"`nmflab.{name}`", *(f"    {line}" for line in summary.splitlines()), ""]
    index += ["All public names, by the room that they stand in:", "", ".. toctree::", ""]
    index += [f"   {room}" for room in sorted(rooms)]
    (folder / "index.rst").write_text("\n".join(index) + "\n", encoding="utf-8")


def build(folder: Path, repository: tuple[str, str] | None = None) -> None:
    """Run Sphinx from the sources in a folder, and put the pages in its place when all is well."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".site-") as made:
        sources, pages = Path(made) / "sources", Path(made) / "pages"
        lay_out(sources, repository)
        command = [sys.executable, "-m", "sphinx", "-q", "-n", "-W", "--keep-going", "-b", "html"]
        command += ["-d", str(Path(made) / "doctrees"), str(sources), str(pages)]
        subprocess.run(command, check=True)
        found = problems(pages)
        if found:
            raise SystemExit("\n".join(found))
        if repository:
            write_for_colab(pages / "colab", repository)
            (pages / ".nojekyll").touch()  # or GitHub leaves out the folders that begin with _
        shutil.rmtree(folder, ignore_errors=True)
        pages.rename(folder)


class Page(HTMLParser):
    """Collect what a page of HTML holds and names."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []  # where a reader can go
        self.resources: list[str] = []  # what the browser fetches by itself
        self.unlabelled: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the ids and addresses of one tag."""
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") not in ("index", "search", "next", "prev"):
            self.resources.append(given["href"])
        fetched = ("src", "srcset", "data", "poster")
        self.resources += [given[name] for name in fetched if name in given]
        if tag == "img" and not given.get("alt"):
            self.unlabelled.append(given["src"])


def problems(folder: Path) -> list[str]:
    """List what is wrong with the pages in a folder.

    Parameters
    ----------
    folder : Path
        Where a site was built.

    Returns
    -------
    list of str
        A line for each link or anchor that leads nowhere, each script, style, picture or sound
        that is missing or not from this folder, each malformed address or DOI, each picture
        without a description.
    """
    pages = {path: Page(path) for path in sorted(folder.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(folder)
        for link in page.links:
            if not (leads_out(link) if urlsplit(link).scheme else leads(path, link, pages)):
                found.append(f"{name}: broken link {link}")
        for resource in page.resources:
            target = path.parent / unquote(urlsplit(resource).path)
            if not (resource.startswith("data:") or (is_local(resource) and target.is_file())):
                found.append(f"{name}: no {resource[:80]} in the site")
        found += [f"{name}: no description of {picture}" for picture in page.unlabelled]
    for path in sorted(folder.rglob("*.css")):
        for address in re.findall(r"url\(\s*[\"']?([^\"')]+)", path.read_text(encoding="utf-8")):
            if not (is_local(address) or address.startswith("data:")):
                found.append(f"{path.relative_to(folder)}: {address}")
    return found


def is_local(address: str) -> bool:
    """Say whether an address stays in the folder."""
    parts = urlsplit(address)
    return not (parts.scheme or parts.netloc or address.startswith("/"))


def leads_out(link: str) -> bool:
    """Say whether an outside address is well-formed; nobody is asked whether it is alive."""
    parts = urlsplit(link)
    if parts.netloc == "doi.org":
        return bool(DOI.fullmatch(link))
    return parts.scheme in ("https", "http") and "." in parts.netloc and " " not in link


def leads(path: Path, link: str, pages: dict[Path, Page]) -> bool:
    """Say whether a link within the site leads to a file that is there, and to a place in it."""
    parts = urlsplit(link)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not is_local(link) or not target.is_file():
        return False
    anchor = unquote(parts.fragment)
    return not anchor or target not in pages or anchor in pages[target].ids


def main(arguments: list[str] | None = None) -> None:
    """Build the site and say where it is."""
    parser = argparse.ArgumentParser(description="Build the site.")
    parser.add_argument("folder", nargs="?", type=Path, default=SITE, help="default: site")
    parser.add_argument("--repository", default="", help="where the buttons lead; default: none")
    given = parser.parse_args(arguments)
    folder = given.folder.resolve()
    build(folder, checked_repository(given.repository) if given.repository else None)
    print(f"Open {folder / 'index.html'} in a browser.")


if __name__ == "__main__":
    main()
