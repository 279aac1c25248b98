// What an explorer needs of the page: names for the slider handles, the theme, the clipboard.

import { watchConnection } from "./connection.js";

/** @import { Scope } from "./types.d.ts" */

/** @param {Element} root */
function nameHandles(root) {
  for (const handle of root.querySelectorAll(".noUi-handle")) {
    const row = handle.closest(".widget-inline-hbox, .jupyter-widgets");
    const label = row?.querySelector(".widget-label")?.textContent ?? "";
    const value = row?.querySelector(".widget-readout")?.textContent ?? "";
    if (label && handle.getAttribute("aria-label") !== label) {
      handle.setAttribute("aria-label", label);
    }
    if (value && handle.getAttribute("aria-valuetext") !== value) {
      handle.setAttribute("aria-valuetext", value);
    }
  }
}

/** @param {Element} element */
function isDark(element) {
  const [r, g, b] = (getComputedStyle(element).color.match(/[\d.]+/g) ?? []).map(Number);
  return 0.3 * r + 0.6 * g + 0.1 * b > 128; // light text stands on a dark page
}

/** @param {string} name @param {DataView[]} content */
function download(name, content) {
  const href = URL.createObjectURL(new Blob(/** @type {BlobPart[]} */ (content)));
  Object.assign(document.createElement("a"), { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

// A dashboard has but one of the notebooks that link to each other.
function unlinkNotebooks() {
  for (const link of document.querySelectorAll('a:is([href$=".ipynb"], [href$=".md"])')) {
    const elsewhere = link.getAttribute("href")?.includes("://");
    if (!elsewhere) link.replaceWith(...link.childNodes);
  }
}

/** @param {Scope<{ dark: boolean, alone: boolean }>} scope */
function render({ model, el }) {
  el.style.display = "none";
  let waiting = false;
  /** @type {Element | null} */
  let root = null;
  let unwatch = () => {};

  function refresh() {
    waiting = false;
    root ??= el.closest(".nmflab-explorer");
    if (!root?.isConnected) return;
    nameHandles(root);
    const dark = isDark(root);
    root.classList.toggle("nmflab-dark", dark);
    if (model.get("dark") !== dark) {
      model.set("dark", dark);
      model.save_changes();
    }
  }
  function soon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(refresh);
  }

  const watcher = new MutationObserver(soon);
  watcher.observe(document.body, { attributes: true });
  const start = setInterval(() => {
    soon();
    if (!root) return;
    clearInterval(start);
    if (model.get("alone")) {
      unlinkNotebooks();
      const kernel = model.widget_manager?.kernel;
      if (kernel) unwatch = watchConnection(kernel); // JupyterLab says so itself
    }
    watcher.observe(root, { subtree: true, childList: true, characterData: true });
  }, 100);

  /** @param {{ copy?: string, download?: string }} message @param {DataView[]} buffers */
  const hear = (message, buffers = []) => {
    if (message.copy) navigator.clipboard?.writeText(message.copy).catch(() => {});
    if (message.download) download(message.download, buffers);
  };
  model.on("msg:custom", hear);
  return () => {
    clearInterval(start);
    unwatch();
    watcher.disconnect();
    model.off("msg:custom", hear);
  };
}

export default { render };
