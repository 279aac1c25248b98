import assert from "node:assert/strict";
import { test } from "node:test";

import { Stft } from "../../docs/site/recorded/fourier.js";
import { Separation, unpacked } from "../../docs/site/recorded/separation.js";

const FORM = { fft: 64, win_size: 48, hop: 16, cosines: [0.54, 0.46] };

const noise = (length) => {
  let seed = 1;
  return Float32Array.from({ length }, () => {
    seed = (16807 * seed) % 2147483647;
    return seed / 2147483647 - 0.5;
  });
};

const base64 = (typed) => Buffer.from(typed.buffer).toString("base64");

test("a sound comes back from its spectrogram", () => {
  for (const length of [1, 47, 500]) {
    const stft = new Stft(FORM);
    const sound = noise(length);
    const X = stft.analyse(sound);
    const back = stft.synthesise(X, new Float32Array(X.re.length).fill(1), length);
    for (let n = 0; n < length; n++) assert.ok(Math.abs(back[n] - sound[n]) < 1e-6);
  }
});

test("a spectrogram is what the sum of the transform says", () => {
  const stft = new Stft(FORM);
  const sound = noise(100);
  const { re, im } = stft.analyse(sound);
  for (const [t, f] of [
    [0, 0],
    [3, 5],
    [4, 32],
  ]) {
    let [a, b] = [0, 0];
    for (let n = 0; n < 48; n++) {
      const x = (sound[t * 16 - 32 + n] ?? 0) * (0.54 - 0.46 * Math.cos((2 * Math.PI * n) / 48));
      a += x * Math.cos((2 * Math.PI * f * n) / 64);
      b -= x * Math.sin((2 * Math.PI * f * n) / 64);
    }
    assert.ok(Math.abs(re[t * 33 + f] - a) < 1e-9 && Math.abs(im[t * 33 + f] - b) < 1e-9);
  }
});

for (const learnt of [false, true])
  test(`a gain is that of the equation, ${learnt ? "with a basis of each λ" : "and parts add up"}`, () => {
    const [bins, frames] = [33, 9];
    const bytes = (count) => Uint8Array.from(noise(count), (x) => 128 + 200 * x);
    const W = { bytes: base64(bytes(3 * bins)), scales: [1, 2, 0.5] };
    const H = [0, 1].map((i) => ({
      bytes: base64(bytes(3 * frames).map((x) => x + i)),
      scales: [1, 1, 3],
    }));
    const pcm = Int16Array.from(noise(100), (x) => 32767 * x);
    const rows = (/** @type {number[]} */ ks) => {
      const codes = Buffer.from(W.bytes, "base64");
      const chosen = ks.map((k) => codes.subarray(k * bins, (k + 1) * bins));
      return {
        bytes: Buffer.concat(chosen).toString("base64"),
        scales: ks.map((k) => W.scales[k]),
      };
    };
    const parts = learnt ? { W: rows([0, 1]), free: [rows([0]), rows([2])] } : { W, free: [] };
    const separation = new Separation({
      ...{
        title: "",
        rate: 16000,
        mixture: base64(pcm),
        scale: 0.7,
        stft: FORM,
        bases: [2, 1],
        ...parts,
        H,
      },
      ...{ penalties: ["0", "1"], powers: [2], scores: [], before: "", start: [0, 0], loudest: 1 },
      palette: "",
    });
    const [w, h] = [unpacked(W), unpacked(H[1])];
    const gain = separation.separate(1, 2);
    for (const [t, f] of [
      [0, 0],
      [4, 7],
      [8, 32],
    ]) {
      const [s, n] = [[0, 1], [2]].map((ks) =>
        ks.reduce((sum, k) => sum + w[k * bins + f] * h[k * frames + t], 0),
      );
      assert.ok(Math.abs(gain[t * bins + f] - s ** 2 / (s ** 2 + n ** 2)) < 1e-5);
    }
    const speech = separation.speech;
    const rest = separation.stft.synthesise(
      separation.X,
      gain.map((g) => 1 - g),
      100,
    );
    for (const [i, x] of separation.mixture.entries())
      assert.ok(Math.abs(speech[i] + rest[i] - x) < 1e-6);
  });
