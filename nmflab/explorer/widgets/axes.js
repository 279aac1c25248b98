// The frame of the picture: ticks, names of the axes, colour bar.

import { namedTicks, ticks } from "./scales.js";

/** @import { Axis, Pair, Scene } from "./types.d.ts" */
/** @import { Grid } from "./grid.js" */
/** @import { Sheet } from "./sheet.js" */

/** @param {Scene} scene */
export function paintAxes({ sheet, grid, rows, columns }) {
  const { pen, box, font } = sheet;
  sheet.useInk();
  pen.strokeRect(box.left - 0.5, box.top - 0.5, box.width + 1, box.height + 1);
  const bottom = box.top + box.height;
  pen.textAlign = "center";
  pen.textBaseline = "top";
  for (const { value, text } of columnTicks(sheet, columns, grid.view)) {
    const x = grid.xOf(value);
    sheet.line([x, bottom, x, bottom + 5]);
    pen.fillText(text, x, bottom + 7);
  }
  const name = longest(sheet, columns, box.width);
  pen.fillText(name, box.left + box.width / 2, bottom + 9 + font);
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const { value, text } of rowTicks(sheet, rows, grid)) {
    const y = grid.yOf(grid.rows.shareOf(value));
    sheet.line([box.left - 5, y, box.left, y]);
    pen.fillText(text, box.left - 8, y);
  }
  paintRowsName(sheet, rows);
}

// The names of the columns (rows), as many as have room, or else round values.
/** @param {Sheet} sheet @param {Axis} axis @param {Pair} view */
function columnTicks(sheet, axis, view) {
  const { box, font } = sheet;
  const widest = Math.max(...axis.names.map((text) => sheet.widthOf(text)));
  return axisTicks(axis, view, box.width, 3.2 * font, widest + font / 2);
}

/** @param {Sheet} sheet @param {Axis} axis @param {Grid} grid */
function rowTicks({ box, font }, axis, { rows }) {
  if (!axis.names.length) return rows.ticks(box.height / (2 * font), axis.unit);
  return axisTicks(axis, axis.ends, box.height, 2 * font, 1.2 * font);
}

/**
 * @param {Axis} axis @param {Pair} view @param {number} size
 * @param {number} forValue the room that a value needs @param {number} forName and a name
 */
function axisTicks(axis, view, size, forValue, forName) {
  if (!axis.names.length) return ticks(...view, size / forValue, axis.unit);
  return namedTicks(axis, view, Math.ceil((axis.names.length * forName) / size));
}

/** @param {Sheet} sheet @param {Axis} axis */
function paintRowsName(sheet, axis) {
  const { pen, box, font } = sheet;
  pen.save();
  pen.translate(font * 0.75, box.top + box.height / 2);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "center";
  pen.fillText(longest(sheet, axis, box.height + 2 * font), 0, 0);
  pen.restore();
}

// "Frequency (kHz)" where it fits, else the unit alone.
/** @param {Sheet} sheet @param {Axis} axis @param {number} space */
function longest(sheet, { name, unit }, space) {
  const whole = unit ? `${name} (${unit})` : name;
  return sheet.widthOf(whole) <= space ? whole : unit || name;
}

/** @param {Scene} scene */
export function paintColourBar({ sheet, range, value: { name, unit }, palette }) {
  const { pen, box, font } = sheet;
  const [low, high] = range;
  const bar = { left: box.left + box.width + font * 0.8, width: font * 0.9 };
  const bottom = box.top + box.height;
  const gradient = pen.createLinearGradient(0, bottom, 0, box.top);
  for (let i = 0; i <= 32; i++) {
    const [r, g, b] = palette.subarray(3 * Math.round((i * 255) / 32));
    gradient.addColorStop(i / 32, `rgb(${r} ${g} ${b})`);
  }
  pen.fillStyle = gradient;
  pen.fillRect(bar.left, box.top, bar.width, box.height);
  sheet.useInk();
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  for (const { value, text } of ticks(low, high, box.height / (font * 2), "any")) {
    const y = bottom - ((value - low) / (high - low)) * box.height;
    sheet.line([bar.left + bar.width, y, bar.left + bar.width + 4, y]);
    pen.fillText(text, bar.left + bar.width + 7, y);
  }
  // Its name above, from the bar's left edge on, or as far to the left as the name needs.
  const room = sheet.plot.clientWidth - sheet.widthOf(unit || name);
  pen.textBaseline = "bottom";
  pen.fillText(unit || name, Math.min(bar.left, room), box.top - font * 0.55);
}
