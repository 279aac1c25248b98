// What is seen of a player; what is heard is in engine.js. See player.py.

import { add } from "./elements.js";
import { Engine } from "./engine.js";
import { clock, isOwnKey, TYPED } from "./transport.js";

/** @import { Model, PlayerTraits, Scope } from "./types.d.ts" */

const ICONS = {
  play: "M3 1.5v13l11-6.5z",
  pause: "M3 1.5h3.5v13H3zM9.5 1.5H13v13H9.5z",
  loop: "M4 4h7V1.5L15 5l-4 3.5V6H4v3H2V4zM12 12H5v2.5L1 11l4-3.5V10h7V7h2v5z",
};

export default () => {
  /** @type {Engine} */
  let engine; // one for the model, however many views of it there are
  return {
    /** @param {Scope<PlayerTraits>} scope */
    initialize({ model }) {
      engine = new Engine(model);
      return () => engine.close();
    },
    /** @param {Scope<PlayerTraits>} scope */
    render({ model, el }) {
      const view = new PlayerView(model, el, engine);
      return () => view.remove();
    },
  };
};

class PlayerView {
  /** @param {Model<PlayerTraits>} model @param {HTMLElement} el @param {Engine} engine */
  constructor(model, el, engine) {
    this.model = model;
    this.engine = engine;
    el.classList.add("nmflab-host");
    const name = { role: "group", "aria-label": "Player" };
    this.root = add(el, "div", { className: "nmflab nmflab-player", ...name });
    const buttons = add(this.root, "div", { className: "nmflab-buttons" });
    this.play = this.button(buttons, "nmflab-play", () => engine.toggle());
    const names = { role: "group", "aria-label": "Version", className: "nmflab-versions" };
    const versions = add(buttons, "span", names);
    this.versions = engine.labels.map((label, i) => {
      const button = this.button(versions, "", () => engine.choose(i));
      add(button, "kbd", { textContent: i + 1, "aria-hidden": "true" });
      add(button, "span", { textContent: label });
      return button;
    });
    this.swap = this.button(versions, "nmflab-swap", () => engine.swap());
    this.swap.textContent = "⇄"; // its name until there are two to switch between
    this.loop = this.button(buttons, "nmflab-loop", () => engine.setLooping(!engine.looping));
    drawIcon(this.loop, "loop", "Loop");
    const volume = add(buttons, "label", { className: "nmflab-volume", textContent: "Volume" });
    this.volume = slider(volume, { max: 1, step: 0.05, "aria-label": "Volume" });
    this.volume.oninput = () => engine.setVolume(+this.volume.value);
    const line = add(this.root, "div", { className: "nmflab-progress" });
    this.progress = slider(line, { step: "any", "aria-label": "Position" });
    this.progress.oninput = () => engine.seek(+this.progress.value);
    this.time = add(line, "span", { className: "nmflab-time" });
    this.watch = () => this.update();
    engine.watchers.add(this.watch);
    this.root.addEventListener("keydown", (event) => this.keyPressed(event));
    // Some browsers press a button when Space is let go, whatever became of it before.
    this.root.addEventListener("keyup", (event) => {
      if (event.key === " " && event.target !== this.loop) event.preventDefault();
    });
    this.abort = new AbortController();
    const { signal } = this.abort;
    document.addEventListener("keydown", (event) => this.switched(event), {
      capture: true,
      signal,
    });
    this.update();
  }

  remove() {
    this.abort.abort();
    this.engine.watchers.delete(this.watch);
    this.root.remove();
  }

  /** @param {Element} parent @param {string} className @param {() => void} onclick */
  button(parent, className, onclick) {
    return add(parent, "button", { type: "button", className, onclick });
  }

  /** @param {KeyboardEvent} event */
  keyPressed(event) {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const focus = target === this.volume ? "volume" : target === this.loop ? "loop" : "";
    if (isOwnKey(key, focus)) return;
    if (!this.engine.key(key, event.shiftKey)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  // The key T switches wherever in the explorer the focus is, but where somebody types.
  /** @param {KeyboardEvent} event */
  switched(event) {
    const target = /** @type {Element} */ (event.target);
    const isPlain = !(event.ctrlKey || event.metaKey || event.altKey);
    if (!isPlain || event.key.toLowerCase() !== "t" || !this.engine.pair) return;
    const around = this.root.closest(".nmflab-explorer") ?? this.root;
    if (!around.contains(target) || target.matches(TYPED)) return;
    this.engine.swap();
    event.preventDefault();
    event.stopPropagation();
  }

  update() {
    const { engine } = this;
    const { clock: now, duration, playing } = engine;
    const position = engine.positionAt(now);
    const isEmpty = !duration;
    drawIcon(this.play, playing ? "pause" : "play", playing ? "Pause" : "Play");
    this.play.disabled = this.progress.disabled = isEmpty;
    const shy = this.model.get("_shy") ?? engine.labels.length;
    this.versions.forEach((button, i) => {
      nameVersion(button, engine.labels[i], i + 1);
      button.disabled = !engine.has(i);
      button.hidden = i >= shy && button.disabled;
      button.setAttribute("aria-pressed", String(i === engine.version));
    });
    const names = engine.pair?.map((version) => engine.labels[version]);
    this.swap.hidden = !names;
    if (names) nameSwap(this.swap, names);
    this.loop.setAttribute("aria-pressed", String(engine.looping));
    this.volume.value = String(engine.volume);
    this.progress.max = String(duration || 1);
    this.progress.value = String(position);
    this.time.textContent = `${clock(position)} / ${clock(duration)}`;
    const spoken = `${position.toFixed(1)} of ${duration.toFixed(1)} seconds`;
    this.progress.setAttribute("aria-valuetext", spoken);
    Object.assign(this.root.dataset, {
      state: isEmpty ? "empty" : "ready",
      seq: this.model.get("_meta").seq,
      source: this.model.get("source"),
      playing,
      position: position.toFixed(3),
      clock: now.toFixed(3), // when it stood there: the page may be seconds behind
      duration: duration.toFixed(3),
    });
  }
}

// The names of versions may change while they play.
/** @param {HTMLButtonElement} button @param {string} label @param {number} key */
function nameVersion(button, label, key) {
  const name = /** @type {Element} */ (button.lastChild);
  if (name.textContent === label && button.title) return;
  name.textContent = label;
  button.title = `Listen to \u201c${label}\u201d (key ${key})`;
}

/** @param {HTMLButtonElement} button @param {string[]} names */
function nameSwap(button, [one, other]) {
  const text = `${one} \u21c4 ${other}`;
  if (button.textContent === text) return;
  button.textContent = text;
  button.title = `Switch between ${one} and ${other} (key T)`;
}

/** @param {Element} parent @param {Record<string, unknown>} properties */
function slider(parent, properties) {
  return add(parent, "input", { type: "range", min: 0, value: 0, ...properties });
}

// The icon of a button and its name; drawn anew only when it changes.
/** @param {HTMLButtonElement} button @param {keyof typeof ICONS} icon @param {string} name */
function drawIcon(button, icon, name) {
  if (button.dataset.icon === icon) return;
  button.dataset.icon = icon;
  button.title = icon === "loop" ? name : `${name} (space)`;
  button.setAttribute("aria-label", name);
  const path = `<path d="${ICONS[icon]}" fill="currentColor"/>`;
  button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true">${path}</svg>`;
}
