// Record mono sound from the microphone and send it to Python as PCM16. See recorder.py.

// Runs on the audio thread: hands every block of the first channel over.
const TAP = `registerProcessor("nmflab-tap", class extends AudioWorkletProcessor {
  process([[channel]]) {
    if (channel) this.port.postMessage(channel.slice());
    return true;
  }
});`;

// What the browser would do to make speech clearer is what is to be studied here.
const UNTOUCHED = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

const SENTENCES = {
  NotAllowedError: "The browser was not allowed to use the microphone.",
  NotFoundError: "There is no microphone here.",
};

export default {
  render({ model, el }) {
    el.classList.add("nmflab-host");
    const root = add(el, "div", { className: "nmflab nmflab-buttons" });
    const button = add(root, "button", { type: "button" });
    const status = add(root, "span", { role: "status" });

    let session = null; // what is open while recording
    const say = (state, sentence = "") => {
      root.dataset.state = state;
      button.textContent = state === "recording" ? "Stop" : "Record";
      button.disabled = state === "opening" || state === "impossible";
      status.textContent = sentence;
    };
    const stop = () => {
      if (!session) return;
      const { blocks, rate } = session;
      close(session);
      session = null;
      const sound = join(blocks);
      model.send({ kind: "recording", rate }, undefined, [pcm16(sound).buffer]);
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
      } catch (error) {
        say("ready", SENTENCES[error.name] ?? `The microphone could not be opened: ${error.message}`);
      }
    };
    button.onclick = () => (session ? stop() : start());
    if (navigator.mediaDevices?.getUserMedia && window.AudioWorkletNode) say("ready");
    else say("impossible", "Browsers record only on pages that come over https or from this computer.");
    return () => {
      if (session) close(session);
      root.remove();
    };
  },
};

// Open the microphone and collect blocks; `heard(seconds)` follows the length.
async function open(heard) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: UNTOUCHED });
  const context = new AudioContext();
  const address = URL.createObjectURL(new Blob([TAP], { type: "text/javascript" }));
  await context.audioWorklet.addModule(address);
  URL.revokeObjectURL(address);
  const tap = new AudioWorkletNode(context, "nmflab-tap", { numberOfOutputs: 0 });
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

function close({ stream, context, tap }) {
  tap.port.onmessage = null; // blocks still on their way come too late
  stream.getTracks().forEach((track) => track.stop());
  context.close();
}

function join(blocks) {
  const whole = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    whole.set(block, at);
    at += block.length;
  }
  return whole;
}

function pcm16(sound) {
  return Int16Array.from(sound, (x) => Math.round(32767 * clamp(x, -1, 1)));
}
