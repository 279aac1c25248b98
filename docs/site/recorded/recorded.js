// The recorded explorer of a lesson's page: λ and p move, in this page alone, without a kernel.
// The page's script hands over the widgets that explorers have, see tools/recorded.py.

import { bytesIn, Separation } from "./separation.js";

/** @import { Recording } from "./separation.js" */
/** @import { Widget } from "./types.d.ts" */

const LIMITS = { spectrogram: [-80, 20], activations: [-60, 0] };
const VERSIONS = ["noisy", "enhanced", "noise removed"];
const CEILING = 0.89;

/** What anywidget's models do, for one page. */
class Model {
  /** @param {Record<string, unknown>} traits */
  constructor(traits) {
    this.traits = traits;
    this.heard = new EventTarget();
  }

  /** @param {string} name */
  get(name) {
    return this.traits[name];
  }

  /** @param {string} name @param {unknown} value */
  set(name, value) {
    this.traits[name] = value;
    this.heard.dispatchEvent(new Event(`change:${name}`));
  }

  save_changes() {
    this.heard.dispatchEvent(new Event("change"));
  }

  /** @param {string} event @param {() => void} act */
  on(event, act) {
    this.heard.addEventListener(event, act);
  }

  /** @param {string} event @param {() => void} act */
  off(event, act) {
    this.heard.removeEventListener(event, act);
  }

  send() {}
}

/** @param {ArrayBufferLike} buffer */
const view = (buffer) => new DataView(buffer);

class RecordedExplorer {
  /** @param {HTMLElement} root @param {Recording} recording @param {Record<string, Widget>} widgets */
  constructor(root, recording, widgets) {
    this.root = root;
    this.separation = new Separation(recording);
    this.recording = recording;
    this.seq = 0;
    /** @type {number | undefined} */
    this.due = undefined;
    const { stft, frames } = this.separation;
    const [speech, noise] = recording.bases;
    const { hop, window, lead } = stft;
    const begin = (window.length - hop) / 2 - lead; // in samples: frames are named by their middle
    const columns = [begin / recording.rate, (begin + frames * hop) / recording.rate];
    const timed = { columns, columns_label: "Time", columns_unit: "s" };
    const levels = { value_label: "Level", value_unit: "dB", low: -60, high: 0 };
    const spectrogram = {
      ...{ ...timed, ...levels, rows: [0, recording.rate / 2000], rows_label: "Frequency" },
      ...{ rows_unit: "kHz", shape: [stft.bins, frames], limits: LIMITS.spectrogram },
      by_columns: true,
    };
    const activations = {
      ...{ ...timed, ...levels, rows: [0.5, speech + noise + 0.5], rows_label: "Basis" },
      ...{ rows_unit: "", shape: [speech + noise, frames], limits: LIMITS.activations },
      row_bands: [
        ["speech", speech],
        ["noise", noise],
      ],
    };
    const controls = root.appendChild(document.createElement("div"));
    controls.className = "nmflab-recorded-controls";
    const start = recording.start;
    this.penalty = this.slider(controls, "\u03bb", recording.penalties, start[0]);
    this.power = this.slider(controls, "p", recording.powers.map(String), start[1]);
    this.said = root.appendChild(document.createElement("p"));
    this.said.setAttribute("role", "status");
    const silence = VERSIONS.map((_, i) => [`_sound_${i}`, view(new ArrayBuffer(0))]);
    this.player = this.mount(widgets.player, {
      ...Object.fromEntries(silence),
      ...{ group: this.group, source: "enhanced", _starts: 0, _labels: VERSIONS },
      ...{ _meta: { seq: 0, rate: recording.rate, scales: [] } },
    });
    this.panels = {
      noisy: this.canvas(widgets.canvas, "Noisy", spectrogram, "noisy"),
      enhanced: this.canvas(widgets.canvas, "Enhanced", spectrogram, "enhanced"),
      H: this.canvas(widgets.canvas, "Activations H", activations, ""),
    };
    this.paint("noisy", this.separation.levels([-80, 20]));
    this.move();
  }

