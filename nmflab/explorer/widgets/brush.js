// The hand that paints what is to be heard: regions of a spectrogram, rows of activations. It is
// on for a whole group; with the pointer a drag paints, with the keys Shift and the arrows.

import { clamp } from "./numbers.js";
import { inOrder, paintedText, regionAt, regionBetween, rowsBetween, toggled } from "./regions.js";

/** @import { CanvasView } from "./canvas.js" */
/** @import { Cell, Pair, Region } from "./types.d.ts" */

const KEY_PART = 0.02; // of all rows or columns that an arrow key goes over in a spectrogram
const REST = 400; // ms after the last key, when what is painted is taken

export class Brush {
  /** @param {CanvasView} view */
  constructor(view) {
    this.view = view;
    /** @type {Region[]} */
    this.regions = [];
    /** @type {number[]} */
    this.rows = [];
    /**
     * @type {{ corner: Pair, cell: Cell, keys: boolean, regions: Region[], rows: number[] } | null}
     */
    this.drag = null;
    this.timer = 0; // of keys
    this.sent = 0; // ms, when Python was told last
    this.onPainted = () => {
      if (this.drag) return; // what is in the hand goes on
      const { heard = 0, regions = [], rows = [] } = view.model.get("_painted") ?? {};
      if (heard < this.sent) return; // a later one is on its way
      Object.assign(this, { regions, rows });
      view.repaint("overlay");
    };
    view.model.on("change:_painted", this.onPainted);
    this.onPainted();
  }

  remove() {
    clearTimeout(this.timer);
    this.view.model.off("change:_painted", this.onPainted);
  }

  /** What it paints here: "regions", "rows", or "" where nothing can be. */
  get paints() {
    return this.view.isEmpty ? "" : (this.view.model.get("paint") ?? "");
  }

  get isOn() {
    return this.paints !== "" && Boolean(this.view.group.state.brush);
  }

  /** What is painted, or what to do. */
  said() {
    const hint =
      this.paints === "rows" ? "click rows, or drag over them" : "drag over what to hear";
    return paintedText(this.regions, this.rows) || hint;
  }

  /** What a screen reader says of it. */
  spoken() {
    if (!this.paints) return "";
    const zoom = this.paints === "rows" ? " Brackets show more or fewer rows." : "";
    return ` B takes up the brush, or lays it down.${zoom}`;
  }

  toggle() {
    this.view.group.send("brush", !this.view.group.state.brush);
  }

  shapeAt() {
    return "cell";
  }

  // --- Pointer ---

  /** @param {number} x @param {number} y where the pointer went down @param {boolean} [more] */
  begin(x, y, more = false) {
    this.hold(this.placeAt(x, y), { row: this.rowAt(y), column: 0 }, more, false);
  }

  /** @param {number} x @param {number} y */
  move(x, y) {
    if (!this.drag) return;
    if (this.paints === "rows") this.paintRows(this.drag.cell.row, this.rowAt(y));
    else this.paintRegion(this.drag.corner, this.placeAt(x, y));
  }

  /** Take what is painted; Python hears of it. */
  end() {
    clearTimeout(this.timer);
    if (!this.drag) return;
    this.drag = null;
    this.take();
  }

  abandon() {
    if (this.drag) Object.assign(this, { regions: this.drag.regions, rows: this.drag.rows });
    this.drag = null;
    this.view.repaint("overlay");
  }

  /** A click on a row picks it, with Shift in addition; say whether it did. @param {Cell} cell @param {boolean} more */
  clicked({ row }, more) {
    if (!this.isOn || this.paints !== "rows") return false;
    this.rows = more ? toggled(this.rows, row) : [row];
    this.take();
    return true;
  }

  // --- Keyboard ---

