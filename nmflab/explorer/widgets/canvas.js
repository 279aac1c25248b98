// A matrix as a picture: bytes from the kernel, colours by look-up here. See canvas.py.
// An overlay lies on it, for what follows the hand and the sound and needn't repaint the picture.

import { paintAxes, paintColourBar } from "./axes.js";
import { paintCellTexts, paintColumnBands, paintRowBands } from "./bands.js";
import { bus } from "./bus.js";
import { bytesOf, coloursOf, lookUp } from "./codes.js";
import { add } from "./elements.js";
import { paintExtent } from "./extent.js";
import { Grid } from "./grid.js";
import { Hands } from "./hands.js";
import { stretchesText } from "./marks.js";
import { clamp } from "./numbers.js";
import { paintOverlay } from "./overlay.js";
import { RangeSlider } from "./range_slider.js";
import { paintedText } from "./regions.js";
import { RowZoom } from "./row_zoom.js";
import { middleOf, Rows, shownOf, viewWithin } from "./scales.js";
import { penOf, resize, Sheet } from "./sheet.js";
import { stretchImage } from "./stretching.js";
import { describe, readCell } from "./words.js";

/** @import { Axis, AxisName, CanvasTraits, Cell, Model, Pair, Scene, Scope } from "./types.d.ts" */
/** @typedef {"overlay" | "picture" | "colours"} Due */

/** @type {Due[]} */
const ORDER = ["overlay", "picture", "colours"]; // each includes those before it

const PATIENCE = 25; // ms for which one of several new pictures waits for the others

export default {
  /** @param {Scope<CanvasTraits>} scope */
  render({ model, el }) {
    const view = new CanvasView(model, el);
    return () => view.remove();
  },
};

export class CanvasView {
  /** @param {Model<CanvasTraits>} model @param {HTMLElement} el */
  constructor(model, el) {
    this.model = model;
    this.own = Symbol("view"); // names what this canvas shares with nobody
    /** @type {Cell | null} */
    this.cursor = null;
    this.image = document.createElement("canvas"); // one pixel a cell
    this.stretched = document.createElement("canvas"); // as wide as on the screen
    /** @type {ImageData | undefined} */
    this.pixels = undefined;
    /** @type {number | undefined} */
    this.request = undefined;
    /** @type {Due | undefined} */
    this.due = undefined;
    this.abort = new AbortController(); // takes every DOM listener away at once

    el.classList.add("nmflab-host");
    this.root = add(el, "div", { className: "nmflab nmflab-canvas" });
    this.root.dataset.state = "empty";
    this.root.dataset.seq = "0";
    const head = add(this.root, "div", { className: "nmflab-head" });
    this.title = add(head, "span", { className: "nmflab-title" });
    this.readout = add(head, "span", { className: "nmflab-readout" });
    this.slider = new RangeSlider(head, (range) => this.group.send(this.rangeKey(), range));
    this.plot = add(this.root, "div", { className: "nmflab-plot" });
    const base = add(this.plot, "canvas", { role: "img", tabIndex: 0 });
    const over = add(this.plot, "canvas", { "aria-hidden": "true", className: "nmflab-over" });
    this.sheet = new Sheet(this.plot, base, over);
    this.hands = new Hands(this);
    this.rowZoom = new RowZoom(this);

    this.group = this.join();
    this.seq = 0; // of the picture that came last
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.waiting = undefined;
    this.onFrame = () => this.arrived();
    this.onGroup = () => {
      this.group.leave();
      this.group = this.join();
      this.repaint("colours");
    };
    this.onOverlay = () => this.repaint("overlay");
    this.onTheme = () => {
      if (!this.abort.signal.aborted) this.repaint("picture");
    };
    this.resized = new ResizeObserver(() => this.repaint("picture"));
    // JupyterLab names its theme on the body; the colours may arrive a moment later.
    this.themed = new MutationObserver(() => {
      for (const ms of [0, 100, 500]) setTimeout(this.onTheme, ms);
    });
    this.listen();
    this.repaint("colours");
  }

  join() {
    return bus.join(this.model.get("group"), (type) => this.hear(type));
  }

  /** @param {string | symbol} type */
  hear(type) {
    if (type === "playhead") this.repaint("overlay");
    else if (type === "brush") this.brushed();
    else if (type === "batch") this.waitNoLonger();
    else if (type === this.viewKey() || type === "frequency") this.repaint("picture");
    else if (type === this.rangeKey()) this.repaint("colours");
  }

  // On a screen that is touched a brush paints where a finger else would scroll the page.
  brushed() {
    this.sheet.base.style.touchAction = this.hands.brush.isOn ? "none" : "";
    this.repaint("overlay");
  }

  listen() {
    const { model, sheet } = this;
    const { signal } = this.abort;
    this.hands.listen((type, act, more) =>
      sheet.base.addEventListener(type, act, { signal, ...more }),
    );
    model.on("change", this.onFrame);
    model.on("change:group", this.onGroup);
    model.on("change:_highlight", this.onOverlay);
    this.resized.observe(this.plot);
    this.themed.observe(document.body, { attributeFilter: ["data-jp-theme-name"] });
    // Also: the window moved to a screen of another density.
    window.addEventListener("resize", this.onTheme, { signal });
  }

