"""The site: every lesson a page that opens from the disk, whole, without a server or a network."""

import importlib.util
import os
import pkgutil
import re
import shutil
import sys
import types
from pathlib import Path

import nbformat
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import nmflab

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "browser")]

import build_site  # noqa: E402
from support.pages import chromium, drag_by_finger  # noqa: E402

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


# What is live in them


def slid(page, slider, share, touch):
    """Draw a slider to a place, by mouse or by finger; give the number of the picture then."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    x, y = box["x"] + box["width"] * share, box["y"] + box["height"] / 2
    before = int(page.locator(".nmflab-recorded").get_attribute("data-seq"))
    middle = box["x"] + box["width"] / 2
    if touch:
        drag_by_finger(page, (middle, y), (x, y))
    else:
        page.mouse.move(middle, y)
        page.mouse.down()
        page.mouse.move(x, y, steps=4)
        page.mouse.up()
    page.wait_for_function(
        "(n) => +document.querySelector('.nmflab-recorded').dataset.seq > n", arg=before
    )


@pytest.mark.browser
@pytest.mark.parametrize(("width", "touch"), [(1280, False), (820, True), (390, True)])
@pytest.mark.parametrize("lesson", ["04_separation", "06_map_separation"])
def test_recorded_explorers_move_from_the_disk(site, chromium_path, lesson, width, touch):
    seen = """() => [...document.querySelectorAll('.nmflab-recorded canvas[role=img]')].map(
        (canvas) => canvas.toDataURL())"""
    with chromium(chromium_path, width=width, touch=touch) as page:
        page.goto((site / "notebooks" / f"{lesson}.html").as_uri())
        root = page.locator('.nmflab-recorded[data-state="ready"]')
        root.wait_for()
        page.wait_for_selector('.nmflab-recorded .nmflab-player[data-state="ready"]')
        said = root.get_by_role("status").first
        penalty, p = root.get_by_label("λ", exact=True), root.get_by_label("p", exact=True)
        assert "undefined" not in root.inner_text()
        pictures, first = page.evaluate(seen), said.text_content()
        slid(page, penalty, 0.99, touch)
        assert penalty.get_attribute("aria-valuetext") == "3"
        after_penalty = page.evaluate(seen)
        assert [a == b for a, b in zip(pictures, after_penalty, strict=True)] == [
            True,
            False,
            False,
        ]
        slid(page, p, 0.01, touch)
        assert p.get_attribute("aria-valuetext") == "0.5"
        after_p = page.evaluate(seen)
        assert [a == b for a, b in zip(after_penalty, after_p, strict=True)] == [True, False, True]
        assert said.text_content() != first
        root.locator(".nmflab-play").click()
        page.wait_for_selector('.nmflab-recorded .nmflab-player[data-playing="true"]')
        assert page.problems == []


@pytest.mark.slow
def test_recorded_explorers_are_small(site):
    sizes = {path.name: path.stat().st_size for path in (site / "_static/recorded").iterdir()}
    assert len(sizes) == len(build_site.recorded.LESSONS) + 2
    assert max(sizes.values()) <= 160_000


@pytest.mark.browser
@pytest.mark.parametrize("lesson", ["04_separation", "09_own_noise"])
def test_a_page_separates_as_the_package_does(chromium_path, monkeypatch, lesson):
    recorded = build_site.recorded
    monkeypatch.setenv("NMFLAB_SHORT", "1")
    recorded._corpus.cache_clear()
    found = {}
    separate = nmflab.separate

    def noted(model, mixture, settings):
        result = found[settings.penalty, settings.p] = separate(model, mixture, settings)
        return result

    monkeypatch.setattr(nmflab, "separate", noted)
    recording = recorded.record("carlo_09", "fan", recorded.settings_of(lesson))
    recorded._corpus.cache_clear()
    ours = recorded.modules.linked(recorded.SOURCES / "separation.js")
    with chromium(chromium_path) as page:
        for i, j in ((0, 3), (3, 1), (4, 5)):
            speech = page.evaluate(
                f"([recording, i, p]) => {{ {ours}\n const separation = new Separation(recording);"
                "separation.separate(i, p); return [...separation.speech]; }",
                [recording, i, recording["powers"][j]],
            )
            expected = found[recorded.PENALTIES[i], recorded.POWERS[j]].speech
            error = np.square(expected - speech).sum() / np.square(expected).sum()
            assert 10 * np.log10(error) < -30, (i, j)


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/OWNER/nmflab",
        "https://github.com/somebody",
        "http://github.com/somebody/nmflab",
        "https://example.org/somebody/nmflab",
        "somebody/nmflab",
    ],
)
def test_no_button_is_made_of_an_address_that_can_t_be_right(address):
    with pytest.raises(SystemExit, match="must be the project's address"):
        build_site.checked_repository(address)


def test_no_button_leads_to_another_repository_than_the_clone_s(monkeypatch):
    origin = "git@github.com:somebody/nmflab.git\n"
    answer = types.SimpleNamespace(stdout=origin)
    monkeypatch.setattr(build_site.subprocess, "run", lambda *_, **__: answer)
    assert build_site.checked_repository("https://github.com/somebody/nmflab") == (
        "somebody",
        "nmflab",
    )
    with pytest.raises(SystemExit, match="this clone comes from"):
        build_site.checked_repository("https://github.com/another/nmflab")


def test_all_buttons_of_a_lesson_come_from_one_address(tmp_path):
    notebook = tmp_path / "04_separation.ipynb"
    for repository, expected in ((None, 0), (("somebody", "nmflab"), len(build_site.PLACES))):
        shutil.copy(ROOT / "notebooks" / notebook.name, notebook)
        build_site.add_what_is_live(notebook, repository)
        cell = nbformat.read(notebook, as_version=4).cells[1]
        links = re.findall(r"\[open in \w+\]\((\S+)\)", cell.source)
        assert len(links) == expected
        assert all("somebody" in link and notebook.stem in link for link in links)
        assert all(build_site.leads_out(link) for link in links)
        assert 'data-record="04_separation"' in cell.source


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


# Colab


@pytest.fixture
def colab(tmp_path):
    """Give the lessons as they are written for Colab, by their names."""
    build_site.write_for_colab(tmp_path / "colab", ("somebody", "nmflab"))
    written = (tmp_path / "colab").glob("*.ipynb")
    return {path.stem: nbformat.read(path, as_version=4) for path in written}


def test_lessons_for_colab_install_from_the_address_that_their_buttons_have(colab):
    assert set(colab) == {path.stem for path in NOTEBOOKS}
    for notebook in colab.values():
        nbformat.validate(notebook)
        first = notebook.cells[0]
        assert first.metadata.cellView == "form"
        addresses = re.findall(r"https://\S+", first.source)
        assert addresses == ["https://github.com/somebody/nmflab/archive/HEAD.tar.gz"]
        assert build_site.REPOSITORY.fullmatch(addresses[0].partition("/archive")[0])
    path = build_site.PLACES["Colab"].format(owner="somebody", name="nmflab", lesson="04")
    assert path.endswith("/somebody/nmflab/blob/gh-pages/colab/04.ipynb")


def test_the_cell_that_installs_does_nothing_where_nmflab_is(colab, monkeypatch):
    asked = []
    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    shell.register_magic_function(asked.append, magic_name="pip")
    cell = colab["00_quickstart"].cells[0].source
    shell.run_cell(cell).raise_error()
    assert asked == []
    monkeypatch.setitem(sys.modules, "nmflab", None)
    shell.run_cell(cell).raise_error()
    assert asked == ["install -q https://github.com/somebody/nmflab/archive/HEAD.tar.gz"]


@pytest.mark.slow
def test_without_an_address_nothing_is_written_for_colab(site):
    assert not (site / "colab").exists()
