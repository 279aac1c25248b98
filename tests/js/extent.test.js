// The box around the cursor: of one size, wherever it is.

import assert from "node:assert/strict";
import test from "node:test";
import { extentBox } from "../../nmflab/explorer/widgets/extent.js";
import { Grid } from "../../nmflab/explorer/widgets/grid.js";
import { Rows } from "../../nmflab/explorer/widgets/scales.js";

const box = { left: 10, top: 20, width: 400, height: 100 };
const grid = new Grid([20, 40], [0, 4], [1, 3], box, new Rows([0, 2]));
const extent = /** @type {{ size: [number, number], at: [number, number] }} */ ({
  size: [0.5, 0.4],
  at: [2, 1],
});

test("it stands at its place while there is no cursor", () => {
  const place = extentBox(grid, extent, null);
  const found = Object.values(place).map((value) => Math.round(value * 1e6) / 1e6);
  assert.deepEqual(found, [160, 60, 100, 20]);
});

test("it follows the cursor and keeps its size", () => {
  const { left, top, width, height } = extentBox(grid, extent, { row: 4, column: 15 });
  const middle = [left + width / 2, top + height / 2].map((value) => Math.round(value * 1e6) / 1e6);
  assert.deepEqual(middle, [120, 97.5]);
  assert.deepEqual([Math.round(width), Math.round(height)], [100, 20]);
});
