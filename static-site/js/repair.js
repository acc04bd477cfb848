// Repairs a request file that lost no byte on its way: packed, mailed, quoted, folded, or pasted. Loaded only for such a file.
// The client repairs the same (keyferry_protocol/repair.py); tests/support/changed_files.json holds both to it.
import { inflateUpTo, readLink } from './link.js';
import { PREFIX_BYTES, UNSEEN, decode, latin1, readRequest } from './request-file.js';

const MAX_DEPTH = 3; // packed, and that packed again: 4 MiB to look at, all in all
const MAX_PARTS = 16; // files, links, or blocks of base64 in one text
const MIN_BASE64 = 300; // characters; the smallest request, compressed, has more

const START = /\{\s*"(?:payloadType|payload|signatures)"\s*:/g;
const TOKEN = /"(?:[^"\\]|\\[^])*"?|[{}]/g;
const BASE64 = /[A-Za-z0-9+/_-]{24,}(?:[ \t]*\r?\n[ \t]*[A-Za-z0-9+/_-]+)*/g;
const LINK = /(?:#|%23)r(?:=|%3D)([A-Za-z0-9_\s-]{4,16000})/gi;
const TAG = /<\/?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?\/?>/g;
const ENTITY = /&(?:#(\d{1,6})|#x([\da-f]{1,5})|([a-z]+));/gi;
/** @type {Record<string, string>} */
const ENTITIES = {
  quot: '"', amp: '&', lt: '<', gt: '>', apos: "'", nbsp: '\xa0', ldquo: '\u201c', rdquo: '\u201d',
  plus: '+', equals: '=', sol: '/', colon: ':', comma: ',', lcub: '{', rcub: '}', lsqb: '[', rsqb: ']',
};

/**
 * @typedef {{ bytes: Uint8Array<ArrayBuffer>, repairs: string[] }} Packed
 * @typedef {{ bytes: Uint8Array<ArrayBuffer>, text: string, names: string[], repairs: string[] }} Candidate
 */

/**
 * The one request in these bytes, and by name what was done to read it; null if there is none.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Promise<Omit<RequestFile, 'name'> | FileProblem | null>}
 */
export async function repairFile(bytes) {
  /** @type {Map<string, Candidate>} */
  const requests = new Map();
  let problem = null;
  for await (const packed of unpackAll(bytes)) {
    if (typeof packed === 'string') problem ??= packed;
    else {
      for (const candidate of candidatesIn(packed)) {
        const result = readRequest(candidate.bytes);
        const key = withoutSpaces(decode(candidate.bytes));
        if ('request' in result && !requests.has(key)) requests.set(key, candidate);
        else if ('problem' in result && ['response', 'unsupported-version'].includes(result.problem)) problem = result.problem;
      }
    }
  }
  if (requests.size > 1) return { problem: 'several' };
  for (const candidate of requests.values()) {
    const result = readRequest(candidate.bytes);
    if ('request' in result) return { bytes: candidate.bytes, repairs: repairsOf(candidate), ...result };
  }
  return problem ? { problem } : null;
}

/**
 * Yields the bytes, and whatever they pack, the least packed first; as a text the problem of a part.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {AsyncGenerator<Packed | string>}
 */
async function* unpackAll(bytes) {
  /** @type {[Packed, number][]} */
  const waiting = [[{ bytes, repairs: [] }, 0]];
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const [packed, depth] = next;
    yield packed;
    if (depth === MAX_DEPTH) continue;
    for await (const part of unpack(packed)) {
      if (typeof part === 'string') yield part;
      else waiting.push([part, depth + 1]);
    }
  }
}

/**
 * @param {Packed} packed
 * @returns {AsyncGenerator<Packed | string>}
 */
async function* unpack({ bytes, repairs }) {
  if (isCompressed(bytes)) {
    const inflated = await inflate(bytes);
    if (inflated) yield { bytes: inflated, repairs: [...repairs, 'compressed'] };
    else if (inflated === null) yield 'damaged';
    return;
  }
  if (!mayBeText(bytes)) return;
  const text = unquote(decode(bytes));
  const ofText = repairsOfText(bytes, repairs);
  const plain = fromHtml(text);
  const blocks = [...plain.matchAll(BASE64)].map(([block]) => block).filter((block) => block.length >= MIN_BASE64);
  for (const block of blocks.sort((a, b) => b.length - a.length).slice(0, MAX_PARTS)) {
    yield { bytes: fromBase64(block), repairs: ofText.includes('email') ? ofText : [...ofText, 'encoded'] };
  }
  for (const source of [text, plain]) { // a link may be in a tag
    for (const [, link] of first(fromQuotedPrintable(source).matchAll(LINK))) {
      const request = await fromLink(link);
      if (request) yield { bytes: request, repairs: [...ofText, 'link'] };
      else yield 'link-cut';
    }
  }
}

/** @param {Uint8Array} bytes */
const isCompressed = ([a, b]) => a === 0x1f && b === 0x8b;

/** @param {Uint8Array} bytes UTF-16, or with a byte-order mark */
function hasChangedEncoding([a, b, c]) {
  return (a === 0xef && b === 0xbb && c === 0xbf) || (a === 0xfe && b === 0xff) || (a === 0xff && b === 0xfe)
    || (a === 0 && b > 0) || (b === 0 && a > 0);
}

/** @param {Uint8Array} bytes pictures and programs have a null byte near their start */
function mayBeText(bytes) {
  return hasChangedEncoding(bytes) || !bytes.subarray(0, 512).includes(0) || latin1(bytes).includes('payloadType');
}

/**
 * What is to be said of a text, whatever is found in it.
 * @param {Uint8Array} bytes
 * @param {string[]} repairs
 */
function repairsOfText(bytes, repairs) {
  const result = readRequest(bytes.subarray(0, PREFIX_BYTES), bytes.length);
  const isEmail = 'problem' in result && result.problem === 'e-mail' && !repairs.includes('email');
  return [...repairs, ...(hasChangedEncoding(bytes) ? ['encoding'] : []), ...(isEmail ? ['email'] : [])];
}

/**
 * What begins as an envelope does, with ever more changes of the text undone.
 * @param {Packed} packed
 * @returns {Generator<Candidate>}
 */
function* candidatesIn({ bytes, repairs }) {
  if (isCompressed(bytes) || !mayBeText(bytes)) return;
  if ('request' in readRequest(bytes)) {
    yield { bytes, text: '', names: [], repairs };
    return;
  }
  const text = decode(bytes);
  const ofText = repairsOfText(bytes, repairs);
  let changed = text;
  /** @type {string[]} */
  let names = [];
  for (const name of ['', ...Object.keys(CHANGES)]) {
    const next = name ? CHANGES[name](changed) : changed;
    if (name && next === changed) continue;
    changed = next;
    if (name) names = [...names, name];
    for (const object of objectsIn(changed)) {
      yield { bytes: new TextEncoder().encode(object), text, names, repairs: ofText };
    }
  }
}

/**
 * What was done to read it, without the changes that made no difference to this file.
 * @param {Candidate} candidate
 */
function repairsOf({ bytes, text, names, repairs }) {
  const file = decode(bytes);
  for (const name of names) {
    const fewer = names.filter((other) => other !== name);
    if (objectsIn(fewer.reduce((changed, other) => CHANGES[other](changed), text)).includes(file)) names = fewer;
  }
  if (repairs.includes('email')) names = names.filter((name) => name !== 'encoded');
  const all = [...repairs, ...names];
  return all.length ? all : ['around'];
}

/**
 * Every object that begins as an envelope does, up to the brace that closes it.
 * @param {string} text
 */
function objectsIn(text) {
  const objects = [];
  let end = 0;
  for (const { index } of first(text.matchAll(START))) {
    if (index < end) continue; // inside the one before it
    const rest = text.slice(index, index + PREFIX_BYTES);
    let depth = 0;
    for (const { 0: token, index: at } of rest.matchAll(TOKEN)) {
      depth += token === '{' ? 1 : token === '}' ? -1 : 0;
      if (depth > 0) continue;
      objects.push(rest.slice(0, at + 1));
      end = index + at + 1;
      break;
    }
  }
  return objects;
}

/**
 * @template T
 * @param {Iterable<T>} values
 */
function* first(values) {
  let n = 0;
  for (const value of values) {
    if (n === MAX_PARTS) return;
    n += 1;
    yield value;
  }
}

/**
 * Null if it is damaged, undefined if it grows too much.
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
async function inflate(bytes) {
  try {
    return await inflateUpTo(new Blob([bytes]), 'gzip', PREFIX_BYTES);
  } catch (error) {
    return error instanceof RangeError ? undefined : null;
  }
}

/**
 * Either alphabet; a single symbol left over at the end is no part of it.
 * @param {string} text
 */
function fromBase64(text) {
  const symbols = text.replace(/\s/g, '').replaceAll('-', '+').replaceAll('_', '/');
  const binary = atob(symbols.length % 4 === 1 ? symbols.slice(0, -1) : symbols);
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/**
 * The request in a link that may be wrapped, or have text after it.
 * @param {string} text
 */
async function fromLink(text) {
  let packed = '';
  for (const word of text.trim().split(/\s+/).slice(0, 64)) {
    packed += word;
    const result = await readLink(packed);
    if ('request' in result) return result.bytes;
  }
  return null;
}

/** @param {string} text */
function fromHtml(text) {
  for (let times = 0; times < 2; times += 1) { // a mail program may escape what a page had escaped
    text = text.replace(TAG, '').replace(ENTITY, (all, decimal, hex, name) =>
      (name ? ENTITIES[name.toLowerCase()] ?? all : String.fromCodePoint(decimal ? Number(decimal) : parseInt(hex, 16))));
  }
  return text;
}

/**
 * RFC 2045, 6.7. Base64 that ends in `=` always has some after its escape, `=3D`.
 * @param {string} text
 */
function fromQuotedPrintable(text) {
  if (!/=3d/i.test(text)) return text;
  return text.replace(/=[ \t]*\r?\n/g, '').replace(/=([\da-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

/** @param {string} text */
const unquote = (text) => text.replace(/^[ \t]*(?:>[ \t]?)+/gm, '');

/** @param {string} text */
const withoutSpaces = (text) => text.replace(UNSEEN, '').replace(/[\s\p{Z}\xad\x1c-\x1f\x85\u2800]+/gu, '');

/** @type {Record<string, (text: string) => string>} */
const CHANGES = {
  encoded: (text) => fromQuotedPrintable(fromHtml(text)),
  quoted: unquote,
  // No member of an envelope contains a space, so each came on the way.
  edited: (text) => withoutSpaces(text.replace(/[\u201c-\u201f\u2033\u2036\uff02]/g, '"').replace(/\\[rnt]/g, '')),
};
