import assert from "node:assert/strict";
import { test } from "node:test";

import { auxiliaryAt, divergenceAt, updated } from "../../nmflab/explorer/widgets/auxiliary.js";

const data = { v: [9.5, 4, 6.5, 5], w: [3, 1, 2, 1], rest: [0.8, 1.6, 0.8, 3.2], h: 0.6, reach: 5 };
const places = [0.1, 0.5, 1, 2, 3, 5];

test("the auxiliary function lies above D and touches it", () => {
  for (const here of places) {
    assert.ok(Math.abs(auxiliaryAt(data, here, here) - divergenceAt(data, here)) < 1e-12);
    for (const h of places) assert.ok(auxiliaryAt(data, here, h) >= divergenceAt(data, h) - 1e-12);
  }
});

test("the next point is where it is least, and D never rises", () => {
  for (const here of places) {
    const next = updated(data, here);
    for (const h of places)
      assert.ok(auxiliaryAt(data, here, next) <= auxiliaryAt(data, here, h) + 1e-12);
    assert.ok(divergenceAt(data, next) <= divergenceAt(data, here) + 1e-12);
  }
});
