// The divergence as one activation moves, and the auxiliary function that touches it: drag, step.

import { draw } from "./drag_curve.js";
import { add } from "./elements.js";
import { clamp, withMinus } from "./numbers.js";

/** @import { Scope } from "./types.d.ts" */

/**
 * @typedef {object} AuxiliaryTraits one frame v, one basis w, and what the other bases add to it
 * @property {number[]} v
 * @property {number[]} w
 * @property {number[]} rest
 * @property {number} h
 * @property {number} reach
 */

const BOX = { width: 640, height: 320, left: 56, right: 16, top: 16, bottom: 48 };

/** D(v‖rest + wh). @param {AuxiliaryTraits} data @param {number} h */
export function divergenceAt({ v, w, rest }, h) {
  return v.reduce((sum, value, f) => {
    const estimate = rest[f] + w[f] * h;
    return sum + value * Math.log(value / estimate) - value + estimate;
  }, 0);
}

/** What an update makes of h. @param {Pick<AuxiliaryTraits, "v" | "w" | "rest">} data @param {number} h */
export function updated({ v, w, rest }, h) {
  const pull = v.reduce((sum, value, f) => sum + (value * w[f] * h) / (rest[f] + w[f] * h), 0);
  return pull / w.reduce((sum, value) => sum + value, 0);
}

/** A(h, here), which touches D at `here`. @param {AuxiliaryTraits} data @param {number} here @param {number} h */
export function auxiliaryAt(data, here, h) {
  const sum = data.w.reduce((total, value) => total + value, 0);
  const pull = updated(data, here) * sum;
  return divergenceAt(data, here) + sum * (h - here) - pull * Math.log(h / here);
}

export default {
  /** @param {Scope<AuxiliaryTraits>} scope */
  render({ model, el }) {
    el.classList.add("nmflab-host");
    const root = add(el, "section", { className: "nmflab-predict", "aria-label": "Downhill" });
    const reach = model.get("reach");
    const data = {
      v: model.get("v"),
      w: model.get("w"),
      rest: model.get("rest"),
      h: model.get("h"),
      reach,
    };
    const grid = Array.from({ length: 200 }, (_, i) => (reach * (i + 2)) / 201);
    const heights = grid.map((h) => divergenceAt(data, h));
    const low = Math.min(...heights);
    const high = low + 1.6 * (Math.max(divergenceAt(data, data.h), heights[40]) - low);
    const x = (/** @type {number} */ h) =>
      BOX.left + ((BOX.width - BOX.left - BOX.right) * h) / reach;
    const y = (/** @type {number} */ D) =>
      BOX.top +
      ((BOX.height - BOX.top - BOX.bottom) * (high - Math.min(D, high))) / (1.15 * (high - low));
    const svg = draw(root, "svg", {
      viewBox: `0 0 ${BOX.width} ${BOX.height}`,
      class: "nmflab-curve nmflab-sideways",
    });
    const line = (/** @type {(h: number) => number} */ f) =>
      grid
        .filter((h) => f(h) <= high)
        .map((h) => `${x(h)},${y(f(h))}`)
        .join(" ");
    const floor = BOX.height - BOX.bottom;
    draw(svg, "line", { x1: BOX.left, x2: BOX.width - BOX.right, y1: floor, y2: floor });
    for (let k = 0; k <= 4; k++) {
      const text = draw(svg, "text", { x: x((reach * k) / 4), y: floor + 20 });
      text.setAttribute("text-anchor", "middle");
      text.textContent = ((reach * k) / 4).toFixed(1);
    }
    const label = { x: BOX.width / 2, y: BOX.height - 8, "text-anchor": "middle" };
    draw(svg, "text", label).textContent = "activation h of one basis";
    const D = draw(svg, "polyline", { class: "nmflab-divergence" });
    D.setAttribute(
      "points",
      line((h) => divergenceAt(data, h)),
    );
    const A = draw(svg, "polyline", { class: "nmflab-auxiliary" });
    const next = draw(svg, "circle", { r: 6, class: "nmflab-next" });
    const point = draw(svg, "circle", { r: 9, tabindex: 0, role: "slider" });
    point.setAttribute("aria-label", "Activation h");
    const foot = add(root, "p", { className: "nmflab-told" });
    const button = add(foot, "button", {
      type: "button",
      className: "jupyter-widgets jupyter-button widget-button",
      textContent: "step down",
    });
    const told = add(foot, "span", { role: "status" });

    const show = () => {
      const here = model.get("h");
      const there = updated(data, here);
      A.setAttribute(
        "points",
        line((h) => auxiliaryAt(data, here, h)),
      );
      const place = (
        /** @type {SVGElement} */ dot,
        /** @type {number} */ h,
        /** @type {number} */ D_h,
      ) => {
        dot.setAttribute("cx", String(x(h)));
        dot.setAttribute("cy", String(y(D_h)));
      };
      place(point, here, divergenceAt(data, here));
      place(next, there, auxiliaryAt(data, here, there));
      point.setAttribute("aria-valuenow", here.toFixed(3));
      const values = [here, divergenceAt(data, here), there, divergenceAt(data, there)];
      const [h, D_h, h_next, D_next] = values.map((value) => withMinus(value.toFixed(3)));
      told.textContent = `h = ${h}, D = ${D_h}; A is least at h = ${h_next}, where D = ${D_next}`;
    };
    const put = (/** @type {number} */ h) => {
      model.set("h", clamp(h, grid[0], reach));
      model.save_changes();
      show();
    };
    point.onkeydown = (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1, PageUp: 5, PageDown: -5 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      put(model.get("h") + (by * reach) / 100);
    };
    const move = (/** @type {PointerEvent} */ event) => {
      const box = svg.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * BOX.width - BOX.left;
      put((at * reach) / (BOX.width - BOX.left - BOX.right));
    };
    svg.onpointerdown = (event) => {
      event.preventDefault();
      svg.setPointerCapture(event.pointerId);
      point.focus();
      move(event);
      svg.onpointermove = move;
    };
    svg.onpointerup = svg.onpointercancel = () => {
      svg.onpointermove = null;
    };
    button.onclick = () => put(updated(data, model.get("h")));
    for (const each of [point, button]) each.toggleAttribute("data-lm-suppress-shortcuts", true);
    model.on("change:h", show);
    show();
    return () => {
      model.off("change:h", show);
      root.remove();
    };
  },
};
