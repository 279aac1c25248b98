// What follows the hand and the sound, above the picture: playhead, framed cells, cursor.

import { halo, penOf, stroke } from "./sheet.js";

/** @import { CanvasTraits, Cell } from "./types.d.ts" */
/** @import { Grid } from "./grid.js" */
/** @import { Sheet } from "./sheet.js" */

/** @typedef {CanvasRenderingContext2D} Pen */
/** @typedef {CanvasTraits["_highlight"]} Highlight */

/**
 * @param {Sheet} sheet @param {Grid} grid @param {number} columnStep
 * @param {{ highlight: Highlight, cursor: Cell | null, time: number | null }} shown
 */
export function paintOverlay({ over, box, ratio }, grid, columnStep, { highlight, cursor, time }) {
  const pen = penOf(over);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, over.width, over.height);
  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top, box.width, box.height);
  pen.clip();
  frameCells(pen, grid, columnStep, highlight);
  if (cursor) paintCursor(pen, grid, cursor);
  if (time !== null) {
    const x = grid.xOf(time);
    halo(pen, () => stroke(pen, [x, box.top, x, box.top + box.height]), 1.5);
  }
  pen.restore();
}

/** @param {Pen} pen @param {Grid} grid @param {number} columnStep @param {Highlight} highlight */
function frameCells(pen, grid, columnStep, { row = null, column = null }) {
  if (row === null && column === null) return;
  const { box } = grid;
  const cell = grid.cellBox(row ?? 0, (column ?? 0) / columnStep);
  const [x, width] = column === null ? [box.left, box.width] : [cell.left, cell.right - cell.left];
  const [y, height] = row === null ? [box.top, box.height] : [cell.top, cell.bottom - cell.top];
  const grow = (/** @type {number} */ size) => Math.max(0, 5 - size) / 2; // at least five pixels
  const [dx, dy] = [grow(width), grow(height)];
  halo(pen, () => pen.strokeRect(x - dx, y - dy, width + 2 * dx, height + 2 * dy), 1.5);
}

/** @param {Pen} pen @param {Grid} grid @param {Cell} cursor */
function paintCursor(pen, grid, { row, column }) {
  const { left, right, top, bottom } = grid.cellBox(row, column);
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const cross = () => {
    stroke(pen, [x - 9, y, x - 3, y]);
    stroke(pen, [x + 3, y, x + 9, y]);
    stroke(pen, [x, y - 9, x, y - 3]);
    stroke(pen, [x, y + 3, x, y + 9]);
  };
  halo(pen, cross, 1.5);
}
