// Which rows of a canvas are seen: many bases are told apart, and picked, only from near by.

import { middleOf, viewWithin, zoomed } from "./scales.js";

/** @import { CanvasView } from "./canvas.js" */
/** @import { Pair } from "./types.d.ts" */

export class RowZoom {
  /** @param {CanvasView} view */
  constructor(view) {
    this.view = view;
    /** @type {Pair | null} */
    this.wish = null;
  }

  /** Frequencies are zoomed for all canvases together: view.js. */
  get isOn() {
    return !this.view.isEmpty && this.view.model.get("paint") === "rows";
  }

  /** The part that is seen, null for all. */
  get shown() {
    const { rows, shape } = this.view.frame;
    return this.wish && this.isOn ? viewWithin(rows, shape[0], this.wish) : null;
  }

  /** @param {number} factor @param {number} [centre] by default the cursor, or the middle */
  zoom(factor, centre = this.middle()) {
    this.wish = zoomed(this.shown ?? this.view.frame.rows, factor, centre);
    this.wish = this.shown; // not beyond the ends: the way back would be long
    this.view.repaint("picture");
  }

  reset() {
    this.wish = null;
    this.view.repaint("picture");
  }

  middle() {
    const { cursor, frame } = this.view;
    const [low, high] = this.shown ?? frame.rows;
    return cursor ? middleOf(cursor.row, frame.shape[0], frame.rows) : (low + high) / 2;
  }

  /** Move what is seen so far that the cursor is in it. */
  follow() {
    const { shown } = this;
    if (!shown) return;
    const [low, high] = shown;
    const at = this.middle();
    const shift = at < low + 0.5 ? at - low - 0.5 : at > high - 0.5 ? at - high + 0.5 : 0;
    if (!shift) return;
    this.wish = [low + shift, high + shift];
    this.view.repaint("picture");
  }
}
