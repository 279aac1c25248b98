// A curve whose points are dragged, or moved by arrow keys, and another one drawn over it.

import { clamp, withMinus } from "./numbers.js";

/** @import { Model } from "./types.d.ts" */

/**
 * @typedef {object} PredictTraits what predict.py sends, and the guess that goes back to it
 * @property {string} question
 * @property {string} because
 * @property {string[]} choices
 * @property {number[]} guess
 * @property {number[]} truth
 * @property {boolean} revealed
 * @property {{ x: string[], xlabel: string, ylabel: string, low: number, high: number }} axes
 */

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 640;
const HEIGHT = 310;
const MARGIN = { left: 84, right: 24, top: 16, bottom: 62 };

/**
 * @param {Element} parent @param {string} tag @param {Record<string, string | number>} attributes
 */
export function draw(parent, tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return /** @type {SVGElement} */ (parent.appendChild(element));
}

/**
 * Where point `i` of `count` stands, and what a height means: pixels of the picture's own.
 * @param {number} low @param {number} high @param {number} count
 */
export function curveScales(low, high, count) {
  const width = WIDTH - MARGIN.left - MARGIN.right;
  const height = HEIGHT - MARGIN.top - MARGIN.bottom;
  return {
    x: (/** @type {number} */ i) => MARGIN.left + (width * (i + 0.5)) / count,
    y: (/** @type {number} */ value) => MARGIN.top + (height * (high - value)) / (high - low),
    value: (/** @type {number} */ y) =>
      clamp(high - ((y - MARGIN.top) * (high - low)) / height, low, high),
  };
}

/**
 * Where the number of a truth stands: on the side of it where the guess isn't.
 * @param {(value: number) => number} y @param {number} value @param {number} guess
 * @param {number} low
 */
export function markHeight(y, value, guess, low) {
  const below = y(value) + 24;
  return guess > value && below < y(low) ? below : y(value) - 12;
}

/**
 * Draw it; gives what shows the guess and the truth on it.
 * @param {Element} parent @param {Model<PredictTraits>} model
 * @param {(guess: number[]) => void} guessed
 */
export function dragCurve(parent, model, guessed) {
  const { x: names, xlabel, ylabel, low, high } = model.get("axes");
  const scales = curveScales(low, high, names.length);
  const step = (high - low) / 50;
  const svg = draw(parent, "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "nmflab-curve" });
  drawAxes(svg, scales, model.get("axes"));
  const truth = draw(svg, "polyline", { class: "nmflab-truth" });
  const line = draw(svg, "polyline", { class: "nmflab-guess" });
  const points = names.map((name, i) => {
    const point = draw(svg, "circle", { r: 9, cx: scales.x(i), tabindex: 0, role: "slider" });
    point.setAttribute("aria-label", `${ylabel} at ${xlabel} ${name}`);
    point.setAttribute("aria-valuemin", String(low));
    point.setAttribute("aria-valuemax", String(high));
    point.onkeydown = (event) => {
      const by = { ArrowUp: step, ArrowDown: -step, PageUp: 5 * step, PageDown: -5 * step }[
        event.key
      ];
      if (by === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      put(i, clamp(model.get("guess")[i] + by, low, high));
    };
    return point;
  });
  const marks = names.map(() => draw(svg, "text", { class: "nmflab-value" })); // above the points

  const put = (/** @type {number} */ i, /** @type {number} */ value) => {
    if (model.get("revealed")) return;
    guessed(model.get("guess").map((old, j) => (i === j ? Math.round(value * 100) / 100 : old)));
  };
  const heightAt = (/** @type {PointerEvent} */ event) => {
    const box = svg.getBoundingClientRect();
    return {
      i: clamp(
        Math.round(
          (((event.clientX - box.left) / box.width) * WIDTH - scales.x(0)) /
            (scales.x(1) - scales.x(0)),
        ),
        0,
        names.length - 1,
      ),
      value: scales.value(((event.clientY - box.top) / box.height) * HEIGHT),
    };
  };
  const move = (/** @type {PointerEvent} */ event) => {
    const { i, value } = heightAt(event);
    put(i, value);
  };
  svg.onpointerdown = (event) => {
    if (model.get("revealed")) return;
    event.preventDefault();
    svg.setPointerCapture(event.pointerId);
    points[heightAt(event).i].focus();
    move(event);
    svg.onpointermove = move;
  };
  svg.onpointerup = svg.onpointercancel = () => {
    svg.onpointermove = null;
  };

  const path = (/** @type {number[]} */ values) =>
    values.map((value, i) => `${scales.x(i)},${scales.y(clamp(value, low, high))}`).join(" ");
  return () => {
    const guess = model.get("guess");
    const isRevealed = model.get("revealed");
    line.setAttribute("points", path(guess));
    truth.setAttribute("points", isRevealed ? path(model.get("truth")) : "");
    points.forEach((point, i) => {
      point.setAttribute("cy", String(scales.y(guess[i])));
      point.setAttribute("aria-valuenow", String(guess[i]));
    });
    marks.forEach((mark, i) => {
      const value = model.get("truth")[i];
      mark.setAttribute("x", String(scales.x(i)));
      mark.setAttribute("y", String(markHeight(scales.y, clamp(value, low, high), guess[i], low)));
      mark.textContent = isRevealed ? withMinus(value.toFixed(1)) : "";
    });
  };
}

/**
 * @param {Element} svg @param {ReturnType<typeof curveScales>} scales
 * @param {PredictTraits["axes"]} axes
 */
function drawAxes(svg, scales, { x: names, xlabel, ylabel, low, high }) {
  const floor = HEIGHT - MARGIN.bottom;
  for (let k = 0; k <= 4; k++) {
    const value = low + ((high - low) * k) / 4;
    const y = scales.y(value);
    draw(svg, "line", { x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: y, y2: y });
    const text = draw(svg, "text", { x: MARGIN.left - 8, y: y + 5, "text-anchor": "end" });
    text.textContent = withMinus(String(+value.toFixed(1)));
  }
  names.forEach((name, i) => {
    const text = draw(svg, "text", { x: scales.x(i), y: floor + 25, "text-anchor": "middle" });
    text.textContent = name;
  });
  const middle = { x: (MARGIN.left + WIDTH - MARGIN.right) / 2, y: HEIGHT - 10 };
  draw(svg, "text", { ...middle, "text-anchor": "middle" }).textContent = xlabel;
  const turned = `translate(18 ${floor / 2 + 8}) rotate(-90)`;
  draw(svg, "text", { transform: turned, "text-anchor": "middle" }).textContent = ylabel;
}
