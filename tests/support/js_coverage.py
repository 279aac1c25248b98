"""Which lines of our JavaScript the browser tests run: asked of Chromium, added up over all pages.

`make coverage-js` names a folder in NMFLAB_JS_COVERAGE. Chromium counts what it runs of each
script. The modules of a widget are found again in the one text that `linked` makes of them.
"""

import contextlib
import functools
import json
import os
import re
import uuid
from pathlib import Path

from playwright.sync_api import Error

from nmflab.explorer.widgets.modules import EXPORT, IMPORT

ROOT = Path(__file__).parents[2]
FOLDERS = ("nmflab/explorer/widgets", "docs/site/recorded")
OURS = re.compile(r"blob:|data:|$|.*/recorded/")  # addresses of what may be a widget's script
NO_CODE = re.compile(r"\s*(?://.*|[\s(){}\[\];,]*)")


@functools.cache
def modules():
    """Give the modules that a page may run, by their paths in the repository."""
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.js"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in files}


def as_linked(text):
    """Give the lines of a module that stand in a widget's one text, and their numbers here."""
    gone = {at for found in IMPORT.finditer(text) for at in range(*found.span())}
    kept, numbers, at = [], [], 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if at not in gone:
            kept.append(EXPORT.sub("", line))
            numbers.append(number)
        at += len(line)
    return kept, numbers


def lines_of_code(text):
    """Give the numbers of lines that can be run: no comment, no import, no lone bracket."""
    text = IMPORT.sub(lambda found: "\n" * found.group().count("\n"), text)
    text = re.sub(r"/\*.*?\*/", lambda found: "\n" * found.group().count("\n"), text, flags=re.S)
    lines = enumerate(text.splitlines(), 1)
    return {number for number, line in lines if not NO_CODE.fullmatch(line)}


def lines_run(text, source, functions):
    """Give the numbers of a module's lines that a script ran; none where it isn't in there."""
    kept, numbers = as_linked(text)
    script = source.encode("utf-16-le")
    begin = script.find("".join(kept).rstrip().encode("utf-16-le"))
    if begin < 0:  # the site's scripts have no exports
        kept = [re.sub("^export default ", "const exported = ", line) for line in kept]
        begin = script.find("".join(kept).rstrip().encode("utf-16-le"))
    if begin < 0:
        return set()
    begin //= 2  # Chromium counts in units of UTF-16
    counts = bytearray(len(script) // 2)
    ranges = [found for function in functions for found in function["ranges"]]
    for found in sorted(ranges, key=lambda each: (each["startOffset"], -each["endOffset"])):
        first, last = found["startOffset"], min(found["endOffset"], len(counts))
        counts[first:last] = bytes([found["count"] > 0]) * (last - first)
    run = set()
    for line, number in zip(kept, numbers, strict=True):
        size = len(line.encode("utf-16-le")) // 2
        blank = len(line) - len(line.lstrip())
        if any(counts[begin + blank : begin + size - 1]):
            run.add(number)
        begin += size
    return run & lines_of_code(text)


def watch(page):
    """Count what a page runs, if that is asked for; it is written down before the page goes."""
    if "NMFLAB_JS_COVERAGE" not in os.environ:
        return
    page.counted = page.context.new_cdp_session(page)
    page.counted.send("Profiler.enable")
    page.counted.send("Profiler.startPreciseCoverage", {"callCount": True, "detailed": True})
    for name in ("goto", "reload", "close"):
        setattr(page, name, _written_before(page, getattr(page, name)))


def _written_before(page, act):
    def acting(*args, **options):
        write(page)
        return act(*args, **options)

    return acting


def write(page):
    """Write down which lines a page has run since the last time."""
    if not hasattr(page, "counted") or page.is_closed():
        return
    run = {}
    with contextlib.suppress(Error):  # the page has crashed, as a test may have wanted
        found = page.counted.send("Profiler.takePreciseCoverage")["result"]
        page.counted.send("Debugger.enable")
        for script in found:
            if not OURS.match(script["url"]):
                continue
            place = {"scriptId": script["scriptId"]}
            source = page.counted.send("Debugger.getScriptSource", place)["scriptSource"]
            for name, text in modules().items():
                run.setdefault(name, set()).update(lines_run(text, source, script["functions"]))
        page.counted.send("Debugger.disable")
    kept = {name: sorted(lines) for name, lines in run.items() if lines}
    folder = Path(os.environ["NMFLAB_JS_COVERAGE"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{uuid.uuid4().hex}.json").write_text(json.dumps(kept))


def report(folder):
    """Give a table: lines of code of each module, the percentage that ran, and the others."""
    run = {name: set() for name in modules()}
    for path in Path(folder).glob("*.json"):
        for name, lines in json.loads(path.read_text()).items():
            run[name].update(lines)
    code = {name: lines_of_code(text) for name, text in modules().items()}
    rows = [f"{'module':42} {'lines':>5} {'run':>5}  not run"]
    for name in run:
        rows.append(row(name, len(code[name]), len(run[name]), spans(code[name] - run[name])))
    rows.append(row("all", sum(map(len, code.values())), sum(map(len, run.values())), ""))
    return "\n".join(rows)


def row(name, lines, run, missing):
    """Give a row of the table."""
    return f"{name:42} {lines:5} {100 * run / max(lines, 1):4.0f}%  {missing}".rstrip()


def spans(numbers):
    """Write numbers of lines as "3-5, 9"."""
    found = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in found)
