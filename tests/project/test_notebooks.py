"""The notebooks as they are stored, and the tool that stores them."""

import base64
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import nbformat
import numpy as np
import pytest
import soundfile
from PIL import Image

from nmflab.explorer.face import MARK
from nmflab.lessons.check import all_exercises, check

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LARGEST = 500_000
MOST_CELLS = 31
UNCOMPARED = re.compile(r"nbval-(ignore-output|skip)|NBVAL_(IGNORE_OUTPUT|SKIP)", re.IGNORECASE)
SOLUTION = re.compile(r"<details>.*?</details>", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
MOST_WORDS = 1500
FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|<[^>]+>", re.DOTALL)
ANSWERS = re.compile(r"<details>\s*<summary><b>Answers?</b>.*?</details>", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:href|src)=\"([^\"]+)\"")


def load_tool():
    """Import tools/store_notebooks.py, which belongs to no package."""
    spec = importlib.util.spec_from_file_location(
        "store_notebooks", ROOT / "tools" / "store_notebooks.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = load_tool()


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    """Give the path of each notebook in turn."""
    return request.param


@pytest.fixture
def notebook(path):
    """Give each notebook in turn."""
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def shown(notebook):
    """Join what the outputs say in text and HTML."""
    said = [[o.get("text", ""), *o.get("data", {}).values()] for o in outputs(notebook)]
    return "\n".join(str(text) for texts in said for text in texts)


# The format


def test_there_are_notebooks():
    assert NOTEBOOKS[0].name == "00_quickstart.ipynb"


def test_is_valid_and_stored_the_tool_s_way(path, notebook):
    nbformat.validate(notebook)
    assert path.read_text() == nbformat.writes(notebook).rstrip("\n") + "\n"
    assert notebook.metadata == tool.METADATA  # no widgets, no version of Python
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


def test_is_small(path, notebook):
    assert path.stat().st_size < LARGEST == tool.LARGEST
    assert len(notebook.cells) <= MOST_CELLS
    long = {
        c.id: c.source
        for c in code_cells(notebook)
        if len([line for line in c.source.splitlines() if line]) > 8
    }
    assert long == {}


def test_begins_with_a_title_and_ends_with_words(notebook):
    first, last = notebook.cells[0], notebook.cells[-1]
    assert first.cell_type == last.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert all(cell.source.strip() for cell in notebook.cells)


def test_was_run_from_top_to_bottom(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_outputs_are_there(notebook):
    kinds = {mime for output in outputs(notebook) for mime in output.get("data", {})}
    assert "image/png" in kinds
    assert kinds <= set(tool.KEPT)
    assert [o.ename for o in outputs(notebook) if o.output_type == "error"] == []
    assert [o.text for o in outputs(notebook) if o.get("name") == "stderr"] == []
    numbers = [o for o in outputs(notebook) if re.search(r"\d\.\d", o.get("text", ""))]
    assert numbers, "strict nbval has no number to compare"


def test_what_prints_ends_in_a_value_and_not_in_a_semicolon(notebook):
    hidden = [c.id for c in code_cells(notebook) if c.source.rstrip().endswith(";")]
    assert hidden == []


def test_numbers_are_rounded(notebook):
    printed = "\n".join(o.text for o in outputs(notebook) if o.output_type == "stream")
    assert re.findall(r"\d\.\d{3,}", printed) == []


def test_no_timestamps(notebook):
    kept = [set(cell.metadata) - {"tags", "jupyter"} for cell in notebook.cells]
    assert not any(kept)
    assert [o.metadata for o in outputs(notebook) if o.get("metadata")] == []


def test_only_sound_goes_uncompared(notebook):
    for cell in code_cells(notebook):
        if UNCOMPARED.search(" ".join([cell.source, *cell.metadata.get("tags", [])])):
            said = [o.data.get("text/html", o.data.get("text/markdown")) for o in cell.outputs]
            assert all(text.startswith("**") or "<audio" in text for text in said), cell.id


def test_tells_nothing_of_the_machine(notebook):
    text = shown(notebook)
    assert not re.search(r"(^|[^A-Za-z0-9_.+/=])/(home|root|work|tmp|Users)/", text)
    assert str(ROOT) not in json.dumps(notebook)
    assert " at 0x" not in text


def test_links_resolve(path, notebook):
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    links = [a or b for a, b in LINK.findall(text)]
    local = [link.partition("#")[0] for link in links if "://" not in link]
    assert [link for link in local if link and not (path.parent / link).exists()] == []
    assert [link for link in links if "://" in link and not link.startswith("https://")] == []


def test_leads_on_and_back(path, notebook):
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    place = NOTEBOOKS.index(path)
    neighbours = NOTEBOOKS[max(place - 1, 0) : place] + NOTEBOOKS[place + 1 : place + 2]
    assert [p.name for p in neighbours if f"]({p.name}" not in text] == []


# What a lesson is made of


def words(notebook):
    return "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


def test_says_what_to_see_and_where_words_are_explained(notebook):
    assert re.search(r"(\*\*|<b>)What you should see", words(notebook))
    assert words(notebook).count("](notation.md)") >= 2  # at its head and at its foot


def test_is_short(notebook):
    told = words(notebook).rpartition("\n---\n")[0]  # without the sources at its foot
    told = FORMULA.sub(" ", ANSWERS.sub(" ", told))
    assert len(re.findall(r"[^\W\d_]\w*", told)) <= MOST_WORDS


def test_the_source_of_a_prediction_is_folded_for_it_has_the_truth(notebook):
    asked = [cell for cell in code_cells(notebook) if "Prediction(" in cell.source]
    assert asked
    for cell in asked:
        assert cell.metadata.get("jupyter", {}).get("source_hidden"), cell.id
        assert "hide-input" in cell.metadata.get("tags", []), cell.id


# What each derivation comes down to, as it stands in the lesson.
DERIVED = {
    "01": (r"x[m] \sum_t w^2[m - tR + Z]", r"\sum_t w\,y_t \big/ \sum_t w^2"),
    "02": (
        r"\log \sum_k q_{fk} \frac{W_{fk} h_k}{q_{fk}} \;\ge\;",
        r"h_k \;=\; \tilde h_k \; \frac{\sum_f W_{fk}\, v_f / \tilde v_f}{\sum_f W_{fk}}",
        r"D(h) \;\le\; A(h, \tilde h) \;\le\; A(\tilde h, \tilde h) \;=\; D(\tilde h)",
        r"W \leftarrow W \circ \frac{(V / WH)\, H^{\mathsf T}}{\mathbf 1 H^{\mathsf T}}",
    ),
    "04": (
        r"J(g) = (1-g)^2\sigma_S^2 + g^2\sigma_N^2",
        r"g = \dfrac{\sigma_S^2}{\sigma_S^2 + \sigma_N^2}",
        r"1/(1 + e^{-pL})",
    ),
    "05": (
        r"\mu = \dfrac1T \sum_t h_t",
        r"\log a - \psi(a) = s",
        r"a = \dfrac{3 - s + \sqrt{(s-3)^2 + 24s}}{12 s}",
        r"\frac{1}{a_\text{new}} = \frac1a + \frac{\ell'(a)}{a^2\, \ell''(a)}",
    ),
    "06": (
        r"C(H) = D(V\|WH) + \lambda\sum_{k,t}\varphi_k(h_{kt})",
        r"h = \dfrac{r + \lambda(a-1)}{w + \lambda/b}",
        r"C(h) \le A(h) \le A(\tilde h) = C(\tilde h)",
        r"\varphi'(h) = \frac{1-a}{h} + \frac1b",
        r"H \leftarrow \frac{H \circ W^{\mathsf T}(V/WH)}{1 + \lambda c_k}",
    ),
    "07": (
        r"\alpha = \dfrac{\langle \hat s, s\rangle}{\lVert s \rVert^2}",
        r"\mathrm{SAR} = 10\log_{10}\tfrac{",
        r"A\,(A^\top A)^{-1}A^\top \hat s",
    ),
}


def test_derivations_are_whole(path, notebook):
    told = "".join(words(notebook).split())
    steps = DERIVED.get(path.name[:2], ())
    assert [step for step in steps if "".join(step.split()) not in told] == []


def test_predicts_before_each_explorer(notebook):
    sources = [cell.source for cell in code_cells(notebook)]
    live = [i for i, source in enumerate(sources) if re.search(r"\w+Explorer\(", source)]
    asked = [i for i, source in enumerate(sources) if "Prediction(" in source]
    before = [-1, *live]
    assert all(any(last < i < at for i in asked) for last, at in pairwise(before))


def test_asks_the_exercises_of_its_lesson(path, notebook):
    code = "\n".join(c.source for c in code_cells(notebook))
    asked = set(re.findall(r"check\(\"([^\"]+)\"", code))
    assert asked == {name for name in all_exercises() if name.startswith(path.name[:2])}
    assert asked


def test_questions_are_left_to_the_reader(notebook):
    code = "\n".join(c.source for c in code_cells(notebook))
    assert set(re.findall(r"check\(\"[^\"]+\", (.*?)\)", code)) == {"..."}
    said = shown(notebook)
    asked = re.findall(r"check\(\"([^\"]+)\"", code)
    assert all(f"Your turn: {check(name, ...).message}" in said for name in asked)
    assert "Right: " not in said
    assert "Not yet: " not in said


@pytest.mark.slow
def test_folded_solutions_run(notebook):
    lines = "\n".join(c.source for c in code_cells(notebook)).splitlines()
    imports = "\n".join(line for line in lines if line.startswith(("import ", "from ")))
    solutions = SOLUTION.findall(words(notebook))
    assert solutions
    for solution in solutions:
        assert "<summary>" in solution
        for code in PYTHON.findall(solution):
            exec(imports + "\n" + code, {})


def test_sounds_play_and_pictures_show(notebook):
    for output in outputs(notebook):
        data = output.get("data", {})
        if "image/png" in data:
            Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).load()
        for _, sound in re.findall(r"data:audio/(\w+);base64,([^\"]+)", data.get("text/html", "")):
            samples, _ = soundfile.read(io.BytesIO(base64.b64decode(sound)))
            assert 0.01 < np.abs(samples).max() <= 1.05


# Strict nbval compares our numbers


def nbval(folder, *, timeout=300):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "nbval.plugin"]
    command += ["--nbval", "--nbval-current-env", "--color=no", "-v", str(folder)]
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.mark.slow
def test_nbval_fails_when_a_stored_number_changes(tmp_path):
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    # Only the cells that need no training; the last of them prints a number.
    cells = code_cells(notebook)
    wanted = next(i for i, c in enumerate(cells) if re.search(r"\d\.\d", shown_by(c)))
    notebook.cells = cells[: wanted + 1]
    nbformat.write(notebook, tmp_path / "same.ipynb")

    output = next(o for o in cells[wanted].outputs if re.search(r"\d\.\d", o.get("text", "")))
    number = re.search(r"\d\.\d", output.text)[0]
    output.text = output.text.replace(number, f"{float(number) + 0.1:.1f}", 1)
    nbformat.write(notebook, tmp_path / "changed.ipynb")

    run = nbval(tmp_path)
    assert run.returncode == 1, run.stdout
    found = re.findall(r"^(\w+)(?:::|\.)ipynb::Cell (\d+) (PASSED|FAILED)", run.stdout, re.M)
    results = {(name, int(cell)): result for name, cell, result in found}
    assert len(results) == 2 * (wanted + 1)
    assert [at for at, result in results.items() if result == "FAILED"] == [("changed", wanted)]
    assert "mismatch" in run.stdout


