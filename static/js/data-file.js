/**
 * A file as one message of a data channel: "FILE", the length of the header (uint32,
 * little endian), the header {name, type} as JSON in UTF-8, the content.
 *
 * @typedef {{name: string, type: string, content: Uint8Array}} SentFile
 */

const MAGIC = new TextEncoder().encode("FILE");
const PREFIX_BYTES = 8;
const MAX_HEADER_BYTES = 1024;
const MAX_NAME_CHARS = 120;

/** @param {SentFile} file @returns {ArrayBuffer} */
export function packFile({ name, type, content }) {
  const header = new TextEncoder().encode(
    JSON.stringify({ name: name.slice(0, MAX_NAME_CHARS), type }));
  const packed = new Uint8Array(PREFIX_BYTES + header.length + content.length);
  packed.set(MAGIC);
  new DataView(packed.buffer).setUint32(MAGIC.length, header.length, true);
  packed.set(header, PREFIX_BYTES);
  packed.set(content, PREFIX_BYTES + header.length);
  return packed.buffer;
}

/**
 * @param {ArrayBuffer} buffer from a stranger
 * @returns {SentFile} one without a name when it is not a message of `packFile`
 */
export function unpackFile(buffer) {
  const bytes = new Uint8Array(buffer);
  const nameless = { name: "", type: "", content: bytes };
  if (bytes.length < PREFIX_BYTES || MAGIC.some((byte, at) => bytes[at] !== byte)) {
    return nameless;
  }
  const length = new DataView(buffer).getUint32(MAGIC.length, true);
  if (length > MAX_HEADER_BYTES || PREFIX_BYTES + length > bytes.length) return nameless;
  try {
    const header = JSON.parse(
      new TextDecoder().decode(bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + length)));
    return {
      name: String(header.name ?? "").slice(0, MAX_NAME_CHARS),
      type: String(header.type ?? ""),
      content: bytes.subarray(PREFIX_BYTES + length),
    };
  } catch {
    return nameless;
  }
}
