// Choose a sound file, or drop it on the explorer. It is decoded and cut here, so that no more
// travels to Python than is used. See opener.py.

import { add } from "./elements.js";
import { mixedDown, rateFor } from "./sound_files.js";

/** @import { Model, OpenerTraits, Scope } from "./types.d.ts" */

export default {
  /** @param {Scope<OpenerTraits>} scope */
  render({ model, el }) {
    el.classList.add("nmflab-opener");
    const button = add(el, "button", {
      type: "button",
      className: "jupyter-widgets jupyter-button widget-button",
      title: model.get("tooltip"),
    });
    const input = add(el, "input", { type: "file", accept: model.get("accept"), hidden: true });
    const say = (/** @type {string} */ state) => {
      el.dataset.state = state;
      button.textContent = state === "ready" ? model.get("description") : "reading \u2026";
      button.disabled = state !== "ready";
    };
    const open = async (/** @type {File} */ file) => {
      say("reading");
      try {
        await send(model, file);
      } finally {
        say("ready");
      }
    };
    button.onclick = () => input.click();
    input.onchange = () => {
      const file = input.files?.[0];
      input.value = ""; // the same file can be chosen again
      if (file) open(file);
    };
    const abort = new AbortController();
    const options = { capture: true, signal: abort.signal }; // before JupyterLab looks
    for (const type of /** @type {const} */ (["dragover", "drop"]))
      document.addEventListener(
        type,
        (event) => {
          if (!isForUs(event, el)) return;
          event.preventDefault();
          event.stopPropagation();
          const file = event.dataTransfer?.files[0];
          if (file && !button.disabled) open(file);
        },
        options,
      );
    say("ready");
    return () => abort.abort();
  },
};

// Whether files are dragged over the explorer that this button belongs to.
/** @param {DragEvent} event @param {HTMLElement} el */
function isForUs(event, el) {
  const root = el.closest(".nmflab-explorer") ?? el;
  const over = event.composedPath().includes(root);
  return over && Boolean(event.dataTransfer?.types.includes("Files"));
}

/** @param {Model<OpenerTraits>} model @param {File} file */
async function send(model, file) {
  const { name, size } = file;
  try {
    const { samples, ...facts } = await decoded(file, model.get("max_seconds"));
    model.send({ kind: "sound", name, ...facts }, undefined, [samples]);
    return;
  } catch {
    // Not one of the browser's formats: Python knows others.
  }
  try {
    if (size <= model.get("max_bytes")) {
      model.send({ kind: "file", name }, undefined, [await file.arrayBuffer()]);
      return;
    }
  } catch {
    // A folder, or a file that is gone.
  }
  model.send({ kind: "refused", name, size });
}

/** @param {File} file @param {number} maxSeconds */
async function decoded(file, maxSeconds) {
  const bytes = await file.arrayBuffer();
  const rate = rateFor(new DataView(bytes));
  const sound = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes);
  const length = Math.min(sound.length, Math.ceil(maxSeconds * rate));
  const channels = Array.from({ length: sound.numberOfChannels }, (_, i) =>
    sound.getChannelData(i),
  );
  const { mix, left } = mixedDown(channels, length);
  return { samples: mix.buffer, rate, left, seconds: sound.duration };
}