def shown_by(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


# The tool

LIVELY = """
import numpy as np, ipywidgets
from IPython.display import Audio, display
from matplotlib.figure import Figure
%matplotlib inline
slider = ipywidgets.FloatSlider()
display({"application/vnd.jupyter.widget-view+json": {"model_id": slider.model_id},
         "image/png": "PNG", "text/plain": "a slider"}, raw=True)
print("one"); print("two")
figure = Figure(figsize=(1, 1))
figure.text(0, 0, "text"), figure.subplots()
display(Audio(np.sin(np.arange(16000) / 9), rate=16000), figure)
""".strip()


def made_up(tmp_path, *sources):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    notebook.metadata["widgets"] = {"made": "up"}
    notebook.cells[0].metadata |= {"tags": ["kept"], "execution": {"iopub.status.busy": "2024"}}
    path = tmp_path / "made_up.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.mark.slow
def test_tool_stores_the_same_bytes_again_and_nothing_that_changes(tmp_path):
    picture = io.BytesIO()
    Image.new("RGB", (3, 3), "red").save(picture, format="PNG")
    path = made_up(tmp_path, LIVELY.replace("PNG", base64.b64encode(picture.getvalue()).decode()))
    size = tool.store(path)
    once = path.read_bytes()
    assert size == len(once)
    assert once.endswith(b"}\n")
    tool.store(path)
    assert path.read_bytes() == once

    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata == tool.METADATA
    (cell,) = notebook.cells
    assert cell.metadata == {"tags": ["kept"]}
    view, stream, sound, picture = cell.outputs
    assert set(view.data) == {"image/png", "text/plain"}
    assert stream.text == "one\ntwo\n"
    assert "audio/mpeg" in sound.data["text/html"]
    assert len(sound.data["text/html"]) < 10_000
    assert set(picture.data) == {"image/png", "text/plain"}


@pytest.mark.slow
def test_tool_leaves_out_the_live_view_of_an_explorer_and_keeps_its_picture(tmp_path):
    source = """
import nmflab as nl
from nmflab.explorer import StftExplorer
StftExplorer(settings=nl.Settings(win_size=512))
"""
    path = made_up(tmp_path, source.strip())
    tool.store(path)
    mark, still = nbformat.read(path, as_version=4).cells[0].outputs
    assert mark.data == {"text/html": MARK}
    assert set(still.data) == {"image/png", "text/plain"}


@pytest.mark.parametrize(
    ("source", "options", "reason"),
    [
        ("1 / 0", {}, "ZeroDivisionError"),
        ("import warnings; warnings.warn('beware')", {}, "warns: .*beware"),
        ("import sys; sys.prefix", {}, "a folder of this machine"),
        ("1", {"largest": 100}, "kB"),
        ("import time; time.sleep(60)", {"timeout": 1}, "(?i)time"),
        ("import ipywidgets; ipywidgets.FloatSlider()", {}, "no picture of itself"),
    ],
)
@pytest.mark.slow
def test_tool_leaves_alone_what_it_can_t_store(tmp_path, source, options, reason):
    path = made_up(tmp_path, source)
    before = path.read_bytes()
    with pytest.raises(tool.NotStoredError, match=reason):
        tool.store(path, **options)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_tool_knows_notebooks_by_how_their_names_begin():
    assert tool.chosen([]) == NOTEBOOKS
    assert [p.name for p in tool.chosen(["00"])] == ["00_quickstart.ipynb"]
    with pytest.raises(tool.NotStoredError, match="no notebook 99"):
        tool.chosen(["00", "99"])


def test_packed_pictures_keep_their_pixels(rng):
    few = Image.fromarray(rng.choice([0, 60, 255], size=(40, 50, 3)).astype(np.uint8))
    many = Image.effect_mandelbrot((200, 100), (-2, -1, 1, 1), 60).convert("RGB")
    for picture, tolerance in ((few, 0), (many, 16)):
        plain = io.BytesIO()
        picture.save(plain, format="PNG")
        packed = Image.open(io.BytesIO(tool.pack_png(plain.getvalue()))).convert("RGB")
        moved = np.asarray(packed).astype(int) - np.asarray(picture)
        assert np.abs(moved).max() <= tolerance
