// Say on a dashboard that the connection to its kernel is lost, and go on trying.

import { add } from "./elements.js";

/** @import { Kernel } from "./types.d.ts" */

const AGAIN = 10_000; // ms between two tries; Jupyter waits longer and longer, and then gives up

const LOST =
  "The connection to the server is lost. The page goes on trying; what you move meanwhile follows.";

/**
 * Show a line for as long as the connection is lost; give what ends that.
 * @param {Kernel} kernel
 */
export function watchConnection(kernel) {
  const line = add(document.body, "div", { className: "nmflab-lost", role: "alert", hidden: true });
  let timer = 0;
  const again = () => {
    if (!kernel.isDisposed) kernel.reconnect().catch(() => {});
  };
  const tell = (/** @type {Kernel} */ _, /** @type {string} */ status) => {
    const isLost = status !== "connected";
    if (isLost === !line.hidden) return;
    line.textContent = isLost ? LOST : "";
    line.hidden = !isLost;
    clearInterval(timer);
    if (isLost) timer = Number(setInterval(again, AGAIN));
  };
  kernel.connectionStatusChanged.connect(tell);
  tell(kernel, kernel.connectionStatus); // it may be lost already
  return () => {
    clearInterval(timer);
    kernel.connectionStatusChanged.disconnect(tell);
    line.remove();
  };
}
