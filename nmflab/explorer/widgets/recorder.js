// Record mono sound from the microphone and send it to Python as PCM16. See recorder.py.

import { add } from "./elements.js";
import { joined, toPcm16 } from "./samples.js";

/** @import { Scope } from "./types.d.ts" */

/**
 * @typedef {object} Session what is open while recording
 * @property {MediaStream} stream
 * @property {AudioContext} context
 * @property {AudioWorkletNode} tap
 * @property {Float32Array[]} blocks
 * @property {number} rate
 */

// Runs on the audio thread: hands every block of the first channel over.
const TAP = `registerProcessor("nmflab-tap", class extends AudioWorkletProcessor {
  process([[channel]]) {
    if (channel) this.port.postMessage(channel.slice());
    return true;
  }
});`;

// What the browser would do to make speech clearer is what is to be studied here.
const UNTOUCHED = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/** @type {Record<string, string>} */
const SENTENCES = {
  impossible:
    "Browsers record only on pages that come over https or from this computer: " +
    "upload a recording instead.",
  NotAllowedError:
    "The microphone is not allowed here, by the browser or by what shows the notebook, as VS Code: " +
    "upload a recording instead.",
  NotFoundError: "There is no microphone here: upload a recording instead.",
};

export default {
  /** @param {Scope<{ max_seconds: number }>} scope */
  render({ model, el }) {
    el.classList.add("nmflab-host");
    const root = add(el, "div", { className: "nmflab nmflab-buttons" });
    const button = add(root, "button", {
      type: "button",
      className: "jupyter-widgets jupyter-button widget-button",
    });
    const status = add(root, "span", { role: "status" });

    /** @type {Session | null} */
    let session = null;
    const say = (/** @type {string} */ state, sentence = SENTENCES[state] ?? "") => {
      root.dataset.state = state;
      button.textContent = state === "recording" ? "stop" : "record";
      button.disabled = state === "opening" || state === "impossible";
      status.textContent = sentence;
    };
    const stop = () => {
      if (!session) return;
      const { blocks, rate } = session;
      close(session);
      session = null;
      const sound = joined(blocks);
      model.send({ kind: "recording", rate }, undefined, [toPcm16(sound).buffer]);
      say("ready", `${(sound.length / rate).toFixed(1)} s recorded.`);
    };
    const start = async () => {
      say("opening", "Waiting for the microphone.");
      try {
        session = await open((seconds) => {
          status.textContent = `${seconds.toFixed(1)} s`;
          if (seconds >= model.get("max_seconds")) stop();
        });
        if (root.isConnected) say("recording", "0.0 s");
        else close(session);
      } catch (thrown) {
        const { name, message } = /** @type {Error} */ (thrown);
        say("ready", SENTENCES[name] ?? `The microphone could not be opened: ${message}`);
      }
    };
    button.onclick = () => (session ? stop() : start());
    /** @type {Partial<MediaDevices> | undefined} */
    const devices = navigator.mediaDevices; // none on a page that isn't safe
    say(devices?.getUserMedia && window.AudioWorkletNode ? "ready" : "impossible");
    return () => {
      if (session) close(session);
      root.remove();
    };
  },
};

// Open the microphone and collect blocks; `heard(seconds)` follows the length.
/** @param {(seconds: number) => void} heard @returns {Promise<Session>} */
async function open(heard) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: UNTOUCHED });
  const context = new AudioContext();
  const address = URL.createObjectURL(new Blob([TAP], { type: "text/javascript" }));
  await context.audioWorklet.addModule(address);
  URL.revokeObjectURL(address);
  const tap = new AudioWorkletNode(context, "nmflab-tap", { numberOfOutputs: 0 });
  /** @type {Session} */
  const session = { stream, context, tap, blocks: [], rate: context.sampleRate };
  let length = 0;
  tap.port.onmessage = ({ data }) => {
    session.blocks.push(data);
    length += data.length;
    heard(length / session.rate);
  };
  new MediaStreamAudioSourceNode(context, { mediaStream: stream }).connect(tap);
  return session;
}

/** @param {Session} session */
function close({ stream, context, tap }) {
  tap.port.onmessage = null; // blocks still on their way come too late
  for (const track of stream.getTracks()) track.stop();
  context.close();
}
