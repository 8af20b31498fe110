/** The tiles of a call: one for each person, laid out by `arrange`. */

import { arrange } from "./call-layout.js";

const AVATAR_COLOURS = 6;

/** @param {string} name @returns {string} two letters at most */
function initials(name) {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? [];
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters.map((word) => [...word][0].toUpperCase()).join("");
}

const colourOf = (id) =>
  [...id].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0) % AVATAR_COLOURS;

class Tile {
  #parts;
  #name = "";

  /**
   * @param {import("./call-room.js").Person} person
   * @param {{isOwn: boolean, canPin: boolean, onPin: () => void, onShape: () => void}} how
   */
  constructor(person, { isOwn, canPin, onPin, onShape }) {
    const template = /** @type {HTMLTemplateElement} */ (
      document.getElementById("tile-template"));
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = /** @type {HTMLElement} */ (copy.firstElementChild);
    const part = (name) => this.element.querySelector(`.tile-${name}`);
    this.#parts = {
      video: part("video"), avatar: part("avatar"), name: part("label"),
      muted: part("muted"), away: part("away"), pin: part("pin"), said: part("said"),
    };
    this.isOwn = isOwn;
    this.element.dataset.person = person.id;
    this.element.classList.toggle("own", isOwn);
    this.#parts.avatar.dataset.colour = String(colourOf(person.id));
    this.#parts.pin.hidden = !canPin;
    // On the whole tile, for a finger; the button in it is for the keyboard.
    if (canPin) this.element.addEventListener("click", onPin);
    this.video.addEventListener("resize", () => {
      this.element.classList.toggle("has-picture", this.video.videoWidth > 0);
      onShape();
    });
    this.update(person);
  }

  /** @returns {HTMLVideoElement} */
  get video() {
    return this.#parts.video;
  }

  /** @returns {number} width over height of the picture, 16:9 while there is none */
  get ratio() {
    const { videoWidth, videoHeight } = this.video;
    return videoWidth && videoHeight ? videoWidth / videoHeight : 16 / 9;
  }

  /** @param {import("./call-room.js").Person} person */
  update(person) {
    const { isMuted, isCameraOff, isSharing, isSpeaking, isAway } = person;
    this.#name = this.isOwn ? "You" : person.name || "Guest";
    this.#parts.name.textContent = this.#name;
    this.#parts.avatar.textContent = initials(person.name || this.#name);
    this.#parts.muted.toggleAttribute("hidden", !isMuted);
    this.#parts.away.hidden = !isAway;
    const { classList } = this.element;
    classList.toggle("speaking", isSpeaking && !isMuted);
    classList.toggle("camera-off", isCameraOff);
    classList.toggle("sharing", isSharing);
    classList.toggle("away", isAway);
    this.#parts.said.textContent = [
      isMuted && "muted", isCameraOff && "camera off", isSharing && "shares the screen",
      isSpeaking && !isMuted && "speaking", isAway && "connection lost",
    ].filter(Boolean).map((text) => `, ${text}`).join("");
    this.#show(person.video);
  }

  /** @param {boolean} isPinned */
  setPinned(isPinned) {
    const { pin } = this.#parts;
    pin.setAttribute("aria-pressed", String(isPinned));
    pin.setAttribute("aria-label", `Show ${this.#name} large`);
  }

  /** @param {import("./call-layout.js").Box} box */
  place({ x, y, width, height }) {
    const { style } = this.element;
    style.setProperty("--x", `${x}px`);
    style.setProperty("--y", `${y}px`);
    style.setProperty("--width", `${width}px`);
    style.setProperty("--height", `${height}px`);
    this.element.classList.toggle("small", width < 200);
  }

  #show(track) {
    const shown = this.video.srcObject;
    const [old] = shown instanceof MediaStream ? shown.getVideoTracks() : [];
    if ((track ?? null) === (old ?? null)) return;
    this.video.srcObject = track ? new MediaStream([track]) : null;
    if (!track) this.element.classList.remove("has-picture");
    // The picture is always silent, so no browser refuses it; a newer one may replace it.
    if (track) this.video.play().catch(() => undefined);
  }
}

export class Stage {
  /** @type {Map<string, Tile>} by person's id, this browser's own first */
  #tiles = new Map();
  /** @type {Map<string, import("./call-room.js").Person>} */
  #people = new Map();
  #element;
  #isPair;
  #pinned = "";
  #frame = 0;
  #onPin;

  /**
   * @param {HTMLElement} element
   * @param {{isPair: boolean, onPin?: (id: string) => void}} options
   */
  constructor(element, { isPair, onPin = () => undefined }) {
    this.#element = element;
    this.#isPair = isPair;
    this.#onPin = onPin;
    new ResizeObserver(() => this.layOut()).observe(element);
  }

  /** @param {import("./call-room.js").Person} person @param {boolean} [isOwn] */
  add(person, isOwn = false) {
    const tile = new Tile(person, {
      isOwn,
      canPin: !this.#isPair,
      onPin: () => this.pin(person.id),
      onShape: () => this.layOut(),
    });
    this.#tiles.set(person.id, tile);
    this.#people.set(person.id, person);
    this.#element.append(tile.element);
    this.layOut();
  }

  /** @param {import("./call-room.js").Person} person */
  update(person) {
    this.#people.set(person.id, person);
    this.#tiles.get(person.id)?.update(person);
    this.layOut();
  }

  /** @param {string} id */
  remove(id) {
    const tile = this.#tiles.get(id);
    if (!tile) return;
    tile.video.srcObject = null;
    tile.element.remove();
    this.#tiles.delete(id);
    this.#people.delete(id);
    if (this.#pinned === id) this.#pinned = "";
    this.layOut();
  }

  clear() {
    for (const id of [...this.#tiles.keys()]) this.remove(id);
  }

  /** Shows one person large, or, the same one again, everybody alike. */
  pin(id) {
    this.#pinned = this.#pinned === id ? "" : id;
    if (this.#pinned) this.#onPin(id);
    this.layOut();
  }

  /** Soon, and once for all changes of a moment. */
  layOut() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#layOut();
    });
  }

  #layOut() {
    const tiles = [...this.#tiles.values()];
    const ids = [...this.#tiles.keys()];
    const large = this.#largest();
    const boxes = arrange({
      count: tiles.length,
      width: this.#element.clientWidth,
      height: this.#element.clientHeight,
      large: ids.indexOf(large),
      isPair: this.#isPair,
      ratio: tiles[1]?.ratio,
    });
    boxes.forEach((box, index) => {
      tiles[index].place(box);
      tiles[index].setPinned(ids[index] === this.#pinned);
    });
    this.#element.dataset.count = String(tiles.length);
    this.#element.classList.toggle("inset", this.#isPair && tiles.length === 2);
  }

  /** The pinned person, else the one who shares a screen. */
  #largest() {
    if (this.#pinned) return this.#pinned;
    for (const [id, { isSharing }] of this.#people) {
      if (isSharing && !this.#tiles.get(id)?.isOwn) return id;
    }
    return "";
  }
}
