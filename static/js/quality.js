/** The player's choice of picture size; shown where there is more than one. */

import { byId } from "./widgets.js";

const AUTOMATIC = 0;

export class QualityMenu {
  #choose;

  /** @param {(height: number) => void} choose 0: the server's choice */
  constructor(choose) {
    this.#choose = choose;
    byId("quality").addEventListener("change", () => {
      this.#choose(Number(byId("quality").value));
    });
  }

  /** @returns {number} the height that a person chose */
  get chosen() {
    return Number(byId("quality").value);
  }

  /** @param {unknown} renditions `streamInfo` of a `streamInformation` */
  offer(renditions) {
    const rows = Array.isArray(renditions) ? renditions : [];
    const heights = [...new Set(rows.map(({ streamHeight }) => Number(streamHeight)))]
      .filter((height) => height > 0)
      .sort((one, other) => other - one);
    const kept = this.chosen;
    byId("quality").replaceChildren(
      new Option("Auto", String(AUTOMATIC)),
      ...heights.map((height) => new Option(`${height}p`, String(height))));
    byId("quality").value = String(heights.includes(kept) ? kept : AUTOMATIC);
    byId("quality").hidden = heights.length < 2;
  }

  /** Says what is being sent in the automatic choice. @param {number} height */
  showCurrent(height) {
    const [automatic] = byId("quality").options;
    automatic.textContent = height > 0 ? `Auto (${height}p)` : "Auto";
  }
}
