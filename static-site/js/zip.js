// Reads and writes small zip archives (APPNOTE.TXT 6.3.10). Loaded only for several files.
import { inflateUpTo } from './link.js';
import { check } from './request-file.js';

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT = 0xffff;
/** Bytes, for a thousand entries with long names. */
const MAX_DIRECTORY = 2 ** 22;
const ENCRYPTED = 1;
const DEFLATED = 8;
const UNIX = 3;
const SYMLINK = 0o12;

/** Why an archive cannot be read, as the end of its sentence's key: problem.{code} */
export class BadZip extends Error {
  /** @param {'zip-damaged' | 'zip-encrypted' | 'zip-compressed' | 'too-many-files'} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/**
 * Yields the files of an archive that are no larger than `maxBytes`, and none of its folders and links. Throws a BadZip, also
 * for more than `maxFiles` entries.
 * @param {Blob} archive
 * @param {{ maxFiles: number, maxBytes: number }} limits
 * @returns {AsyncGenerator<{ name: string, bytes: Uint8Array<ArrayBuffer> }, void, void>}
 */
export async function* readZip(archive, { maxFiles, maxBytes }) {
  for (const entry of await readDirectory(archive, maxFiles)) {
    if (entry.isEncrypted) throw new BadZip('zip-encrypted');
    if (entry.isFile && entry.size <= maxBytes) yield { name: entry.name, bytes: await unpack(archive, entry) };
  }
}

/**
 * @param {Blob} archive
 * @param {number} maxFiles
 */
async function readDirectory(archive, maxFiles) {
  const tail = await viewOf(archive.slice(-END_BYTES - MAX_COMMENT));
  let at = tail.byteLength - END_BYTES;
  while (at >= 0 && tail.getUint32(at, true) !== END) at -= 1;
  if (at < 0) throw new BadZip('zip-damaged');
  const count = tail.getUint16(at + 10, true);
  if (count > maxFiles) throw new BadZip('too-many-files');
  const [size, start] = [tail.getUint32(at + 12, true), tail.getUint32(at + 16, true)];
  if (size > MAX_DIRECTORY) throw new BadZip('zip-damaged');
  const directory = await viewOf(archive.slice(start, start + size));
  try {
    return readEntries(directory, count);
  } catch {
    throw new BadZip('zip-damaged');
  }
}

/**
 * Throws for a directory that is cut short or none.
 * @param {DataView<ArrayBuffer>} directory
 * @param {number} count
 */
function readEntries(directory, count) {
  const entries = [];
  for (let at = 0; entries.length < count;) {
    check(directory.getUint32(at, true) === CENTRAL);
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => directory.getUint16(at + field, true));
    const name = new TextDecoder().decode(new Uint8Array(directory.buffer, at + 46, nameLength));
    const type = directory.getUint8(at + 5) === UNIX ? directory.getUint16(at + 40, true) >> 12 : 0;
    entries.push({
      name,
      isFile: !/[/\\]$/.test(name) && type !== SYMLINK,
      isEncrypted: Boolean(directory.getUint16(at + 8, true) & ENCRYPTED),
      method: directory.getUint16(at + 10, true),
      crc: directory.getUint32(at + 16, true),
      packedSize: directory.getUint32(at + 20, true),
      size: directory.getUint32(at + 24, true),
      start: directory.getUint32(at + 42, true),
    });
    at += 46 + nameLength + extraLength + commentLength;
  }
  return entries;
}

/**
 * The bytes of an entry, and never more than its directory says.
 * @param {Blob} archive
 * @param {ReturnType<typeof readEntries>[number]} entry
 */
async function unpack(archive, { start, packedSize, size, method, crc }) {
  if (method === DEFLATED && !('DecompressionStream' in globalThis)) throw new BadZip('zip-compressed');
  try {
    const header = await viewOf(archive.slice(start, start + 30));
    check(header.getUint32(0, true) === LOCAL && ((method === 0 && packedSize === size) || method === DEFLATED));
    const from = start + 30 + header.getUint16(26, true) + header.getUint16(28, true);
    const packed = archive.slice(from, from + packedSize);
    const bytes = method === 0 ? new Uint8Array(await packed.arrayBuffer()) : await inflateUpTo(packed, 'deflate-raw', size);
    check(bytes.length === size && crc32(bytes) === crc);
    return bytes;
  } catch {
    throw new BadZip('zip-damaged');
  }
}

/** @param {Blob} part */
async function viewOf(part) {
  return new DataView(await part.arrayBuffer());
}

/**
 * An archive of these files, as they are; their names are ASCII.
 * @param {{ name: string, bytes: Uint8Array<ArrayBuffer> }[]} files
 * @param {Date} [now]
 */
export function writeZip(files, now = new Date()) {
  const time = (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1);
  const date = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
  const locals = [];
  const directory = [];
  let offset = 0;
  for (const { name, bytes } of files) {
    const text = new TextEncoder().encode(name);
    const common = numbers([2, 20], [2, 0], [2, 0], [2, time], [2, date], [4, crc32(bytes)], [4, bytes.length], [4, bytes.length],
      [2, text.length], [2, 0]);
    const local = [numbers([4, LOCAL]), common, text, bytes];
    locals.push(...local);
    directory.push(numbers([4, CENTRAL], [2, 20]), common, numbers([2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), text);
    offset += lengthOf(local);
  }
  const counts = numbers([2, 0], [2, 0], [2, files.length], [2, files.length], [4, lengthOf(directory)], [4, offset], [2, 0]);
  const end = [numbers([4, END]), counts];
  const parts = [...locals, ...directory, ...end];
  const archive = new Uint8Array(lengthOf(parts));
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}

/** @param {Uint8Array[]} parts */
const lengthOf = (parts) => parts.reduce((sum, part) => sum + part.length, 0);

/**
 * Numbers, each in so many bytes, the lowest byte first.
 * @param {[number, number][]} fields
 */
function numbers(...fields) {
  return Uint8Array.from(fields.flatMap(([size, value]) => Array.from({ length: size }, (_, i) => value >>> (8 * i))));
}

const CRC_TABLE = Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

/**
 * The CRC-32 of zip archives.
 * @param {Uint8Array} bytes
 */
export function crc32(bytes) {
  let rest = 0xffffffff;
  for (const byte of bytes) rest = (rest >>> 8) ^ CRC_TABLE[(rest ^ byte) & 0xff];
  return ~rest >>> 0;
}
