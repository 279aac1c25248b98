"""From the hand to the picture, in a real JupyterLab: ``python -m benchmarks.latency``.

Two notebooks, each in a window with a kernel of its own: the explorer, and the way it is usually
done, ``interact`` around a function that separates with the same nmflab functions and draws the
noisy and the enhanced spectrogram, H and the gain with pyplot. Both separate the same mixture with
the same settings, those that the explorer begins with. They are measured in turns.
All times are taken in the page, from the time stamp of the key or pointer event to the animation
frame that shows the last of these pictures that the slider moves; of the explorer also until its
plots (objective, prior) and its status line have followed, which `interact` here doesn't draw.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.measure import machine, say, write_between_markers
from nmflab.explorer.presets import QUICK

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))
from support import pages  # noqa: E402  (the browser tests' helpers)

SECONDS = 3.0
NOISE = "siren"
ROUNDS = 4
PAUSES = (0.05, 0.7)  # s from a picture to the next move: some meet the scoring of the last one
DRAG = 140  # pixels, one by one
FIRST_LOOK = 0.6  # of the time that `interact` takes for a cached basis count

COMMON = f"""
import dataclasses
import nmflab as nl
from nmflab.corpus.clips import Clip, ClipList
corpus = nl.load_corpus()
clip = corpus.test_speech.clips[0]
speech = Clip(clip.name, clip.samples[: int({SECONDS} * 16000)], clip.path)
from nmflab.explorer.presets import QUICK as settings
# Little to train on: how good the dictionaries are makes no difference to the time.
corpus = dataclasses.replace(
    corpus, train_speech=corpus.train_speech[:6], test_speech=ClipList([speech])
)
"""
EXPLORER = f"""{COMMON}
from nmflab.explorer import SeparationExplorer
explorer = SeparationExplorer(corpus, settings)
explorer.controls.noise.value = "{NOISE}"
for K in (96, 128):
    explorer.controls.num_basis_speech.value = K
explorer
"""
LOOKS = f"""
import os
os.environ["NMFLAB_CACHE"] = "off"  # what is moved to was never trained
from nmflab.explorer import SeparationExplorer
explorer = SeparationExplorer(noise="{NOISE}")
explorer
"""
INTERACT = f"""%matplotlib inline
{COMMON}
import ipywidgets as widgets, matplotlib.pyplot as plt, numpy as np
mixture = nl.mix_at_snr(corpus.test_speech[0], corpus.test_noise["{NOISE}"], 0.0).mixture
noise = [corpus.train_noise["{NOISE}"]]
models = {{K: nl.train_model(corpus.train_speech, noise, settings.replace(num_basis_speech=K))
          for K in (96, 128)}}

def show(K, penalty, p):
    options = models[K].settings.replace(penalty=penalty, p=p)
    result = nl.separate(models[K], mixture, options)
    noisy = np.abs(result.mixture)
    pictures = {{"Noisy": 20 * np.log10(noisy + 1e-7), "H": 20 * np.log10(result.H + 1e-7),
                "Enhanced": 20 * np.log10(result.gain * noisy + 1e-7), "Gain": result.gain}}
    figure, axes = plt.subplots(2, 2, figsize=(11, 6))
    for ax, (name, picture) in zip(axes.flat, pictures.items()):
        image = ax.imshow(picture, origin="lower", aspect="auto")
        ax.set(title=name, xlabel="frame", ylabel="row")
        figure.colorbar(image)
    plt.show()

widgets.interact(
    show,
    K=widgets.SelectionSlider(options=[96, 128], value=128, description="speech K_S"),
    penalty=widgets.FloatLogSlider(0.005, min=-4, max=1, step=0.05, description="penalty λ"),
    p=widgets.FloatSlider(2, min=0.1, max=10, step=0.1, description="power p"),
)
None
"""

# Count what comes over WebSockets, and note when somebody last moved something.
PROBE = """
window.bytes = 0;
window.WebSocket = class extends WebSocket {
  constructor(...options) {
    super(...options);
    this.addEventListener("message", ({ data }) => {
      window.bytes += data.byteLength ?? data.size ?? data.length;
    });
  }
};
window.moved = [];
for (const type of ["keydown", "pointermove"])
  window.addEventListener(type, (event) => window.moved.push(event.timeStamp), true);
