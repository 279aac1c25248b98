// A matrix as a picture: bytes from the kernel, colours by look-up here. See canvas.py.
// Two canvases lie on each other: the picture with its axes, painted when data or ranges change,
// and an overlay for what follows the hand and the sound, so that neither repaints the picture.

const CLICK = 4; // pixels a pointer may move and still have clicked
const DOUBLE_CLICK = 250; // ms
const SMALLEST_VIEW = 8; // columns

export default {
  render({ model, el }) {
    const view = new CanvasView(model, el);
    return () => view.remove();
  },
};

class CanvasView {
  constructor(model, el) {
    this.model = model;
    this.own = Symbol("view"); // names what this canvas shares with nobody
    this.cursor = null; // { row, column }, in cells from 0
    this.pressed = null; // where the pointer went down
    this.image = document.createElement("canvas"); // one pixel a cell
    this.stretched = document.createElement("canvas"); // as wide as on the screen
    this.abort = new AbortController(); // takes every DOM listener away at once
    this.build(el);
    this.join();
    this.listen();
    this.repaint("colours");
  }

  build(el) {
    el.classList.add("nmflab-host");
    this.root = add(el, "div", { className: "nmflab nmflab-canvas" });
    this.root.dataset.state = "empty";
    this.root.dataset.seq = "0";
    const head = add(this.root, "div", { className: "nmflab-head" });
    this.title = add(head, "span", { className: "nmflab-title" });
    this.readout = add(head, "span", { className: "nmflab-readout" });
    this.slider = new RangeSlider(head, (low, high) => this.setRange(low, high));
    this.plot = add(this.root, "div", { className: "nmflab-plot" });
    this.base = add(this.plot, "canvas", { role: "img", tabIndex: 0 });
    this.over = add(this.plot, "canvas", { "aria-hidden": "true", className: "nmflab-over" });
  }

  join() {
    this.group?.leave();
    this.group = bus.join(this.model.get("group"), (type) => this.hear(type));
  }

  hear(type) {
    if (type === "playhead") this.repaint("overlay");
    else if (type === this.viewKey()) this.repaint("picture");
    else if (type === this.rangeKey()) this.repaint("colours");
  }

  listen() {
    const { model, base } = this;
    const on = (target, type, act, more) =>
      target.addEventListener(type, act.bind(this), { signal: this.abort.signal, ...more });
    on(base, "pointermove", this.pointerMoved);
    on(base, "pointerleave", () => this.setCursor(null));
    on(base, "pointerdown", this.pointerPressed);
    on(base, "pointerup", this.pointerReleased);
    on(base, "pointercancel", () => (this.pressed = null));
    on(base, "dblclick", this.resetView);
    on(base, "wheel", this.wheelTurned, { passive: false });
    on(base, "keydown", this.keyPressed);
    on(base, "blur", () => this.setCursor(null));
    this.onFrame = () => this.repaint("colours");
    this.onGroup = () => (this.join(), this.repaint("colours"));
    this.onOverlay = () => this.repaint("overlay");
    model.on("change", this.onFrame);
    model.on("change:group", this.onGroup);
    model.on("change:_highlight", this.onOverlay);
    this.resized = new ResizeObserver(() => this.repaint("picture"));
    this.resized.observe(this.plot);
    // JupyterLab names its theme on the body; the colours may arrive a moment later.
    const themed = () => [0, 100, 500].forEach((ms) => setTimeout(this.onTheme, ms));
    this.onTheme = () => this.abort.signal.aborted || this.repaint("picture");
    this.themed = new MutationObserver(themed);
    this.themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name"] });
    on(window, "resize", this.onTheme); // also: the window moved to a screen of another density
  }

