// What a canvas says: below the pointer, and to a screen reader.

import { codeAt, levelOf } from "./codes.js";
import { withMinus } from "./numbers.js";
import { middleOf } from "./scales.js";

/** @import { Axis, Cell, Pair, Scene } from "./types.d.ts" */

/**
 * "0.81 s · 2.34 kHz · −31 dB"
 * @param {Pick<Scene, "frame" | "rows" | "columns" | "value">} scene @param {Cell} cell
 */
export function readCell({ frame, rows, columns, value }, { row, column }) {
  const said = readValue(value, codeAt(frame, row, column));
  return [readAxis(columns, column), readAxis(rows, row), said].join(" \u00b7 ");
}

/** @param {Axis} axis @param {number} code */
export function readValue({ name, unit, ends }, code) {
  const end = code === 0 ? "\u2264 " : code === 255 ? "\u2265 " : "";
  const places = ends[1] - ends[0] > 20 ? 0 : 2;
  const value = withMinus((levelOf(code, ends) + 0).toFixed(places).replace(/^-0$/, "0"));
  return unit ? `${end}${value} ${unit}` : `${name} ${end}${value}`;
}

/** @param {Axis} axis @param {number} index */
export function readAxis({ name, unit, ends, count, names }, index) {
  if (names.length) return `${name} ${names[index]} ${unit}`.trim();
  const value = middleOf(index, count, ends);
  return unit ? `${withMinus(value.toFixed(2))} ${unit}` : `${name} ${Math.round(value)}`;
}

/** @param {Axis} axis @param {Pair} shown */
export function readRange({ name, unit, names }, shown) {
  if (names.length) return `${name} ${names.join(", ")} ${unit}`.trim();
  const [a, b] = shown.map((v) => withMinus(String(+v.toPrecision(3))));
  return `${name} ${a} to ${b} ${unit}`.trim();
}

/** @param {string} title @param {Scene} scene */
export function describe(title, { rows, columns, value, grid, range }) {
  const parts = [
    readRange(columns, grid.view),
    readRange(rows, rows.ends),
    readRange(value, range),
  ];
  return `${title}: ${parts.join(", ")}. Arrow keys read values.`;
}