  remove() {
    this.model.off("change", this.onFrame);
    this.model.off("change:group", this.onGroup);
    this.model.off("change:_highlight", this.onOverlay);
    this.resized.disconnect();
    this.themed.disconnect();
    this.abort.abort();
    this.group.leave();
    cancelAnimationFrame(this.request ?? 0);
    clearTimeout(this.waiting);
    this.hands.remove();
    this.root.remove();
  }

  // --- What is shown, and in which ranges ---

  get frame() {
    return this.model.get("_frame");
  }

  get isEmpty() {
    return !this.frame.codes;
  }

  get isTimed() {
    return this.model.get("columns_unit") === "s" && this.model.get("group") !== "";
  }

  get isZoomed() {
    return Boolean(this.group.state[this.viewKey()] ?? this.rowZoom.shown);
  }

  get grid() {
    const { shape, columns } = this.frame;
    return new Grid(shape, columns, this.shownColumns(), this.sheet.box, this.rows);
  }

  // How the rows are spread: frequencies as somebody wants them in all of the group.
  get rows() {
    const isFrequency = this.model.get("rows_unit") === "kHz";
    const wish = isFrequency ? this.group.state.frequency : undefined;
    return new Rows(this.frame.rows, wish, this.rowZoom.shown);
  }

  // The time of the group's playhead, or null where there is none.
  get playhead() {
    return this.isTimed ? (this.group.state.playhead?.time ?? null) : null;
  }

  // Time zoom is the group's; any other columns (bases) are zoomed alone.
  viewKey() {
    return this.isTimed ? "view" : this.own;
  }

  // One range for all canvases that begin with the same one: equal colour, equal level.
  rangeKey() {
    const { low, high, limits } = this.frame;
    return ["range", this.model.get("value_unit"), low, high, ...(limits ?? [])].join(" ");
  }

  shownColumns() {
    return shownOf(this.frame.columns, this.group.state[this.viewKey()]);
  }

  /** @returns {Pair} */
  shownRange() {
    return this.group.state[this.rangeKey()] ?? [this.frame.low, this.frame.high];
  }

  /** @param {Pair} wish */
  setView(wish) {
    const { columns, shape } = this.frame;
    this.group.send(this.viewKey(), viewWithin(columns, shape[1], wish));
  }

  resetView() {
    if (!this.isEmpty) this.group.send(this.viewKey(), null);
  }

  /** @param {Cell | null} cursor */
  setCursor(cursor) {
    this.cursor = cursor;
    this.repaint("overlay");
  }

  // Where the cursor is on the column axis, or the middle of what is in view.
  cursorTime() {
    const { columns, shape } = this.frame;
    const [from, to] = this.shownColumns();
    return this.cursor ? middleOf(this.cursor.column, shape[1], columns) : (from + to) / 2;
  }

  /** @param {number} time */
  moveCursorTo(time) {
    const [rows, columns] = this.frame.shape;
    const [first, last] = this.frame.columns;
    const column = Math.floor(((time - first) / (last - first)) * columns);
    const row = this.cursor?.row ?? rows >> 1;
    this.setCursor({ row, column: clamp(column, 0, columns - 1) });
  }

  /** @param {AxisName} axis @param {Pair} ends @param {string[]} [names] @returns {Axis} */
  axis(axis, ends, count = 0, names = []) {
    const { model } = this;
    const [name, unit] = [model.get(`${axis}_label`), model.get(`${axis}_unit`)];
    return { name, unit, ends, count, names };
  }

  /** @returns {Scene} */
  scene() {
    const { frame, sheet } = this;
    return {
      sheet,
      frame,
      grid: this.grid,
      rows: this.axis("rows", frame.rows, frame.shape[0], frame.row_names),
      columns: this.axis("columns", frame.columns, frame.shape[1], frame.column_names),
      value: this.axis("value", frame.limits),
      range: this.shownRange(),
      palette: bytesOf(this.model.get("_palette")),
    };
  }

  // --- Painting: at most once a frame of the screen, always the newest ---