  get group() {
    return `recorded ${this.recording.title}`;
  }

  /** @param {HTMLElement} parent @param {string} name @param {string[]} texts @param {number} start */
  slider(parent, name, texts, start) {
    const label = parent.appendChild(document.createElement("label"));
    const said = label.appendChild(document.createElement("span"));
    const slider = label.appendChild(document.createElement("input"));
    Object.assign(slider, { type: "range", min: 0, max: texts.length - 1, step: 1, value: start });
    slider.setAttribute("aria-label", name);
    const say = () => {
      said.textContent = `${name} = ${texts[+slider.value]}`;
      slider.setAttribute("aria-valuetext", texts[+slider.value]);
    };
    slider.addEventListener("input", () => {
      say();
      this.soon();
    });
    say();
    return slider;
  }

  /** @param {Widget} widget @param {Record<string, unknown>} traits */
  mount(widget, traits) {
    const { initialize, render } = typeof widget === "function" ? widget() : widget;
    const model = new Model(traits);
    const el = document.createElement("div");
    this.root.append(el);
    initialize?.({ model });
    render({ model, el });
    return model;
  }

  /** @param {Widget} widget @param {string} title @param {object} form @param {string} sound */
  canvas(widget, title, form, sound) {
    const model = this.mount(widget, {
      ...{ title, sound, group: this.group, height: 200, pick: false, slider: false },
      ...{ _highlight: {}, _palette: view(bytesIn(this.recording.palette).buffer), ...form },
      _frame: { seq: 0 },
    });
    return {
      model,
      form: { column_step: 1, by_columns: false, row_bands: [], column_bands: [], ...form },
    };
  }

  /** @param {"noisy" | "enhanced" | "H"} name @param {Uint8Array} codes */
  paint(name, codes) {
    const { model, form } = this.panels[name];
    const { seq } = /** @type {{ seq: number }} */ (model.get("_frame"));
    model.set("_frame", { ...form, seq: seq + 1, codes: view(codes.buffer) });
    model.save_changes();
  }

  // Many moves of a finger within one frame of the screen are one.
  soon() {
    this.due ??= requestAnimationFrame(() => {
      this.due = undefined;
      this.move();
    });
  }

  move() {
    const { recording, separation } = this;
    const [i, j] = [+this.penalty.value, +this.power.value];
    const gain = separation.separate(i, recording.powers[j]);
    this.paint("enhanced", separation.levels([-80, 20], gain));
    this.paint("H", separation.activations([-60, 0]));
    this.said.textContent = `SDR ${recording.before} \u2192 ${recording.scores[i][j]} dB`;
    this.hear();
    this.seq += 1;
    Object.assign(this.root.dataset, { seq: this.seq, state: "ready" });
  }

  hear() {
    const { mixture, speech } = this.separation;
    const noise = mixture.map((x, n) => x - speech[n]);
    const sounds = [mixture, speech, noise];
    const peak = Math.max(...sounds.map((x) => x.reduce((a, b) => Math.max(a, Math.abs(b)), 0)));
    sounds.forEach((sound, i) => {
      const pcm = Int16Array.from(sound, (x) => Math.round((32767 * x) / peak));
      this.player.set(`_sound_${i}`, view(pcm.buffer));
    });
    const scales = sounds.map(() => CEILING);
    this.player.set("_meta", { seq: this.seq + 1, rate: this.recording.rate, scales });
  }
}

/** @param {Record<string, Widget>} widgets @param {Record<string, Recording>} recordings */
export function show(widgets, recordings) {
  for (const root of document.querySelectorAll(".nmflab-recorded")) {
    const { record = "", seq } = /** @type {HTMLElement} */ (root).dataset;
    if (recordings[record] && !seq)
      new RecordedExplorer(/** @type {HTMLElement} */ (root), recordings[record], widgets);
  }
}
