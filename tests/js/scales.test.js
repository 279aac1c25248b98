import assert from "node:assert/strict";
import { test } from "node:test";

import { RowZoom } from "../../nmflab/explorer/widgets/row_zoom.js";
import {
  middleOf,
  namedTicks,
  Rows,
  shownOf,
  ticks,
  viewWithin,
  wholeCells,
  zoomed,
} from "../../nmflab/explorer/widgets/scales.js";

const RANGES = [
  [0, 8, 5],
  [-60, 0, 5],
  [-0.3, 0.7, 8],
  [1.2345, 1.2346, 4],
  [0, 1e6, 3],
  [-1e-9, 1e-9, 9],
];

test("ticks lie within the range, rise by equal steps and have different texts", () => {
  for (const [from, to, count] of RANGES) {
    const found = ticks(from, to, count, "s");
    const slack = (to - from) * 1e-6;
    assert.ok(found.length >= 2, `two ticks at least in ${from} to ${to}`);
    assert.ok(found.every(({ value }) => value >= from - slack && value <= to + slack));
    const step = found[1].value - found[0].value;
    for (let i = 1; i < found.length; i++)
      assert.ok(Math.abs(found[i].value - found[i - 1].value - step) < step * 1e-6);
    assert.equal(new Set(found.map(({ text }) => text)).size, found.length);
  }
});

test("a step is 1, 2 or 5 times a power of ten, and there are no more ticks than asked for", () => {
  for (const [from, to, count] of RANGES) {
    const found = ticks(from, to, count, "s");
    const step = found[1].value - found[0].value;
    const mantissa = step / 10 ** Math.floor(Math.log10(step * 1.000001));
    assert.ok(
      [1, 2, 5].some((m) => Math.abs(m - mantissa) < 1e-6),
      `${step}`,
    );
    assert.ok(found.length <= count + 1);
  }
});

test("texts have as many decimals as the step needs, a real minus and no minus zero", () => {
  const texts = (...range) => ticks(...range).map(({ text }) => text);
  assert.deepEqual(texts(-1, 1, 4, "s"), ["\u22121.0", "\u22120.5", "0.0", "0.5", "1.0"]);
  assert.deepEqual(texts(-60, 0, 3, "dB"), ["\u221260", "\u221240", "\u221220", "0"]);
});

test("an axis without a unit counts in whole numbers", () => {
  const values = ticks(0.5, 3.5, 20, "").map(({ value }) => value);
  assert.deepEqual(values, [1, 2, 3]);
});

test("names stand in the middle of their cells, every so many of those in view", () => {
  const axis = { name: "", unit: "", ends: [0, 4], count: 4, names: ["a", "b", "c", "d"] };
  assert.deepEqual(namedTicks(axis, [0, 4], 2), [
    { value: 0.5, text: "a" },
    { value: 2.5, text: "c" },
  ]);
  assert.deepEqual(
    namedTicks(axis, [1, 3], 1).map(({ text }) => text),
    ["b", "c"],
  );
  assert.equal(middleOf(3, 4, [0, 8]), 7);
});

test("a view is cut to the ends, and one outside of them shows all", () => {
  assert.deepEqual(shownOf([0, 4], null), [0, 4]);
  assert.deepEqual(shownOf([0, 4], [-1, 2]), [0, 2]);
  assert.deepEqual(shownOf([0, 4], [5, 6]), [0, 4]);
});

test("a view keeps its span at the ends, is eight columns at least, and null when it is all", () => {
  assert.deepEqual(viewWithin([0, 100], 100, [-20, 20]), [0, 40]);
  assert.deepEqual(viewWithin([0, 100], 100, [90, 130]), [60, 100]);
  assert.deepEqual(viewWithin([0, 100], 100, [50, 51]), [50, 58]);
  assert.deepEqual(viewWithin([0, 100], 100, [0, 99]), [0, 99]);
  assert.equal(viewWithin([0, 100], 100, [-10, 200]), null);
  assert.equal(viewWithin([0, 4], 4, [1, 2]), null); // fewer than eight columns in all
});

test("zooming keeps the centre's place, and zooming back gives the view again", () => {
  const [from, to] = zoomed([2, 6], 0.5, 3);
  assert.equal((3 - from) / (to - from), (3 - 2) / (6 - 2));
  assert.deepEqual(zoomed([from, to], 2, 3), [2, 6]);
});

test("cells cut by the edge of the view are not whole", () => {
  assert.deepEqual(wholeCells([0, 10], 10, [1, 10]), [1, 9]);
  assert.deepEqual(wholeCells([0, 10], 10, [2.5, 7.5]), [3, 6]);
  assert.deepEqual(wholeCells([0, 1], 10, [0.3, 0.6]), [3, 5]); // 0.3 * 10 isn't quite 3
});

test("a part of the rows fills the picture, and places lead back to their rows", () => {
  const rows = new Rows([0.5, 256.5], undefined, [64.5, 128.5]);
  assert.equal(rows.isPlain, false);
  assert.equal(rows.shareOf(64.5), 0);
  assert.equal(rows.shareOf(128.5), 1);
  assert.equal(rows.valueAt(0.25), 80.5);
  assert.equal(rows.partAt(0.5) * 256, 96);
  assert.equal(rows.shareOfPart(0), -1); // below the picture
  assert.deepEqual(
    rows.ticks(4, "").map(({ text }) => text),
    ["80", "100", "120"],
  );
});

test("rows are zoomed around the cursor, no further than eight, and follow it", () => {
  const view = {
    isEmpty: false,
    model: { get: () => "rows" },
    frame: { rows: [0.5, 256.5], shape: [256, 10] },
    cursor: { row: 199, column: 0 },
    repaint() {},
  };
  const zoom = new RowZoom(view);
  assert.equal(zoom.shown, null);
  zoom.zoom(0.5);
  assert.deepEqual(zoom.shown, [100.25, 228.25]);
  for (let i = 0; i < 9; i++) zoom.zoom(0.5);
  assert.equal(zoom.shown[1] - zoom.shown[0], 8);
  view.cursor.row = 230;
  zoom.follow();
  assert.ok(zoom.shown[0] < 231 && 231 < zoom.shown[1]);
  for (let i = 0; i < 9; i++) zoom.zoom(2);
  assert.equal(zoom.shown, null);
});
