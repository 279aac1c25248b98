// The picture of a matrix, one pixel a cell, as large as it is on the screen.

import { penOf, resize } from "./sheet.js";

/** @import { Scene } from "./types.d.ts" */

/**
 * First across, then up: each is smoothed only where several cells share a pixel.
 * @param {Scene} scene @param {HTMLCanvasElement} image
 * @param {HTMLCanvasElement} stretched as wide as on the screen
 */
export function stretchImage({ sheet, frame, grid }, image, stretched) {
  const { pen, box, ratio } = sheet;
  const [rows, columns] = frame.shape;
  const [first, last] = frame.columns;
  const [from, to] = grid.view;
  const perColumn = columns / (last - first);
  const wide = Math.max(1, Math.round(box.width * ratio));
  const high = Math.max(1, Math.round(box.height * ratio));
  resize(stretched, wide, rows);
  const across = penOf(stretched);
  across.imageSmoothingEnabled = (to - from) * perColumn > wide;
  const [x, width] = [(from - first) * perColumn, (to - from) * perColumn];
  across.drawImage(image, x, 0, width, rows, 0, 0, wide, rows);
  pen.imageSmoothingEnabled = rows > high;
  if (grid.rows.isPlain) {
    pen.drawImage(stretched, 0, 0, wide, rows, box.left, box.top, box.width, box.height);
    return;
  }
  // Strip by strip: a pixel of the screen each, from the top.
  for (let i = 0; i < high; i++) {
    const [above, below] = [1 - i / high, 1 - (i + 1) / high].map((s) => grid.rows.partAt(s));
    const [y, height] = [(1 - above) * rows, (above - below) * rows];
    pen.drawImage(
      stretched,
      0,
      y,
      wide,
      height,
      box.left,
      box.top + i / ratio,
      box.width,
      1 / ratio,
    );
  }
}
