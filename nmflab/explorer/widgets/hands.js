// What pointer, wheel and keys do on a canvas.

import { Brush } from "./brush.js";
import { Marker } from "./marker.js";
import { clamp } from "./numbers.js";
import { middleOf, wholeCells, zoomed } from "./scales.js";

/** @import { CanvasView } from "./canvas.js" */
/** @import { Cell, Pair } from "./types.d.ts" */

const CLICK = 4; // pixels a pointer may move and still have clicked
const DOUBLE_CLICK = 250; // ms

/** @type {Record<string, Pair>} */
const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0] };

/** @typedef {Marker | Brush} Tool what a drag is done with; null moves the view */
/**
 * @typedef {object} Pressed
 * @property {number} x
 * @property {number} y
 * @property {Pair} view
 * @property {boolean} moved
 * @property {boolean} shifted
 * @property {Tool | null} tool
 */

export class Hands {
  /** @param {CanvasView} view */
  constructor(view) {
    this.view = view;
    this.marker = new Marker(view);
    this.brush = new Brush(view);
    /** @type {Pressed | null} */
    this.pressed = null; // where the pointer went down
    this.seeking = 0; // the timer of a click that may become a double one
  }

  /** @param {(type: string, act: (event: any) => void, more?: object) => void} on */
  listen(on) {
    const { view } = this;
    on("pointermove", (event) => this.pointerMoved(event));
    on("pointerleave", () => view.setCursor(null));
    on("pointerdown", (event) => this.pointerPressed(event));
    on("pointerup", (event) => this.pointerReleased(event));
    on("pointercancel", () => {
      this.pressed = null;
      for (const tool of this.tools) tool.abandon();
    });
    on("dblclick", () => this.resetView());
    on("wheel", (event) => this.wheelTurned(event), { passive: false });
    on("keydown", (event) => this.keyPressed(event));
    on("keyup", ({ key }) => {
      if (key === "Shift") for (const tool of this.tools) if (tool.drag?.keys) tool.end();
    });
    on("blur", () => {
      for (const tool of this.tools) tool.end();
      view.setCursor(null);
    });
  }

  remove() {
    for (const tool of this.tools) tool.remove();
    clearTimeout(this.seeking);
  }

  /** @returns {Tool[]} */
  get tools() {
    return [this.brush, this.marker];
  }

  /** @param {MouseEvent} event */
  cellAt(event) {
    const { view } = this;
    if (view.isEmpty || !view.sheet.box.width) return null;
    const frame = view.sheet.base.getBoundingClientRect();
    return view.grid.cellAt(event.clientX - frame.left, event.clientY - frame.top);
  }

  // --- Pointer ---

  /** @param {PointerEvent} event */
  pointerMoved(event) {
    const { view, pressed } = this;
    if (pressed) this.dragged(event, pressed);
    this.shapePointer(event);
    view.readout.removeAttribute("aria-live"); // a mouse would make a screen reader talk for ever
    view.setCursor(this.cellAt(event));
  }

  /** @param {PointerEvent} event @param {Pressed} pressed */
  dragged({ clientX, clientY }, pressed) {
    const { view } = this;
    const { tool } = pressed;
    const across = Math.abs(clientX - pressed.x);
    const away = tool === this.brush ? Math.max(across, Math.abs(clientY - pressed.y)) : across;
    if (away <= CLICK && !(pressed.moved && tool)) return;
    const { left, top } = view.sheet.base.getBoundingClientRect();
    if (!pressed.moved) tool?.begin(pressed.x - left, pressed.y - top, pressed.shifted);
    pressed.moved = true;
    if (tool) {
      tool.move(clientX - left, clientY - top);
      return;
    }
    const [from, to] = pressed.view;
    const shift = ((clientX - pressed.x) / view.sheet.box.width) * (to - from);
    view.setView([from - shift, to - shift]);
  }

  /** @param {PointerEvent} event */
  pointerPressed(event) {
    if (event.button !== 0 || !this.cellAt(event)) return;
    this.view.sheet.base.setPointerCapture(event.pointerId);
    const { clientX: x, clientY: y, shiftKey: shifted } = event;
    // Where stretches are marked, a drag with Shift moves what is in view.
    const marks = this.marker.isOn && !shifted;
    const tool = this.brush.isOn ? this.brush : marks ? this.marker : null;
    this.pressed = { x, y, view: this.view.shownColumns(), moved: false, shifted, tool };
  }

  /** @param {PointerEvent} event */
  pointerReleased(event) {
    const pressed = this.pressed;
    this.pressed = null;
    const cell = this.cellAt(event);
    if (pressed?.moved) pressed.tool?.end();
    if (!pressed || pressed.moved || !cell || this.marker.crossed(event)) return;
    clearTimeout(this.seeking);
    // Where a double click has a meaning, a single one waits until it isn't one.
    const act = () => this.act(cell, event.shiftKey);
    if (this.view.isZoomed) this.seeking = setTimeout(act, DOUBLE_CLICK);
    else act();
  }

