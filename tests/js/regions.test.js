import assert from "node:assert/strict";
import { test } from "node:test";

import {
  inOrder,
  paintedText,
  regionAt,
  regionBetween,
  rowsBetween,
  stretchesOf,
  toggled,
} from "../../nmflab/explorer/widgets/regions.js";

test("a region is in order whichever corner comes first, and stays within the picture", () => {
  const ends = [
    [0, 3],
    [-0.02, 8],
  ];
  assert.deepEqual(regionBetween([2, 5], [1, 1.234], ...ends), [1, 2, 1.23, 5]);
  assert.deepEqual(regionBetween([-4, -9], [9, 99], ...ends), [0, 3, -0.02, 8]);
});

test("a region that is a line is none", () => {
  assert.equal(regionBetween([1, 2], [1.001, 4], [0, 3], [0, 8]), null);
  assert.equal(regionBetween([1, 2], [2, 2], [0, 3], [0, 8]), null);
});

test("the region at a place is the last one painted there", () => {
  const regions = [
    [0, 2, 0, 4],
    [1, 3, 2, 5],
  ];
  assert.equal(regionAt(regions, [1.5, 3]), 1);
  assert.equal(regionAt(regions, [0.5, 3]), 0);
  assert.equal(regionAt(regions, [2.5, 1]), -1);
});

test("rows between two are all of them, either way round", () => {
  assert.deepEqual(rowsBetween(3, 5), [3, 4, 5]);
  assert.deepEqual(rowsBetween(5, 3), [3, 4, 5]);
  assert.deepEqual(rowsBetween(7, 7), [7]);
});

test("a row is added, or taken away if it is there", () => {
  assert.deepEqual(toggled([2, 9], 5), [2, 5, 9]);
  assert.deepEqual(toggled([2, 5, 9], 5), [2, 9]);
  assert.deepEqual(inOrder([10, 9, 10, 2]), [2, 9, 10]);
});

test("neighbouring rows are one stretch", () => {
  assert.deepEqual(stretchesOf([0, 2, 3, 4, 9]), [
    [0, 0],
    [2, 4],
    [9, 9],
  ]);
});

test("what is painted is said, rows counted from 1", () => {
  assert.equal(paintedText([], []), "");
  assert.equal(paintedText([[0.4, 1.1, 0.5, 2]], []), "0.40\u20131.10 s, 0.50\u20132.00 kHz");
  assert.equal(paintedText([], [2]), "basis 3");
  assert.equal(paintedText([], [2, 6, 7, 8]), "bases 3, 7\u20139");
});
