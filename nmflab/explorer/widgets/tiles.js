// W, H and V as tiles of two by two: an entry is typed, an update is pressed, WH and D follow.

import { add } from "./elements.js";
import { withMinus } from "./numbers.js";

/** @import { Scope } from "./types.d.ts" */

/** @typedef {number[][]} Matrix */

/**
 * @typedef {object} TilesTraits the matrix that is met, and the two that are changed
 * @property {Matrix} V
 * @property {Matrix} W
 * @property {Matrix} H
 */

const TRAIL = 8; // values of D that are told

/** @param {Matrix} A @returns {Matrix} */
export const transposed = (A) => A[0].map((_, j) => A.map((row) => row[j]));

/** @param {Matrix} W @param {Matrix} H @returns {Matrix} */
export const product = (W, H) =>
  W.map((row) => H[0].map((_, t) => row.reduce((sum, w, k) => sum + w * H[k][t], 0)));

/** D(V‖WH), where 0 · log 0 is 0. @param {Matrix} V @param {Matrix} V_hat */
export function tilesDivergence(V, V_hat) {
  const term = (/** @type {number} */ v, /** @type {number} */ v_hat) =>
    (v ? v * Math.log(v / v_hat) : 0) - v + v_hat;
  return V.flat().reduce((sum, v, i) => sum + term(v, V_hat.flat()[i]), 0);
}

/**
 * H after one multiplicative update. What is 0 stays 0, also where nothing is left of WH.
 * @param {Matrix} V @param {Matrix} W @param {Matrix} H @returns {Matrix}
 */
export function updatedH(V, W, H) {
  const V_hat = product(W, H);
  return H.map((row, k) => {
    const sum = W.reduce((total, w) => total + w[k], 0);
    return row.map((h, t) => {
      if (!h || !sum) return 0;
      return (
        (h * W.reduce((total, w, f) => total + (w[k] && (w[k] * V[f][t]) / V_hat[f][t]), 0)) / sum
      );
    });
  });
}

/** @param {Matrix} V @param {Matrix} W @param {Matrix} H */
export const updatedW = (V, W, H) =>
  transposed(updatedH(transposed(V), transposed(H), transposed(W)));

const told = (/** @type {number} */ value) =>
  Number.isFinite(value) ? withMinus(value.toFixed(2)) : "∞";

/** Write a number into a tile, and into its name for who can't see it. @param {Element} tile @param {number} value */
function write(tile, value) {
  tile.textContent = told(value);
  const name = tile.getAttribute("aria-label")?.split(":")[0];
  tile.setAttribute("aria-label", `${name}: ${told(value)}`);
}

export default {
  /** @param {Scope<TilesTraits>} scope */
  render({ model, el }) {
    el.classList.add("nmflab-host");
    const root = add(el, "section", { className: "nmflab-predict", "aria-label": "W, H and V" });
    const stage = add(root, "div", { className: "nmflab-tiles" });
    const start = { W: model.get("W"), H: model.get("H") };
    /** @type {number[]} */
    let trail = [];

    const change = (/** @type {Partial<TilesTraits>} */ made) => {
      for (const [name, value] of Object.entries(made))
        model.set(/** @type {"W" | "H"} */ (name), value);
      model.save_changes();
      show();
    };
    /** A head and its four tiles. @param {string} name @param {"input" | "div"} tag */
    const block = (name, tag) => {
      const part = add(stage, "div", { className: "nmflab-tile-block" });
      add(part, "b", { textContent: name });
      const grid = add(part, "div", { className: "nmflab-tile-grid" });
      return [0, 1, 2, 3].map((i) => {
        const label = `${name}, row ${(i >> 1) + 1}, column ${(i % 2) + 1}`;
        const made = add(grid, tag, { className: "nmflab-tile", "aria-label": label });
        if (tag === "div") made.setAttribute("role", "img"); // read out when asked, not at each change
        return made;
      });
    };
    /** Four tiles that can be typed into. @param {"W" | "H"} name */
    const hand = (name) =>
      block(name, "input").map((tile, i) => {
        const input = /** @type {HTMLInputElement} */ (tile);
        Object.assign(input, { type: "number", min: "0", step: "0.5" });
        input.toggleAttribute("data-lm-suppress-shortcuts", true);
        input.onchange = () => {
          const value = Math.max(0, Number(input.value) || 0);
          const row = (/** @type {number[]} */ entries, /** @type {number} */ f) =>
            entries.map((entry, k) => (2 * f + k === i ? value : entry));
          change({ [name]: model.get(name).map(row) });
        };
        return input;
      });
    const sign = (/** @type {string} */ text) =>
      add(stage, "span", { className: "nmflab-tile-sign", textContent: text });

    const W = hand("W");
    sign("·");
    const H = hand("H");
    sign("=");
    const V_hat = block("WH", "div");
    sign("≈");
    const V = block("V", "div");
    const ratio = block("V / WH", "div");
    const foot = add(root, "p", { className: "nmflab-told" });
    const button = (/** @type {string} */ textContent, /** @type {() => void} */ onclick) =>
      add(foot, "button", {
        type: "button",
        className: "jupyter-widgets jupyter-button widget-button",
        textContent,
        onclick,
        "data-lm-suppress-shortcuts": "true",
      });
    const [v, w, h] = [() => model.get("V"), () => model.get("W"), () => model.get("H")];
    button("update H", () => change({ H: updatedH(v(), w(), h()) }));
    button("update W", () => change({ W: updatedW(v(), w(), h()) }));
    button("start again", () => {
      trail = [];
      change(start);
    });
    const said = add(foot, "span", { role: "status" });

    const show = () => {
      const made = product(w(), h());
      const most = Math.max(...v().flat());
      const fill = (/** @type {HTMLElement[]} */ tiles, /** @type {Matrix} */ values) =>
        values.flat().forEach((value, i) => {
          const tile = tiles[i];
          if (tile instanceof HTMLInputElement) {
            if (Number(tile.value) !== value || tile.value === "")
              tile.value = String(+value.toFixed(2));
          } else write(tile, value);
          const share = Math.min(1, Math.max(0, value) / most);
          tile.style.setProperty("--nmflab-share", `${Math.round(70 * share)}%`);
        });
      fill(W, w());
      fill(H, h());
      fill(V_hat, made);
      fill(V, v());
      v()
        .flat()
        .forEach((value, i) => {
          const by = value / made.flat()[i];
          write(ratio[i], by);
          ratio[i].dataset.is = by > 1.005 ? "more" : by < 0.995 ? "less" : "";
        });
      const D = tilesDivergence(v(), made);
      if (trail.at(-1) !== D) trail = [...trail, D].slice(-TRAIL);
      said.textContent = `D(V‖WH) = ${trail.map(told).join(" → ")}`;
    };
    model.on("change:W", show);
    model.on("change:H", show);
    show();
    return () => {
      model.off("change:W", show);
      model.off("change:H", show);
      root.remove();
    };
  },
};
