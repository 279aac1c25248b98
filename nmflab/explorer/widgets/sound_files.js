// Sound files in the browser: what rate they have, their channels as one.

const LIKELY = 48000; // Hz, where a file doesn't say it at a place that is known here
const RATES = [8000, 48000]; // that every browser decodes to, and that are short enough to send

/** @param {DataView} view @param {number} at */
function wordAt(view, at) {
  let word = "";
  for (let i = at; i < Math.min(at + 4, view.byteLength); i++)
    word += String.fromCharCode(view.getUint8(i));
  return word;
}

/**
 * The rate in Hz to decode a file to: its own where it is found, so that nothing is resampled.
 * @param {DataView} view
 */
export function rateFor(view) {
  const own = ownRate(view);
  return RATES[0] <= own && own <= RATES[1] ? own : LIKELY;
}

/** @param {DataView} view */
function ownRate(view) {
  if (wordAt(view, 0) === "fLaC" && view.byteLength > 21) return view.getUint32(18) >>> 12;
  if (wordAt(view, 8) !== "WAVE" || !/^RI?F/.test(wordAt(view, 0))) return 0;
  for (let at = 12; at + 16 <= view.byteLength; ) {
    if (wordAt(view, at) === "fmt ") return view.getUint32(at + 12, true);
    const size = view.getUint32(at + 4, true);
    at += 8 + size + (size % 2);
  }
  return 0;
}

/**
 * The mean of the first samples of all channels, and its power over that of the channels: next to
 * nothing where they cancel each other.
 * @param {Float32Array[]} channels @param {number} length
 */
export function mixedDown(channels, length) {
  const mix = new Float32Array(length);
  let [power, powerOfMix] = [0, 0];
  for (let i = 0; i < length; i++) {
    let sum = 0;
    for (const channel of channels) {
      sum += channel[i];
      power += channel[i] * channel[i];
    }
    mix[i] = sum / channels.length;
    powerOfMix += mix[i] * mix[i];
  }
  return { mix, left: power ? (powerOfMix * channels.length) / power : 1 };
}
