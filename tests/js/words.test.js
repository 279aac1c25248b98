import assert from "node:assert/strict";
import { test } from "node:test";

import { clamp, tidy, withMinus } from "../../nmflab/explorer/widgets/numbers.js";
import {
  describe,
  readAxis,
  readCell,
  readRange,
  readValue,
} from "../../nmflab/explorer/widgets/words.js";

const rows = { name: "Frequency", unit: "kHz", ends: [0, 8], count: 4, names: [] };
const columns = { name: "Time", unit: "s", ends: [0, 4], count: 8, names: [] };
const value = { name: "Level", unit: "dB", ends: [-80, 20], count: 0, names: [] };

test("a cell is read with the middle of its ranges, and the value of its code", () => {
  const codes = new DataView(new Uint8Array(32).fill(51).buffer);
  const frame = { shape: [4, 8], by_columns: false, codes };
  const said = readCell({ frame, rows, columns, value }, { row: 1, column: 2 });
  assert.equal(said, "1.25 s \u00b7 3.00 kHz \u00b7 \u221260 dB");
});

test("the first and the last code say that the value may lie beyond", () => {
  assert.equal(readValue(value, 0), "\u2264 \u221280 dB");
  assert.equal(readValue(value, 255), "\u2265 20 dB");
  assert.equal(readValue({ ...value, name: "Mask", unit: "", ends: [0, 1] }, 128), "Mask 0.50");
  assert.equal(readValue({ ...value, ends: [-51, 0.05] }, 254), "0 dB"); // and not "−0 dB"
});

test("an axis without a unit is read with its name, one with names by them", () => {
  const bases = { name: "Basis", unit: "", ends: [0.5, 4.5], count: 4, names: [] };
  assert.equal(readAxis(bases, 2), "Basis 3");
  const beta = { name: "SNR", unit: "dB", ends: [0, 2], count: 2, names: ["\u22125", "10"] };
  assert.equal(readAxis(beta, 1), "SNR 10 dB");
  assert.equal(readRange(beta, [0, 2]), "SNR \u22125, 10 dB");
});

test("a canvas is described by its title and what is shown of each axis", () => {
  const scene = { rows, columns, value, grid: { view: [1, 2.5] }, range: [-60, 0] };
  assert.equal(
    describe("Noisy", scene),
    "Noisy: Time 1 to 2.5 s, Frequency 0 to 8 kHz, Level \u221260 to 0 dB. Arrow keys read values.",
  );
});

test("numbers are cut to a range and written with a real minus", () => {
  assert.deepEqual([clamp(-1, 0, 2), clamp(1, 0, 2), clamp(3, 0, 2)], [0, 1, 2]);
  assert.equal(withMinus("-3"), "\u22123");
  assert.equal(tidy(-0.123), "\u22120.12");
});
