/**
 * Numbers for people out of getStats: what flows now, not since the beginning.
 *
 * @typedef {object} Sample
 * @property {number | null} bitrateBps both kinds together
 * @property {number | null} lossPercent of the packets since the last sample
 * @property {number} width 0 without video
 * @property {number} height
 * @property {number | null} framesPerSecond
 * @property {number | null} roundTripMs
 * @property {string} codecs such as "VP8, Opus"
 */

export class StatsSampler {
  /** @type {{at: number, bytes: number, packets: number, lost: number} | null} */
  #last = null;

  /**
   * @param {RTCStatsReport} report of a connection that sends only or receives only
   * @returns {Sample}
   */
  sample(report) {
    const all = [...report.values()];
    const rtp = all.filter(({ type }) => /^(in|out)bound-rtp$/.test(type));
    const sends = rtp.some(({ type }) => type === "outbound-rtp");
    const video = rtp.find(({ kind }) => kind === "video");
    const now = sends ? sentTotals(all, rtp) : receivedTotals(rtp);
    const sample = {
      ...this.#rates(now),
      width: video?.frameWidth ?? 0,
      height: video?.frameHeight ?? 0,
      framesPerSecond: video?.framesPerSecond ?? null,
      roundTripMs: roundTripMs(all),
      codecs: codecNames(report, rtp),
    };
    this.#last = now;
    return sample;
  }

  #rates(now) {
    const last = this.#last;
    // A new connection counts from zero again.
    if (!last || now.bytes < last.bytes || now.at <= last.at) {
      return { bitrateBps: null, lossPercent: null };
    }
    const lost = Math.max(0, now.lost - last.lost);
    const packets = Math.max(0, now.packets - last.packets);
    return {
      bitrateBps: ((now.bytes - last.bytes) * 8000) / (now.at - last.at),
      lossPercent: packets + lost ? (100 * lost) / (packets + lost) : 0,
    };
  }
}

const sum = (items, field) =>
  items.reduce((total, item) => total + (item[field] ?? 0), 0);

function sentTotals(all, rtp) {
  // What was lost on the way out is known from the receiver's reports alone.
  const reports = all.filter(({ type }) => type === "remote-inbound-rtp");
  const lost = sum(reports, "packetsLost");
  return {
    at: rtp[0].timestamp,
    bytes: sum(rtp, "bytesSent"),
    packets: sum(rtp, "packetsSent") - lost,
    lost,
  };
}

function receivedTotals(rtp) {
  return {
    at: rtp[0]?.timestamp ?? 0,
    bytes: sum(rtp, "bytesReceived"),
    packets: sum(rtp, "packetsReceived"),
    lost: sum(rtp, "packetsLost"),
  };
}

function roundTripMs(all) {
  const pair = all.find((item) => item.type === "candidate-pair" && item.nominated
    && item.currentRoundTripTime !== undefined);
  return pair ? pair.currentRoundTripTime * 1000 : null;
}

function codecNames(report, rtp) {
  const names = rtp.map(({ codecId }) => report.get(codecId)?.mimeType?.split("/")[1]);
  const known = names.filter(Boolean)
    .map((name) => (name.toLowerCase() === "opus" ? "Opus" : name));
  return [...new Set(known)].sort().reverse().join(", ");
}

/** @param {number | null} bps @returns {string} such as "1.2 Mbit/s" */
export function formatBitrate(bps) {
  if (bps === null) return "–";
  return bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bps / 1e3)} kbit/s`;
}

/** @param {number | null} percent */
export function formatLoss(percent) {
  if (percent === null) return "–";
  return `${percent.toFixed(percent > 0 && percent < 10 ? 1 : 0)} %`;
}

/** @param {Sample} sample @returns {string} such as "1280×720" */
export function formatResolution({ width, height }) {
  return width ? `${width}×${height}` : "No video";
}

/** @param {Sample} sample */
export function formatFrameRate({ width, framesPerSecond }) {
  return width && framesPerSecond !== null ? `${Math.round(framesPerSecond)} fps` : "–";
}

/** @param {number} milliseconds @returns {string} such as "4:05" or "1:02:03" */
export function formatElapsed(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
