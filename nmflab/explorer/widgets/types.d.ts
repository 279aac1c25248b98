// What `tsc` is told of the data that come from Python, and that modules hand to each other.

import type { Engine } from "./engine.js";
import type { Grid } from "./grid.js";
import type { Sheet } from "./sheet.js";

declare global {
  interface Window {
    __nmflab_bus?: Bus;
  }
}

export type Pair = [number, number];

/** What is brushed of a spectrogram: from s, to s, from kHz, to kHz. */
export type Region = [number, number, number, number];

/** anywidget's model: the traitlets of one widget. */
export interface Model<Traits> {
  get<Name extends keyof Traits>(name: Name): Traits[Name];
  set<Name extends keyof Traits>(name: Name, value: Traits[Name]): void;
  save_changes(): void;
  on(event: string, callback: (message: any, buffers?: DataView[]) => void): void;
  off(event: string, callback: (message: any, buffers?: DataView[]) => void): void;
  send(content: object, callbacks?: undefined, buffers?: ArrayBuffer[]): void;
  widget_manager?: { kernel?: Kernel };
}

/** Jupyter's connection to a kernel, as far as a page watches it. */
export interface Kernel {
  isDisposed: boolean;
  connectionStatus: string;
  reconnect(): Promise<void>;
  connectionStatusChanged: {
    connect(hear: (kernel: Kernel, status: string) => void): void;
    disconnect(hear: (kernel: Kernel, status: string) => void): void;
  };
}

/** What anywidget hands to `render` and `initialize`. */
export interface Scope<Traits> {
  model: Model<Traits>;
  el: HTMLElement;
}

export type AxisName = "rows" | "columns" | "value";

export type CanvasTraits = {
  title: string;
  group: string;
  sound: string;
  _extent?: { size?: Pair; at?: Pair };
  height: number;
  pick: boolean;
  slider: boolean;
  _frame: Frame;
  _palette: DataView;
  mark_name: string;
  _marks: { seq: number; stretches: Pair[] };
  paint?: string;
  _painted?: { seq: number; heard: number; regions: Region[]; rows: number[] };
  _highlight: { row?: number | null; column?: number | null };
} & Record<`${AxisName}_label` | `${AxisName}_unit`, string>;

/** A picture as canvas.py sends it; without `codes` it is empty and has nothing but `seq`. */
export interface Frame {
  seq: number;
  shape: Pair;
  by_columns: boolean;
  column_step: number;
  limits: Pair;
  rows: Pair;
  columns: Pair;
  low: number;
  high: number;
  row_bands: [string, number][];
  column_bands: [string, number][];
  row_names?: string[];
  column_names?: string[];
  cell_texts?: string[][];
  batch?: [string, number, number]; // pictures sent together: their name, which one, how many
  codes: DataView;
}

export interface PlayerTraits {
  group: string;
  source: string;
  _starts: number;
  _shy?: number;
  _pair?: number[];
  _labels: string[];
  _meta: { seq: number; rate: number; scales: number[] };
  [sound: `_sound_${number}`]: DataView;
}

export interface OpenerTraits {
  description: string;
  tooltip: string;
  accept: string;
  max_seconds: number;
  max_bytes: number;
}

/** An axis: what it is called, where it begins and ends, how many cells it has. */
export interface Axis {
  name: string;
  unit: string;
  ends: Pair;
  count: number;
  names: string[];
}

export interface Tick {
  value: number;
  text: string;
}

/** What is shown of the frequencies: up to `top` kHz, or all of them; on the mel scale or not. */
export interface Frequency {
  top: number | null;
  mel: boolean;
}

/** A rectangle of the page, in CSS pixels. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** A cell, from 0 on, and the exact place on the column axis if a pointer is there. */
export interface Cell {
  row: number;
  column: number;
  value?: number;
}

/** All that one painting needs. */
export interface Scene {
  sheet: Sheet;
  frame: Frame;
  grid: Grid;
  rows: Axis;
  columns: Axis;
  value: Axis;
  range: Pair;
  palette: Uint8Array;
}

export type Hear = (type: string | symbol, detail: any) => void;

export interface Bus {
  groups: Map<string, { members: Set<Hear>; state: GroupState }>;
  keys: unknown;
  join(name: string, hear: Hear): Group;
  audio?: AudioContext;
  soloist?: Engine | null;
}

export interface GroupState {
  playhead?: { time: number; playing?: boolean };
  batch?: { id: string; came: Set<number> };
  frequency?: Frequency;
  brush?: boolean;
  [type: string | symbol]: any;
}

export interface Group {
  state: GroupState;
  send: Hear;
  leave: () => void;
}
