/**
 * What this device sends into a call: one sound and one picture track, always. What
 * is missing or switched off is replaced by silence or a dark picture, so that a
 * camera, microphone or screen can come and go without a new offer.
 *
 * Events: "track" (`detail` {kind, track}: takes the place of the one of its kind) and
 * "change" (something that the page shows is different).
 */

import { MediaError, openMedia } from "./media.js";

const DARK_FRAME_MS = 1000;

export class CallMedia extends EventTarget {
  /** What is sent; also what the preview shows. */
  stream = new MediaStream();
  /** Why there is no camera or microphone, for the person at the page; "" if fine. */
  problem = "";
  isMuted = false;
  /** @type {{camera: string, microphone: string}} device ids, "" is the browser's choice */
  choice = { camera: "", microphone: "" };

  /** @type {MediaStreamTrack | null} */
  #camera = null;
  /** @type {MediaStreamTrack | null} */
  #microphone = null;
  /** @type {MediaStreamTrack | null} */
  #screen = null;
  #wantsCamera = true;
  #height;
  #work = Promise.resolve();
  #dark = new DarkPicture();
  #silence = new Silence();

  /** @param {number} height of the picture, see `QUALITIES` */
  constructor(height) {
    super();
    this.#height = height;
  }

  get hasMicrophone() {
    return this.#microphone !== null;
  }

  get hasCamera() {
    return this.#camera !== null;
  }

  get isSharing() {
    return this.#screen !== null;
  }

  /** The microphone while it is heard, for a meter. */
  get heard() {
    return this.isMuted ? undefined : this.#microphone ?? undefined;
  }

  /** What the others are told. */
  get state() {
    return {
      isMuted: this.isMuted || !this.#microphone,
      isCameraOff: !this.#camera && !this.#screen,
      isSharing: this.#screen !== null,
    };
  }

