/** Camera and microphone of this device: opening, choosing, and how loud it is. */

/** Sizes offered to the publisher; the camera gives the nearest it has. */
export const QUALITIES = Object.freeze({
  360: { width: 640, height: 360 },
  720: { width: 1280, height: 720 },
  1080: { width: 1920, height: 1080 },
});

/** A device could not be opened; `message` says why, for the person at the page, and
 * `cause` is what the browser said, where it was asked. */
export class MediaError extends Error {}

/** @type {Record<string, string>} by the name that getUserMedia gives */
const REASONS = {
  NotAllowedError:
    "The browser does not let this page use the camera or microphone. "
    + "Allow it in the address bar, then try again.",
  NotFoundError: "No camera or microphone was found. Connect one, then try again.",
  NotReadableError: "The camera or microphone is in use by another program.",
  OverconstrainedError: "The chosen camera or microphone is no longer there.",
};

/**
 * @param {{camera: string, microphone: string, height: number}} choice device ids;
 *   "" is the browser's own choice, "none" leaves the kind out
 * @returns {Promise<MediaStream>} its tracks belong to the caller
 * @throws {MediaError}
 */
export async function openMedia({ camera, microphone, height }) {
  if (!navigator.mediaDevices) {
    throw new MediaError(
      "Browsers give camera and microphone to secure pages only. "
      + "Open this page with https:// (or on localhost).");
  }
  const size = QUALITIES[height] ?? QUALITIES[720];
  const found = new Set(
    (await navigator.mediaDevices.enumerateDevices()).map(({ kind }) => kind));
  // Asking for a kind that is not there would fail for the other one as well.
  const video = camera === "none" || !found.has("videoinput") ? false : {
    width: { ideal: size.width },
    height: { ideal: size.height },
    frameRate: { ideal: 30 },
    ...exactly(camera),
  };
  const audio = microphone === "none" || !found.has("audioinput") ? false : {
    echoCancellation: true, noiseSuppression: true, ...exactly(microphone),
  };
  if (!video && !audio) {
    throw new MediaError(
      camera === "none" && microphone === "none" ? "Choose a camera or a microphone."
        : REASONS.NotFoundError);
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio });
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    const text = REASONS[error.name] ?? `The device did not open: ${error.name}.`;
    throw new MediaError(text, { cause: error });
  }
}

const exactly = (deviceId) => (deviceId ? { deviceId: { exact: deviceId } } : {});

/**
 * What there is to choose from. Browsers tell names only after permission.
 * @returns {Promise<{cameras: MediaDeviceInfo[], microphones: MediaDeviceInfo[],
 *   speakers: MediaDeviceInfo[]}>}
 */
export async function listDevices() {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const named = devices.filter(({ deviceId }) => deviceId);
  return {
    cameras: named.filter(({ kind }) => kind === "videoinput"),
    microphones: named.filter(({ kind }) => kind === "audioinput"),
    speakers: named.filter(({ kind }) => kind === "audiooutput"),
  };
}

/** Measures how loud a microphone is, a few times a second. */
export class LevelMeter {
  #show;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {AudioNode | null} */
  #source = null;
  #timer = 0;

  /** @param {(level: number) => void} show called with 0 (silence) to 1 (loud) */
  constructor(show) {
    this.#show = show;
    // Browsers start an audio context only after a key or click on the page.
    for (const gesture of ["pointerdown", "keydown"]) {
      addEventListener(gesture, () => this.#context?.resume());
    }
  }

  /** @param {MediaStreamTrack | undefined} track undefined: shows silence */
  follow(track) {
    clearInterval(this.#timer);
    this.#source?.disconnect();
    this.#source = null;
    this.#show(0);
    if (!track) return;
    const context = (this.#context ??= new AudioContext());
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    this.#source = context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      this.#show(loudness(samples));
    }, 100);
  }
}

/** @param {Float32Array} samples @returns {number} -60 dB or less: 0; 0 dB: 1 */
function loudness(samples) {
  const power = samples.reduce((total, value) => total + value * value, 0);
  const decibel = 10 * Math.log10(power / samples.length + 1e-9);
  return Math.min(1, Math.max(0, 1 + decibel / 60));
}
