import assert from "node:assert/strict";
import { test } from "node:test";

import { Grid } from "../../nmflab/explorer/widgets/grid.js";

const BOX = { left: 50, top: 20, width: 400, height: 200 };
const whole = new Grid([4, 8], [0, 4], [0, 4], BOX);
const zoomed = new Grid([4, 8], [0, 4], [1, 3], BOX);

test("the middle of a cell's box is in this cell", () => {
  for (const grid of [whole, zoomed])
    for (let row = 0; row < 4; row++)
      for (let column = 2; column < 6; column++) {
        const { left, right, top, bottom } = grid.cellBox(row, column);
        const cell = grid.cellAt((left + right) / 2, (top + bottom) / 2);
        assert.deepEqual([cell?.row, cell?.column], [row, column]);
      }
});

test("value to pixel and back is the same value", () => {
  for (const value of [1, 1.1, 2, 2.999]) {
    assert.ok(Math.abs(zoomed.valueAt(zoomed.xOf(value)) - value) < 1e-12);
    assert.ok(Math.abs(whole.valueAt(whole.xOf(value)) - value) < 1e-12);
  }
});

test("the cells fill the box, row 0 at the bottom", () => {
  assert.deepEqual(whole.cellBox(0, 0), { left: 50, right: 100, top: 170, bottom: 220 });
  assert.deepEqual(whole.cellBox(3, 7), { left: 400, right: 450, top: 20, bottom: 70 });
});

test("the box's edges belong to its outermost cells, what is beyond to none", () => {
  const at = (x, y) => {
    const cell = whole.cellAt(x, y);
    return cell && [cell.row, cell.column];
  };
  assert.deepEqual(at(50, 20), [3, 0]);
  assert.deepEqual(at(450, 220), [0, 7]);
  for (const [x, y] of [
    [49, 100],
    [451, 100],
    [100, 19],
    [100, 221],
  ])
    assert.equal(at(x, y), null);
});
