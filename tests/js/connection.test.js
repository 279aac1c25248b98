// A lost connection is said, also one that was lost before anybody watched.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { watchConnection } from "../../nmflab/explorer/widgets/connection.js";

const NUMBER = 7; // of the timer, as browsers number theirs

/** @type {any} */
let line;
/** @type {(() => void) | null} */
let again;

/** A kernel whose connection is as it is told. */
class Kernel {
  isDisposed = false;
  /** @type {((kernel: Kernel, status: string) => void) | null} */
  hear = null;
  reconnect = mock.fn(() => Promise.resolve());
  connectionStatusChanged = {
    connect: (/** @type {any} */ hear) => {
      this.hear = hear;
    },
    disconnect: () => {
      this.hear = null;
    },
  };

  /** @param {string} connectionStatus */
  constructor(connectionStatus) {
    this.connectionStatus = connectionStatus;
  }

  /** @param {string} status */
  become(status) {
    this.connectionStatus = status;
    this.hear?.(this, status);
  }
}

const timers = { setInterval, clearInterval };

beforeEach(() => {
  again = null;
  line = { hidden: false, textContent: "", setAttribute() {}, remove: mock.fn() };
  const body = { appendChild: (/** @type {any} */ child) => child };
  Object.assign(globalThis, {
    document: { body, createElement: () => line },
    setInterval: (/** @type {() => void} */ work) => {
      again = work;
      return NUMBER;
    },
    clearInterval: (/** @type {number} */ number) => {
      if (number === NUMBER) again = null;
    },
  });
});

afterEach(() => Object.assign(globalThis, timers));

test("nothing is said while there is a connection", () => {
  const stop = watchConnection(new Kernel("connected"));
  assert.equal(line.hidden, true);
  stop();
});

for (const lostBefore of [true, false])
  test(`a connection that is lost ${lostBefore ? "already" : "later"} is said, and tried again`, () => {
    const kernel = new Kernel(lostBefore ? "connecting" : "connected");
    const stop = watchConnection(kernel);
    if (!lostBefore) kernel.become("connecting");
    assert.equal(line.hidden, false);
    assert.match(line.textContent, /connection to the server is lost/);
    again?.();
    again?.();
    assert.equal(kernel.reconnect.mock.callCount(), 2);
    kernel.become("connected");
    assert.equal(line.hidden, true);
    assert.equal(again, null);
    stop();
    assert.equal(kernel.hear, null);
    assert.equal(line.remove.mock.callCount(), 1);
  });
