// Cells of the matrix and pixels of the screen, from one to the other.

import { clamp } from "./numbers.js";
import { Rows } from "./scales.js";

/** @import { Box, Cell, Pair } from "./types.d.ts" */

export class Grid {
  /**
   * @param {Pair} shape rows and columns of the matrix
   * @param {Pair} ends where the columns begin and end, in the axis' unit
   * @param {Pair} view what is shown of them
   * @param {Box} box where on the screen
   * @param {Rows} rows how the rows are spread
   */
  constructor(shape, ends, view, box, rows = new Rows([0, 1])) {
    this.shape = shape;
    this.ends = ends;
    this.view = view;
    this.box = box;
    this.rows = rows;
  }

  /** @param {number} value */
  xOf(value) {
    const [from, to] = this.view;
    return this.box.left + ((value - from) / (to - from)) * this.box.width;
  }

  /** @param {number} x */
  valueAt(x) {
    const [from, to] = this.view;
    return from + clamp((x - this.box.left) / this.box.width, 0, 1) * (to - from);
  }

  /** The left edge of a column. @param {number} column */
  edge(column) {
    const [first, last] = this.ends;
    return this.xOf(first + (column / this.shape[1]) * (last - first));
  }

  /** @param {number} share of the picture, from its bottom */
  yOf(share) {
    return this.box.top + this.box.height * (1 - share);
  }

  /** @param {number} y */
  shareAt(y) {
    return 1 - clamp((y - this.box.top) / this.box.height, 0, 1);
  }

  /** The lower edge of a row. @param {number} row */
  level(row) {
    return this.yOf(this.rows.shareOfPart(row / this.shape[0]));
  }

  /** @param {number} row @param {number} column */
  cellBox(row, column) {
    return {
      left: this.edge(column),
      right: this.edge(column + 1),
      top: this.level(row + 1),
      bottom: this.level(row),
    };
  }

  /** @param {number} x @param {number} y @returns {Required<Cell> | null} */
  cellAt(x, y) {
    const { left, top, width, height } = this.box;
    if (x < left || x > left + width || y < top || y > top + height) return null;
    const [rows, columns] = this.shape;
    const [first, last] = this.ends;
    const share = (this.valueAt(x) - first) / (last - first);
    return {
      row: clamp(Math.floor(this.rows.partAt(1 - (y - top) / height) * rows), 0, rows - 1),
      column: clamp(Math.floor(share * columns), 0, columns - 1),
      value: this.valueAt(x), // where exactly, for seeking
    };
  }
}