  // Pictures that the kernel sent together are painted together: between two of them the screen
  // would be drawn once more, and the last one seen later.
  arrived() {
    const { batch, seq } = this.frame;
    if (!batch || seq === this.seq || !this.model.get("group")) {
      this.repaint("colours");
      return;
    }
    this.seq = seq;
    const [id, number, count] = batch;
    const { batch: before } = this.group.state;
    const came = before?.id === id ? before.came : new Set();
    came.add(number);
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.paintArrived(), PATIENCE);
    this.group.state.batch = { id, came };
    if (came.size === count) this.group.send("batch", { id, came });
  }

  waitNoLonger() {
    if (this.waiting !== undefined) this.paintArrived();
  }

  paintArrived() {
    clearTimeout(this.waiting);
    this.waiting = undefined;
    this.repaint("colours");
  }

  /** @param {Due} what */
  repaint(what) {
    if (ORDER.indexOf(what) >= ORDER.indexOf(this.due ?? "overlay")) this.due = what;
    this.request ??= requestAnimationFrame(() => {
      const due = this.due ?? "overlay";
      this.request = this.due = undefined;
      this.paint(due);
    });
  }

  /** @param {Due} due */
  paint(due) {
    // What is written anew, be it the same, costs the page a layout before the next reading of it.
    const title = this.model.get("title");
    if (this.title.textContent !== title) this.title.textContent = title;
    const height = `${this.model.get("height")}px`; // in hall mode it is another: page.css
    if (this.plot.style.getPropertyValue("--nmflab-height") !== height)
      this.plot.style.setProperty("--nmflab-height", height);
    if (this.plot.clientWidth < 40) {
      this.due = due; // hidden: the resize observer comes back
      return;
    }
    if (due !== "overlay") {
      this.root.classList.toggle("nmflab-narrow", this.plot.clientWidth < 520);
      this.sheet.measure(getComputedStyle(this.root));
      if (this.isEmpty) this.paintNothing();
      else this.paintPicture(due === "colours");
    }
    if (!this.isEmpty) {
      const { cursor, playhead, sheet, grid, frame } = this;
      const shown = { highlight: this.model.get("_highlight"), cursor, time: playhead };
      const { marks } = this.hands.marker;
      const name = this.model.get("mark_name") ?? "";
      const painted = this.hands.brush;
      paintOverlay(sheet, grid, frame.column_step, { ...shown, marks, name, painted });
    }
    this.report();
    if (!this.isEmpty) paintExtent(this.sheet, this.grid, this.model.get("_extent"), this.cursor);
  }

  paintNothing() {
    const { over, base } = this.sheet;
    penOf(over).clearRect(0, 0, over.width, over.height);
    this.readout.textContent = "";
    this.slider.hide(true);
    base.setAttribute("aria-label", `${this.model.get("title")}: nothing to show yet.`);
  }

  /** @param {boolean} recolour */
  paintPicture(recolour) {
    const scene = this.scene();
    const [rows, columns] = scene.frame.shape;
    if (recolour) this.paintImage(scene);
    if (this.cursor && (this.cursor.row >= rows || this.cursor.column >= columns))
      this.cursor = null;
    stretchImage(scene, this.image, this.stretched);
    paintRowBands(scene);
    paintColumnBands(scene);
    paintCellTexts(scene);
    paintAxes(scene);
    paintColourBar(scene);
    this.slider.show(scene.value, scene.range);
    this.slider.hide(!this.model.get("slider"));
    this.root.classList.toggle("nmflab-plain", !this.model.get("slider"));
    this.sheet.base.setAttribute("aria-label", this.spoken(scene));
  }

  /** What a screen reader says. @param {Scene} scene */
  spoken(scene) {
    const name = this.model.get("mark_name") ?? "";
    const keys = name ? ` Shift with the arrow keys marks ${name}, Delete removes a mark.` : "";
    const brush = this.hands.brush.spoken();
    return describe(this.model.get("title"), scene) + keys + brush;
  }

  /** Codes to colours, one pixel a cell. @param {Scene} scene */
  paintImage({ frame, palette, range }) {
    const [rows, columns] = frame.shape;
    resize(this.image, columns, rows);
    const pen = penOf(this.image);
    if (this.pixels?.width !== columns || this.pixels?.height !== rows)
      this.pixels = pen.createImageData(columns, rows);
    const table = coloursOf(palette, frame.limits, range);
    lookUp(frame, table, new Uint32Array(this.pixels.data.buffer));
    pen.putImageData(this.pixels, 0, 0);
  }

  // What is marked, or that something can be.
  marked() {
    const name = this.model.get("mark_name") ?? "";
    const { marks, isOn } = this.hands.marker;
    const { brush } = this.hands;
    if (brush.isOn) return brush.said();
    if (!isOn) return "";
    const unit = this.model.get("columns_unit");
    return marks.length
      ? `${name}: ${stretchesText(marks, unit)}`
      : `drag over a pause to mark ${name}`;
  }

  // Say on the root what is painted, for tests and for whoever waits for it.
  report() {
    const { cursor, isEmpty, playhead } = this;
    const readout = cursor && !isEmpty ? readCell(this.scene(), cursor) : this.marked();
    if (this.readout.textContent !== readout) this.readout.textContent = readout;
    Object.assign(this.root.dataset, {
      seq: this.frame.seq,
      state: isEmpty ? "empty" : "painted",
      playhead: playhead === null ? "" : playhead.toFixed(3),
      range: isEmpty ? "" : this.shownRange().join(" "),
      view: isEmpty ? "" : this.shownColumns().join(" "),
      frequency: isEmpty ? "" : `${+this.rows.top.toFixed(1)} ${this.rows.mel ? "mel" : "linear"}`,
      marks: stretchesText(this.hands.marker.marks, ""),
      painted: paintedText(this.hands.brush.regions, this.hands.brush.rows),
      brush: this.hands.brush.isOn,
      rows: isEmpty ? "" : [this.rows.bottom, this.rows.top].join(" "),
    });
  }
}
