// Small things with numbers.

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** @param {string} text */
export const withMinus = (text) => text.replace("-", "\u2212");

/** @param {number} value */
export const tidy = (value) => withMinus(String(+value.toFixed(2)));