"""

# From now on note the frames that show something new; `measured` gives the ms to the last canvas
# (or figure) wanted, the ms to the last of everything, and the bytes received meanwhile.
# A canvas says in `data-seq` what it paints in this very frame; all else is in the next one. A
# plot that comes on the way is waited for, too: the status line comes after everything else.
WATCH = """([pictures, others]) => {
  window.moved = [];
  window.frames = [];
  const started = window.bytes;
  const missing = new Set([...pictures, ...others]);
  let done;
  window.measured = new Promise((resolve, reject) => {
    done = resolve;
    setTimeout(() => reject(new Error(`not shown: ${[...missing].join(", ")}`)), 30000);
  });
  window.measured.catch(() => {});
  function shown(name) {
    window.frames.push([name, performance.now()]);
    missing.delete(name);
    if (missing.size) return;
    const times = window.frames.filter(([shown]) => pictures.includes(shown)).map(([, t]) => t);
    const [first] = window.moved;
    done([Math.max(...times) - first, performance.now() - first, window.bytes - started]);
  }
  const nextFrame = (name) => requestAnimationFrame(() => shown(name));
  function decoded(image, name) {
    missing.add(name);
    image.decode().catch(() => {}).then(() => nextFrame(name));
  }
  window.watcher?.disconnect();
  window.watcher = new MutationObserver((records) => {
    for (const { target, attributeName, addedNodes, oldValue } of records) {
      // A canvas says its number again when only the playhead has moved.
      if (attributeName === "data-seq" && target.matches(".nmflab-canvas")) {
        if (target.dataset.seq !== oldValue)
          shown(target.querySelector(".nmflab-title").textContent);
      }
      if (attributeName === "src" && target.matches("img.nmflab-plot"))
        decoded(target, "plot");
      for (const node of addedNodes) {
        if (node.matches?.(".nmflab-status")) nextFrame("status");
        for (const image of node.querySelectorAll?.(".jp-RenderedImage img") ?? [])
          decoded(image, "figure");
      }
    }
  });
  window.watcher.observe(document.body, {
    subtree: true, childList: true, attributes: true, attributeOldValue: true,
    attributeFilter: ["data-seq", "src"],
  });
}"""


@dataclass
class Move:
    """A slider that is measured: its label, its keys, what it moves, and what that may take."""

    name: str
    label: str
    keys: tuple[str, ...]
    pictures: tuple[str, ...]
    p50: float
    p95: float | None = None
    faster: float = 0.0  # times
    ours: list[tuple[float, float, int]] = field(default_factory=list)  # ms, ms, bytes
    theirs: list[tuple[float, float, int]] = field(default_factory=list)


READY = '.nmflab-status[data-state="ready"]'
FORGET = """
for results in explorer.chain.results.values():
    while len(results) > 1:
        results.popitem(last=False)
