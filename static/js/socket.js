/**
 * The signalling socket: JSON text frames, kept alive by a ping and opened again
 * with growing, randomised pauses whenever it is lost.
 *
 * Events: "open", "lost" (each time a try or a connection ends), and "message"
 * (`detail` is the parsed object).
 */

const PING_MS = 3000;
const UNANSWERED_PINGS = 3;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15000;

/**
 * The pause before try number `attempt` (from 0): doubling from 0.5 s up to 15 s,
 * spread by a quarter so that clients of a restarted server do not return at once.
 *
 * @param {number} attempt
 * @param {() => number} [random] from 0 up to 1
 * @returns {number} milliseconds
 */
export function backoffMs(attempt, random = Math.random) {
  const pause = FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10) * (0.75 + random() / 2);
  return Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, pause));
}

/**
 * @param {string} application
 * @returns {string} the socket of an application on the page's own server
 */
export function signallingUrl(application) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return `${scheme}://${location.host}/${encodeURIComponent(application)}/websocket`;
}

export class SignallingSocket extends EventTarget {
  #url;
  /** @type {WebSocket | null} */
  #socket = null;
  #attempt = 0;
  #unanswered = 0;
  #pingTimer = 0;
  #retryTimer = 0;
  #wanted = false;

  /** @param {string} url */
  constructor(url) {
    super();
    this.#url = url;
    // The network is back: no need to sit out the pause.
    addEventListener("online", () => this.#retryTimer && this.#connect());
  }

  /** True while a message would really be sent. */
  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Connects, and stays connected until `close`. Safe to call again. */
  open() {
    this.#wanted = true;
    if (!this.#socket && !this.#retryTimer) this.#connect();
  }

  /**
   * @param {object} message
   * @returns {boolean} false when the socket is not open: the message is dropped
   */
  send(message) {
    if (!this.isOpen) return false;
    this.#socket?.send(JSON.stringify(message));
    return true;
  }

  /** Ends this connection and opens another: for the server, this client was lost. */
  reset() {
    if (this.#socket) this.#drop();
  }

  close() {
    this.#wanted = false;
    this.#drop();
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = 0;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#unanswered = 0;
    socket.onopen = () => {
      this.#pingTimer = setInterval(() => this.#ping(), PING_MS);
      this.dispatchEvent(new Event("open"));
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = () => this.#drop();
  }

  #receive(text) {
    this.#attempt = 0;
    this.#unanswered = 0;
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (message === null || typeof message !== "object") return;
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
  }

  #ping() {
    if (this.#unanswered >= UNANSWERED_PINGS) {
      this.#drop();
      return;
    }
    this.#unanswered += 1;
    this.send({ command: "ping" });
  }

  /** Lets go of the connection, whatever its state, and plans the next one. */
  #drop() {
    clearInterval(this.#pingTimer);
    clearTimeout(this.#retryTimer);
    this.#retryTimer = 0;
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    if (!this.#wanted) return;
    this.#retryTimer = setTimeout(() => this.#connect(), backoffMs(this.#attempt));
    this.#attempt += 1;
    this.dispatchEvent(new Event("lost"));
  }
}
