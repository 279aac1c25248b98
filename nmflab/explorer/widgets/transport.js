// Times of a player: where it stands, where a key leads, how long a fade takes.

/** What somebody types into: keys belong to it. */
export const TYPED = "input:not([type=range]), textarea, select, [contenteditable=true]";

export const FADE = 0.01; // s
const SKIP = 0.5; // s an arrow key goes; with shift a tenth

/**
 * Where a sound is at a time of the audio clock that was at `place` at `startedAt`.
 * @param {{ place: number, startedAt: number, duration: number, looping: boolean }} sound
 * @param {number} time
 */
export function placeAt({ place, startedAt, duration, looping }, time) {
  const now = place + Math.max(0, time - startedAt);
  return looping && duration ? now % duration : Math.min(now, duration);
}

/**
 * Where a key leads; undefined if nowhere.
 * @param {string} key @param {boolean} fine @param {number} position @param {number} duration
 */
export function jump(key, fine, position, duration) {
  const skip = fine ? SKIP / 10 : SKIP;
  /** @type {Record<string, number>} */
  const places = {
    ArrowLeft: position - skip,
    ArrowRight: position + skip,
    Home: 0,
    End: duration,
  };
  return places[key];
}

/**
 * What a switch between two versions leads to: the other one or, from elsewhere, the first.
 * @param {number[]} pair @param {number} version
 */
export function otherOf([first, second], version) {
  return version === first ? second : first;
}

/**
 * Whether a key belongs to what has the focus, and not to the player: Space presses the loop
 * button, but on any other it plays and pauses; arrows move the volume.
 * @param {string} key @param {"loop" | "volume" | ""} focus
 */
export function isOwnKey(key, focus) {
  if (focus === "volume") return /^(Arrow|Home|End)/.test(key);
  return focus === "loop" && key === " ";
}

// Go to a value in FADE seconds: no click.
/** @param {AudioParam} parameter @param {number} value @param {number} when */
export function ramp(parameter, value, when) {
  parameter.cancelScheduledValues(when);
  parameter.setValueAtTime(parameter.value, when);
  parameter.linearRampToValueAtTime(value, when + FADE);
}

/** 0:03.2 @param {number} seconds */
export function clock(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
  return `${Math.floor(tenths / 600)}:${rest}`;
}
