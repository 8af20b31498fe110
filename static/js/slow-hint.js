/** Tells a viewer that the connection bears less than what it is sent. */

import { byId } from "./widgets.js";

/** The server measures about every five seconds; without a word the hint goes. */
const LASTS_MS = 12000;

export class SlowHint {
  #timer = 0;

  /**
   * @param {Record<string, unknown>} measured a `bitrateMeasurement`, bit/s
   * @param {boolean} isPinned a person chose the picture size
   */
  show({ targetBitrate, videoBitrate, audioBitrate }, isPinned) {
    const target = Number(targetBitrate);
    const isSlow = target > 0 && target < Number(videoBitrate) + Number(audioBitrate);
    clearTimeout(this.#timer);
    if (!isSlow) this.hide();
    else {
      this.#say(isPinned
        ? "Too slow for this size. Choose Auto."
        : "Slow connection: it may stop.");
      this.#timer = setTimeout(() => this.hide(), LASTS_MS);
    }
  }

  hide() {
    clearTimeout(this.#timer);
    this.#say("");
  }

  /** The same words again would be read aloud again. */
  #say(text) {
    if (byId("slow").textContent !== text) byId("slow").textContent = text;
  }
}
