"""British English: no American spelling in prose. `make test` runs codespell for the rest."""

import ast
import io
import re
import tokenize
from pathlib import Path

import nbformat
import pytest

codespell_lib = pytest.importorskip("codespell_lib")

ROOT = Path(__file__).parents[2]
FOLDERS = ("nmflab", "notebooks", "tests", "tools", "benchmarks", "docs", "data")
SUFFIXES = {".py", ".md", ".ipynb", ".js", ".css", ".toml", ".yml"}
FOUND = [*ROOT.glob("*"), *(path for name in FOLDERS for path in (ROOT / name).rglob("*"))]
FILES = sorted(path for path in FOUND if path.suffix in SUFFIXES and path != Path(__file__))

# codespell knows pairs such as colour->color. These stand on their right side and are British, too.
# fmt: off
BRITISH_TOO = {
    "biased", "catalog", "dialog", "dialogs", "focused", "focuses", "focusing", "judgment",
    "judgments", "license", "licensed", "licenses", "licensing", "meter", "meters", "practice",
    "practiced", "practices", "program", "routing", "stories", "story", "writable",
}
# fmt: on
IZE = re.compile(
    r"(?!(re|cap|over)?(size|sizing)|prize|seize)[a-z]+(iz(e[ds]?|ers?|ing|ations?)|yz(e[ds]?|ing))"
)
NO_PROSE = re.compile(
    r"""```.*?```|``[^`]+``|`[^`\n]+`|\$\$.*?\$\$|\$[^$\n]+\$  # code and formulas
    |\]\([^)]+\)|https?://\S+|<[^>\n]+>                       # addresses and tags
    |"[^"]{1,200}"|“[^”]{1,200}”                              # titles of papers
    |\S*[_=()\[\]{}\\/.][\w"']\S*""",  # names, calls, keywords
    re.DOTALL | re.VERBOSE,
)


def american_words():
    """Give what codespell's dictionary from British to American English leads to."""
    data = Path(codespell_lib.__file__).parent / "data" / "dictionary_en-GB_to_en-US.txt"
    pairs = [line.split("->") for line in data.read_text().splitlines() if "->" in line]
    return {american.strip(" ,") for _, american in pairs} - BRITISH_TOO


AMERICAN = american_words()


def prose(path):
    """Give what people read in a file: text, comments, docstrings and messages."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return source
    if path.suffix == ".ipynb":
        cells = nbformat.reads(source, as_version=4).cells
        code = [python_prose(c.source) for c in cells if c.cell_type == "code"]
        return "\n\n".join([c.source for c in cells if c.cell_type == "markdown"] + code)
    if path.suffix == ".py":
        return python_prose(source)
    comments = r"/\*.*?\*/|//[^\n]*" if path.suffix in {".js", ".css"} else r"#[^\n]*"
    return "\n\n".join(re.findall(comments, source, re.DOTALL))


def python_prose(source):
    """Give the comments and the strings of four words and more."""
    source = re.sub(r"^%", "#", source, flags=re.MULTILINE)  # a magic command
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    parts = [token.string for token in tokens if token.type == tokenize.COMMENT]
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    texts = [node.value for node in nodes if isinstance(node.value, str)]
    return "\n\n".join(parts + [text for text in texts if len(text.split()) >= 4])


def americanisms(text):
    """List the American words in prose."""
    words = re.findall(r"(?<![\w.-])[A-Za-z]+(?![\w-])", NO_PROSE.sub(" ", text))
    return sorted({w for w in words if w.lower() in AMERICAN or IZE.fullmatch(w.lower())})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_prose_is_british(path):
    assert americanisms(prose(path)) == []


def test_americanisms_are_found_in_prose_and_not_in_names():
    assert americanisms("The color of normalized behavior") == ["behavior", "color", "normalized"]
    assert americanisms("A resized prize; its size is normalised, a program's practice") == []
    assert americanisms('`color` set by color="red" in ax.center() (“Factorization”)') == []
    assert python_prose("x = 1  # gray\n'center'\n'The center of it all'") == (
        "# gray\n\nThe center of it all"
    )
