"""Build slides of the lessons: one page each, which opens from the disk, without a network.

    make slides                         all of them, in slides/
    make slides ARGS="00 05"            those whose names begin so

A heading begins a slide, what belongs to it lies below (press the down key). Nothing is executed:
outputs are shown as they are stored, and a cell that can be run live says so. reveal.js comes from
npm (package.json), MathJax from the package that the site takes it from.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from importlib.metadata import files
from pathlib import Path
from typing import Any

import nbformat
from nbconvert import HTMLExporter
from nbconvert.preprocessors import TagRemovePreprocessor
from pygments.formatters import HtmlFormatter

ROOT = Path(__file__).resolve().parents[1]
SLIDES = ROOT / "slides"
REVEAL = ROOT / "node_modules" / "reveal.js" / "dist"
MATHJAX = "es5/tex-svg-full.js"
MOST_WORDS = 90
"""Words of a slide; a longer text goes on below, from its next paragraph."""

LIVE = re.compile(
    r"\b(\w*Explorer|\w*Prediction|BlindListening|AuxiliaryCurve|FactorTiles)\(|^starts$|^explorer$",
    re.M,
)

PARTS = ROOT / "tools" / "slides"
"""The page that the slides are put into, and its style."""


def blocks(text: str) -> list[str]:
    """Divide Markdown at headings, and what is long at blank lines; folds stay whole."""
    found: list[str] = []
    for part in re.split(r"(?m)^(?=#{1,3} )", text):
        room = 0
        for paragraph in paragraphs(part):
            words = len(paragraph.split())
            if found and room and room + words <= MOST_WORDS:
                found[-1] += "\n\n" + paragraph
            else:
                found.append(paragraph)
                room = 0
            room += words
    return found


def paragraphs(text: str) -> list[str]:
    """Divide Markdown at blank lines outside of folds and lists."""
    found: list[str] = []
    for piece in re.split(r"(<details>.*?</details>)", text, flags=re.DOTALL):
        if piece.startswith("<details>"):
            found.append(piece)
            continue
        for paragraph in filter(None, re.split(r"\n\s*\n", piece.strip())):
            goes_on = re.match(r"(\$\$|[-*] |\d+\. |\|)", paragraph)
            if found and goes_on:
                found[-1] += "\n\n" + paragraph
            else:
                found.append(paragraph)
    return found


def stacks(notebook: Any, number: str) -> list[list[Any]]:
    """Give the cells of each slide and of those below it; a heading begins the next one."""
    found: list[list[Any]] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cells = [nbformat.v4.new_markdown_cell(text) for text in blocks(cell.source)]
        elif LIVE.search(cell.source):
            badge = f'<p class="live">▶ live: run this cell of lesson {int(number)}</p>'
            cell.metadata["badge"] = badge
            cells = [cell]
        else:
            cells = [cell]
        for each in cells:
            if (each.cell_type == "markdown" and re.match(r"#{1,2} ", each.source)) or not found:
                found.append([])
            found[-1].append(each)
    return found


def draw(notebook: Any, number: str) -> str:
    """Write the page of one lesson."""
    exporter = HTMLExporter(template_name="basic", exclude_anchor_links=True)
    # The source of a prediction has its truth.
    fold = TagRemovePreprocessor(remove_input_tags={"hide-input"})
    exporter.register_preprocessor(fold, enabled=True)
    title = notebook.cells[0].source.partition("\n")[0].lstrip("# ")
    slides = []
    for stack in stacks(notebook, number):
        sections = []
        for cell in stack:
            badge = cell.metadata.pop("badge", "")
            alone = nbformat.v4.new_notebook(cells=[cell], metadata=notebook.metadata)
            body, _ = exporter.from_notebook_node(alone)
            sections.append(f"<section>{badge}{body}</section>")
        slides.append("<section>" + "\n".join(sections) + "</section>")
    style = (PARTS / "slides.css").read_text() + HtmlFormatter().get_style_defs(".highlight")
    page = (PARTS / "page.html").read_text()
    for name, text in (("TITLE", title), ("STYLE", style), ("SLIDES", "\n".join(slides))):
        page = page.replace(name, text, 1)
    return page


def build(folder: Path, names: list[str]) -> list[Path]:
    """Build the slides of the lessons whose names begin so, all if none is named."""
    if not (REVEAL / "reveal.js").exists():
        raise SystemExit("Slides need reveal.js from npm: make slides installs it, with Node.")
    lessons = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    chosen = [p for p in lessons if not names or p.name.startswith(tuple(names))]
    if not chosen:
        raise SystemExit(f"There is no lesson {' '.join(names)}.")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(REVEAL, folder / "reveal", dirs_exist_ok=True)
    (mathjax,) = (f for f in files("django-static-mathjax") or () if f.match(MATHJAX))
    shutil.copy(str(mathjax.locate()), folder / "tex-svg-full.js")
    pages = []
    for path in chosen:
        page = folder / f"{path.stem}.html"
        text = draw(nbformat.read(path, as_version=4), path.name[:2])
        page.write_text(text.replace(".ipynb", ".html"), encoding="utf-8")
        pages.append(page)
    return pages


def main() -> None:
    """Build what the command line names."""
    parser = argparse.ArgumentParser(description="Build slides of the lessons.")
    parser.add_argument("lessons", nargs="*", help="numbers, such as 00 05; by default all")
    for page in build(SLIDES, parser.parse_args().lessons):
        sys.stdout.write(f"{page.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
