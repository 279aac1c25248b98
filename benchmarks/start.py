"""From "Run all" to the picture, and what a kernel holds: ``python -m benchmarks.start``.

A kernel is started for lesson 00 and handed its cells, all at once, as "Run all" does.
The clock runs from the first of them to the message after which a browser has both the explorer's
view and its first two pictures. The memory is that of a kernel with one explorer and nothing else,
after ten moves and one preset. With ``--before FOLDER``, a checkout of another commit, each round
measures both, in turns.
"""

import argparse
import contextlib
import json
import os
import queue
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from jupyter_client import BlockingKernelClient, KernelManager

from benchmarks.measure import ROOT, Ratio, machine, say, write_between_markers

LESSON = "00_quickstart.ipynb"
VIEW = "application/vnd.jupyter.widget-view+json"
PICTURES = 2  # that the lesson's explorer has; of one with more, the first two count
PATIENCE = 300.0  # seconds

MOVES = """
for p in (1.0, 1.5, 3.0, 4.0, 5.0):
    explorer.controls.p.value = p
for penalty in (0.01, 0.02, 0.05, 0.1):
    explorer.controls.penalty.value = penalty
explorer.controls.num_basis_speech.value = 96
explorer.flush()
"""
EXPLORER = (
    "from nmflab.explorer import SeparationExplorer\nexplorer = SeparationExplorer()\nexplorer"
)
PRESET = """
preset = explorer.controls.preset
preset.value = next(name for name in preset.options if name.startswith("tuned"))
explorer.flush()
"""


@contextlib.contextmanager
def kernel(code: Path, cache: Path) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    """Give a kernel that imports nmflab from a folder, and keeps what it caches in another."""
    environment = {**os.environ, "PYTHONPATH": str(code), "NMFLAB_CACHE": str(cache)}
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=environment, cwd=str(cache), extra_arguments=["--log-level=40"])
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def first_picture(code: Path, cache: Path) -> float:
    """Run lesson 00; give the seconds until a browser could paint the explorer."""
    notebook = json.loads((code / "notebooks" / LESSON).read_text("utf-8"))
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    with kernel(code, cache) as (_, client):
        painted: set[str] = set()
        began = time.perf_counter()
        for source in cells:
            client.execute(source)
        is_viewed = False
        while not (is_viewed and len(painted) >= PICTURES):
            message = _heard(client)
            content = message["content"]
            if message["msg_type"] == "error":
                raise RuntimeError("\n".join(content["traceback"]))
            if message["msg_type"] in ("display_data", "execute_result"):
                is_viewed = is_viewed or VIEW in content["data"]
            state = content.get("data", {}).get("state", {})
            if state.get("_frame", {}).get("shape"):
                painted.add(content["comm_id"])
        return time.perf_counter() - began


def memory(code: Path, cache: Path) -> tuple[float, float]:
    """Give the resident megabytes of a kernel with one explorer: after ten moves, and a preset."""
    with kernel(code, cache) as (manager, client):
        _run(client, EXPLORER)
        _run(client, MOVES)
        after_moves = _resident(manager)
        _run(client, PRESET)
        return after_moves, _resident(manager)


def _run(client: BlockingKernelClient, source: str) -> None:
    # What is sent must be read, as a page does: the kernel would keep it.
    reply = client.execute_interactive(source, output_hook=lambda _: None, timeout=PATIENCE)
    if reply["content"]["status"] != "ok":
        raise RuntimeError("\n".join(reply["content"]["traceback"]))


def _heard(client: BlockingKernelClient) -> dict:
    try:
        return client.get_iopub_msg(timeout=PATIENCE)
    except queue.Empty:
        raise RuntimeError(f"The kernel has said nothing for {PATIENCE:g} s.") from None


def _resident(manager: KernelManager) -> float:
    pid = manager.provisioner.pid
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return int(fields["VmRSS"].split()[0]) / 1000


def measure(before: Path | None, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Measure this checkout and the one before, in turns; with a new cache, and then with it."""
    found: dict[str, dict[str, list[float]]] = {}
    for number in range(rounds):
        for name, code in (("now", ROOT), ("before", before))[:: 1 if number % 2 else -1]:
            if code is None:
                continue
            results = found.setdefault(name, {})
            with tempfile.TemporaryDirectory() as cache:
                values = {"first": first_picture(code, Path(cache))}
                values["again"] = first_picture(code, Path(cache))
                values["moved"], values["preset"] = memory(code, Path(cache))
            for what, value in values.items():
                results.setdefault(what, []).append(value)
            say(f"  round {number + 1} of {rounds}, {name}: {values}")
    return found


def report(found: dict[str, dict[str, list[float]]]) -> str:
    """Give the table as Markdown."""
    rows = [["", "goal", "now", "before", "now / before"], ["---"] * 5]
    for what, text, unit, goal in (
        ("first", "Run all of lesson 00 to the first live picture", "s", "≤ 0.6 ×"),
        ("again", "the same once more, with what the first run has cached", "s", "≤ 0.6 ×"),
        ("moved", "memory of a kernel with one explorer, after ten moves", "MB", "≤ 200 MB"),
        ("preset", "and after a preset", "MB", "≤ 200 MB"),
    ):
        values = [found[name][what] if name in found else [] for name in ("now", "before")]
        cells = [f"{statistics.median(x):.3g} {unit}" if x else "" for x in values]
        now, before = values
        ratio = Ratio.of([a / b for a, b in zip(now, before, strict=True)]) if before else ""
        rows.append([text, goal, *cells, str(ratio)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.add_argument("--before", type=Path, help="checkout of a commit to compare with")
    parser.add_argument("--rounds", type=int, default=5, help="(default 5)")
    parser.add_argument("--print-only", action="store_true", help="write no file")
    options = parser.parse_args(arguments)
    before = options.before and options.before.resolve()
    table = report(measure(before, options.rounds))
    facts = machine()
    text = (
        "## From Run all to the picture\n\n"
        "`python -m benchmarks.start --before CHECKOUT`: a kernel gets the cells of lesson 00; "
        "the time is that to the message after which a browser has the explorer's view and its "
        f"pictures. Medians of {options.rounds} rounds, both commits in turns.\n\n{table}\n\n"
        f"Processor: {facts['processor']}, {facts['cores']} cores; Python {sys.version.split()[0]}."
    )
    say(text)
    if not options.print_only:
        write_between_markers(Path(__file__).parent / "README.md", text, "start")


if __name__ == "__main__":
    main()
