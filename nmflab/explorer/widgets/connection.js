// Say on a dashboard that the connection to its kernel is lost, and go on trying.

import { add } from "./elements.js";

/** @import { Kernel } from "./types.d.ts" */

const AGAIN = 10_000; // ms until it is tried again once Jupyter has given up, after two minutes

/** @type {Record<string, string>} */
const LOST = {
  connecting: "The connection to the server is lost; the page tries again. What you move follows.",
  disconnected: "The connection to the server is lost. The page goes on trying; or load it anew.",
};

/**
 * Show a line for as long as the connection is lost; give what ends that.
 * @param {Kernel} kernel
 */
export function watchConnection(kernel) {
  const line = add(document.body, "div", { className: "nmflab-lost", role: "alert", hidden: true });
  let timer = 0;
  const tell = (/** @type {Kernel} */ _, /** @type {string} */ status) => {
    line.textContent = LOST[status] ?? "";
    line.hidden = !(status in LOST);
    clearTimeout(timer);
    if (status !== "disconnected" || kernel.isDisposed) return;
    timer = Number(setTimeout(() => kernel.reconnect().catch(() => {}), AGAIN));
  };
  kernel.connectionStatusChanged.connect(tell);
  return () => {
    clearTimeout(timer);
    kernel.connectionStatusChanged.disconnect(tell);
    line.remove();
  };
}
