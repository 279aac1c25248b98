// Several versions of one sound, all running side by side in step; only one is let through, so
// switching is a cross-fade and can't lose the place. See player.py.

import { bus } from "./bus.js";
import { clamp } from "./numbers.js";
import { fromPcm16 } from "./samples.js";
import { FADE, jump, otherOf, placeAt, ramp } from "./transport.js";

/** @import { Group, Model, PlayerTraits } from "./types.d.ts" */

/** @typedef {{ source: AudioBufferSourceNode, gain: GainNode }} Voice */
/**
 * @typedef {object} Sound
 * @property {DataView} bytes
 * @property {number} scale
 * @property {number} length in samples
 * @property {number} rate
 * @property {AudioBuffer | null} buffer
 */

const LEAD = 0.05; // s ahead of now that a voice is scheduled, so that all start at one sample

// One audio context for the page, made at the first gesture: before it, browsers allow no sound.
function audio() {
  bus.audio ??= new AudioContext();
  bus.audio.resume();
  return bus.audio;
}

export class Engine {
  /** @param {Model<PlayerTraits>} model */
  constructor(model) {
    this.model = model;
    /** @type {Set<() => void>} */
    this.watchers = new Set(); // the views
    /** @type {Sound[]} */
    this.sounds = []; // by version
    /** @type {{ voices: Voice[], output: GainNode } | null} */
    this.running = null; // while playing; voices by version
    this.place = 0; // s, where it stands or where it started
    this.startedAt = 0; // s of the audio clock
    this.looping = false;
    this.volume = 1;
    this.duration = 0;
    this.request = 0;
    this.group = this.join();
    this.onSounds = () => this.load();
    this.onSource = () => this.crossfade();
    this.onStart = () => this.play();
    this.onGroup = () => {
      this.group.leave();
      this.group = this.join();
    };
    model.on("change:_meta", this.onSounds);
    model.on("change:source", this.onSource);
    model.on("change:_starts", this.onStart);
    model.on("change:group", this.onGroup);
    this.onLabels = () => this.changed();
    model.on("change:_labels", this.onLabels);
    this.load();
  }

  close() {
    this.pause();
    this.model.off("change:_meta", this.onSounds);
    this.model.off("change:source", this.onSource);
    this.model.off("change:_starts", this.onStart);
    this.model.off("change:group", this.onGroup);
    this.model.off("change:_labels", this.onLabels);
    this.group.leave();
    if (bus.soloist === this) bus.soloist = null;
  }

  /** @returns {Group} */
  join() {
    return bus.join(this.model.get("group"), (type, detail) => {
      if (type === "seek") this.playFrom(detail);
      if (type === "key") this.key(detail.key);
    });
  }

  get labels() {
    return this.model.get("_labels");
  }

  get version() {
    return this.labels.indexOf(this.model.get("source"));
  }

  get playing() {
    return this.running !== null;
  }

  /** @param {number} version */
  has(version) {
    return Boolean(this.sounds[version]?.bytes?.byteLength);
  }

  // --- Sounds ---

  load() {
    const { rate, scales } = this.model.get("_meta");
    const bytes = this.labels.map((_, i) => this.model.get(`_sound_${i}`));
    const length = Math.max(...bytes.map((b) => b.byteLength / 2));
    const before = this.sounds;
    this.duration = length / rate;
    this.sounds = bytes.map((b, i) => {
      const old = before[i];
      const same = old && old.bytes === b && old.scale === scales[i];
      // All are as long as the longest, so that they loop in step.
      if (same && old.length === length && old.rate === rate) return old;
      const buffer = decode(b, scales[i], length, rate);
      return { bytes: b, scale: scales[i], length, rate, buffer };
    });
    if (this.running) this.replaceVoices(this.running, before);
    else this.place = Math.min(this.place, this.duration);
    this.changed();
  }

  // New sounds while it plays: they come in at the same place, the old ones go out. `place` and
  // `startedAt` say where the new ones are, too.
  /** @param {{ voices: Voice[], output: GainNode }} running @param {Sound[]} before */
  replaceVoices({ voices, output }, before) {
    const context = audio();
    const when = context.currentTime + LEAD;
    const place = this.positionAt(when);
    if (place >= this.duration) {
      this.finish();
      return;
    }
    voices.forEach((old, i) => {
      if (this.sounds[i] === before[i]) return;
      old.source.onended = null;
      old.source.stop(when + FADE);
      ramp(old.gain.gain, 0, when);
      voices[i] = this.voice(output, i, when, place);
    });
  }

