import assert from "node:assert/strict";
import { test } from "node:test";

import { curveScales, markHeight } from "../../nmflab/explorer/widgets/drag_curve.js";

test("a height and its place belong to each other, and nothing leaves the axes", () => {
  const { y, value } = curveScales(-6, 12, 5);
  for (const height of [-6, 0, 3.5, 12]) assert.ok(Math.abs(value(y(height)) - height) < 1e-9);
  assert.equal(value(-1000), 12);
  assert.equal(value(1000), -6);
});

test("points stand at equal steps from left to right", () => {
  const { x } = curveScales(0, 1, 4);
  const steps = [1, 2, 3].map((i) => x(i) - x(i - 1));
  assert.ok(steps.every((step) => step > 0 && Math.abs(step - steps[0]) < 1e-9));
});

test("the number of a truth stands where the guess is not, and above the axis", () => {
  const { y } = curveScales(0, 10, 4);
  assert.ok(markHeight(y, 5, 7, 0) > y(5)); // lower on the screen
  assert.ok(markHeight(y, 5, 3, 0) < y(5));
  assert.ok(markHeight(y, 0.2, 3, 0) < y(0.2));
});
