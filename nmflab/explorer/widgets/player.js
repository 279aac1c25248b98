// Several versions of one sound, all running side by side in step; only one is let through, so
// switching is a cross-fade and can't lose the place. See player.py.

const FADE = 0.01; // s
const LEAD = 0.05; // s ahead of now that a voice is scheduled, so that all start at one sample
const SKIP = 0.5; // s an arrow key goes; with shift a tenth

export default () => {
  let engine; // one for the model, however many views of it there are
  return {
    initialize({ model }) {
      engine = new Engine(model);
      return () => engine.close();
    },
    render({ model, el }) {
      const view = new PlayerView(model, el, engine);
      return () => view.remove();
    },
  };
};

// One audio context for the page, made at the first gesture: before it, browsers allow no sound.
function audio() {
  bus.audio ??= new AudioContext();
  bus.audio.resume();
  return bus.audio;
}

class Engine {
  constructor(model) {
    this.model = model;
    this.watchers = new Set(); // the views
    this.sounds = []; // { bytes, scale, buffer } by version
    this.voices = null; // { source, gain } by version while playing
    this.place = 0; // s, where it stands or where it started
    this.looping = false;
    this.volume = 1;
    this.duration = 0;
    this.onSounds = () => this.load();
    this.onSource = () => this.crossfade();
    this.onGroup = () => this.join();
    model.on("change:_meta", this.onSounds);
    model.on("change:source", this.onSource);
    model.on("change:group", this.onGroup);
    this.join();
    this.load();
  }

  close() {
    this.pause();
    this.model.off("change:_meta", this.onSounds);
    this.model.off("change:source", this.onSource);
    this.model.off("change:group", this.onGroup);
    this.group.leave();
    if (bus.soloist === this) bus.soloist = null;
  }