  /** Paint from where the cursor is. @param {Pair} direction up and right */
  extend([up, right]) {
    const { view } = this;
    const [rows, columns] = view.frame.shape;
    if (!view.cursor) view.setCursor({ row: rows >> 1, column: columns >> 1 });
    const cursor = /** @type {Cell} */ (view.cursor);
    if (!this.drag) this.hold([0, 0], cursor, true, true);
    const step = (/** @type {number} */ count) =>
      this.paints === "rows" ? 1 : Math.max(1, Math.round(KEY_PART * count));
    const moved = {
      row: clamp(cursor.row + up * step(rows), 0, rows - 1),
      column: clamp(cursor.column + right * step(columns), 0, columns - 1),
    };
    view.setCursor(moved);
    view.rowZoom.follow();
    this.paintCells(moved);
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.end(), REST);
  }

  /** Remove the region or the row at the cursor, or the last one. */
  erase() {
    this.drag = null;
    const { cursor } = this.view;
    if (this.paints === "rows") {
      const row = cursor && this.rows.includes(cursor.row) ? cursor.row : this.rows.at(-1);
      this.rows = this.rows.filter((other) => other !== row);
    } else {
      const at = cursor ? regionAt(this.regions, this.cornerOf(cursor, 0)) : -1;
      const index = at < 0 ? this.regions.length - 1 : at;
      this.regions = this.regions.filter((_, i) => i !== index);
    }
    this.take();
  }

  // --- Places ---

  /** @param {Pair} corner @param {Cell} cell @param {boolean} more @param {boolean} keys */
  hold(corner, cell, more, keys) {
    const { regions, rows } = this;
    this.drag = { corner, cell, keys, regions, rows };
    if (this.paints === "rows" && !more) this.drag.rows = [];
  }

  /** All cells from the first one to another, both included. @param {Cell} other */
  paintCells(other) {
    const cell = this.drag?.cell ?? other;
    if (this.paints === "rows") {
      this.paintRows(cell.row, other.row);
      return;
    }
    const [rows, columns] = [
      [cell.row, other.row],
      [cell.column, other.column],
    ];
    const lowest = { row: Math.min(...rows), column: Math.min(...columns) };
    const highest = { row: Math.max(...rows), column: Math.max(...columns) };
    this.paintRegion(this.cornerOf(lowest, -1), this.cornerOf(highest, 1));
  }

  /** @param {number} one @param {number} other */
  paintRows(one, other) {
    this.rows = inOrder([...(this.drag?.rows ?? []), ...rowsBetween(one, other)]);
    this.view.repaint("overlay");
  }

  /** @param {Pair} one @param {Pair} other */
  paintRegion(one, other) {
    const { frame } = this.view;
    const before = this.drag?.regions ?? [];
    const region = regionBetween(one, other, frame.columns, frame.rows);
    this.regions = region ? [...before, region] : before;
    this.view.repaint("overlay");
  }

  take() {
    const { regions, rows } = this;
    this.sent = performance.now();
    this.view.model.send({ kind: "paint", regions, rows, sent: this.sent });
    this.view.repaint("overlay");
  }

  /** Time and frequency of a pixel. @param {number} x @param {number} y @returns {Pair} */
  placeAt(x, y) {
    const { grid } = this.view;
    return [grid.valueAt(x), grid.rows.valueAt(grid.shareAt(y))];
  }

  /** @param {number} y */
  rowAt(y) {
    const { grid } = this.view;
    const [rows] = grid.shape;
    return clamp(Math.floor(grid.rows.partAt(grid.shareAt(y)) * rows), 0, rows - 1);
  }

  /** The lower left (-1) or upper right (1) corner of a cell, or its middle (0).
   * @param {Cell} cell @param {number} side @returns {Pair} */
  cornerOf({ row, column }, side) {
    const { shape, columns, rows } = this.view.frame;
    const at = (
      /** @type {number} */ index,
      /** @type {number} */ count,
      /** @type {Pair} */ ends,
    ) => ends[0] + ((index + (side + 1) / 2) / count) * (ends[1] - ends[0]);
    return [at(column, shape[1], columns), at(row, shape[0], rows)];
  }
}
