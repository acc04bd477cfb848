// Reads the request in a QR code's link. Loaded only for such a link.
import { MAX_FILE_BYTES, MAX_SIGNED_BYTES, REQUEST, check, decodeBase64, encodeBase64, readRequest } from './request-file.js';

/** The preset dictionary of the text form, never changed. */
export const DICTIONARY =
  'macOS Windows Server 2022 Windows 10 Enterprise Ubuntu 24.04 LTSDebian GNU/Linux 12 (bookworm)Windows 11 Pro 24H2' +
  '"protection":"personal""user":[""protection":"dongle","load_key":null,"machine":{"name":"","components":{}},"dongle":{"alg":"ECDSA-P256-SHA256","public":"B","model":"","serial":""},' +
  '"environment":"virtual","environment":"container","environment":"unknown","kind":"deactivate","kind":"update",null,"choose_seat":false,"last_serial":' +
  '{"id":"0","kind":"activate","created_at":"2026-11-24T00:00:00Z","license_number":"0","product":{"name":"","version":"1.0.0"},"protection":"machine","device_key":"=","load_key":"=",' +
  '"machine":{"name":"","os":"","environment":"physical","components":{"tpm_key":["=="],"smbios_uuid":["=="],"board_serial":["=="],"mac":["==","=="],"os_id":["=="],"disk_serial":["==","=="]}},' +
  '"dongle":null,"replaces_seat":null,"choose_seat":true,"last_serial":0,"trusts":["",""],"client":"keyferry 1.0.0"}';

/**
 * Unpacks a QR code's link to the client's file, byte for byte (docs/format.md, "Text form").
 * @param {string} text base64url
 * @returns {Promise<RequestFile | FileProblem>}
 */
export async function readLink(text) {
  if (!('DecompressionStream' in globalThis)) return { problem: 'link' };
  try {
    check(text.length < 2 * MAX_FILE_BYTES);
    const [symbols] = /^[\w-]*/.exec(text) ?? ['']; // mail programs add a full stop or a parameter
    const packed = decodeBase64(symbols.padEnd(4 * Math.ceil(symbols.length / 4), '='));
    const [form, dictionary, count] = packed;
    if (isLater(form) || (form === 1 && isLater(dictionary))) return { problem: 'unsupported-version' };
    check(form === 1 && dictionary === 1 && count <= 8);
    let at = 3;
    /** @param {number} size */
    const next = (size) => packed.subarray(at, (at += size));
    const signatures = [];
    while (signatures.length < count) {
      const keyid = Array.from(next(8), (byte) => byte.toString(16).padStart(2, '0')).join('');
      const [high, low] = next(2);
      signatures.push({ keyid, sig: encodeBase64(next(256 * high + low)) });
    }
    const payload = encodeBase64(await inflate(packed.subarray(at)));
    const bytes = new TextEncoder().encode(JSON.stringify({ payloadType: REQUEST, payload, signatures }));
    const result = readRequest(bytes);
    if ('request' in result) return { name: '', bytes, ...result };
    check(result.problem !== 'damaged');
    return result;
  } catch {
    return { problem: 'link-cut' };
  }
}

/** @param {number} number of a form or dictionary */
const isLater = (number) => number > 1 && number < 16;

/**
 * Browsers take no preset dictionary: it goes before the data as a stored block.
 * @param {Uint8Array<ArrayBuffer>} deflated
 */
async function inflate(deflated) {
  const { length } = DICTIONARY;
  const storedBlock = Uint8Array.of(0, length, length >> 8, ~length, ~length >> 8);
  // A small link may inflate to megabytes.
  const inflated = await inflateUpTo(new Blob([storedBlock, DICTIONARY, deflated]), 'deflate-raw', length + MAX_SIGNED_BYTES);
  return inflated.subarray(length);
}

/**
 * Throws a RangeError for more than these bytes, and a TypeError for what is damaged or cut.
 * @param {Blob} packed
 * @param {CompressionFormat} format
 * @param {number} max
 */
export async function inflateUpTo(packed, format, max) {
  const reader = packed.stream().pipeThrough(new DecompressionStream(format)).getReader();
  const chunks = [];
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    size += value.length;
    if (size > max) throw new RangeError('too much');
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
