// What somebody brushes: regions of time and frequency, and rows.

import { clamp } from "./numbers.js";

/** @import { Pair, Region } from "./types.d.ts" */

const GRID = 100; // parts of a second and of a kHz
const THIN = 0.005; // what is thinner isn't painted

/**
 * The region between two corners, in order and within the ends; null if it is too thin.
 * @param {Pair} one column and row @param {Pair} other
 * @param {Pair} columns @param {Pair} rows @returns {Region | null}
 */
export function regionBetween(one, other, columns, rows) {
  const [from, to] = span(one[0], other[0], columns);
  const [low, high] = span(one[1], other[1], rows);
  return to - from < THIN || high - low < THIN ? null : [from, to, low, high];
}

/** @param {number} a @param {number} b @param {Pair} ends @returns {Pair} */
function span(a, b, [first, last]) {
  const inside = [a, b].map((x) => Math.round(clamp(x, first, last) * GRID) / GRID + 0); // no -0
  return [Math.min(...inside), Math.max(...inside)];
}

/** The last region that a place lies in, or -1. @param {Region[]} regions @param {Pair} place */
export function regionAt(regions, [x, y]) {
  const found = regions.map(
    ([from, to, low, high]) => from <= x && x <= to && low <= y && y <= high,
  );
  return found.lastIndexOf(true);
}

/** All rows from one to another. @param {number} one @param {number} other */
export function rowsBetween(one, other) {
  const first = Math.min(one, other);
  return Array.from({ length: Math.abs(other - one) + 1 }, (_, i) => first + i);
}

/** Rows in order, none twice. @param {number[]} rows */
export function inOrder(rows) {
  return [...new Set(rows)].sort((a, b) => a - b);
}

/** The rows with one more or, if it is among them, one less. @param {number[]} rows @param {number} row */
export function toggled(rows, row) {
  return rows.includes(row) ? rows.filter((other) => other !== row) : inOrder([...rows, row]);
}

/** Neighbouring rows as stretches, from and to. @param {number[]} rows in order */
export function stretchesOf(rows) {
  /** @type {Pair[]} */
  const found = [];
  for (const row of rows) {
    const last = found.at(-1);
    if (last && row === last[1] + 1) last[1] = row;
    else found.push([row, row]);
  }
  return found;
}

/** "0.40–1.10 s, 0.50–2.00 kHz; bases 3, 7–9" @param {Region[]} regions @param {number[]} rows */
export function paintedText(regions, rows) {
  const parts = regions.map(
    ([from, to, low, high]) => `${dashed([from, to], 2)} s, ${dashed([low, high], 2)} kHz`,
  );
  const numbers = stretchesOf(rows).map(([from, to]) =>
    from === to ? String(from + 1) : dashed([from + 1, to + 1], 0),
  );
  if (rows.length) parts.push(`${rows.length > 1 ? "bases" : "basis"} ${numbers.join(", ")}`);
  return parts.join("; ");
}

/** @param {Pair} pair @param {number} places */
function dashed(pair, places) {
  return pair.map((value) => value.toFixed(places)).join("\u2013");
}
