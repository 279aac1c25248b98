// A box of one size around the cursor: what can't be told apart within it. See canvas.py.

import { middleOf } from "./scales.js";
import { halo, penOf } from "./sheet.js";

/** @import { Box, CanvasTraits, Cell } from "./types.d.ts" */
/** @import { Grid } from "./grid.js" */
/** @import { Sheet } from "./sheet.js" */

/** @typedef {CanvasTraits["_extent"]} Extent */

const FILL = "#4dd0ff48"; // stands out on every colour of the maps

/**
 * Where the box is: around the cursor, around its own place while there is none.
 * @param {Grid} grid @param {NonNullable<Extent>} extent @param {Cell | null} cursor
 * @returns {Box}
 */
export function extentBox(grid, { size = [0, 0], at = [0, 0] }, cursor) {
  const [width, height] = size;
  const { shape, ends, rows } = grid;
  const x = cursor ? middleOf(cursor.column, shape[1], ends) : at[0];
  const y = cursor ? middleOf(cursor.row, shape[0], rows.ends) : at[1];
  const [left, right] = [grid.xOf(x - width / 2), grid.xOf(x + width / 2)];
  const [bottom, top] = [y - height / 2, y + height / 2].map((f) => grid.yOf(rows.shareOf(f)));
  return { left, top, width: right - left, height: bottom - top };
}

/** @param {Sheet} sheet @param {Grid} grid @param {Extent} extent @param {Cell | null} cursor */
export function paintExtent({ over, box }, grid, extent, cursor) {
  if (!extent?.size) return;
  const pen = penOf(over);
  const { left, top, width, height } = extentBox(grid, extent, cursor);
  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top, box.width, box.height);
  pen.clip();
  pen.fillStyle = FILL;
  pen.fillRect(left, top, width, height);
  halo(pen, () => pen.strokeRect(left, top, width, height), 1.5);
  pen.restore();
}