  /** @param {GainNode} output @param {number} version @param {number} when @param {number} place */
  voice(output, version, when, place) {
    const { context } = output;
    const source = new AudioBufferSourceNode(context, {
      buffer: this.sounds[version].buffer,
      loop: this.looping,
    });
    const gain = new GainNode(context, { gain: 0 });
    source.connect(gain).connect(output);
    source.start(when, place);
    if (version === this.version) ramp(gain.gain, 1, when);
    source.onended = () => version === 0 && !source.loop && this.finish();
    return { source, gain };
  }

  // --- Transport ---

  /** @param {number} time */
  positionAt(time) {
    return this.playing ? placeAt(this, time) : this.place;
  }

  get clock() {
    return bus.audio?.currentTime ?? 0;
  }

  get position() {
    return this.positionAt(this.clock);
  }

  play() {
    if (this.playing || !this.duration) return;
    const context = audio();
    if (bus.soloist !== this) bus.soloist?.pause(); // one voice in the room at a time
    bus.soloist = this;
    if (this.place > this.duration - FADE) this.place = 0;
    const output = new GainNode(context, { gain: this.volume });
    output.connect(context.destination);
    this.startedAt = context.currentTime + LEAD;
    const voices = this.sounds.map((_, i) => this.voice(output, i, this.startedAt, this.place));
    this.running = { voices, output };
    this.tick();
  }

  pause() {
    if (!this.running) return;
    this.place = this.position;
    this.silence(this.running);
    this.changed();
  }

  // The end was reached.
  finish() {
    if (!this.running) return;
    this.silence(this.running);
    this.place = 0;
    this.changed();
  }

  /** @param {{ voices: Voice[], output: GainNode }} running */
  silence({ voices, output }) {
    this.running = null;
    cancelAnimationFrame(this.request);
    const now = this.clock;
    ramp(output.gain, 0, now);
    for (const { source } of voices) {
      source.onended = null;
      source.stop(now + FADE);
    }
    setTimeout(() => output.disconnect(), 1000 * (FADE + LEAD) + 100);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  /** @param {number} time */
  seek(time, thenPlay = this.playing) {
    if (this.running) this.silence(this.running);
    this.place = clamp(time, 0, this.duration);
    if (thenPlay) this.play();
    this.changed();
  }

  // A click on a picture: play from there what is to be seen in it, if it is one of the versions.
  /** @param {{ time: number, sound?: string }} click */
  playFrom({ time, sound }) {
    this.choose(this.labels.indexOf(sound ?? ""));
    this.seek(time, true);
  }

  /** @param {number} version */
  choose(version) {
    if (version === this.version || !this.has(version)) return;
    this.model.set("source", this.labels[version]);
    this.model.save_changes();
  }

  // The two versions to switch between, once both can be heard.
  get pair() {
    const pair = this.model.get("_pair") ?? [];
    return pair.length === 2 && pair.every((version) => this.has(version)) ? pair : null;
  }

  swap() {
    if (this.pair) this.choose(otherOf(this.pair, this.version));
  }

  crossfade() {
    const now = this.clock;
    this.running?.voices.forEach(({ gain }, i) => {
      ramp(gain.gain, i === this.version ? 1 : 0, now);
    });
    this.changed();
  }

  /** @param {boolean} looping */
  setLooping(looping) {
    const place = this.position;
    this.looping = looping;
    if (this.running) {
      for (const { source } of this.running.voices) source.loop = looping;
      this.place = place; // counted from here on, whatever was gone round before
      this.startedAt = Math.max(this.startedAt, this.clock);
    }
    this.changed();
  }

  /** @param {number} volume */
  setVolume(volume) {
    this.volume = volume;
    if (this.running) ramp(this.running.output.gain, volume, this.clock);
    this.changed();
  }

  // What a key does, pressed here or on a canvas of the group; false if nothing.
  /** @param {string} key */
  key(key, fine = false) {
    const place = jump(key, fine, this.position, this.duration);
    if (key === " ") this.toggle();
    else if (/^[1-9]$/.test(key)) this.choose(Number(key) - 1);
    else if (place !== undefined) this.seek(place);
    else return false;
    return true;
  }

  // --- Telling views and canvases ---

  tick() {
    this.changed();
    if (this.playing) this.request = requestAnimationFrame(() => this.tick());
  }

  changed() {
    if (this.duration) this.group.send("playhead", { time: this.position, playing: this.playing });
    for (const watch of this.watchers) watch();
  }
}

// A buffer of the given length, silence behind the end of the sound.
/** @param {DataView} bytes @param {number} scale @param {number} length @param {number} rate */
function decode(bytes, scale, length, rate) {
  if (!length) return null;
  const buffer = new AudioBuffer({ length, numberOfChannels: 1, sampleRate: rate });
  fromPcm16(buffer.getChannelData(0), bytes, scale);
  return buffer;
}
