"""Draw the small pictures of the README's tour, docs/tour/NN.png, from the stored notebooks.

    make tour

Each is a picture that a notebook stores, made small: that of the cell named here, or else its last.
"""

import base64
import io
from pathlib import Path

import nbformat
from PIL import Image
from store_notebooks import FOLDER, ROOT, pack_png

from nmflab.system.files import replacing

TOUR = ROOT / "docs" / "tour"
BOX = (360, 240)  # pixels
LARGEST = 60_000  # bytes
CELLS = {
    "00": "see",
    "01": "resolution",
    "02": "parts",
    "03": "bases",
    "04": "masks",
    "05": "densities",
    "06": "hill",
    "07": "sweep",
    "08": "explorer",
    "09": "hill-figure",
    "10": "worth",
}


def picture(path: Path) -> Image.Image:
    """Give the picture of a notebook that stands for it."""
    stored = {}
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                stored[cell.id] = output.data["image/png"]
    chosen = CELLS.get(path.name[:2])
    content = stored[chosen if chosen in stored else list(stored)[-1]]
    return Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB")


def draw(path: Path) -> Path:
    """Make the picture of a notebook small and store it."""
    small = picture(path)
    small.thumbnail(BOX, Image.Resampling.LANCZOS)
    plain = io.BytesIO()
    small.save(plain, format="PNG")
    packed = next(
        content
        for colours in (256, 128, 64, 32)
        if len(content := pack_png(plain.getvalue(), colours)) <= LARGEST
    )
    drawn = TOUR / f"{path.name[:2]}.png"
    with replacing(drawn) as temporary:
        temporary.write_bytes(packed)
    return drawn


if __name__ == "__main__":
    TOUR.mkdir(exist_ok=True)
    for notebook in sorted(FOLDER.glob("*.ipynb")):
        made = draw(notebook)
        print(f"{made.relative_to(ROOT)}: {made.stat().st_size / 1000:.0f} kB")