  remove() {
    this.model.off("change", this.onFrame);
    this.model.off("change:group", this.onGroup);
    this.model.off("change:_highlight", this.onOverlay);
    this.resized.disconnect();
    this.themed.disconnect();
    this.abort.abort();
    this.group.leave();
    cancelAnimationFrame(this.request);
    clearTimeout(this.seeking);
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
    const [first, last] = this.frame.columns;
    const view = this.group.state[this.viewKey()];
    if (!view) return [first, last];
    const from = clamp(view[0], first, last);
    const to = clamp(view[1], first, last);
    return to - from > 1e-9 * (last - first) ? [from, to] : [first, last];
  }

  shownRange() {
    return this.group.state[this.rangeKey()] ?? [this.frame.low, this.frame.high];
  }

  setRange(low, high) {
    this.group.send(this.rangeKey(), [low, high]);
  }

  setView(from, to) {
    const [first, last] = this.frame.columns;
    const cell = (last - first) / this.frame.shape[1];
    const span = clamp(to - from, Math.min(SMALLEST_VIEW * cell, last - first), last - first);
    const start = clamp(from, first, last - span);
    const whole = span >= (last - first) * 0.999;
    this.group.send(this.viewKey(), whole ? null : [start, start + span]);
  }

  resetView() {
    clearTimeout(this.seeking);
    if (!this.isEmpty) this.group.send(this.viewKey(), null);
  }

  zoom(factor, centre) {
    const [from, to] = this.shownColumns();
    this.setView(centre - (centre - from) * factor, centre + (to - centre) * factor);
  }

  // --- Painting: at most once a frame of the screen, always the newest ---

  repaint(what) {
    const order = ["overlay", "picture", "colours"];
    if (order.indexOf(what) >= order.indexOf(this.due ?? "overlay")) this.due = what;
    this.request ??= requestAnimationFrame(() => {
      const due = this.due;
      this.request = this.due = undefined;
      this.paint(due);
    });
  }

  paint(due) {
    this.title.textContent = this.model.get("title");
    this.plot.style.height = `${this.model.get("height")}px`;
    if (this.plot.clientWidth < 40) return; // hidden: the resize observer comes back
    if (due !== "overlay") {
      this.measure();
      if (this.isEmpty) this.paintNothing();
      else this.paintPicture(due === "colours");
    }
    if (!this.isEmpty) this.paintOverlay();
    this.report();
  }

  // Where things go, in CSS pixels. The side margins depend on the font alone, so that the time
  // axes of canvases below each other are in line.
  measure() {
    const width = this.plot.clientWidth;
    const height = this.plot.clientHeight;
    this.root.classList.toggle("nmflab-narrow", width < 520);
    const style = getComputedStyle(this.root);
    this.font = parseFloat(style.fontSize);
    this.ink = style.color;
    this.family = style.fontFamily;
    this.ratio = window.devicePixelRatio || 1;
    const snap = (x) => Math.round(x * this.ratio) / this.ratio;
    const left = snap(this.font * 4.1);
    const top = snap(this.font * 1.7);
    this.box = {
      left,
      top,
      width: snap(width - left - this.font * 4.6),
      height: snap(height - top - this.font * 2.9),
    };
    for (const canvas of [this.base, this.over]) this.fit(canvas, width, height);
    this.pen = this.base.getContext("2d");
    this.pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.pen.clearRect(0, 0, width, height);
  }

  fit(canvas, width, height) {
    const size = [Math.round(width * this.ratio), Math.round(height * this.ratio)];
    if (canvas.width !== size[0]) canvas.width = size[0];
    if (canvas.height !== size[1]) canvas.height = size[1];
  }

  paintNothing() {
    this.over.getContext("2d").clearRect(0, 0, this.over.width, this.over.height);
    this.readout.textContent = "";
    this.slider.hide(true);
    this.base.setAttribute("aria-label", `${this.model.get("title")}: nothing to show yet.`);
  }

