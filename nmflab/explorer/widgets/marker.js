// The hand that marks stretches on a canvas: with the pointer, and with Shift and the arrows.

import { dragged, LEAST, ordered, partAt, rounded } from "./marks.js";

/** @import { CanvasView } from "./canvas.js" */
/** @import { Grid } from "./grid.js" */
/** @import { Held } from "./marks.js" */
/** @import { Pair } from "./types.d.ts" */

const REACH = 7; // pixels around an edge where it can be held
const CROSS = 20; // pixels at a mark's right upper corner that remove it
const STEP = 0.05; // s an arrow key goes
const PAUSE = 400; // ms after the last key, when what is marked is taken

export class Marker {
  /** @param {CanvasView} view */
  constructor(view) {
    this.view = view;
    /** @type {Pair[]} */
    this.marks = view.model.get("_marks")?.stretches ?? [];
    /** @type {{ held: Held | null, begin: number, marks: Pair[], keys: boolean } | null} */
    this.drag = null;
    this.timer = 0; // of keys
    this.keyed = 0; // where they are
    this.onMarks = () => {
      if (this.drag) return; // what is in the hand goes on
      this.marks = view.model.get("_marks")?.stretches ?? [];
      view.repaint("overlay");
    };
    view.model.on("change:_marks", this.onMarks);
  }

  remove() {
    clearTimeout(this.timer);
    this.view.model.off("change:_marks", this.onMarks);
  }

  get isOn() {
    return Boolean(this.view.model.get("mark_name")) && !this.view.isEmpty;
  }

  /** What of a mark lies at a pixel. @param {number} x */
  heldAt(x) {
    const { grid } = this.view;
    const reach = grid.valueAt(x + REACH) - grid.valueAt(x);
    return partAt(this.marks, grid.valueAt(x), reach);
  }

  /** The mark whose cross is at a pixel. @param {number} x @param {number} y */
  crossAt(x, y) {
    const { grid } = this.view;
    const { box } = grid;
    return this.marks.findIndex((mark) => {
      const place = crossPlace(grid, mark);
      return place !== null && x >= place && x <= place + CROSS && y <= box.top + CROSS;
    });
  }

  /** What the pointer would do there, as a shape of it. @param {number} x @param {number} y */
  shapeAt(x, y) {
    if (this.drag) return this.drag.held?.part === "whole" ? "grabbing" : "ew-resize";
    if (this.crossAt(x, y) >= 0) return "pointer";
    const held = this.heldAt(x);
    return held ? (held.part === "whole" ? "grab" : "ew-resize") : "";
  }

  // --- Pointer ---

  /** @param {number} x where the pointer went down @param {number} [_y] @param {boolean} [_more] */
  begin(x, _y, _more) {
    const begin = this.view.grid.valueAt(x);
    this.drag = { held: this.heldAt(x), begin, marks: this.marks, keys: false };
  }

  /** @param {number} x @param {number} [_y] */
  move(x, _y) {
    if (!this.drag) return;
    const { held, begin, marks } = this.drag;
    const { grid, frame } = this.view;
    this.marks = dragged(marks, held, begin, grid.valueAt(x), frame.columns);
  }

  /** Take what is marked; Python hears of it. */
  end() {
    clearTimeout(this.timer);
    if (!this.drag) return;
    this.drag = null;
    this.take(this.marks);
  }

  abandon() {
    if (this.drag) this.marks = this.drag.marks;
    this.drag = null;
    this.view.repaint("overlay");
  }

  /** @param {Pair[]} marks */
  take(marks) {
    const { model, frame } = this.view;
    this.marks = ordered(marks, frame.columns);
    model.send({ kind: "mark", stretches: this.marks });
    this.view.repaint("overlay");
  }

  /** Remove the mark whose cross is there; say whether there is one. @param {MouseEvent} event */
  crossed({ clientX, clientY }) {
    if (!this.isOn) return false;
    const frame = this.view.sheet.base.getBoundingClientRect();
    const index = this.crossAt(clientX - frame.left, clientY - frame.top);
    if (index >= 0) this.take(this.marks.filter((_, i) => i !== index));
    return index >= 0;
  }

  // --- Keyboard ---

  /** Mark from the cursor on, or from the edge that it is at. @param {number} direction */
  extend(direction) {
    const { view } = this;
    const [first, last] = view.frame.columns;
    const at = rounded(view.cursorTime());
    if (!this.drag) {
      const reach = STEP * 0.6;
      const held = partAt(this.marks, at, reach);
      const isEdge = held !== null && held.part !== "whole";
      this.drag = { held: isEdge ? held : null, begin: at, marks: this.marks, keys: true };
      this.keyed = at;
    }
    const { held, begin, marks } = this.drag;
    this.keyed = Math.min(Math.max(this.keyed + direction * STEP, first), last);
    this.marks = dragged(marks, held, begin, this.keyed, view.frame.columns);
    view.moveCursorTo(this.keyed);
    this.soon();
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.end(), PAUSE);
  }

  /** Remove the mark at the cursor, or the last one. */
  erase() {
    this.drag = null;
    const held = partAt(this.marks, this.view.cursorTime(), LEAST);
    const index = held ? held.index : this.marks.length - 1;
    this.take(this.marks.filter((_, i) => i !== index));
  }
}

/**
 * Where a mark's cross begins; null where it has no room, or isn't in view.
 * @param {Grid} grid @param {Pair} mark
 */
export function crossPlace(grid, [from, to]) {
  const right = Math.min(grid.xOf(to), grid.box.left + grid.box.width);
  const left = Math.max(grid.xOf(from), grid.box.left);
  return right - left < 2.2 * CROSS ? null : right - CROSS - 2;
}
