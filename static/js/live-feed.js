/**
 * The overview's socket: opened again with growing pauses whenever it is lost.
 *
 * Events: "snapshot" (`detail` is the parsed object) and "state", whose `detail` is
 * `{state, seconds}`: lost, never (it has not worked yet), busy, logged-out or
 * forbidden, and the pause until the next try.
 */

import { backoffMs } from "./socket.js";

const SEEN = "seen";
const SILENCE_MS = 15000; // snapshots come every two seconds
const BUSY_PAUSE_MS = 15000;
const TRIES_BEFORE_ADVICE = 3;
const LOGGED_OUT = 4401;
const FORBIDDEN = 4403;
const TRY_LATER = 1013;

export class LiveFeed extends EventTarget {
  #url;
  /** @type {WebSocket | null} */
  #socket = null;
  #attempt = 0;
  #hasWorked = false;
  #silenceTimer = 0;
  #retryTimer = 0;

  /** @param {string} path on the page's own server */
  constructor(path) {
    super();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.#url = `${scheme}://${location.host}${path}`;
    // The network is back: no need to sit out the pause.
    addEventListener("online", () => this.#retryTimer && this.open());
  }

  /** Connects, and stays connected for as long as the server allows it. */
  open() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = 0;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#expectSoon();
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => this.#drop(code);
  }

  #receive(text) {
    this.#attempt = 0;
    this.#hasWorked = true;
    this.#expectSoon();
    const snapshot = JSON.parse(text);
    // Shown first: a page that cannot keep up is sent less.
    setTimeout(() => this.#acknowledge(), 0);
    this.dispatchEvent(new CustomEvent("snapshot", { detail: snapshot }));
  }

  #acknowledge() {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(SEEN);
  }

  /** A connection that dies without a word is noticed here. */
  #expectSoon() {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#drop(0), SILENCE_MS);
  }

  #drop(code) {
    clearTimeout(this.#silenceTimer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
    if (code === LOGGED_OUT) return this.#say("logged-out", 0);
    if (code === FORBIDDEN) return this.#say("forbidden", 0);
    const pause = code === TRY_LATER ? BUSY_PAUSE_MS : backoffMs(this.#attempt);
    this.#attempt += 1;
    this.#retryTimer = setTimeout(() => this.open(), pause);
    return this.#say(this.#trouble(code), Math.round(pause / 1000));
  }

  #trouble(code) {
    if (code === TRY_LATER) return "busy";
    return !this.#hasWorked && this.#attempt >= TRIES_BEFORE_ADVICE ? "never" : "lost";
  }

  #say(state, seconds) {
    this.dispatchEvent(new CustomEvent("state", { detail: { state, seconds } }));
  }
}
