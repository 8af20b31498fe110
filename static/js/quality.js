/** The player's choice of picture size; shown where there is more than one. */

import { byId } from "./widgets.js";

const AUTOMATIC = 0;
/** Further sizes come seconds after a stream starts, and may go again. */
const REFRESH_MS = 10000;
/** Most streams have one size for good: after a minute they are asked about less often. */
const EARLY_TURNS = 6;
const RARE_TURNS = 12;

/**
 * @typedef {object} Server what the menu needs of it
 * @property {() => void} ask for the sizes, which `offer` then gets
 * @property {(height: number) => void} choose 0: the server's choice
 */

export class QualityMenu {
  /** @type {Server} */
  #server;
  #select = byId("quality");
  #heights = [];
  #current = 0;
  #timer = 0;

  /** @param {Server} server */
  constructor(server) {
    this.#server = server;
    this.#select.addEventListener("change", () => {
      this.#nameAutomatic();
      this.#server.choose(this.chosen);
    });
    this.#select.addEventListener("focus", () => this.#server.ask());
  }

  /** @returns {number} the height that a person chose */
  get chosen() {
    return Number(this.#select.value);
  }

  /** A connection stands. Each begins with the server's choice. */
  start() {
    this.stop();
    if (this.chosen !== AUTOMATIC) this.#server.choose(this.chosen);
    this.#server.ask();
    let turn = 0;
    this.#timer = setInterval(() => {
      turn += 1;
      const isOpen = document.activeElement === this.#select;
      const isDue = turn <= EARLY_TURNS || turn % RARE_TURNS === 0;
      if (isOpen || (isDue && this.#heights.length < 2)) this.#server.ask();
    }, REFRESH_MS);
  }

  /** The last choice stays, for the next connection. */
  stop() {
    clearInterval(this.#timer);
    this.#current = 0;
    this.#nameAutomatic();
  }

  /** Another stream: nothing is known or chosen. */
  reset() {
    this.stop();
    this.#select.value = String(AUTOMATIC);
    this.offer([]);
  }

  /** @param {unknown} renditions `streamInfo` of a `streamInformation` */
  offer(renditions) {
    const rows = Array.isArray(renditions) ? renditions : [];
    // What was chosen stays in the list: a size that is gone may come back.
    const found = [...rows.map(({ streamHeight }) => Number(streamHeight)), this.chosen];
    const heights = [...new Set(found)]
      .filter((height) => height > 0)
      .sort((one, other) => other - one);
    if (String(heights) === String(this.#heights)) return; // an open list stays as it is
    const kept = this.chosen;
    this.#heights = heights;
    this.#select.replaceChildren(
      new Option("Auto", String(AUTOMATIC)),
      ...heights.map((height) => new Option(`${height}p`, String(height))));
    this.#select.value = String(kept);
    this.#select.hidden = heights.length < 2;
    this.#nameAutomatic();
  }

  /** Says what is being sent; other sizes may be there too by now. */
  showCurrent(height) {
    this.#current = height;
    this.#nameAutomatic();
    this.#server.ask();
  }

  #nameAutomatic() {
    const isKnown = this.#current > 0 && this.chosen === AUTOMATIC;
    this.#select.options[0].textContent = isKnown ? `Auto (${this.#current}p)` : "Auto";
  }
}
