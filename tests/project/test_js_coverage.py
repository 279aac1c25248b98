"""What `make coverage-js` counts."""

import pytest
from support import js_coverage, pages

from nmflab.explorer.widgets.modules import linked

MODULE = """// What it is for.
import {
  b,
} from "./other.js";

/** A comment, and a name. */
export function called(x) {
  if (x) return "\u266b\U0001d11e";
  return b;
}

export const never = () => {
  return 1; // never
};
"""
CODE = {7, 8, 9, 12, 13}
WORDS = "nmflab/explorer/widgets/words.js"


def counted(source, *ranges):
    """Give what Chromium says, for ranges that begin and end with a word."""
    script = source.encode("utf-16-le")
    found = []
    for first, last, count in ranges:
        begin = script.index(first.encode("utf-16-le"))
        end = script.index(last.encode("utf-16-le"), begin) + 2 * len(last)
        found.append({"startOffset": begin // 2, "endOffset": end // 2, "count": count})
    return [{"ranges": found}]


def test_lines_of_code_are_neither_comments_nor_imports_nor_brackets():
    assert js_coverage.lines_of_code(MODULE) == CODE


def test_lines_that_ran_are_found_in_a_text_of_many_modules():
    kept = "".join(js_coverage.as_linked(MODULE)[0])
    source = f"const b = '\U0001d11e';\n{kept}\nexport default 1;\n"
    everything = ("const b", "default 1;\n", 1)
    functions = counted(source, everything, ("() => {", "};", 0), ("return b", ";", 0))
    assert js_coverage.lines_run(MODULE, source, functions) == {7, 8, 12}
    assert js_coverage.lines_run(MODULE, source, counted(source, everything)) == CODE
    assert js_coverage.lines_run(MODULE, "something else", functions) == set()


def test_numbers_of_lines_are_written_as_spans():
    assert js_coverage.spans({9, 3, 4, 5}) == "3-5, 9"


@pytest.mark.browser
def test_a_page_says_what_it_ran_before_it_goes(chromium_path, monkeypatch, tmp_path):
    monkeypatch.setenv("NMFLAB_JS_COVERAGE", str(tmp_path / "counted"))
    text = linked(js_coverage.ROOT / WORDS) + "\nwindow.said = readAxis(axis, 0);"
    run = """(text) => import(URL.createObjectURL(new Blob(
        ["const axis = { name: 'bin', unit: '', ends: [0, 4], count: 4, names: [] };", text],
        { type: "text/javascript" })))"""
    with pages.chromium(chromium_path) as page:
        page.evaluate(run, text)
        assert page.evaluate("window.said") == "bin 1"
        page.goto("about:blank")
    source = (js_coverage.ROOT / WORDS).read_text("utf-8")
    lines = {word: 1 + source[: source.index(word)].count("\n") for word in
             ("const value = middleOf", "const places", "const parts")}  # fmt: skip
    report = js_coverage.report(tmp_path / "counted").splitlines()
    (row,) = [line for line in report if line.startswith(WORDS)]
    missing = {
        number
        for span in row.split("%  ")[1].split(", ")
        for number in range(int(span.split("-")[0]), int(span.split("-")[-1]) + 1)
    }
    assert lines["const value = middleOf"] not in missing
    assert {lines["const places"], lines["const parts"]} <= missing