  // The pointer says what it would do.
  /** @param {PointerEvent} event */
  shapePointer(event) {
    const { base } = this.view.sheet;
    const { left, top } = base.getBoundingClientRect();
    const tool = this.tools.find(({ isOn }) => isOn);
    const isOver = tool && this.cellAt(event);
    const shape = isOver ? tool.shapeAt(event.clientX - left, event.clientY - top) : "";
    if (base.style.cursor !== shape) base.style.cursor = shape;
  }

  resetView() {
    clearTimeout(this.seeking);
    this.view.resetView();
    this.view.rowZoom.reset();
  }

  /** @param {Cell} cell @param {boolean} shifted */
  act(cell, shifted) {
    if (this.brush.clicked(cell, shifted)) return;
    const { row, column, value } = cell;
    const { model, frame, isTimed, group } = this.view;
    if (model.get("pick") !== shifted) {
      model.send({ kind: "pick", row, column: column * frame.column_step });
    } else if (isTimed) {
      const time = value ?? middleOf(column, frame.shape[1], frame.columns);
      group.send("playhead", { time });
      group.send("seek", { time, sound: model.get("sound") });
    }
  }

  // The wheel belongs to the page until somebody has clicked into the picture or holds Ctrl.
  /** @param {WheelEvent} event */
  wheelTurned(event) {
    const { view } = this;
    const held = event.ctrlKey || event.metaKey || event.altKey;
    const wanted = held || document.activeElement === view.sheet.base;
    const cell = wanted && this.cellAt(event);
    if (!cell) return;
    if (event.altKey && view.rowZoom.isOn) {
      event.preventDefault();
      const { rows, shape } = view.frame;
      view.rowZoom.zoom(1.0015 ** event.deltaY, middleOf(cell.row, shape[0], rows));
      return;
    }
    const [from, to] = view.shownColumns();
    const [first, last] = view.frame.columns;
    const isWhole = from === first && to === last;
    if (isWhole && !event.ctrlKey && event.deltaY >= 0) return; // nothing to widen: scroll on
    event.preventDefault();
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      const shift = (sideways / view.sheet.box.width) * (to - from);
      view.setView([from + shift, to + shift]);
    } else this.zoom(1.0015 ** event.deltaY, cell.value);
  }

  /** @param {number} factor @param {number} centre */
  zoom(factor, centre) {
    this.view.setView(zoomed(this.view.shownColumns(), factor, centre));
  }

  // --- Keyboard ---

  /** @param {KeyboardEvent} event */
  keyPressed(event) {
    if (this.view.isEmpty || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = this.keyAction(event);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  /** @param {KeyboardEvent} event @returns {(() => void) | null} */
  keyAction({ key, shiftKey }) {
    const { cursor, group } = this.view;
    const { brush } = this;
    if (brush.paints && key === "b") return () => brush.toggle();
    if (brush.isOn) {
      if (shiftKey && MOVES[key]) return () => brush.extend(MOVES[key]);
      if (key === "Delete" || key === "Backspace") return () => brush.erase();
    } else if (this.marker.isOn) {
      if (shiftKey && MOVES[key]?.[1]) return () => this.marker.extend(MOVES[key][1]);
      if (key === "Delete" || key === "Backspace") return () => this.marker.erase();
    }
    if (MOVES[key]) return () => this.moveCursor(MOVES[key], shiftKey ? 10 : 1);
    if (key === "Enter") return cursor && (() => this.act(cursor, shiftKey));
    if (key === "+" || key === "=") return () => this.zoom(0.5, this.centre());
    if (key === "-") return () => this.zoom(2, this.centre());
    if (key === "0") return () => this.resetView();
    const { rowZoom } = this.view;
    if (rowZoom.isOn && key === "]") return () => rowZoom.zoom(0.5);
    if (rowZoom.isOn && key === "[") return () => rowZoom.zoom(2);
    if (key === " " || /^[1-9]$/.test(key)) return () => group.send("key", { key });
    return null;
  }

  centre() {
    const { cursor, frame } = this.view;
    const [from, to] = this.view.shownColumns();
    return cursor ? middleOf(cursor.column, frame.shape[1], frame.columns) : (from + to) / 2;
  }

  /** @param {Pair} direction @param {number} cells */
  moveCursor([up, right], cells) {
    const { view } = this;
    const [rows, columns] = view.frame.shape;
    const [begin, end] = wholeCells(view.frame.columns, columns, view.shownColumns());
    const old = view.cursor ?? { row: rows >> 1, column: (begin + end) >> 1 };
    view.readout.setAttribute("aria-live", "polite");
    view.setCursor({
      row: clamp(old.row + up * cells, 0, rows - 1),
      column: clamp(old.column + right * cells, begin, end),
    });
    view.rowZoom.follow();
  }
}