  paintPicture(recolour) {
    if (recolour) this.paintImage();
    const { pen, box, ratio } = this;
    const [rows, columns] = this.frame.shape;
    if (this.cursor?.row >= rows || this.cursor?.column >= columns) this.cursor = null;
    const [first, last] = this.frame.columns;
    const [from, to] = this.shownColumns();
    const perColumn = columns / (last - first);
    const wide = Math.max(1, Math.round(box.width * ratio));
    const high = Math.max(1, Math.round(box.height * ratio));
    // First across, then up: each is smoothed only where several cells share a pixel.
    resize(this.stretched, wide, rows);
    const across = this.stretched.getContext("2d");
    across.imageSmoothingEnabled = (to - from) * perColumn > wide;
    const source = [(from - first) * perColumn, 0, (to - from) * perColumn, rows];
    across.drawImage(this.image, ...source, 0, 0, wide, rows);
    pen.imageSmoothingEnabled = rows > high;
    pen.drawImage(this.stretched, 0, 0, wide, rows, box.left, box.top, box.width, box.height);
    this.paintBands();
    this.paintTexts();
    this.paintAxes();
    this.paintColourBar();
    this.slider.show(this.frame.limits, this.shownRange(), this.name("value"), this.unit("value"));
    this.slider.hide(!this.model.get("slider"));
    this.root.classList.toggle("nmflab-plain", !this.model.get("slider"));
    this.base.setAttribute("aria-label", this.describe());
  }

  // Codes to colours, one pixel a cell, row 0 at the bottom.
  paintImage() {
    const { shape, by_columns, codes } = this.frame;
    const [rows, columns] = shape;
    const bytes = new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
    const [rowStep, columnStep] = by_columns ? [1, rows] : [columns, 1];
    const table = this.colours();
    resize(this.image, columns, rows);
    const pen = this.image.getContext("2d");
    if (this.pixels?.width !== columns || this.pixels?.height !== rows)
      this.pixels = pen.createImageData(columns, rows);
    const pixels = new Uint32Array(this.pixels.data.buffer);
    for (let row = 0; row < rows; row++) {
      let from = row * rowStep;
      const end = (rows - row) * columns;
      for (let to = end - columns; to < end; to++, from += columnStep) pixels[to] = table[bytes[from]];
    }
    pen.putImageData(this.pixels, 0, 0);
  }

  // The colour of each code in the shown range, as the 32 bits of a pixel.
  colours() {
    const view = this.model.get("_palette");
    const palette = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const [low, high] = this.shownRange();
    const table = new Uint32Array(256);
    const bytes = new Uint8Array(table.buffer);
    for (let code = 0; code < 256; code++) {
      const share = (this.valueOf(code) - low) / (high - low);
      const at = 3 * clamp(Math.round(share * 255), 0, 255);
      bytes.set([palette[at], palette[at + 1], palette[at + 2], 255], 4 * code);
    }
    this.ramp = palette;
    return table;
  }

  valueOf(code) {
    const [low, high] = this.frame.limits;
    return low + (code / 255) * (high - low);
  }

  // --- Axes, bands, colour bar ---

