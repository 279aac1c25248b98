// What follows the hand and the sound, above the picture: playhead, framed cells, cursor.

import { crossPlace } from "./marker.js";
import { paintPainted } from "./painted.js";
import { halo, penOf, stroke } from "./sheet.js";

/** @import { CanvasTraits, Cell, Pair, Region } from "./types.d.ts" */
/** @import { Grid } from "./grid.js" */
/** @import { Sheet } from "./sheet.js" */

/** @typedef {CanvasRenderingContext2D} Pen */
/** @typedef {CanvasTraits["_highlight"]} Highlight */

/**
 * @param {Sheet} sheet @param {Grid} grid @param {number} columnStep
 * @param {{ highlight: Highlight, cursor: Cell | null, time: number | null, marks: Pair[],
 *   name: string, painted: { regions: Region[], rows: number[] } }} shown
 */
export function paintOverlay(sheet, grid, columnStep, shown) {
  const { highlight, cursor, time, marks, name, painted } = shown;
  const { over, box, ratio } = sheet;
  const pen = penOf(over);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, over.width, over.height);
  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top, box.width, box.height);
  pen.clip();
  paintPainted({ sheet, grid }, painted);
  for (const mark of marks) paintMark(sheet, pen, grid, mark, name);
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

const BAND = "#4dd0ff"; // stands out on every colour of the maps

/** @param {Sheet} sheet @param {Pen} pen @param {Grid} grid @param {Pair} mark @param {string} name */
function paintMark({ font, family }, pen, grid, mark, name) {
  const { box } = grid;
  const [left, right] = mark.map((value) => grid.xOf(value));
  const bottom = box.top + box.height;
  Object.assign(pen, { fillStyle: `${BAND}48` });
  pen.fillRect(left, box.top, right - left, box.height);
  for (const x of [left, right]) halo(pen, () => stroke(pen, [x, box.top, x, bottom]), 1.5);
  const cross = crossPlace(grid, mark);
  Object.assign(pen, { font: `600 ${font}px ${family}`, textBaseline: "top", textAlign: "left" });
  const start = Math.max(left, box.left) + 6;
  const end = cross ?? Math.min(right, box.left + box.width) - 4;
  if (start + pen.measureText(name).width < end) edged(pen, name, start, box.top + 4);
  if (cross !== null) edged(pen, "\u2715", cross + 3, box.top + 4);
}

/** @param {Pen} pen @param {string} text @param {number} x @param {number} y */
function edged(pen, text, x, y) {
  Object.assign(pen, { strokeStyle: "#000c", fillStyle: "#fff", lineJoin: "round", lineWidth: 3 });
  pen.strokeText(text, x, y);
  pen.fillText(text, x, y);
}
