import assert from "node:assert/strict";
import { test } from "node:test";

import {
  bytesOf,
  codeAt,
  coloursOf,
  levelOf,
  lookUp,
} from "../../nmflab/explorer/widgets/codes.js";

// A palette whose red is the colour's own number.
const PALETTE = Uint8Array.from({ length: 768 }, (_, i) => (i % 3 ? 7 : i / 3));
const redOf = (table, code) => new Uint8Array(table.buffer)[4 * code];

test("codes span the limits", () => {
  assert.equal(levelOf(0, [-80, 20]), -80);
  assert.equal(levelOf(255, [-80, 20]), 20);
  assert.ok(Math.abs(levelOf(51, [-80, 20]) + 60) < 1e-12);
});

test("over the whole range each code has the colour of its number, opaque", () => {
  const table = coloursOf(PALETTE, [-80, 20], [-80, 20]);
  for (let code = 0; code < 256; code++) assert.equal(redOf(table, code), code);
  assert.deepEqual([...new Uint8Array(table.buffer, 4 * 255)], [255, 7, 7, 255]);
});

test("a narrower range has the palette's ends at its ends, and rises in between", () => {
  const table = coloursOf(PALETTE, [-80, 20], [-60, 0]);
  assert.equal(redOf(table, 51), 0); // −60 dB
  assert.equal(redOf(table, 204), 255); // 0 dB
  assert.equal(redOf(table, 0), 0);
  assert.equal(redOf(table, 255), 255);
  for (let code = 1; code < 256; code++) assert.ok(redOf(table, code) >= redOf(table, code - 1));
});

test("a matrix in either order of memory gives the same picture, row 0 at the bottom", () => {
  const table = Uint32Array.from({ length: 256 }, (_, code) => 1000 + code);
  const view = (...bytes) => new DataView(Uint8Array.from([99, ...bytes]).buffer, 1);
  const byRows = { shape: [2, 3], by_columns: false, codes: view(1, 2, 3, 4, 5, 6) };
  const byColumns = { shape: [2, 3], by_columns: true, codes: view(1, 4, 2, 5, 3, 6) };
  for (const frame of [byRows, byColumns]) {
    const pixels = new Uint32Array(6);
    lookUp(frame, table, pixels);
    assert.deepEqual([...pixels], [1004, 1005, 1006, 1001, 1002, 1003]);
    assert.equal(codeAt(frame, 1, 2), 6);
    assert.equal(codeAt(frame, 0, 1), 2);
  }
  assert.deepEqual([...bytesOf(byRows.codes)], [1, 2, 3, 4, 5, 6]); // not the byte before
});
