// Two thumbs on one track: the lowest and the highest value shown.

import { add } from "./elements.js";
import { tidy } from "./numbers.js";

/** @import { Axis, Pair } from "./types.d.ts" */

export class RangeSlider {
  /** @param {Element} parent @param {(range: Pair) => void} changed */
  constructor(parent, changed) {
    this.box = add(parent, "span", { className: "nmflab-range", hidden: true });
    this.shown = "";
    const track = add(this.box, "span", { className: "nmflab-track" });
    this.fill = add(track, "span");
    this.low = add(this.box, "input", { type: "range" });
    this.high = add(this.box, "input", { type: "range" });
    const send = (/** @type {HTMLInputElement} */ moved) => {
      const gap = Number(moved.step);
      if (moved === this.low) moved.value = String(Math.min(+moved.value, +this.high.value - gap));
      else moved.value = String(Math.max(+moved.value, +this.low.value + gap));
      changed([+this.low.value, +this.high.value]);
    };
    for (const input of [this.low, this.high]) input.oninput = () => send(input);
  }

  /** @param {boolean} isHidden */
  hide(isHidden) {
    this.box.hidden = isHidden;
  }

  /** @param {Axis} axis @param {Pair} range */
  show({ name, unit, ends: [least, most] }, [low, high]) {
    const shown = [name, unit, least, most, low, high].join(" ");
    if (shown === this.shown) return;
    this.shown = shown;
    const step = most - least > 20 ? 1 : (most - least) / 100;
    this.box.title = `${name} shown: ${tidy(low)} to ${tidy(high)} ${unit}`.trim();
    const set = (/** @type {HTMLInputElement} */ input, value = 0, end = "") => {
      Object.assign(input, { min: least, max: most, step, value });
      input.setAttribute("aria-label", `${end} ${name.toLowerCase()} shown`);
      input.setAttribute("aria-valuetext", `${tidy(value)} ${unit}`.trim());
    };
    set(this.low, low, "Lowest");
    set(this.high, high, "Highest");
    const share = (/** @type {number} */ value) => `${(100 * (value - least)) / (most - least)}%`;
    this.fill.style.left = share(low);
    this.fill.style.right = `calc(100% - ${share(high)})`;
  }
}
