// Codes, one byte a cell, to values and colours.

import { clamp } from "./numbers.js";

/** @import { Frame, Pair } from "./types.d.ts" */

/** @param {DataView} view */
export const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** @param {number} code @param {Pair} limits */
export function levelOf(code, [low, high]) {
  return low + (code / 255) * (high - low);
}

/** @param {Frame} frame @param {number} row @param {number} column */
export function codeAt({ shape, by_columns, codes }, row, column) {
  return codes.getUint8(by_columns ? column * shape[0] + row : row * shape[1] + column);
}

/**
 * The colour of each code in the shown range, as the 32 bits of a pixel.
 * @param {Uint8Array} palette @param {Pair} limits @param {Pair} range
 */
export function coloursOf(palette, limits, [low, high]) {
  const table = new Uint32Array(256);
  const bytes = new Uint8Array(table.buffer);
  for (let code = 0; code < 256; code++) {
    const share = (levelOf(code, limits) - low) / (high - low);
    const at = 3 * clamp(Math.round(share * 255), 0, 255);
    bytes.set([palette[at], palette[at + 1], palette[at + 2], 255], 4 * code);
  }
  return table;
}

/**
 * Fill a picture of one pixel a cell, row 0 at the bottom.
 * @param {Frame} frame @param {Uint32Array} table @param {Uint32Array} pixels
 */
export function lookUp({ shape, by_columns, codes }, table, pixels) {
  const [rows, columns] = shape;
  const bytes = bytesOf(codes);
  const [rowStep, columnStep] = by_columns ? [1, rows] : [columns, 1];
  for (let row = 0; row < rows; row++) {
    let from = row * rowStep;
    const end = (rows - row) * columns;
    for (let to = end - columns; to < end; to++, from += columnStep)
      pixels[to] = table[bytes[from]];
  }
}