"""
FOUND = ("Enhanced", "Gain")
ENCODED = (*FOUND, "Activations H")


def moves() -> list[Move]:
    back_and_forth = ("ArrowLeft", "ArrowRight")
    return [
        Move("Wiener power", "power p", ("ArrowRight",), FOUND, 60, 120, 18),
        Move("penalty", "penalty λ", ("ArrowRight",), ENCODED, 150, None, 13),
        Move("cached basis count", "speech K_S", back_and_forth, ENCODED, 200, None, 12),
    ]


def looks() -> list[Move]:
    """Give the moves to what was never trained, on the whole embedded corpus."""
    back_and_forth = ("ArrowLeft", "ArrowRight")
    return [
        Move("basis count never trained", "speech K_S", back_and_forth, ENCODED, 400),
        Move("window never trained", "window size", back_and_forth[::-1], ("Noisy", *ENCODED), 400),
    ]


class Window:
    """One notebook in a window of its own."""

    def __init__(self, page, *, is_explorer):
        self.page, self.is_explorer = page, is_explorer

    def handle(self, move):
        label = self.page.locator(".widget-label").get_by_text(move.label, exact=True)
        row = self.page.locator(".widget-inline-hbox").filter(has=label)
        return row.locator(".noUi-handle").first

    def watch(self, move):
        wanted = (move.pictures, ["status"]) if self.is_explorer else (["figure"], [])
        self.page.evaluate(WATCH, wanted)

    def step(self, move, key):
        """Press a key on a slider; give the ms to the pictures and to all, and the bytes."""
        self.watch(move)
        self.handle(move).focus()
        self.page.keyboard.press(key)
        return self.page.evaluate("window.measured")

    def drag(self, move):
        """Drag a slider fast; give pictures per second meanwhile, and the lag of the last one."""
        handle = self.handle(move)
        handle.press("Home")
        self.settle()
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.watch(move)
        self.page.mouse.move(x + DRAG, y, steps=DRAG)
        self.settle()
        self.page.mouse.up()
        moved, frames = self.page.evaluate("[window.moved, window.frames]")
        name = "Enhanced" if self.is_explorer else "figure"
        times = [time for shown, time in frames if shown == name]
        during = [time for time in times if time <= moved[-1]]
        handle.press("Home")
        self.settle()
        return 1000 * len(during) / (moved[-1] - moved[0]), max(0.0, times[-1] - moved[-1])

    def settle(self):
        """Wait until nothing new has been shown for a while."""
        count = None
        while count != (count := self.page.evaluate("window.frames?.length ?? 0")):
            self.page.wait_for_timeout(1500)


@contextlib.contextmanager
def open_windows(chromium):
    """Give the notebooks, run, and the kernels of both explorers."""
    folder = Path(tempfile.mkdtemp())
    pages.write_notebook(folder / "explorer.ipynb", EXPLORER)
    pages.write_notebook(folder / "interact.ipynb", INTERACT)
    pages.write_notebook(folder / "looks.ipynb", LOOKS)
    try:
        with (
            pages.jupyter_lab(folder, threads=None) as url,  # as many as whoever runs it has
            pages.chromium(chromium, height=1500) as first,
        ):
            # A window of its own: a tab in the background paints nothing.
            context = first.context.browser.new_context(viewport=first.viewport_size)
            theirs = Window(context.new_page(), is_explorer=False)
            another = first.context.browser.new_context(viewport=first.viewport_size)
            looking = Window(another.new_page(), is_explorer=True)
            ours = Window(first, is_explorer=True)
            kernels = contextlib.ExitStack()
            runs = []
            for tab, name, ready in (
                (theirs, "interact.ipynb", ".jp-RenderedImage img"),
                (looking, "looks.ipynb", READY),
                (ours, "explorer.ipynb", READY),
            ):
                tab.page.set_default_timeout(180_000)
                tab.page.add_init_script(PROBE)
                pages.open_in_lab(tab.page, url, name)
                pages.run_all(tab.page)
                tab.page.locator(ready).wait_for()
                tab.settle()
                runs.append(kernels.enter_context(pages.kernel_of(folder)))
            with kernels:
                yield ours, theirs, looking, runs[2], runs[1]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(chromium, count):
    """Move all sliders in both windows, in turns; give the moves, and the drags of both."""
    rng = np.random.default_rng(0)
    found, unseen, drags = moves(), looks(), {"explorer": [], "interact": []}
    with open_windows(chromium) as (ours, theirs, looking, run, run_looking):
        for number in range(ROUNDS):
            for tab in (ours, theirs):
                for move in found:
                    results = move.ours if tab is ours else move.theirs
                    for _ in range(count // ROUNDS):
                        if tab is ours and move.name == "cached basis count":
                            forget_all_but_dictionaries(run)
                        tab.page.wait_for_timeout(1000 * rng.uniform(*PAUSES))
                        key = move.keys[len(results) % len(move.keys)]
                        results.append(tab.step(move, key))
                    tab.settle()
                drags["explorer" if tab is ours else "interact"].append(tab.drag(found[0]))
            for move in unseen:
                for _ in range(count // ROUNDS // 2):
                    run_looking(FORGET)
                    looking.page.wait_for_timeout(1000 * rng.uniform(*PAUSES))
                    move.ours.append(looking.step(move, move.keys[len(move.ours) % 2]))
                    looking.page.locator(READY).wait_for()
            say(f"  round {number + 1} of {ROUNDS}, load {os.getloadavg()[0]:.1f}")
    return found, unseen, drags


def forget_all_but_dictionaries(run):
    """Let a basis count be moved to whose dictionary alone is remembered."""
    run(
        "for name in ('activations', 'gain', 'separation', 'si_sdr'):\n"
        "    explorer.chain.results[name].clear()"
    )


def report(found, unseen, drags, load):
    """Give the table as Markdown, and all that was measured as data."""
    rows = []
    for move in found:
        ours, theirs = np.array(move.ours)[:, 0], np.array(move.theirs)[:, 0]
        for percent, goal in ((50, move.p50), (95, move.p95)):
            values = [float(np.percentile(x, percent)) for x in (ours, theirs)]
            rows.append(_row(f"{move.name}, p{percent}", *values, "ms", most=goal))
        everything = (float(np.median(np.array(x)[:, 1])) for x in (move.ours, move.theirs))
        rows.append(_row(f"{move.name}, p50 with plots and status line", *everything, "ms"))
    for move in found:
        ratios = np.array(move.theirs)[:, 0] / np.array(move.ours)[:, 0]
        ratio = float(np.median(ratios))
        what = f"{move.name}, median ratio of the moves"
        rows.append([what, f"≥ {move.faster:g}", "", "", f"{ratio:.1f}", ratio >= move.faster])
    cached = float(np.median(np.array(found[-1].theirs)[:, 0]))
    for move in unseen:
        first = float(np.median(np.array(move.ours)[:, 0]))
        what = f"{move.name}, p50 to the first look, beside the cached count of `interact`"
        shown = [f"{first:.0f} ms", f"{cached:.0f} ms", f"{cached / first:.1f}"]
        rows.append([what, f"≤ {FIRST_LOOK:g} ×", *shown, first <= FIRST_LOOK * cached])
    (speed, lag), (their_speed, their_lag) = (zip(*d, strict=True) for d in drags.values())
    fast, slow = statistics.median(speed), statistics.median(their_speed)
    rows.append(_row("fast drag of the Wiener power", fast, slow, "pictures/s", least=15))
    rows.append(
        _row("last value shown after it, at most", max(lag), max(their_lag), "ms", most=250)
    )
    for move in found:
        values = [float(np.median(np.array(x)[:, 2])) / 1000 for x in (move.ours, move.theirs)]
        rows.append(_row(f"{move.name}, received for a move", *values, "kB"))
    facts = {**machine(), "load average before": f"{load:.1f}"}
    facts["load average after"] = f"{os.getloadavg()[0]:.1f}"
    text = (
        "## From the hand to the picture\n\n"
        f"`python -m benchmarks.latency`: {SECONDS:g} s of audio at the settings that the explorer "
        f"begins with (K {QUICK.num_basis_speech} + {QUICK.num_basis_noise}, "
        f"{QUICK.max_iter_test} {QUICK.solver} iterations), the whole explorer in JupyterLab "
        "and Chromium; beside it, in turns, `interact` around the same separation at the same "
        "settings and a pyplot figure of four of its pictures. From the time stamp of the "
        "event to the frame with the last of these pictures that the slider moves, taken in the "
        f"page; {len(found[0].ours)} moves of each slider by key, {ROUNDS} drags by mouse.\n\n"
        f"{_table(rows)}\n\n"
        f"Processor: {facts['processor']}, {facts['cores']} cores; load average "
        f"{facts['load average before']} before and {facts['load average after']} at the end, "
        "which is this run's own in part."
    )
    data = {
        "machine": facts,
        "moves: ms to the pictures, ms to all, bytes": {
            m.name: {"explorer": m.ours, "interact": m.theirs} for m in (*found, *unseen)
        },
        "drags, pictures a second and lag in ms": drags,
    }
    return text, data


def _row(what, ours, theirs, unit, *, most=None, least=None):
    """Compare two values; the ratio says how much better ours is."""
    better = (ours / theirs if theirs else None) if least else theirs / max(ours, 1.0)
    goal, met = "", None
    if most is not None:
        goal, met = f"≤ {most:g} {unit}", ours <= most
    elif least is not None:
        goal, met = f"≥ {least:g} {unit}", ours >= least
    values = [f"{value:.{0 if value >= 20 else 1}f} {unit}" for value in (ours, theirs)]
    return [what, goal, *values, "" if better is None else f"{better:.1f}", met]


def _table(rows):
    verdict = {True: "yes", False: "**no**", None: ""}
    lines = [["", "goal", "explorer", "`interact`", "×", "met"], ["---"] * 6]
    lines += [[*row[:5], verdict[row[5]]] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--moves", type=int, default=40, help="of each slider (default 40)")
    parser.add_argument("--print-only", action="store_true", help="write no file")
    options = parser.parse_args(arguments)
    names = [os.environ.get("NMFLAB_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    chromium = next(filter(None, map(shutil.which, filter(None, names))), None)
    if chromium is None:
        parser.error("there is no Chromium here: install one or set NMFLAB_CHROMIUM")
    load = os.getloadavg()[0]
    text, data = report(*measure(chromium, options.moves), load)
    say(text)
    if not options.print_only:
        write_between_markers(HERE / "README.md", text, "latency")
        content = json.dumps(data, ensure_ascii=False, default=float)
        (HERE / "latency.json").write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
