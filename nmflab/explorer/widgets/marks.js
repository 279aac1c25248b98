// Stretches of the columns that somebody marks: what is where, and what becomes of it.

import { clamp } from "./numbers.js";

/** @import { Pair } from "./types.d.ts" */
/** @typedef {"from" | "to" | "whole"} Part */
/** @typedef {{ index: number, part: Part }} Held */

const ROUND = 100; // parts of a second that a mark is rounded to, as in a command
export const LEAST = 0.05; // s

/**
 * Marks in order, each within the ends, those that overlap made one.
 * @param {Pair[]} marks @param {Pair} ends @returns {Pair[]}
 */
export function ordered(marks, [first, last]) {
  const low = Math.ceil(first * ROUND - 1e-6) / ROUND + 0; // no -0
  const high = Math.floor(last * ROUND + 1e-6) / ROUND;
  /** @type {Pair[]} */
  const found = [];
  const inside = marks
    .map(([from, to]) => [clamp(rounded(from), low, high), clamp(rounded(to), low, high)])
    .filter(([from, to]) => to - from > LEAST - 1e-6)
    .sort((one, other) => one[0] - other[0]);
  for (const [from, to] of inside) {
    const before = found.at(-1);
    if (before && from <= before[1]) before[1] = Math.max(before[1], to);
    else found.push([from, to]);
  }
  return found;
}

/** @param {number} value */
export function rounded(value) {
  return Math.round(value * ROUND) / ROUND;
}

/**
 * Which mark is at a place, and which part of it: an edge reaches a little beyond it.
 * @param {Pair[]} marks @param {number} at @param {number} reach @returns {Held | null}
 */
export function partAt(marks, at, reach) {
  /** @type {Held | null} */
  let found = null;
  let nearest = reach;
  marks.forEach(([from, to], index) => {
    if (from <= at && at <= to) found ??= { index, part: "whole" };
    const grip = Math.min(reach, (to - from) / 3); // the middle of a short one can be held, too
    for (const [part, edge] of /** @type {[Part, number][]} */ ([
      ["from", from],
      ["to", to],
    ])) {
      const isInside = from <= at && at <= to;
      const away = Math.abs(at - edge);
      if (away <= (isInside ? grip : reach) && away <= nearest) {
        found = { index, part };
        nearest = away;
      }
    }
  });
  return found;
}

/**
 * The marks after a drag: a new one, or one that was held and moved along, or at an edge.
 * @param {Pair[]} marks @param {Held | null} held @param {number} begin @param {number} now
 * @param {Pair} ends @returns {Pair[]}
 */
export function dragged(marks, held, begin, now, [first, last]) {
  if (!held) return [...marks, [Math.min(begin, now), Math.max(begin, now)]];
  return marks.map((mark, index) => {
    if (index !== held.index) return mark;
    const [from, to] = mark;
    if (held.part === "whole") {
      const shift = clamp(now - begin, first - from, last - to);
      return [from + shift, to + shift];
    }
    const still = held.part === "from" ? to : from;
    const moved = (held.part === "from" ? from : to) + now - begin;
    return [Math.min(still, moved), Math.max(still, moved)];
  });
}

/** "0.40–1.10 s" @param {Pair[]} marks @param {string} unit */
export function stretchesText(marks, unit) {
  const texts = marks.map((mark) => mark.map((x) => x.toFixed(2)).join("\u2013"));
  return `${texts.join(", ")} ${unit}`.trim();
}
