// Samples of sound: 16 bits as they travel, numbers as they sound.

import { clamp } from "./numbers.js";

/**
 * Fill `samples` from PCM16, little-endian, with full scale at `scale`.
 * @param {Float32Array} samples @param {DataView} bytes @param {number} scale
 */
export function fromPcm16(samples, bytes, scale) {
  const factor = scale / 32767;
  for (let i = 0; 2 * i < bytes.byteLength; i++) samples[i] = bytes.getInt16(2 * i, true) * factor;
}

/** @param {Float32Array} sound */
export function toPcm16(sound) {
  return Int16Array.from(sound, (x) => Math.round(32767 * clamp(x, -1, 1)));
}

/** @param {Float32Array[]} blocks */
export function joined(blocks) {
  const whole = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    whole.set(block, at);
    at += block.length;
  }
  return whole;
}
