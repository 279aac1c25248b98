// What is painted for the ear, shown above the picture: regions, and rows with a bar at their side.

import { stretchesOf } from "./regions.js";
import { halo, penOf } from "./sheet.js";

/** @import { Scene, Region } from "./types.d.ts" */

const TINT = "#7dff8a"; // stands out on every colour of the maps, and from what is marked
const BAR = { width: 12, height: 5 }; // pixels, at least so high

/**
 * The overlay's pen is kept inside of the picture.
 * @param {Pick<Scene, "sheet" | "grid">} scene
 * @param {{ regions: Region[], rows: number[] }} painted
 */
export function paintPainted({ sheet, grid }, { regions, rows }) {
  if (!regions.length && !rows.length) return;
  const { box } = sheet;
  const pen = penOf(sheet.over);
  for (const [from, to, low, high] of regions) {
    const [left, right] = [from, to].map((value) => grid.xOf(value));
    const [bottom, top] = [low, high].map((value) => grid.yOf(grid.rows.shareOf(value)));
    pen.fillStyle = `${TINT}40`;
    pen.fillRect(left, top, right - left, bottom - top);
    halo(pen, () => pen.strokeRect(left, top, right - left, bottom - top), 1.5);
  }
  for (const [first, last] of stretchesOf(rows)) {
    const [bottom, top] = [grid.level(first), grid.level(last + 1)];
    pen.fillStyle = `${TINT}48`;
    pen.fillRect(box.left, top, box.width, Math.max(bottom - top, 1));
    const height = Math.max(bottom - top, BAR.height);
    const start = (top + bottom - height) / 2;
    for (const x of [box.left, box.left + box.width - BAR.width]) {
      pen.fillStyle = "#000c";
      pen.fillRect(x, start - 1, BAR.width, height + 2);
      pen.fillStyle = TINT;
      pen.fillRect(x + 1, start, BAR.width - 2, height);
    }
  }
}
