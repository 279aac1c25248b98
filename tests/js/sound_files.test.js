import assert from "node:assert/strict";
import { test } from "node:test";

import { mixedDown, rateFor } from "../../nmflab/explorer/widgets/sound_files.js";

/** A view of the text, with numbers written at some places. */
function file(text, length, numbers = {}, little = true) {
  const view = new DataView(new ArrayBuffer(length));
  for (let i = 0; i < text.length; i++) view.setUint8(i, text.charCodeAt(i));
  for (const [at, value] of Object.entries(numbers)) view.setUint32(Number(at), value, little);
  return view;
}

test("a WAV file is decoded at its own rate, wherever its format stands", () => {
  assert.equal(rateFor(file("RIFF....WAVEfmt ", 44, { 24: 22050 })), 22050);
  const later = file("RIFF....WAVEJUNK....12345.fmt ", 60, { 16: 5, 38: 16000 });
  assert.equal(rateFor(later), 16000);
});

test("a FLAC file is decoded at its own rate", () => {
  assert.equal(rateFor(file("fLaC", 42, { 18: (44100 << 12) | 0x2f0 }, false)), 44100);
});

test("a rate that is not known, or too high to be sent, becomes 48 kHz", () => {
  assert.equal(rateFor(file("OggS", 100)), 48000);
  assert.equal(rateFor(file("", 0)), 48000);
  assert.equal(rateFor(file("RIFF....WAVEfmt ", 44, { 24: 96000 })), 48000);
  assert.equal(rateFor(file("RIFF....WAVEfmt ", 44, { 24: 4000 })), 48000);
  assert.equal(rateFor(file("RIFF....WAVE", 44)), 48000);
});

test("channels are mixed to their mean, cut, and said to cancel each other", () => {
  const one = Float32Array.of(1, 2, 3);
  assert.deepEqual(mixedDown([one], 2), { mix: Float32Array.of(1, 2), left: 1 });
  assert.deepEqual(mixedDown([one, Float32Array.of(3, 0, 1)], 3).mix, Float32Array.of(2, 1, 2));
  const { mix, left } = mixedDown([one, Float32Array.of(-1, -2, -3)], 3);
  assert.deepEqual([...mix, left], [0, 0, 0, 0]);
  assert.equal(mixedDown([new Float32Array(3)], 3).left, 1);
});
