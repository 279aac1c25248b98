"""Run notebooks from top to bottom and store them as they are to be committed.

    make notebooks                      all of them
    make notebooks ARGS="00 05"         those whose names begin so

What is stored depends on the notebook and the libraries alone: run twice, it gives the same bytes.
Widget state, widget views, timestamps and the Python version are left out; cells keep their ids.
Pictures are stored with a palette, sound as MP3: a quarter and an eighth of what the running
notebook shows and plays. A notebook that fails, warns, tells where it was run, or would
be too large stays as it was, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import soundfile
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from PIL import Image

from nmflab.explorer.face import MARK, WIDGET_VIEW
from nmflab.system.files import replacing

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
LARGEST = 500_000  # bytes; GitHub shows these reliably
TIMEOUT = 600  # seconds a cell
KEPT = ("text/plain", "text/html", "text/markdown", "text/latex", "image/png")
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3", "file_extension": ".py"},
}
WAV = re.compile(r"data:audio/[\w-]+;base64,([A-Za-z0-9+/=]+)(\"\s+type=\")audio/[\w-]+")


class NotStoredError(Exception):
    """Says why a notebook was left as it was."""


def store(path: Path, *, largest: int = LARGEST, timeout: int = TIMEOUT) -> int:
    """Run one notebook and store it.

    Parameters
    ----------
    path : Path
        The notebook; it is replaced when all went well, and left alone otherwise.
    largest : int, default=500_000
        Size in bytes that it has to stay below.
    timeout : int, default=600
        Seconds that a cell may take.

    Returns
    -------
    int
        Its size in bytes.

    Raises
    ------
    NotStoredError
        If a cell fails, warns or tells where it was run, or the notebook would be too large.
    """
    notebook = nbformat.read(path, as_version=4)
    run(notebook, path.parent, timeout)
    tidy(notebook, path.stem)
    text = nbformat.writes(notebook).rstrip("\n") + "\n"
    for place in (ROOT, Path.home(), Path(sys.prefix)):
        if str(place) in text:
            raise NotStoredError(f"an output names a folder of this machine, {place}")
    content = text.encode()
    if len(content) >= largest:
        raise NotStoredError(f"it has {len(content) / 1000:.0f} kB, {largest / 1000:.0f} at most")
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return len(content)


def run(notebook: Any, folder: Path, timeout: int) -> None:
    """Run all cells, in place, with one BLAS thread so that the numbers repeat."""
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=timeout,
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise NotStoredError(str(error).strip()) from error


def tidy(notebook: Any, stem: str) -> None:
    """Leave out of a notebook, in place, whatever differs from run to run or isn't shown."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat_minor = max(notebook.nbformat_minor, 5)  # the first with cell ids
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        if cell.get("id") in seen | {None}:
            cell["id"] = f"{stem}-{number}"[-64:]
        seen.add(cell["id"])
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in ("tags", "jupyter")}
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if not is_view_apart(output, cell)]
        for output in cell.get("outputs", []):
            tidy_output(output, cell["id"])


def is_view_apart(output: Any, cell: Any) -> bool:
    """Say whether this is the live view of an explorer, whose picture is an output of its own."""
    marked = any(each.get("data", {}).get("text/html") == MARK for each in cell.outputs)
    return marked and set(output.get("data", {})) == {WIDGET_VIEW}


def tidy_output(output: Any, cell: str) -> None:
    """Reduce one output, in place, to what a page shows that can run nothing."""
    if output.output_type == "stream" and output.name == "stderr":
        raise NotStoredError(f"cell {cell} warns: {output.text.strip()}")
    if "data" not in output:
        return
    output.metadata = {}
    if WIDGET_VIEW in output.data and "image/png" not in output.data:
        raise NotStoredError(f"cell {cell} shows a widget that has no picture of itself")
    output.data = {mime: output.data[mime] for mime in KEPT if mime in output.data}
    if "image/png" in output.data:
        packed = pack_png(base64.b64decode(output.data["image/png"]))
        output.data["image/png"] = base64.b64encode(packed).decode() + "\n"
    if "text/html" in output.data:
        output.data["text/html"] = WAV.sub(as_mp3, output.data["text/html"])


def pack_png(content: bytes, colours: int = 128) -> bytes:
    """Give a picture as PNG with a palette: exact up to 256 colours, else the best so many.

    Of the ways to choose them this one keeps rare colours, and white white: with 128, the pixels
    of a spectrogram move by 1 % of full scale in the mean and by 5 % at most.
    """
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    found: list[Any] | None = picture.getcolors(256)
    if found:
        palette = Image.new("P", (1, 1))
        palette.putpalette([level for _, colour in sorted(found) for level in colour])
        picture = picture.quantize(palette=palette, dither=Image.Dither.NONE)
    else:
        picture = picture.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    packed = io.BytesIO()
    picture.save(packed, format="PNG", optimize=True)
    return packed.getvalue()


def as_mp3(source: re.Match[str]) -> str:
    """Turn the WAV in a player's HTML into an MP3 of the same length and level."""
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(source[1])))
    packed = io.BytesIO()
    soundfile.write(
        packed, samples, rate, format="MP3", bitrate_mode="CONSTANT", compression_level=0.8
    )
    encoded = base64.b64encode(packed.getvalue()).decode()
    return f"data:audio/mpeg;base64,{encoded}{source[2]}audio/mpeg"


def chosen(names: list[str]) -> list[Path]:
    """Give the notebooks whose names begin so, all of them without names."""
    notebooks = sorted(FOLDER.glob("*.ipynb"))
    found = [p for p in notebooks if not names or any(p.name.startswith(n) for n in names)]
    unknown = [n for n in names if not any(p.name.startswith(n) for p in notebooks)]
    if unknown or not found:
        raise NotStoredError(f"There is no notebook {' '.join(unknown)} in {FOLDER.name}.")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Store the notebooks named on the command line, and say how large each is."""
    parser = argparse.ArgumentParser(description="Run notebooks and store them.")
    parser.add_argument("names", nargs="*", help="how their file names begin; default: all")
    try:
        notebooks = chosen(parser.parse_args(arguments).names)
    except NotStoredError as error:
        parser.error(str(error))
    failed = False
    for path in notebooks:
        start = time.monotonic()
        try:
            size = store(path)
        except NotStoredError as error:
            print(f"{path.name}: not stored: {error}", file=sys.stderr)
            failed = True
        else:
            print(f"{path.name}: {size / 1000:.0f} kB, {time.monotonic() - start:.0f} s")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
