import assert from "node:assert/strict";
import test from "node:test";
import { dragged, ordered, partAt } from "../../nmflab/explorer/widgets/marks.js";

const ENDS = [0, 4];

test("marks are in order, within the recording, and one where they overlap", () => {
  const marks = [
    [2, 3.004],
    [-1, 0.5],
    [2.5, 9],
    [1, 1.01],
  ]; // the last is too short
  assert.deepEqual(ordered(marks, ENDS), [
    [0, 0.5],
    [2, 4],
  ]);
  assert.deepEqual(ordered([[0, 3.999]], [0, 3.995]), [[0, 3.99]]); // never beyond the end
});

test("an edge is held from a little beyond it, and the middle of a short mark, too", () => {
  const marks = [
    [1, 2],
    [3, 3.03],
  ];
  assert.deepEqual(partAt(marks, 0.95, 0.1), { index: 0, part: "from" });
  assert.deepEqual(partAt(marks, 2.08, 0.1), { index: 0, part: "to" });
  assert.deepEqual(partAt(marks, 1.5, 0.1), { index: 0, part: "whole" });
  assert.deepEqual(partAt(marks, 3.015, 0.1), { index: 1, part: "whole" });
  assert.equal(partAt(marks, 2.5, 0.1), null);
});

test("a drag makes a mark, moves one as far as there is room, or moves its edge", () => {
  assert.deepEqual(dragged([], null, 2, 1, ENDS), [[1, 2]]);
  const marks = [[1, 2]];
  assert.deepEqual(dragged(marks, { index: 0, part: "whole" }, 1.5, 9, ENDS), [[3, 4]]);
  assert.deepEqual(dragged(marks, { index: 0, part: "to" }, 2, 3, ENDS), [[1, 3]]);
  assert.deepEqual(dragged(marks, { index: 0, part: "to" }, 2, 0.5, ENDS), [[0.5, 1]]);
  assert.deepEqual(marks, [[1, 2]]);
});
