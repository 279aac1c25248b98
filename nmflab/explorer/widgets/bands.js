// What is written on the picture: names of groups of rows and columns, and cells' texts.

import { clamp } from "./numbers.js";
import { halo } from "./sheet.js";

/** @import { Ends, Sheet } from "./sheet.js" */
/** @import { Scene } from "./types.d.ts" */

/** @param {Scene} scene */
export function paintRowBands({ sheet, grid, frame }) {
  const { box, font } = sheet;
  const right = box.left + box.width;
  let start = 0;
  for (const [name, count] of frame.row_bands) {
    const [y, end] = [start, start + count].map((row) =>
      clamp(grid.level(row), box.top, box.top + box.height),
    );
    const up = y - end;
    if (y < box.top + box.height && y > box.top) boundary(sheet, [box.left, y, right, y]);
    // In the middle: the busiest row, framed at first, is often the first or the last of a band.
    if (up > font * 1.2) sheet.boldText(name, right - 6, y - (up + font) / 2, "right");
    start += count;
  }
}

/** @param {Scene} scene */
export function paintColumnBands({ sheet, grid, frame }) {
  const { box } = sheet;
  const place = (/** @type {number} */ column) =>
    clamp(grid.edge(column / frame.column_step), box.left, box.left + box.width);
  let start = 0;
  for (const [name, count] of frame.column_bands) {
    const [x, end] = [place(start), place(start + count)];
    if (start > 0 && x > box.left) boundary(sheet, [x, box.top, x, box.top + box.height]);
    sheet.useFont("600");
    if (end - x > sheet.widthOf(name) + 10) sheet.boldText(name, x + 6, box.top + 4, "left");
    start += count;
  }
}

/** @param {Sheet} sheet @param {Ends} ends */
function boundary(sheet, ends) {
  halo(sheet.pen, () => sheet.line(ends));
}

/** What stands in each cell, if all of it fits. @param {Scene} scene */
export function paintCellTexts({ sheet, grid, frame }) {
  const texts = frame.cell_texts ?? [];
  sheet.useFont("600");
  const widest = Math.max(0, ...texts.flat().map((text) => sheet.widthOf(text)));
  const room = grid.cellBox(0, 0);
  if (room.right - room.left < widest + 4 || room.bottom - room.top < sheet.font * 1.2) return;
  texts.forEach((row, r) => {
    row.forEach((text, c) => {
      const { left, right, top, bottom } = grid.cellBox(r, c);
      sheet.boldText(text, (left + right) / 2, (top + bottom - sheet.font) / 2, "center");
    });
  });
}
