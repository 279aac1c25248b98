// How an explorer is seen: its frequency axes, and hall mode, one panel on all of the screen.
// See view.py.

import { bus } from "./bus.js";
import { add } from "./elements.js";
import { TYPED } from "./transport.js";

/** @import { Frequency, Scope } from "./types.d.ts" */

const VOICE = 4; // kHz below which a voice has nearly all it is made of

export default {
  /** @param {Scope<{ group: string, brush: boolean, brushing: boolean }>} scope */
  render({ model, el }) {
    const group = bus.join(model.get("group"), (type) => {
      if (type === "frequency" || type === "brush") update();
    });
    const root = add(el, "div", {
      className: "nmflab nmflab-view",
      role: "group",
      "aria-label": "View",
    });
    const button = (
      /** @type {string} */ text,
      /** @type {string} */ title,
      /** @type {() => void} */ onclick,
    ) => add(root, "button", { type: "button", textContent: text, title, onclick });
    const change = (/** @type {Partial<Frequency>} */ wish) =>
      group.send("frequency", { ...seen(), ...wish });
    const seen = () => group.state.frequency ?? { top: null, mel: false };
    const zoom = button(`0\u2013${VOICE} kHz`, "Show the frequencies of a voice alone", () =>
      change({ top: seen().top ? null : VOICE }),
    );
    const mel = button("mel", "Spread frequencies as the ear does", () =>
      change({ mel: !seen().mel }),
    );
    const hall = new Hall(el);
    const whole = button("hall", "Fill the screen with one panel (key F)", () => hall.toggle());
    const brush = button("brush", "Paint or pick what you want to hear (key B on a picture)", () =>
      group.send("brush", !group.state.brush),
    );
    brush.hidden = !model.get("brush");
    root.classList.toggle("nmflab-brushed", !brush.hidden);
    const last = button("\u2039", "The panel before (Page Up)", () => hall.step(-1));
    const next = button("\u203a", "The next panel (Page Down)", () => hall.step(1));
    const update = () => {
      zoom.setAttribute("aria-pressed", String(seen().top !== null));
      mel.setAttribute("aria-pressed", String(seen().mel));
      whole.setAttribute("aria-pressed", String(hall.isOn));
      const inHand = Boolean(group.state.brush);
      brush.setAttribute("aria-pressed", String(inHand));
      if (!brush.hidden && model.get("brushing") !== inHand) {
        model.set("brushing", inHand);
        model.save_changes();
      }
      last.hidden = next.hidden = !hall.isOn;
    };
    hall.onChange = update;
    hall.listen();
    update();
    return () => {
      hall.remove();
      group.leave();
      root.remove();
    };
  },
};

class Hall {
  /** @param {HTMLElement} el */
  constructor(el) {
    this.el = el;
    /** @type {Element | null} */
    this.chosen = null;
    this.onChange = () => {};
    this.abort = new AbortController();
  }

  get root() {
    return this.el.closest(".nmflab-explorer");
  }

  get isOn() {
    return Boolean(this.root?.classList.contains("nmflab-hall"));
  }

  get panels() {
    const all = [...(this.root?.querySelectorAll(".nmflab-panels > *") ?? [])];
    return all.filter((panel) => panel.querySelector(".nmflab-canvas, img.nmflab-plot"));
  }

  listen() {
    const { signal } = this.abort;
    document.addEventListener("keydown", (event) => this.keyPressed(event), {
      capture: true,
      signal,
    });
    document.addEventListener("pointerdown", (event) => this.noted(event.target), { signal });
    document.addEventListener("focusin", (event) => this.noted(event.target), { signal });
    document.addEventListener(
      "fullscreenchange",
      () => {
        if (this.isOn && !document.fullscreenElement) this.leave();
      },
      { signal },
    );
  }

  remove() {
    this.abort.abort();
    if (this.isOn) this.leave();
  }

  // The panel that somebody has last touched is the one that the hall sees first.
  /** @param {EventTarget | null} target */
  noted(target) {
    const touched = /** @type {Node | null} */ (target);
    const panel = this.isOn ? null : this.panels.find((one) => one.contains(touched));
    if (panel) this.chosen = panel;
  }

  /** @param {KeyboardEvent} event */
  keyPressed(event) {
    const target = /** @type {Element} */ (event.target);
    const isOurs = this.isOn || this.root?.contains(target);
    if (!isOurs || event.ctrlKey || event.metaKey || event.altKey || target.matches?.(TYPED))
      return;
    const steps = this.isOn ? { PageUp: -1, PageDown: 1 } : {};
    const step = /** @type {Record<string, number>} */ (steps)[event.key];
    if (event.key === "f" || event.key === "F") this.toggle();
    else if (event.key === "Escape" && this.isOn) this.leave();
    else if (step) this.step(step);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  toggle() {
    if (this.isOn) this.leave();
    else this.enter();
  }

  enter() {
    const { root, panels } = this;
    if (!root || !panels.length) return;
    if (!this.chosen || !panels.includes(this.chosen)) this.chosen = panels[1] ?? panels[0];
    this.chosen.classList.add("nmflab-chosen");
    root.classList.add("nmflab-hall");
    root.requestFullscreen?.().catch(() => {}); // where it isn't allowed, the window is filled
    this.onChange();
  }

  leave() {
    this.root?.classList.remove("nmflab-hall");
    this.chosen?.classList.remove("nmflab-chosen");
    if (document.fullscreenElement) document.exitFullscreen?.().catch(() => {});
    this.onChange();
  }

  /** @param {number} by */
  step(by) {
    const { panels, chosen } = this;
    const at = chosen ? panels.indexOf(chosen) : 0;
    chosen?.classList.remove("nmflab-chosen");
    this.chosen = panels[(at + by + panels.length) % panels.length];
    this.chosen.classList.add("nmflab-chosen");
  }
}