  join() {
    this.group?.leave();
    this.group = bus.join(this.model.get("group"), (type, detail) => {
      if (type === "seek") this.seek(detail.time, true);
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
    return this.voices !== null;
  }

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
      return { bytes: b, scale: scales[i], length, rate, buffer: decode(b, scales[i], length, rate) };
    });
    if (this.playing) this.replaceVoices(before);
    else this.place = Math.min(this.place, this.duration);
    this.changed();
  }

  // New sounds while it plays: they come in at the same place, the old ones go out.
  replaceVoices(before) {
    const context = audio();
    const when = context.currentTime + LEAD;
    const place = this.positionAt(when);
    if (place >= this.duration) return this.finish();
    this.voices.forEach((old, i) => {
      if (this.sounds[i] === before[i]) return;
      old.source.onended = null;
      old.source.stop(when + FADE);
      ramp(old.gain.gain, 0, when);
      this.voices[i] = this.voice(context, i, when, place);
    });
    return undefined; // place and startedAt say where the new ones are, too
  }

  voice(context, version, when, place) {
    const source = new AudioBufferSourceNode(context, {
      buffer: this.sounds[version].buffer,
      loop: this.looping,
    });
    const gain = new GainNode(context, { gain: 0 });
    source.connect(gain).connect(this.output);
    source.start(when, place);
    if (version === this.version) ramp(gain.gain, 1, when);
    source.onended = () => version === 0 && !source.loop && this.finish();
    return { source, gain };
  }

  // --- Transport ---

  positionAt(time) {
    if (!this.playing) return this.place;
    const place = this.place + Math.max(0, time - this.startedAt);
    return this.looping && this.duration ? place % this.duration : Math.min(place, this.duration);
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
    this.output = new GainNode(context, { gain: this.volume });
    this.output.connect(context.destination);
    this.startedAt = context.currentTime + LEAD;
    this.voices = this.sounds.map((_, i) => this.voice(context, i, this.startedAt, this.place));
    this.tick();
  }

  pause() {
    if (!this.playing) return;
    this.place = this.position;
    this.silence();
    this.changed();
  }

  // The end was reached.
  finish() {
    if (!this.playing) return;
    this.silence();
    this.place = 0;
    this.changed();
  }

  silence() {
    const { voices, output } = this;
    this.voices = null;
    cancelAnimationFrame(this.request);
    const now = bus.audio.currentTime;
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

  seek(time, thenPlay = this.playing) {
    if (this.playing) this.silence();
    this.place = clamp(time, 0, this.duration);
    if (thenPlay) this.play();
    this.changed();
  }

  choose(version) {
    if (version === this.version || !this.has(version)) return;
    this.model.set("source", this.labels[version]);
    this.model.save_changes();
  }

  crossfade() {
    if (this.playing) {
      const now = bus.audio.currentTime;
      this.voices.forEach(({ gain }, i) => ramp(gain.gain, i === this.version ? 1 : 0, now));
    }
    this.changed();
  }

  setLooping(looping) {
    const place = this.position;
    this.looping = looping;
    if (this.playing) {
      for (const { source } of this.voices) source.loop = looping;
      this.place = place; // counted from here on, whatever was gone round before
      this.startedAt = Math.max(this.startedAt, bus.audio.currentTime);
    }
    this.changed();
  }

  setVolume(volume) {
    this.volume = volume;
    if (this.playing) ramp(this.output.gain, volume, bus.audio.currentTime);
    this.changed();
  }

  // What a key does, pressed here or on a canvas of the group; false if nothing.
  key(key, fine = false) {
    const skip = fine ? SKIP / 10 : SKIP;
    const jumps = {
      ArrowLeft: this.position - skip,
      ArrowRight: this.position + skip,
      Home: 0,
      End: this.duration,
    };
    if (key === " ") this.toggle();
    else if (/^[1-9]$/.test(key)) this.choose(Number(key) - 1);
    else if (key in jumps) this.seek(jumps[key]);
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

// PCM16 to a buffer of the given length, silence behind its end.
function decode(bytes, scale, length, rate) {
  if (!length) return null;
  const buffer = new AudioBuffer({ length, numberOfChannels: 1, sampleRate: rate });
  const samples = buffer.getChannelData(0);
  const factor = scale / 32767;
  for (let i = 0; 2 * i < bytes.byteLength; i++) samples[i] = bytes.getInt16(2 * i, true) * factor;
  return buffer;
}

// Go to a value in FADE seconds: no click.
function ramp(parameter, value, when) {
  parameter.cancelScheduledValues(when);
  parameter.setValueAtTime(parameter.value, when);
  parameter.linearRampToValueAtTime(value, when + FADE);
}

// --- What is seen of it ---

const ICONS = {
  play: "M3 1.5v13l11-6.5z",
  pause: "M3 1.5h3.5v13H3zM9.5 1.5H13v13H9.5z",
  loop: "M4 4h7V1.5L15 5l-4 3.5V6H4v3H2V4zM12 12H5v2.5L1 11l4-3.5V10h7V7h2v5z",
};

class PlayerView {
  constructor(model, el, engine) {
    this.model = model;
    this.engine = engine;
    this.build(el);
    this.watch = () => this.update();
    engine.watchers.add(this.watch);
    this.root.addEventListener("keydown", (event) => this.keyPressed(event));
    this.update();
  }

  remove() {
    this.engine.watchers.delete(this.watch);
    this.root.remove();
  }

  build(el) {
    const { engine } = this;
    el.classList.add("nmflab-host");
    const name = { role: "group", "aria-label": "Player" };
    this.root = add(el, "div", { className: "nmflab nmflab-player", ...name });
    const buttons = add(this.root, "div", { className: "nmflab-buttons" });
    this.play = this.button(buttons, "nmflab-play", () => engine.toggle());
    const names = { role: "group", "aria-label": "Version", className: "nmflab-versions" };
    const versions = add(buttons, "span", names);
    this.versions = engine.labels.map((label, i) => {
      const button = this.button(versions, "", () => engine.choose(i));
      add(button, "kbd", { textContent: i + 1, "aria-hidden": "true" });
      add(button, "span", { textContent: label });
      button.title = `Listen to \u201c${label}\u201d (key ${i + 1})`;
      return button;
    });
    this.loop = this.button(buttons, "nmflab-loop", () => engine.setLooping(!engine.looping));
    drawIcon(this.loop, "loop", "Loop");
    const volume = add(buttons, "label", { className: "nmflab-volume", textContent: "Volume" });
    this.volume = slider(volume, { max: 1, step: 0.05, "aria-label": "Volume" });
    this.volume.oninput = () => engine.setVolume(+this.volume.value);
    const line = add(this.root, "div", { className: "nmflab-progress" });
    this.progress = slider(line, { step: "any", "aria-label": "Position" });
    this.progress.oninput = () => engine.seek(+this.progress.value);
    this.time = add(line, "span", { className: "nmflab-time" });
  }

  button(parent, className, onclick) {
    return add(parent, "button", { type: "button", className, onclick });
  }

  keyPressed(event) {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target === this.volume && /^(Arrow|Home|End)/.test(key)) return; // its own
    // Space presses a button that does something; on the version that plays it means pause.
    const isIdle = target.getAttribute("aria-pressed") === "true" && target !== this.loop;
    if (key === " " && target.tagName === "BUTTON" && !isIdle) return;
    if (!this.engine.key(key, event.shiftKey)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  update() {
    const { engine } = this;
    const { clock: now, duration, playing } = engine;
    const position = engine.positionAt(now);
    const isEmpty = !duration;
    drawIcon(this.play, playing ? "pause" : "play", playing ? "Pause" : "Play");
    this.play.disabled = this.progress.disabled = isEmpty;
    this.versions.forEach((button, i) => {
      button.disabled = !engine.has(i);
      button.setAttribute("aria-pressed", i === engine.version);
    });
    this.loop.setAttribute("aria-pressed", engine.looping);
    this.volume.value = engine.volume;
    this.progress.max = duration || 1;
    this.progress.value = position;
    this.time.textContent = `${clock(position)} / ${clock(duration)}`;
    const spoken = `${position.toFixed(1)} of ${duration.toFixed(1)} seconds`;
    this.progress.setAttribute("aria-valuetext", spoken);
    Object.assign(this.root.dataset, {
      state: isEmpty ? "empty" : "ready",
      seq: this.model.get("_meta").seq,
      source: this.model.get("source"),
      playing,
      position: position.toFixed(3),
      clock: now.toFixed(3), // when it stood there: the page may be seconds behind
      duration: duration.toFixed(3),
    });
  }
}

function slider(parent, properties) {
  return add(parent, "input", { type: "range", min: 0, value: 0, ...properties });
}

// The icon of a button and its name; drawn anew only when it changes.
function drawIcon(button, icon, name) {
  if (button.dataset.icon === icon) return;
  button.dataset.icon = icon;
  button.title = icon === "loop" ? name : `${name} (space)`;
  button.setAttribute("aria-label", name);
  const path = `<path d="${ICONS[icon]}" fill="currentColor"/>`;
  button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true">${path}</svg>`;
}

// 0:03.2
function clock(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
  return `${Math.floor(tenths / 600)}:${rest}`;
}
