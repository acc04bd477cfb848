// A request file's way: what it says or why it is none, and its journey to the service and back.
// Decides only, draws nothing: runs in the browser and in Node. It believes nothing it reads here;
// signatures are the service's business.

/** The bytes of a file that are enough to tell what it is, if it is no request file. */
export const LOOK = 65536;
const MAX_FILE = 8192;
const MAX_SIGNED = 4096;
const REQUEST = 'application/vnd.keyferry.request.v1+json';
const OURS = /"payloadType"\s*:\s*"application\/vnd\.keyferry\.(request|response)\.v(\d+)\+json"/;

// Told by content alone, first match wins; the patterns see one character for each byte.
const KINDS = {
  pdf: /^[^]{0,1023}?%PDF-/,
  word: /^PK\x03\x04[^]*\bword\/|^\{\\rtf|^\xd0\xcf\x11\xe0(?![^]*_\0_\0s\0u\0b\0s\0t\0g)/,
  'e-mail': /^\xd0\xcf\x11\xe0|^From \S+@|^(?:[A-Za-z-]+:.*\r?\n(?:[ \t].*\r?\n)*)*?(?:Received|Message-ID|MIME-Version|Return-Path|Delivered-To|Subject):/i,
  zip: /^PK\x05\x06|^PK\x03\x04(?![^]*(?:\[Content_Types\]|\.opendocument\.))/,
  image: /^(?:\x89PNG|\xff\xd8\xff|GIF8|BM[^]{4}\0{4}|II\*\0|MM\0\*|RIFF[^]{4}WEBP|[^]{4}ftyp(?:hei|hev|mif|msf|avif))|^\s*(?:<\?xml[^>]*>\s*)?<svg/,
  shortcut: /^L\0{3}\x01\x14\x02\0|^\s*\[(?:InternetShortcut|Desktop Entry)\]|^book\0{4}mark|^bplist00[^]{0,16}URL|^\s*<\?xml[^]*<key>URL<\/key>/,
};

/** What the start of a file says: {request}, or {problem}, the name of its sentence in the catalogue. */
export function readRequest(bytes, size = bytes.length) {
  const found = { text: '', edited: false, ...decode(bytes) };
  const text = found.text.trim();
  if (size === 0 || (text === '' && size < LOOK)) return { problem: 'empty' };
  const raw = oneCharacterEach(bytes);
  const kind = Object.keys(KINDS).find((name) => KINDS[name].test(raw) || KINDS[name].test(text));
  if (kind) return { problem: kind };
  const [, type, version] = OURS.exec(text) ?? [];
  if (type === 'response') return { problem: 'response' };
  const secret = text.length < MAX_SIGNED && secretIn(text);
  if (secret) return { problem: secret };
  if (size > MAX_FILE) return { problem: 'too-big' };
  if (/^[1-9]\d*$/.test(version) && version !== '1') return { problem: 'unsupported-version' };
  if (!type) return { problem: /^\{\s*"payload|^\0+$/.test(text) ? damagedOrOther(text) : 'other' };
  if (found.edited) return { problem: 'damaged' };
  try {
    return { request: parse(bytes) };
  } catch {
    return { problem: 'damaged' };
  }
}

/** 'activation-code' or 'license-number' if the text is one or plainly shows one, else null. */
export function secretIn(text) {
  const bare = text.replace(/[\s.\-_/]/g, '');
  const grouped = /(?<![0-9a-z])[0-9a-z]{6}(?:[-._/ ][0-9a-z]{6}){4}(?![0-9a-z])/i;
  if (grouped.test(text) || /^[0-9a-tv-z]{30}$/i.test(bare)) return 'activation-code';
  if (/^\d{12}$/.test(bare) || /(?<!\d)\d{3}(?:[.\-/ ]\d{3}){3}(?!\d)/.test(text)) return 'license-number';
  return null;
}

const NAME = "[\\w!#$%&'*+/=?^`{|}~-]+";
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const ADDRESS = new RegExp(`^${NAME}(?:\\.${NAME})*@(?:${LABEL}\\.)+(?!\\d)${LABEL}$`, 'i');
/** One plain address, by the service's own rule. */
export const isAddress = (text) => text.length <= 254 && ADDRESS.test(text);

export const showNumber = (digits) => digits.replace(/\d{3}(?=\d)/g, '$&.');

function decode(bytes) {
  const [a, b, c] = bytes;
  // Notepad's and PowerShell's ways to save: the text can be read, but the bytes are no longer those that were made.
  if (a === 0xff && b === 0xfe) return { text: new TextDecoder('utf-16le').decode(bytes), edited: true };
  if (a === 0xfe && b === 0xff) return { text: new TextDecoder('utf-16be').decode(bytes), edited: true };
  if (b === 0 && a > 0) return { text: new TextDecoder('utf-16le').decode(bytes), edited: true };
  return { text: new TextDecoder().decode(bytes), edited: a === 0xef && b === 0xbb && c === 0xbf };
}

function oneCharacterEach(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

function damagedOrOther(text) {
  try {
    JSON.parse(text);
    return 'other'; // whole, but somebody else's envelope
  } catch {
    return 'damaged';
  }
}

/** The facts of a request that a person wants to see. Throws on a form the service would refuse. */
function parse(bytes) {
  const strictly = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const envelope = JSON.parse(strictly.decode(bytes));
  const { signatures } = envelope;
  need(envelope.payloadType === REQUEST && Array.isArray(signatures) && signatures.length <= 8);
  for (const { keyid, sig } of signatures) need(typeof keyid === 'string' && unbase64(sig));
  const body = unbase64(envelope.payload);
  need(`DSSEv1 ${REQUEST.length} ${REQUEST} ${body.length} `.length + body.length <= MAX_SIGNED);
  const { kind, license_number: number, created_at, product, protection, machine, dongle, replaces_seat } =
    JSON.parse(strictly.decode(body));
  const madeAt = new Date(created_at);
  need(['activate', 'update', 'deactivate'].includes(kind) && /^\d{12}$/.test(number));
  need(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(created_at) && !Number.isNaN(madeAt.getTime()));
  need(['machine', 'personal', 'dongle'].includes(protection) && (protection === 'dongle') === (dongle !== null));
  for (const text of [product.name, product.version, machine.name, machine.os, dongle?.model ?? '']) need(isFreeText(text));
  const codes = Object.values(machine.components).flat();
  need(codes.every((code) => typeof code === 'string'));
  return {
    kind,
    number,
    madeAt,
    product: `${product.name} ${product.version}`.trim(),
    computer: [machine.name, machine.os].filter(Boolean).join(', '),
    protection,
    dongle: dongle?.model ?? '',
    lost: replaces_seat !== null,
    codes: codes.length,
  };
}

/** A text as it may be shown: controls, and what turns letters round, could forge what a person reads. */
export const readable = (text) => text.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, '\ufffd');
const isFreeText = (text) => typeof text === 'string' && [...text].length <= 64 && readable(text) === text;

/** What all requests have in common: frozen with the text form (docs/format.md). */
export const DICTIONARY =
  'macOS Windows Server 2022 Windows 10 Enterprise Ubuntu 24.04 LTSDebian GNU/Linux 12 (bookworm)Windows 11 Pro 24H2' +
  '"protection":"personal""user":[""protection":"dongle","machine":{"name":"","components":{}},"dongle":{"alg":"ECDSA-P256-SHA256","public":"B","model":"","serial":""},' +
  '"environment":"virtual","environment":"container","environment":"unknown","kind":"deactivate","kind":"update",' +
  '{"id":"0","kind":"activate","created_at":"2026-11-24T00:00:00Z","license_number":"0","product":{"name":"","version":"1.0.0"},"protection":"machine","device_key":"=",' +
  '"machine":{"name":"","os":"","environment":"physical","components":{"tpm_key":["=="],"smbios_uuid":["=="],"board_serial":["=="],"mac":["==","=="],"os_id":["=="],"disk_serial":["==","=="]}},' +
  '"dongle":null,"replaces_seat":null,"last_serial":0,"trusts":["",""],"client":"keyferry 1.0.0"}';

/** The request in a link's text form, which holds the file to the byte: {bytes, request}, or {problem}. */
export async function readLink(text) {
  try {
    need(text.length < 2 * MAX_FILE);
    const packed = unbase64(text.padEnd(4 * Math.ceil(text.length / 4), '='));
    const [form, dictionary, count] = packed;
    const isLater = (number) => number > 1 && number < 16;
    if (isLater(form) || (form === 1 && isLater(dictionary))) return { problem: 'unsupported-version' };
    need(form === 1 && dictionary === 1 && count <= 8);
    let at = 3;
    const next = (size) => packed.subarray(at, (at += size));
    const signatures = [];
    while (signatures.length < count) {
      const keyid = Array.from(next(8), (byte) => byte.toString(16).padStart(2, '0')).join('');
      const [high, low] = next(2);
      signatures.push({ keyid, sig: base64(next(256 * high + low)) });
    }
    const payload = base64(await inflate(packed.subarray(at)));
    const bytes = new TextEncoder().encode(JSON.stringify({ payloadType: REQUEST, payload, signatures }));
    return { bytes, ...readRequest(bytes) };
  } catch {
    return { problem: 'damaged' };
  }
}

/** Raw DEFLATE with the dictionary before it as a stored block, since browsers take no preset one. */
async function inflate(deflated) {
  const { length } = DICTIONARY;
  const head = Uint8Array.of(0, length, length >> 8, ~length, ~length >> 8);
  const packed = new Blob([head, DICTIONARY, deflated]).stream();
  const reader = packed.pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const chunks = [];
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    size += value.length;
    need(size <= length + MAX_SIGNED); // whatever it would grow to
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer()).subarray(length);
}

const base64 = (bytes) => btoa(oneCharacterEach(bytes));

function need(condition) {
  if (!condition) throw new TypeError('not a request');
}

/** Bytes of canonical base64, standard or URL-safe, as the envelope allows. */
function unbase64(text) {
  need(typeof text === 'string' && !(/[+/]/.test(text) && /[-_]/.test(text)));
  const standard = text.replace(/-/g, '+').replace(/_/g, '/');
  const binary = atob(standard);
  need(btoa(binary) === standard);
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** An error answer of the service: its status, its RFC 9457 document (or {}), and how long to wait. */
export class Problem extends Error {
  constructor(status, document = {}, waitS = 0) {
    super(`${status} ${document.code ?? ''}`);
    Object.assign(this, { status, document, code: document.code, waitS });
  }
}

/** The file did not reach the service. */
export class UploadFailed extends Error {}

/** Opens a ticket and uploads the file; returns the ticket. `world`: fetch, sleep, isOnline, untilOnline, say. */
export async function send(bytes, { email, language }, world) {
  for (let renewed = false; ; renewed = true) {
    const opened = await tell('/api/requests', { email, language }, world);
    const ticket = await opened.json();
    const status = await upload(ticket.upload, bytes, world);
    if (status < 300) return ticket;
    // 403: the upload pass ended, for example while the laptop slept. Once, get another silently.
    if (renewed || status !== 403) throw new UploadFailed(`${status}`);
  }
}

/** Yields each state of a ticket until it is settled and its mail decided. */
export async function* follow(id, world) {
  for (let polls = 0; ; polls++) {
    const answer = await ask(`/api/requests/${encodeURIComponent(id)}`, world);
    const ticket = await answer.json();
    yield ticket;
    if (['ready', 'refused'].includes(ticket.state) && ticket.email !== 'pending') return;
    // The service sets the pace; a page left open all night slows down.
    await world.sleep(1000 * (answer.headers.get('Retry-After') || 1) * Math.min(15, 1 + Math.floor(polls / 60)));
  }
}

/** One call to the service: waits while offline, tries three times, goes on when it is only busy. Throws Problem. */
export async function ask(url, world, options = {}) {
  for (let failures = 0; ; await world.sleep(1000)) {
    let answer;
    try {
      answer = await world.fetch(url, { cache: 'no-store', ...options });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      if (await offline(world)) continue;
      answer = { ok: false, status: 503 };
    }
    if (answer.ok) return answer;
    const document = await documentOf(answer);
    if (answer.status === 429 && !document.code) {
      world.say('busy');
    } else if (answer.status < 500 || ++failures === 3) {
      throw new Problem(answer.status, document, Number(answer.headers?.get('Retry-After')) || 0);
    }
  }
}

export const tell = (url, members, world) => ask(url, world, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(members),
});

async function upload({ url, fields }, bytes, world) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', new Blob([bytes]), 'request'); // last: S3 ignores the fields after it
  for (;;) {
    try {
      return (await world.fetch(url, { method: 'POST', body: form })).status;
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      if (!(await offline(world))) throw new UploadFailed(error.message);
    }
  }
}

/** True after a time without network is over; false at once if there is one. */
async function offline(world) {
  if (world.isOnline()) return false;
  world.say('offline');
  await world.untilOnline();
  world.say('');
  return true;
}

async function documentOf(answer) {
  const type = answer.headers?.get('Content-Type') ?? '';
  return type.includes('problem+json') ? answer.json() : {};
}
