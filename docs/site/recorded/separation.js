// A mixture that is separated here: its dictionaries and activations were recorded beforehand.

import { Stft } from "./fourier.js";

/**
 * @typedef {object} Packed numbers of 0 and more, a byte each: a root, in rows of one scale
 * @property {string} bytes in base64
 * @property {number[]} scales
 */
/**
 * @typedef {object} Recording what tools/recorded.py writes
 * @property {string} title
 * @property {number} rate
 * @property {string} mixture 16 bits a sample, in base64
 * @property {number} scale
 * @property {{ fft: number, win_size: number, hop: number, cosines: number[] }} stft
 * @property {[number, number]} bases
 * @property {Packed} W a row for each basis that is fixed
 * @property {Packed[]} free for each penalty; a row for each basis that was learnt on the mixture
 * @property {string[]} penalties
 * @property {Packed[]} H for each penalty; a row for each basis
 * @property {number[]} powers
 * @property {string[][]} scores for each penalty and each power
 * @property {string} before
 * @property {[number, number]} start
 * @property {number} loudest
 * @property {string} palette
 */

const LEAST = 1e-30; // instead of nothing, whose logarithm is none

/** @param {string} text */
export function bytesIn(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** @param {Packed} packed */
export function unpacked({ bytes, scales }) {
  const codes = bytesIn(bytes);
  const width = codes.length / scales.length;
  return Float32Array.from(codes, (code, i) => scales[Math.floor(i / width)] * (code / 255) ** 2);
}

export class Separation {
  /** @param {Recording} recording */
  constructor(recording) {
    const bytes = bytesIn(recording.mixture);
    const pcm = new Int16Array(bytes.buffer);
    this.recording = recording;
    this.stft = new Stft(recording.stft);
    this.mixture = Float32Array.from(pcm, (x) => (x * recording.scale) / 32767);
    this.X = this.stft.analyse(this.mixture);
    this.frames = this.stft.frames(this.mixture.length);
    const [fixed, free] = [unpacked(recording.W), recording.free.map(unpacked)];
    this.W = recording.H.map((_, i) => Float32Array.from([...fixed, ...(free[i] ?? [])]));
    this.H = recording.H.map(unpacked);
    this.penalty = -1;
    this.ratio = new Float32Array(this.frames * this.stft.bins); // log Ŝ − log N̂
    this.gain = new Float32Array(this.ratio.length);
  }

  /** @param {number} penalty which of them @param {number} p */
  separate(penalty, p) {
    if (penalty !== this.penalty) this.decode(this.W[penalty], this.H[penalty]);
    this.penalty = penalty;
    this.ratio.forEach((ratio, i) => {
      this.gain[i] = 1 / (1 + Math.exp(-p * ratio));
    });
    return this.gain;
  }

  /** @param {Float32Array} W @param {Float32Array} H */
  decode(W, H) {
    const { bins } = this.stft;
    const [speech, noise] = this.recording.bases;
    const sums = [new Float64Array(bins), new Float64Array(bins)];
    for (let t = 0; t < this.frames; t++) {
      for (const sum of sums) sum.fill(LEAST);
      for (let k = 0; k < speech + noise; k++) {
        const [h, sum] = [H[k * this.frames + t], sums[k < speech ? 0 : 1]];
        if (h) for (let f = 0; f < bins; f++) sum[f] += h * W[k * bins + f];
      }
      for (let f = 0; f < bins; f++) this.ratio[t * bins + f] = Math.log(sums[0][f] / sums[1][f]);
    }
  }

  get speech() {
    return this.stft.synthesise(this.X, this.gain, this.mixture.length);
  }

  /**
   * Levels in dB below the loudest cell of the mixture, as the bytes of a canvas.
   * @param {[number, number]} limits @param {Float32Array} [gain]
   */
  levels([low, high], gain) {
    const { re, im } = this.X;
    return Uint8Array.from(re, (x, i) => {
      const size = Math.hypot(x, im[i]) * (gain?.[i] ?? 1);
      const level = 20 * Math.log10(size / this.recording.loudest + LEAST);
      return Math.max(0, Math.min(255, Math.round((255 * (level - low)) / (high - low))));
    });
  }

  /** @param {[number, number]} limits the activations in dB below their greatest */
  activations([low, high]) {
    const H = this.H[this.penalty];
    const most = Math.max(...this.H.map((one) => one.reduce((a, b) => Math.max(a, b), 0)));
    return Uint8Array.from(H, (h) => {
      const level = 20 * Math.log10(h / most + LEAST);
      return Math.max(0, Math.min(255, Math.round((255 * (level - low)) / (high - low))));
    });
  }
}
