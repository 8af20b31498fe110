/** Who speaks, and whose media has stopped: read from the statistics of a connection. */

const PERIOD_MS = 500;
const SPEAKING_LEVEL = 0.012;
const HOLD_MS = 1200;
const SILENT_MS = 4000;

/** @typedef {{isSpeaking: boolean, isSilent: boolean}} Activity `isSilent`: no packets */

export class AudioMonitor {
  #peer;
  #report;
  #timer = 0;
  /** @type {Map<string, {energy: number, seconds: number, packets: number,
   *   spokeAt: number, arrivedAt: number}>} by track id */
  #known = new Map();

  /**
   * @param {() => RTCPeerConnection | undefined} peer
   * @param {(activities: Map<string, Activity>) => void} report by track id
   */
  constructor(peer, report) {
    this.#peer = peer;
    this.#report = report;
  }

  start() {
    this.#timer ||= setInterval(() => this.#read(), PERIOD_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#known.clear();
  }

  async #read() {
    const peer = this.#peer();
    if (!peer || peer.connectionState === "closed") return;
    const rows = [...(await peer.getStats()).values()]
      .filter(({ type }) => type === "inbound-rtp");
    if (!this.#timer) return;
    const activities = new Map();
    const seen = new Map();
    for (const row of rows) {
      const now = this.#compare(row, performance.now());
      seen.set(row.trackIdentifier, now);
      activities.set(row.trackIdentifier, {
        isSpeaking: performance.now() - now.spokeAt < HOLD_MS,
        isSilent: performance.now() - now.arrivedAt > SILENT_MS,
      });
    }
    this.#known = seen;
    this.#report(activities);
  }

  #compare(row, now) {
    const last = this.#known.get(row.trackIdentifier);
    const energy = row.totalAudioEnergy ?? 0;
    const seconds = row.totalSamplesDuration ?? 0;
    const packets = row.packetsReceived ?? 0;
    // The level between the two readings (W3C webrtc-stats, totalAudioEnergy).
    const elapsed = seconds - (last?.seconds ?? seconds);
    const level = elapsed > 0 && last ? Math.sqrt(Math.max(0, energy - last.energy) / elapsed) : 0;
    return {
      energy, seconds, packets,
      spokeAt: level > SPEAKING_LEVEL ? now : last?.spokeAt ?? -HOLD_MS,
      arrivedAt: packets !== last?.packets ? now : last.arrivedAt,
    };
  }
}
