// V ≈ WH by hand: the update is the one of the equation, and D never rises by it.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  product,
  tilesDivergence,
  updatedH,
  updatedW,
} from "../../nmflab/explorer/widgets/tiles.js";

const V = [
  [9, 2],
  [3, 8],
];
const W = [
  [2, 1],
  [1, 3],
];
const H = [
  [1, 1],
  [1, 1],
];
const D = (/** @type {number[][]} */ w, /** @type {number[][]} */ h) =>
  tilesDivergence(V, product(w, h));

test("one update by hand: each entry times the weighted mean of V / WH", () => {
  const [[first]] = updatedH(V, W, H);
  assert.ok(Math.abs(first - (2 * (9 / 3) + 1 * (3 / 4)) / 3) < 1e-12);
});

test("D never rises, and comes to rest at 0: two bases can give any two frames", () => {
  let [w, h, before] = [W, H, D(W, H)];
  for (let i = 0; i < 2000; i++) {
    if (i % 2) w = updatedW(V, w, h);
    else h = updatedH(V, w, h);
    assert.ok(D(w, h) <= before + 1e-9);
    before = D(w, h);
  }
  assert.ok(before < 1e-3);
});

test("what is 0 stays 0, also where nothing is left of WH", () => {
  const empty = [
    [0, 1],
    [0, 1],
  ];
  assert.deepEqual(
    updatedH(V, W, empty).map((row) => row[0]),
    [0, 0],
  );
  assert.equal(D(W, empty), Infinity);
  const without = [
    [0, 1],
    [0, 3],
  ];
  assert.ok(updatedH(V, without, H).flat().every(Number.isFinite));
});
