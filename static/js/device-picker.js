/** Camera, microphone and speaker to choose from, before and during a call. */

import { listDevices } from "./media.js";
import { CallSound } from "./call-sound.js";
import { byId } from "./widgets.js";

export class DevicePicker {
  #media;
  #sound;

  /**
   * @param {import("./call-media.js").CallMedia} media
   * @param {CallSound} sound
   */
  constructor(media, sound) {
    this.#media = media;
    this.#sound = sound;
    for (const kind of /** @type {const} */ (["camera", "microphone"])) {
      byId(kind).addEventListener("change", () => media.choose(kind, byId(kind).value));
    }
    byId("speaker").addEventListener("change", () =>
      sound.choose(byId("speaker").value).catch(() => this.show()));
    byId("devices-open").addEventListener("click", () => byId("device-dialog").showModal());
    byId("devices-close").addEventListener("click", () => byId("device-dialog").close());
    navigator.mediaDevices?.addEventListener("devicechange", () => this.show());
  }

  /** The one set of fields is in the lobby or in the dialog. @param {HTMLElement} place */
  moveTo(place) {
    place.append(byId("devices"));
  }

  async show() {
    const { cameras, microphones, speakers } = await listDevices();
    const deviceOf = (kind) => this.#media.stream.getTracks()
      .find((track) => track.kind === kind)?.getSettings().deviceId;
    fill(byId("camera"), cameras, deviceOf("video"), "Camera");
    fill(byId("microphone"), microphones, deviceOf("audio"), "Microphone");
    fill(byId("speaker"), speakers, byId("speaker").value, "Speaker");
    byId("speaker-field").hidden = !CallSound.canChoose || speakers.length === 0;
  }
}

/** @param {any} select @param {MediaDeviceInfo[]} devices */
function fill(select, devices, current, name) {
  select.disabled = devices.length === 0;
  if (devices.length === 0) return;
  const chosen = devices.some(({ deviceId }) => deviceId === current) ? current
    : select.value;
  select.replaceChildren(...devices.map(({ deviceId, label }, index) =>
    new Option(label || `${name} ${index + 1}`, deviceId)));
  select.value = chosen;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
}
