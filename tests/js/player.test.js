import assert from "node:assert/strict";
import { test } from "node:test";

import { fromPcm16, joined, toPcm16 } from "../../nmflab/explorer/widgets/samples.js";
import {
  clock,
  FADE,
  isOwnKey,
  jump,
  otherOf,
  placeAt,
  ramp,
} from "../../nmflab/explorer/widgets/transport.js";

/** An AudioParam's timetable, with the value at any time after the last call. */
class Parameter {
  events = [];

  constructor(value) {
    this.value = value;
  }

  cancelScheduledValues(when) {
    this.events = this.events.filter((event) => event.when < when);
  }

  setValueAtTime(value, when) {
    this.events.push({ value, when, linear: false });
  }

  linearRampToValueAtTime(value, when) {
    this.events.push({ value, when, linear: true });
  }

  at(time) {
    const past = this.events.filter(({ when }) => when <= time).at(-1);
    const next = this.events.find(({ when }) => when > time);
    const start = past?.value ?? this.value;
    if (!next?.linear || !past) return start;
    return start + ((next.value - start) * (time - past.when)) / (next.when - past.when);
  }
}

for (const [from, to] of [
  [0, 1],
  [1, 0],
  [0.3, 0.8],
]) {
  test(`a ramp from ${from} to ${to} begins and ends there and goes one way`, () => {
    const gain = new Parameter(from);
    ramp(gain, to, 2);
    assert.equal(gain.at(2), from);
    assert.equal(gain.at(2 + FADE), to);
    assert.equal(gain.at(9), to);
    const steps = Array.from({ length: 11 }, (_, i) => gain.at(2 + (FADE * i) / 10.001));
    for (let i = 1; i < steps.length; i++) assert.ok((steps[i] - steps[i - 1]) * (to - from) > 0);
  });
}

test("a ramp replaces what was planned after it", () => {
  const gain = new Parameter(0);
  ramp(gain, 1, 5);
  ramp(gain, 0.5, 3);
  assert.equal(gain.at(9), 0.5);
});

test("two ramps of a cross-fade add up to one all the way", () => {
  const [out, into] = [new Parameter(1), new Parameter(0)];
  ramp(out, 0, 1);
  ramp(into, 1, 1);
  for (let i = 0; i <= 10; i++) {
    const time = 1 + (FADE * i) / 10;
    assert.ok(Math.abs(out.at(time) + into.at(time) - 1) < 1e-9);
  }
});

test("a place goes with the clock, waits for the start, and ends or begins again", () => {
  const sound = { place: 1, startedAt: 10, duration: 4, looping: false };
  assert.equal(placeAt(sound, 9), 1);
  assert.equal(placeAt(sound, 12), 3);
  assert.equal(placeAt(sound, 20), 4);
  assert.equal(placeAt({ ...sound, looping: true }, 14), 1);
  assert.equal(placeAt({ ...sound, looping: true, duration: 0, place: 0 }, 14), 0);
});

test("arrows go half a second, with shift a tenth of it; Home and End to the ends", () => {
  assert.equal(jump("ArrowRight", false, 1, 4), 1.5);
  assert.equal(jump("ArrowLeft", true, 1, 4), 0.95);
  assert.equal(jump("Home", false, 1, 4), 0);
  assert.equal(jump("End", false, 1, 4), 4);
  assert.equal(jump("x", false, 1, 4), undefined);
});

test("Space plays and pauses from any button but Loop; the arrows of the volume are its own", () => {
  assert.deepEqual(
    [isOwnKey(" ", ""), isOwnKey(" ", "loop"), isOwnKey(" ", "volume")],
    [false, true, false],
  );
  assert.deepEqual([isOwnKey("ArrowUp", "volume"), isOwnKey("ArrowUp", "")], [true, false]);
  assert.deepEqual([isOwnKey("1", "volume"), isOwnKey("1", "loop")], [false, false]);
});

test("a time is written in minutes, seconds and tenths", () => {
  assert.equal(clock(0), "0:00.0");
  assert.equal(clock(3.2), "0:03.2"); // 3.2 * 10 isn't quite 32
  assert.equal(clock(61.05), "1:01.0");
  assert.equal(clock(600), "10:00.0");
});

test("samples to 16 bits and back differ by half a step, and what is too loud is cut", () => {
  const sound = Float32Array.from([0, 0.1, -0.5, 1, -1, 2, -3]);
  const pcm = toPcm16(sound);
  assert.deepEqual([...pcm.slice(3)], [32767, -32767, 32767, -32767]);
  const samples = new Float32Array(9).fill(0);
  fromPcm16(samples, new DataView(pcm.buffer), 0.5);
  for (let i = 0; i < 5; i++) assert.ok(Math.abs(samples[i] - sound[i] / 2) <= 0.26 / 32767);
  assert.deepEqual([...samples.slice(7)], [0, 0]); // a longer one has silence at the end
});

test("blocks are joined in their order", () => {
  const whole = joined([Float32Array.of(1, 2), new Float32Array(0), Float32Array.of(3)]);
  assert.deepEqual([...whole], [1, 2, 3]);
});

test("a switch goes to the other of two, and from elsewhere to the first", () => {
  assert.equal(otherOf([4, 5], 4), 5);
  assert.equal(otherOf([4, 5], 5), 4);
  assert.equal(otherOf([4, 5], 0), 4);
});
