// What a canvas is drawn on: the picture with its axes below, the overlay above.

/** @import { Box } from "./types.d.ts" */

/** @typedef {[number, number, number, number]} Ends x and y of one end, then of the other */

export class Sheet {
  /** @param {HTMLElement} plot @param {HTMLCanvasElement} base @param {HTMLCanvasElement} over */
  constructor(plot, base, over) {
    this.plot = plot;
    this.base = base;
    this.over = over;
    this.pen = penOf(base);
    this.font = 14; // CSS pixels
    this.family = this.ink = "";
    this.ratio = 1; // pixels of the screen a CSS pixel
    /** @type {Box} */
    this.box = { left: 0, top: 0, width: 0, height: 0 }; // the picture's
  }

  // Where things go, in CSS pixels. The side margins depend on the font alone, so that the time
  // axes of canvases below each other are in line.
  /** @param {CSSStyleDeclaration} style */
  measure(style) {
    const width = this.plot.clientWidth;
    const height = this.plot.clientHeight;
    this.font = parseFloat(style.fontSize);
    this.ink = style.color;
    this.family = style.fontFamily;
    this.ratio = window.devicePixelRatio || 1;
    const snap = (/** @type {number} */ x) => Math.round(x * this.ratio) / this.ratio;
    const left = snap(this.font * 4.1);
    const top = snap(this.font * 1.7);
    this.box = {
      left,
      top,
      width: snap(width - left - this.font * 4.6),
      height: snap(height - top - this.font * 2.9),
    };
    for (const canvas of [this.base, this.over])
      resize(canvas, Math.round(width * this.ratio), Math.round(height * this.ratio));
    this.pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.pen.clearRect(0, 0, width, height);
  }

  useFont(weight = "400") {
    this.pen.font = `${weight} ${this.font}px ${this.family}`;
  }

  useInk() {
    this.useFont();
    this.pen.strokeStyle = this.pen.fillStyle = this.ink;
    this.pen.lineWidth = 1;
  }

  /** @param {string} text */
  widthOf(text) {
    return this.pen.measureText(text).width;
  }

  /** @param {Ends} ends */
  line([x1, y1, x2, y2]) {
    const sharp = (/** @type {number} */ v) => Math.round(v - 0.5) + 0.5;
    const [left, right] = x1 === x2 ? [sharp(x1), sharp(x2)] : [x1, x2];
    const [from, to] = y1 === y2 ? [sharp(y1), sharp(y2)] : [y1, y2];
    stroke(this.pen, [left, from, right, to]);
  }

  // Bold and with a dark edge, to be read on every colour.
  /** @param {string} text @param {number} x @param {number} y @param {CanvasTextAlign} textAlign */
  boldText(text, x, y, textAlign) {
    const { pen } = this;
    this.useFont("600");
    Object.assign(pen, { textAlign, textBaseline: "top", lineJoin: "round", lineWidth: 3 });
    Object.assign(pen, { strokeStyle: "#000c", fillStyle: "#fff" });
    pen.strokeText(text, x, y);
    pen.fillText(text, x, y);
  }
}

/** @param {HTMLCanvasElement} canvas */
export function penOf(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/** @param {HTMLCanvasElement} canvas @param {number} width @param {number} height */
export function resize(canvas, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

/** @param {CanvasRenderingContext2D} pen @param {Ends} ends */
export function stroke(pen, [x1, y1, x2, y2]) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}

// White on black: visible on every colour of every map.
/** @param {CanvasRenderingContext2D} pen @param {() => void} draw */
export function halo(pen, draw, width = 1.25) {
  Object.assign(pen, { strokeStyle: "#000b", lineWidth: width + 2 });
  draw();
  Object.assign(pen, { strokeStyle: "#fff", lineWidth: width });
  draw();
}
