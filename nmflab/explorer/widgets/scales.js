// Values on an axis: round numbers, cells, and the part of the columns that is shown.

import { clamp, withMinus } from "./numbers.js";

/** @import { Axis, Frequency, Pair, Tick } from "./types.d.ts" */

const SMALLEST_VIEW = 8; // columns

/**
 * Round values between two ends. An axis without a unit counts: whole numbers only.
 * @param {number} from @param {number} to @param {number} count @param {string} unit
 */
export function ticks(from, to, count, unit) {
  const rough = (to - from) / Math.max(count, 2);
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = power * ([1, 2, 5].find((m) => m * power >= rough * 0.999) ?? 10);
  if (!unit) step = Math.max(1, Math.round(step));
  const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  /** @type {Tick[]} */
  const found = [];
  for (let i = Math.ceil(from / step - 1e-6); i * step <= to + step * 1e-6; i++)
    found.push({ value: i * step, text: withMinus((i * step + 0).toFixed(places)) });
  return found;
}

/**
 * Every so many of the names of rows (columns), of those in view.
 * @param {Axis} axis @param {Pair} view @param {number} every
 */
export function namedTicks({ names, ends }, [from, to], every) {
  return names
    .map((text, i) => ({ value: middleOf(i, names.length, ends), text }))
    .filter(({ value }, i) => i % every === 0 && from <= value && value <= to);
}

/** The middle of a cell. @param {number} index @param {number} count @param {Pair} ends */
export function middleOf(index, count, [first, last]) {
  return first + ((index + 0.5) / count) * (last - first);
}

/**
 * What is shown of the columns if `view` is asked for.
 * @param {Pair} ends @param {Pair | null | undefined} view
 * @returns {Pair}
 */
export function shownOf([first, last], view) {
  if (!view) return [first, last];
  const from = clamp(view[0], first, last);
  const to = clamp(view[1], first, last);
  return to - from > 1e-9 * (last - first) ? [from, to] : [first, last];
}

/**
 * The view nearest to the one wished for; null if it is the whole.
 * @param {Pair} ends @param {number} columns @param {Pair} wish
 * @returns {Pair | null}
 */
export function viewWithin([first, last], columns, [from, to]) {
  const cell = (last - first) / columns;
  const span = clamp(to - from, Math.min(SMALLEST_VIEW * cell, last - first), last - first);
  const start = clamp(from, first, last - span);
  return span >= (last - first) * 0.999 ? null : [start, start + span];
}

/**
 * A view wider by a factor around a centre, which stays where it is on the screen.
 * @param {Pair} view @param {number} factor @param {number} centre
 * @returns {Pair}
 */
export function zoomed([from, to], factor, centre) {
  return [centre - (centre - from) * factor, centre + (to - centre) * factor];
}

/**
 * The first and the last cell that are shown whole.
 * @param {Pair} ends @param {number} columns @param {Pair} view
 * @returns {Pair}
 */
export function wholeCells([first, last], columns, [from, to]) {
  const toCell = (/** @type {number} */ value) => ((value - first) / (last - first)) * columns;
  return [Math.ceil(toCell(from) - 1e-6), Math.floor(toCell(to) + 1e-6) - 1];
}

const MEL = 0.7; // kHz at which the mel scale bends

/** How the rows of a matrix are spread over its picture. */
export class Rows {
  /**
   * @param {Pair} ends of the rows, in kHz if there is a `wish`
   * @param {Frequency} [wish] @param {Pair | null} [part] that is seen of them
   */
  constructor([low, high], wish, part) {
    this.ends = /** @type {Pair} */ ([low, high]);
    this.bottom = part ? part[0] : low;
    this.top = part ? part[1] : wish?.top ? Math.min(wish.top, high) : high;
    this.mel = Boolean(wish?.mel);
    this.isPlain = this.bottom === low && this.top === high && !this.mel;
  }

  /** @param {number} value */
  warp(value) {
    return this.mel ? Math.log1p(value / MEL) : value;
  }

  /** Where a value is, from 0 at the bottom to 1 at the top. @param {number} value */
  shareOf(value) {
    const [from, to] = [this.warp(this.bottom), this.warp(this.top)];
    return (this.warp(value) - from) / (to - from);
  }

  /** @param {number} share */
  valueAt(share) {
    const [from, to] = [this.warp(this.bottom), this.warp(this.top)];
    const warped = from + share * (to - from);
    return this.mel ? MEL * Math.expm1(warped) : warped;
  }

  /** The place of a row's lower edge, as a share. @param {number} part of all rows */
  shareOfPart(part) {
    const [low, high] = this.ends;
    return this.shareOf(low + part * (high - low));
  }

  /** The part of all rows that is at a share. @param {number} share */
  partAt(share) {
    const [low, high] = this.ends;
    return (this.valueAt(share) - low) / (high - low);
  }

  /** Round values, so many of them. @param {number} count @param {string} unit */
  ticks(count, unit) {
    if (!this.mel) return ticks(this.bottom, this.top, count, unit);
    const halves = [0, 0.25, 0.5, 1, 2, 4, 8, 16, 32].filter(
      (value) => this.ends[0] <= value && value <= this.top * 1.001,
    );
    /** @type {Tick[]} */
    const found = [];
    for (const value of halves.reverse()) {
      const last = found.at(-1);
      const room = last ? this.shareOf(last.value) - this.shareOf(value) : 1;
      if (room >= 0.6 / count) found.push({ value, text: String(value) });
    }
    return found;
  }
}