  paintAxes() {
    const { pen, box, font } = this;
    const [from, to] = this.shownColumns();
    const [low, high] = this.frame.rows;
    this.useFont();
    pen.strokeStyle = pen.fillStyle = this.ink;
    pen.lineWidth = 1;
    pen.strokeRect(box.left - 0.5, box.top - 0.5, box.width + 1, box.height + 1);
    const bottom = box.top + box.height;
    pen.textAlign = "center";
    pen.textBaseline = "top";
    const across = this.axisTicks("columns", from, to);
    for (const { value, text } of across) {
      const x = box.left + ((value - from) / (to - from)) * box.width;
      this.line(x, bottom, x, bottom + 5);
      pen.fillText(text, x, bottom + 7);
    }
    const name = this.longest(["columns"], box.width);
    pen.fillText(name, box.left + box.width / 2, bottom + 9 + font);
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const { value, text } of this.axisTicks("rows", low, high)) {
      const y = bottom - ((value - low) / (high - low)) * box.height;
      this.line(box.left - 5, y, box.left, y);
      pen.fillText(text, box.left - 8, y);
    }
    this.paintRowsName();
  }

  paintRowsName() {
    const { pen, box, font } = this;
    pen.save();
    pen.translate(font * 0.75, box.top + box.height / 2);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "center";
    pen.fillText(this.longest(["rows"], box.height + 2 * font), 0, 0);
    pen.restore();
  }

  // Lines between named groups of rows (columns), and their names.
  paintBands() {
    const { box } = this;
    const [rows] = this.frame.shape;
    const columns = this.frame.shape[1] * this.frame.column_step;
    const [first, last] = this.frame.columns;
    const [from, to] = this.shownColumns();
    let start = 0;
    for (const [name, count] of this.frame.row_bands) {
      const y = box.top + box.height * (1 - start / rows);
      const up = (box.height * count) / rows;
      this.band(start > 0, [box.left, y, box.left + box.width, y]);
      // In the middle: the busiest row, framed at first, is often the first or the last of a band.
      const middle = y - (up + this.font) / 2;
      if (up > this.font * 1.2) this.bandName(name, box.left + box.width - 6, middle, "right");
      start += count;
    }
    start = 0;
    const place = (column) => {
      const value = first + (column / columns) * (last - first);
      return box.left + clamp((value - from) / (to - from), 0, 1) * box.width;
    };
    for (const [name, count] of this.frame.column_bands) {
      const [x, end] = [place(start), place(start + count)];
      this.band(start > 0 && x > box.left, [x, box.top, x, box.top + box.height]);
      this.useFont("600");
      if (end - x > this.pen.measureText(name).width + 10) this.bandName(name, x + 6, box.top + 4, "left");
      start += count;
    }
  }

  band(isBoundary, ends) {
    if (isBoundary) halo(this.pen, () => this.line(...ends));
  }

  bandName(name, x, y, align) {
    this.useFont("600");
    Object.assign(this.pen, { textAlign: align, textBaseline: "top" });
    Object.assign(this.pen, { strokeStyle: "#000c", lineWidth: 3, lineJoin: "round", fillStyle: "#fff" });
    this.pen.strokeText(name, x, y);
    this.pen.fillText(name, x, y);
  }

  // What stands in each cell, if all of it fits.
  paintTexts() {
    const { pen, font } = this;
    const texts = this.frame.cell_texts ?? [];
    this.useFont("600");
    const widest = Math.max(0, ...texts.flat().map((text) => pen.measureText(text).width));
    const room = this.cellBox(0, 0);
    if (room.right - room.left < widest + 4 || room.bottom - room.top < font * 1.2) return;
    texts.forEach((row, r) =>
      row.forEach((text, c) => {
        const { left, right, top, bottom } = this.cellBox(r, c);
        this.bandName(text, (left + right) / 2, (top + bottom - font) / 2, "center");
      }),
    );
  }

  paintColourBar() {
    const { pen, box, font } = this;
    const [low, high] = this.shownRange();
    const bar = { left: box.left + box.width + font * 0.8, width: font * 0.9 };
    const bottom = box.top + box.height;
    const gradient = pen.createLinearGradient(0, bottom, 0, box.top);
    for (let i = 0; i <= 32; i++) {
      const [r, g, b] = this.ramp.subarray(3 * Math.round((i * 255) / 32));
      gradient.addColorStop(i / 32, `rgb(${r} ${g} ${b})`);
    }
    pen.fillStyle = gradient;
    pen.fillRect(bar.left, box.top, bar.width, box.height);
    pen.fillStyle = pen.strokeStyle = this.ink;
    pen.lineWidth = 1;
    this.useFont();
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    for (const { value, text } of this.ticks(low, high, box.height / (font * 2), "any")) {
      const y = bottom - ((value - low) / (high - low)) * box.height;
      this.line(bar.left + bar.width, y, bar.left + bar.width + 4, y);
      pen.fillText(text, bar.left + bar.width + 7, y);
    }
    this.paintValueName(bar.left);
  }

  // Above the bar, from its left edge on, or as far to the left as the name needs.
  paintValueName(left) {
    const { pen, box, font } = this;
    const name = this.unit("value") || this.name("value");
    const room = this.plot.clientWidth - pen.measureText(name).width;
    pen.textBaseline = "bottom";
    pen.fillText(name, Math.min(left, room), box.top - font * 0.55);
  }

  // The names of the rows (columns), as many as have room, or else round values.
  axisTicks(axis, from, to) {
    const { box, font, pen } = this;
    const [size, needed] = axis === "rows" ? [box.height, 2 * font] : [box.width, 3.2 * font];
    const names = this.names(axis);
    if (!names.length) return this.ticks(from, to, size / needed, this.unit(axis));
    const [first, last] = this.frame[axis];
    const widest = Math.max(...names.map((text) => pen.measureText(text).width));
    const room = axis === "rows" ? 1.2 * font : widest + font / 2;
    const every = Math.ceil((names.length * room) / size);
    return names
      .map((text, i) => ({ value: first + ((i + 0.5) / names.length) * (last - first), text }))
      .filter(({ value }, i) => i % every === 0 && from <= value && value <= to);
  }

  names(axis) {
    return this.frame[axis === "rows" ? "row_names" : "column_names"] ?? [];
  }

  // Round values between two ends. An axis without a unit counts: whole numbers only.
  ticks(from, to, count, unit) {
    const rough = (to - from) / Math.max(count, 2);
    const power = 10 ** Math.floor(Math.log10(rough));
    let step = power * [1, 2, 5, 10].find((m) => m * power >= rough * 0.999);
    if (!unit) step = Math.max(1, Math.round(step));
    const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const found = [];
    for (let i = Math.ceil(from / step - 1e-6); i * step <= to + step * 1e-6; i++)
      found.push({ value: i * step, text: withMinus((i * step + 0).toFixed(places)) });
    return found;
  }

  line(x1, y1, x2, y2) {
    const sharp = (v) => Math.round(v - 0.5) + 0.5;
    this.pen.beginPath();
    this.pen.moveTo(x1 === x2 ? sharp(x1) : x1, y1 === y2 ? sharp(y1) : y1);
    this.pen.lineTo(x1 === x2 ? sharp(x2) : x2, y1 === y2 ? sharp(y2) : y2);
    this.pen.stroke();
  }

  useFont(weight = "400") {
    this.pen.font = `${weight} ${this.font}px ${this.family}`;
  }

  name(axis) {
    return this.model.get(`${axis}_label`);
  }

  unit(axis) {
    return this.model.get(`${axis}_unit`);
  }

  // "Frequency (kHz)" where it fits, else the unit alone.
  longest([axis], space) {
    const [name, unit] = [this.name(axis), this.unit(axis)];
    const whole = unit ? `${name} (${unit})` : name;
    return this.pen.measureText(whole).width <= space ? whole : unit || name;
  }

  // --- The overlay: playhead, chosen row or column, cursor ---

  paintOverlay() {
    const { box, ratio } = this;
    const pen = this.over.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.over.width, this.over.height);
    pen.save();
    pen.beginPath();
    pen.rect(box.left, box.top, box.width, box.height);
    pen.clip();
    const { row, column } = this.model.get("_highlight");
    if (row != null || column != null) this.frameCells(pen, { row, column });
    if (this.cursor) this.paintCursor(pen);
    const time = this.playhead();
    if (time !== null) this.upright(pen, this.xOf(time), 1.5);
    pen.restore();
  }

  // The time of the group's playhead, or null where there is none.
  playhead() {
    return this.isTimed ? (this.group.state.playhead?.time ?? null) : null;
  }

  upright(pen, x, width) {
    const { box } = this;
    halo(pen, () => stroke(pen, [x, box.top, x, box.top + box.height]), width);
  }

  paintCursor(pen) {
    const { left, right, top, bottom } = this.cellBox(this.cursor.row, this.cursor.column);
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    const cross = () => {
      stroke(pen, [x - 9, y, x - 3, y]), stroke(pen, [x + 3, y, x + 9, y]);
      stroke(pen, [x, y - 9, x, y - 3]), stroke(pen, [x, y + 3, x, y + 9]);
    };
    halo(pen, cross, 1.5);
  }

  frameCells(pen, { row, column }) {
    const { box } = this;
    const cell = this.cellBox(row ?? 0, (column ?? 0) / this.frame.column_step);
    const [x, width] = column == null ? [box.left, box.width] : [cell.left, cell.right - cell.left];
    const [y, height] = row == null ? [box.top, box.height] : [cell.top, cell.bottom - cell.top];
    const grow = (size) => Math.max(0, 5 - size) / 2; // at least five pixels, to be seen
    const [dx, dy] = [grow(width), grow(height)];
    halo(pen, () => pen.strokeRect(x - dx, y - dy, width + 2 * dx, height + 2 * dy), 1.5);
  }

  xOf(value) {
    const [from, to] = this.shownColumns();
    return this.box.left + ((value - from) / (to - from)) * this.box.width;
  }

  valueAt(x) {
    const [from, to] = this.shownColumns();
    return from + clamp((x - this.box.left) / this.box.width, 0, 1) * (to - from);
  }

  cellBox(row, column) {
    const { box } = this;
    const [rows, columns] = this.frame.shape;
    const [first, last] = this.frame.columns;
    const edge = (c) => this.xOf(first + (c / columns) * (last - first));
    const level = (r) => box.top + box.height * (1 - r / rows);
    return { left: edge(column), right: edge(column + 1), top: level(row + 1), bottom: level(row) };
  }

  // --- Reading values ---

  cellAt(event) {
    if (this.isEmpty || !this.box) return null;
    const { box } = this;
    const frame = this.base.getBoundingClientRect();
    const x = event.clientX - frame.left;
    const y = event.clientY - frame.top;
    if (x < box.left || x > box.left + box.width || y < box.top || y > box.top + box.height) return null;
    const [rows, columns] = this.frame.shape;
    const [first, last] = this.frame.columns;
    const share = (this.valueAt(x) - first) / (last - first);
    return {
      row: clamp(Math.floor((1 - (y - box.top) / box.height) * rows), 0, rows - 1),
      column: clamp(Math.floor(share * columns), 0, columns - 1),
      value: this.valueAt(x), // where exactly, for seeking
    };
  }

  setCursor(cursor) {
    this.cursor = cursor;
    this.repaint("overlay");
  }

  // "0.81 s · 2.34 kHz · −31 dB"
  read({ row, column }) {
    const [rows, columns] = this.frame.shape;
    const code = this.codeAt(row, column);
    const end = code === 0 ? "\u2264 " : code === 255 ? "\u2265 " : "";
    const [low, high] = this.frame.limits;
    const places = high - low > 20 ? 0 : 2;
    const value = withMinus((this.valueOf(code) + 0).toFixed(places).replace(/^-0$/, "0"));
    const unit = this.unit("value");
    return [
      this.readAxis("columns", this.frame.columns, column, columns),
      this.readAxis("rows", this.frame.rows, row, rows),
      unit ? `${end}${value} ${unit}` : `${this.name("value")} ${end}${value}`,
    ].join(" \u00b7 ");
  }

  readAxis(axis, [first, last], index, count) {
    const value = first + ((index + 0.5) / count) * (last - first);
    const unit = this.unit(axis);
    if (this.names(axis).length) return `${this.name(axis)} ${this.names(axis)[index]} ${unit}`.trim();
    return unit ? `${withMinus(value.toFixed(2))} ${unit}` : `${this.name(axis)} ${Math.round(value)}`;
  }

  codeAt(row, column) {
    const { shape, by_columns, codes } = this.frame;
    return codes.getUint8(by_columns ? column * shape[0] + row : row * shape[1] + column);
  }

  describe() {
    const range = (axis, [from, to]) => {
      const names = axis !== "value" ? this.names(axis) : [];
      if (names.length) return `${this.name(axis)} ${names.join(", ")} ${this.unit(axis)}`.trim();
      const [a, b] = [from, to].map((v) => withMinus(String(+v.toPrecision(3))));
      return `${this.name(axis)} ${a} to ${b} ${this.unit(axis)}`.trim();
    };
    const parts = [
      range("columns", this.shownColumns()),
      range("rows", this.frame.rows),
      range("value", this.shownRange()),
    ];
    return `${this.model.get("title")}: ${parts.join(", ")}. Arrow keys read values.`;
  }

  // Say on the root what is painted, for tests and for whoever waits for it.
  report() {
    const { dataset } = this.root;
    const time = this.playhead();
    this.readout.textContent = this.cursor && !this.isEmpty ? this.read(this.cursor) : "";
    dataset.seq = this.frame.seq;
    dataset.state = this.isEmpty ? "empty" : "painted";
    dataset.playhead = time === null ? "" : time.toFixed(3);
    dataset.range = this.isEmpty ? "" : this.shownRange().join(" ");
    dataset.view = this.isEmpty ? "" : this.shownColumns().join(" ");
  }

  // --- Pointer ---

  pointerMoved(event) {
    const dragged = this.pressed && Math.abs(event.clientX - this.pressed.x) > CLICK;
    if (dragged) {
      this.pressed.moved = true;
      const { view, x } = this.pressed;
      const shift = ((event.clientX - x) / this.box.width) * (view[1] - view[0]);
      this.setView(view[0] - shift, view[1] - shift);
    }
    this.readout.removeAttribute("aria-live"); // a mouse would make a screen reader talk for ever
    this.setCursor(this.cellAt(event));
  }

  pointerPressed(event) {
    if (event.button !== 0 || !this.cellAt(event)) return;
    this.base.setPointerCapture(event.pointerId);
    this.pressed = { x: event.clientX, view: this.shownColumns(), moved: false };
  }

  pointerReleased(event) {
    const pressed = this.pressed;
    this.pressed = null;
    const cell = this.cellAt(event);
    if (!pressed || pressed.moved || !cell) return;
    clearTimeout(this.seeking);
    // Where a double click has a meaning, a single one waits until it isn't one.
    const isZoomed = Boolean(this.group.state[this.viewKey()]);
    const act = () => this.act(cell, event.shiftKey);
    if (isZoomed) this.seeking = setTimeout(act, DOUBLE_CLICK);
    else act();
  }

  act({ row, column, value }, shifted) {
    if (this.model.get("pick") !== shifted) {
      const step = this.frame.column_step;
      this.model.send({ kind: "pick", row, column: column * step });
    } else if (this.isTimed) {
      const [first, last] = this.frame.columns;
      const middle = first + ((column + 0.5) / this.frame.shape[1]) * (last - first);
      this.group.send("playhead", { time: value ?? middle });
      this.group.send("seek", { time: value ?? middle });
    }
  }

  // The wheel belongs to the page until somebody has clicked into the picture or holds Ctrl.
  wheelTurned(event) {
    const wanted = event.ctrlKey || event.metaKey || document.activeElement === this.base;
    const cell = wanted && this.cellAt(event);
    if (!cell) return;
    const [from, to] = this.shownColumns();
    const [first, last] = this.frame.columns;
    const isWhole = from === first && to === last;
    if (isWhole && !event.ctrlKey && event.deltaY >= 0) return; // nothing to widen: scroll on
    event.preventDefault();
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      const shift = (sideways / this.box.width) * (to - from);
      this.setView(from + shift, to + shift);
    } else this.zoom(1.0015 ** event.deltaY, cell.value);
  }

  // --- Keyboard ---

  keyPressed(event) {
    if (this.isEmpty || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = this.keyAction(event);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  keyAction({ key, shiftKey }) {
    const [from, to] = this.shownColumns();
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0] };
    if (moves[key]) return () => this.moveCursor(moves[key], shiftKey ? 10 : 1);
    if (key === "Enter") return this.cursor ? () => this.act(this.cursor, shiftKey) : null;
    if (key === "+" || key === "=") return () => this.zoom(0.5, this.centre(from, to));
    if (key === "-") return () => this.zoom(2, this.centre(from, to));
    if (key === "0") return () => this.resetView();
    if (key === " " || /^[1-9]$/.test(key)) return () => this.group.send("key", { key });
    return null;
  }

  centre(from, to) {
    if (!this.cursor) return (from + to) / 2;
    const [first, last] = this.frame.columns;
    return first + ((this.cursor.column + 0.5) / this.frame.shape[1]) * (last - first);
  }

  moveCursor([up, right], cells) {
    const [rows, columns] = this.frame.shape;
    const [first, last] = this.frame.columns;
    const [from, to] = this.shownColumns();
    const toCell = (value) => ((value - first) / (last - first)) * columns;
    const begin = Math.ceil(toCell(from) - 1e-6);
    const end = Math.floor(toCell(to) + 1e-6) - 1;
    const old = this.cursor ?? { row: rows >> 1, column: (begin + end) >> 1 };
    this.readout.setAttribute("aria-live", "polite");
    this.setCursor({
      row: clamp(old.row + up * cells, 0, rows - 1),
      column: clamp(old.column + right * cells, begin, end),
    });
  }
}

