"""The site: every lesson a page that opens from the disk, whole, without a server or a network."""

import importlib.util
import os
import pkgutil
import re
import sys
from pathlib import Path

import nbformat
import pytest

import nmflab

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "browser")]

import build_site  # noqa: E402
from support.pages import chromium  # noqa: E402

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
README = (ROOT / "README.md").read_text()
MISSING = [name for name in ("furo", "mathjax", "myst_nb") if not importlib.util.find_spec(name)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Give the folder of a site that was just built."""
    if MISSING and not os.environ.get("NMFLAB_REQUIRE_SITE"):
        pytest.skip(f"No {', '.join(MISSING)} here: make site installs them.")
    folder = tmp_path_factory.mktemp("built") / "site"
    build_site.build(folder)
    return folder


def outputs(path):
    cells = nbformat.read(path, as_version=4).cells
    return [o.get("data", {}) for c in cells if c.cell_type == "code" for o in c.outputs]


# What the pages hold


@pytest.mark.slow
def test_building_leaves_nothing_beside_the_pages(site):
    assert [path.name for path in site.parent.iterdir()] == ["site"]
    assert not list(site.rglob("*.doctree"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.slow
def test_each_notebook_has_a_page_with_its_pictures_and_sounds(site, path):
    page = build_site.Page(site / "notebooks" / f"{path.stem}.html")
    pictures = [name for name in page.resources if name.startswith("../_images/")]
    sounds = [name for name in page.resources if name.startswith("data:audio/")]
    assert len(pictures) == sum("image/png" in data for data in outputs(path))
    assert len(sounds) == sum("<audio" in data.get("text/html", "") for data in outputs(path))


@pytest.mark.slow
def test_front_page_leads_to_every_page(site):
    front = build_site.Page(site / "index.html")
    pages = {p.relative_to(site).as_posix() for p in (site / "notebooks").glob("*.html")}
    pages |= {"data/README.html", "reference/index.html"}
    assert pages <= set(front.links)
    assert "notebooks/notation.html" in pages


@pytest.mark.slow
def test_reference_leads_to_every_public_name(site):
    front = build_site.Page(site / "reference" / "index.html")
    rooms = {path.name for path in (site / "reference").glob("*.html")} - {"index.html"}
    assert rooms <= set(front.links)
    described = set().union(*(build_site.Page(site / "reference" / r).ids for r in rooms))
    for name in nmflab.__all__:
        thing = getattr(nmflab, name)
        place = f"{thing.__module__}.{thing.__qualname__}"
        assert place in described
        assert any(link.endswith(f"#{place}") for link in front.links), name
    for found in pkgutil.walk_packages(nmflab.__path__, "nmflab."):
        module = sys.modules.get(found.name)
        names = getattr(module, "__all__", ()) if "__" not in found.name else ()
        assert {f"{found.name}.{name}" for name in names} <= described


@pytest.mark.slow
def test_nothing_is_wrong_with_the_pages(site):
    assert build_site.problems(site) == []


def test_problems_are_found(tmp_path):
    (tmp_path / "style.css").write_text("@font-face {src: url(https://example.org/font.woff2)}")
    (tmp_path / "other.html").write_text('<h1 id="here">Other</h1>')
    wrong = {
        '<a href="gone.html">': "broken link gone.html",
        '<a href="other.html#there">': "broken link other.html#there",
        '<a href="#there">': "broken link #there",
        '<a href="/other.html">': "broken link /other.html",
        '<a href="https://nowhere">': "broken link https://nowhere",
        '<a href="https://doi.org/10.1038/">': "broken link https://doi.org/10.1038/",
        '<img src="gone.png" alt="A">': "no gone.png in the site",
        '<img src="style.css">': "no description of style.css",
        '<script src="https://example.org/s"></script>': "no https://example.org/s in the site",
        '<link rel="stylesheet" href="//example.org/a.css">': "no //example.org/a.css in the site",
    }
    right = [
        "other.html#here",
        "other.html",
        "https://example.org/",
        "https://doi.org/10.1038/44565",
    ]
    good = "".join(f'<a href="{link}">' for link in right) + '<img src="data:image/png," alt="B">'
    (tmp_path / "page.html").write_text("\n".join(wrong) + good)
    lines = [f"page.html: {line}" for line in wrong.values()]
    lines.append("style.css: https://example.org/font.woff2")
    assert sorted(build_site.problems(tmp_path)) == sorted(lines)


def test_glossary_is_in_alphabetical_order():
    terms = re.findall(r"^- \*\*(.+?)\*\*", (ROOT / "notebooks" / "notation.md").read_text(), re.M)
    terms = [re.sub(r"[^a-z ]", "", term.casefold().replace("-", " ")) for term in terms]
    assert len(set(terms)) == len(terms) > 60
    assert terms == sorted(terms)


# How they look


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_open_from_the_disk_and_are_whole(site, chromium_path, width):
    look = """async () => {
        if (window.MathJax) await MathJax.startup.promise;
        const all = (what) => [...document.querySelectorAll(what)];
        return {
            raw: all('.math').filter((e) => !e.querySelector('mjx-container svg')).length,
            wrong: all('[data-mml-node="merror"]').length,
            blank: all('img').filter((e) => !e.naturalWidth).length,
            mute: all('audio').filter((e) => e.error || !(e.duration > 1)).length,
            wide: document.documentElement.scrollWidth - window.innerWidth,
        };
    }"""
    with chromium(chromium_path, width=width) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        for path in sorted(site.rglob("*.html")):
            page.goto(path.as_uri(), wait_until="load")
            page.wait_for_function(
                "[...document.querySelectorAll('audio')].every(a => a.error || a.readyState > 0)"
            )
            found = page.evaluate(look)
            assert max(found.values()) <= 0, f"{path.name}: {found}"
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        assert page.problems == []


# The README's tour


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_tour_shows_each_notebook_with_a_small_picture(path):
    picture = f"docs/tour/{path.name[:2]}.png"
    row = rf"\| \[!\[[^\]]+\]\({picture}\)\]\(notebooks/{path.name}\) \| \[[^\]]+\]\(notebooks/"
    assert re.search(row, README), f"The README's tour lacks {path.name}: add a row, make tour."
    assert (ROOT / picture).stat().st_size <= 60_000


def test_readme_links_lead_somewhere():
    links = re.findall(r"\]\(([^)\s]+)\)", README)
    assert [n for n in links if "://" not in n and not (ROOT / n.partition("#")[0]).exists()] == []
    assert [n for n in links if "://" in n and not build_site.leads_out(n)] == []