  /** Opens what there is and what is allowed; never fails, see `problem`. */
  open() {
    return this.#inTurn(async () => {
      this.problem = "";
      try {
        this.#take(await this.#openDevices(this.choice));
      } catch (error) {
        if (!(error instanceof MediaError)) throw error;
        this.problem = error.message;
        await this.#openOneByOne(error);
      }
      this.#send();
    });
  }

  /** @param {boolean} muted */
  setMuted(muted) {
    this.isMuted = muted;
    if (!muted && !this.#microphone) this.#openKind("microphone");
    if (this.#microphone) this.#microphone.enabled = !muted;
    this.#changed();
  }

  /** Off means off: the camera's light goes out. @param {boolean} on */
  setCamera(on) {
    this.#wantsCamera = on;
    if (on) return this.#openKind("camera");
    return this.#inTurn(async () => {
      this.#camera?.stop();
      this.#camera = null;
      this.#send();
    });
  }

  /** @param {"camera" | "microphone"} kind @param {string} deviceId */
  choose(kind, deviceId) {
    this.choice = { ...this.choice, [kind]: deviceId };
    return this.#openKind(kind);
  }

  /** Sends a screen in the camera's place, until `unshare` or the browser's own button. */
  async share() {
    let opened;
    try {
      opened = await navigator.mediaDevices.getDisplayMedia({ video: true });
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      // Dismissing the browser's question is not an error.
      if (error.name !== "NotAllowedError") {
        this.problem = "The screen could not be shared.";
        this.#changed();
      }
      return;
    }
    const [track] = opened.getVideoTracks();
    track.contentHint = "detail";
    track.addEventListener("ended", () => track === this.#screen && this.unshare());
    this.#screen?.stop();
    this.#screen = track;
    this.#send();
  }

  unshare() {
    this.#screen?.stop();
    this.#screen = null;
    this.#send();
  }

  /** Lets go of every device. */
  close() {
    for (const track of [this.#camera, this.#microphone, this.#screen]) track?.stop();
    this.#camera = this.#microphone = this.#screen = null;
    this.#dark.stop();
    this.#silence.stop();
  }

  /** Browsers let a page make a sound, even a silent one, after a gesture only. */
  resume() {
    this.#silence.resume();
  }

  #openKind(kind) {
    return this.#inTurn(async () => {
      const only = kind === "camera" ? { ...this.choice, microphone: "none" }
        : { ...this.choice, camera: "none" };
      try {
        const opened = await this.#openDevices(only);
        this.problem = "";
        this.#take(opened);
      } catch (error) {
        if (!(error instanceof MediaError)) throw error;
        this.problem = error.message;
      }
      this.#send();
    });
  }

  #openDevices(choice) {
    const camera = this.#wantsCamera ? choice.camera : "none";
    return openMedia({ ...choice, camera, height: this.#height });
  }

  /** One of the two may be there and allowed where both together were not. */
  async #openOneByOne(refusal) {
    const isRefused = refusal.cause?.name === "NotAllowedError";
    for (const kind of ["microphone", "camera"]) {
      const other = kind === "camera" ? "microphone" : "camera";
      // Without permission the browser would ask a second time.
      if (isRefused && !(await isGranted(kind))) continue;
      try {
        this.#take(await this.#openDevices({ ...this.choice, [other]: "none" }));
      } catch (error) {
        if (!(error instanceof MediaError)) throw error;
      }
    }
  }

  #take(opened) {
    for (const track of opened.getTracks()) {
      const field = track.kind === "video" ? "camera" : "microphone";
      if (field === "camera") {
        this.#camera?.stop();
        this.#camera = track;
      } else {
        this.#microphone?.stop();
        this.#microphone = track;
        track.enabled = !this.isMuted;
      }
      // Pulled out: the browser's own choice takes its place.
      track.addEventListener("ended", () => this.#onDeviceLost(field, track));
    }
  }

  #onDeviceLost(kind, track) {
    if (track !== this.#camera && track !== this.#microphone) return;
    if (kind === "camera") this.#camera = null;
    else this.#microphone = null;
    this.choose(kind, "");
  }

  /** Brings what is sent in line with what is open. */
  #send() {
    this.#replace("audio", this.#microphone ?? this.#silence.track);
    this.#replace("video", this.#screen ?? this.#camera ?? this.#dark.track);
    this.#changed();
  }

  #replace(kind, track) {
    const [old] = this.stream.getTracks().filter((each) => each.kind === kind);
    if (old === track) return;
    if (old) this.stream.removeTrack(old);
    this.stream.addTrack(track);
    this.dispatchEvent(new CustomEvent("track", { detail: { kind, track } }));
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** One wish after another: a camera opens for one of them at a time. */
  #inTurn(step) {
    const done = this.#work.then(step);
    this.#work = done.catch(() => undefined);
    return done;
  }
}

async function isGranted(name) {
  try {
    return (await navigator.permissions.query({ name })).state === "granted";
  } catch {
    return false; // a browser that does not know this permission
  }
}

/** A dark picture once a second, so that it has a key frame for who comes later. */
class DarkPicture {
  #timer = 0;
  /** @type {MediaStreamTrack | null} */
  #track = null;

  get track() {
    return (this.#track ??= this.#start());
  }

  stop() {
    clearInterval(this.#timer);
    this.#track?.stop();
    this.#track = null;
  }

  #start() {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [320, 180];
    const context = canvas.getContext("2d");
    const [track] = canvas.captureStream().getVideoTracks();
    const draw = () => {
      if (!context) return;
      context.fillStyle = "#15161b";
      context.fillRect(0, 0, canvas.width, canvas.height);
    };
    draw();
    this.#timer = setInterval(draw, DARK_FRAME_MS);
    return track;
  }
}

class Silence {
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {MediaStreamTrack | null} */
  #track = null;

  get track() {
    if (this.#track) return this.#track;
    this.#context = new AudioContext();
    [this.#track] = this.#context.createMediaStreamDestination().stream.getAudioTracks();
    return this.#track;
  }

  resume() {
    this.#context?.resume();
  }

  stop() {
    this.#context?.close();
    this.#context = this.#track = null;
  }
}