// Two thumbs on one track: the lowest and the highest value shown.
class RangeSlider {
  constructor(parent, changed) {
    this.box = add(parent, "span", { className: "nmflab-range", hidden: true });
    const track = add(this.box, "span", { className: "nmflab-track" });
    this.fill = add(track, "span");
    this.low = add(this.box, "input", { type: "range" });
    this.high = add(this.box, "input", { type: "range" });
    const send = (moved) => {
      const gap = Number(moved.step);
      if (moved === this.low) moved.value = Math.min(+moved.value, +this.high.value - gap);
      else moved.value = Math.max(+moved.value, +this.low.value + gap);
      changed(+this.low.value, +this.high.value);
    };
    for (const input of [this.low, this.high]) input.oninput = () => send(input);
  }

  hide(isHidden) {
    this.box.hidden = isHidden;
  }

  show([least, most], [low, high], name, unit) {
    const step = most - least > 20 ? 1 : (most - least) / 100;
    const title = `${name} shown: ${tidy(low)} to ${tidy(high)} ${unit}`.trim();
    this.box.title = title;
    for (const [input, value, end] of [[this.low, low, "Lowest"], [this.high, high, "Highest"]]) {
      Object.assign(input, { min: least, max: most, step, value });
      input.setAttribute("aria-label", `${end} ${name.toLowerCase()} shown`);
      input.setAttribute("aria-valuetext", `${tidy(value)} ${unit}`.trim());
    }
    const share = (value) => `${(100 * (value - least)) / (most - least)}%`;
    this.fill.style.left = share(low);
    this.fill.style.right = `calc(100% - ${share(high)})`;
  }
}

const tidy = (value) => withMinus(String(+value.toFixed(2)));

function resize(canvas, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

function stroke(pen, [x1, y1, x2, y2]) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}

// White on black: visible on every colour of every map.
function halo(pen, draw, width = 1.25) {
  for (const [colour, more] of [["#000b", 2], ["#fff", 0]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = width + more;
    draw();
  }
}
