/** Plays the sound of everybody, and says when the browser wants a click first. */

export class CallSound {
  /** @type {Map<string, HTMLAudioElement & {setSinkId?: (id: string) => Promise<void>}>} */
  #players = new Map();
  #onBlocked;
  #speaker = "";

  /** @param {(isBlocked: boolean) => void} onBlocked */
  constructor(onBlocked) {
    this.#onBlocked = onBlocked;
  }

  /** Whether this browser can play on another device than the usual one. */
  static get canChoose() {
    return "setSinkId" in HTMLMediaElement.prototype;
  }

  /** @param {string} key @param {MediaStreamTrack | null} track null: no more */
  set(key, track) {
    const old = this.#players.get(key);
    if (old && track && /** @type {MediaStream} */ (old.srcObject).getTracks()[0] === track) {
      return;
    }
    if (old) old.srcObject = null;
    this.#players.delete(key);
    if (!track) return;
    const player = new Audio();
    player.srcObject = new MediaStream([track]);
    this.#players.set(key, player);
    if (this.#speaker) player.setSinkId?.(this.#speaker).catch(() => undefined);
    this.#play(player);
  }

  /** After a click: what was not allowed before is now. */
  resume() {
    this.#onBlocked(false);
    for (const player of this.#players.values()) this.#play(player);
  }

  /** @param {string} deviceId @returns {Promise<void>} rejects when it is gone */
  async choose(deviceId) {
    this.#speaker = deviceId;
    await Promise.all([...this.#players.values()].map((player) =>
      player.setSinkId?.(deviceId)));
  }

  clear() {
    for (const key of [...this.#players.keys()]) this.set(key, null);
    this.#onBlocked(false);
  }

  async #play(player) {
    try {
      await player.play();
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      if (error.name === "NotAllowedError") this.#onBlocked(true);
    }
  }
}
