// Reads a request file, or says what else a file is. It trusts nothing it reads; the service verifies signatures.

/** How many bytes at the start of a file tell what it is. */
export const PREFIX_BYTES = 65536;
/** An email with the file inside. */
const MAX_REPAIRED_BYTES = 2 ** 20;
export const MAX_FILE_BYTES = 8192;
export const MAX_SIGNED_BYTES = 4096;
export const REQUEST = 'application/vnd.keyferry.request.v1+json';
const PAYLOAD_TYPE = /"payloadType"\s*:\s*"application\/vnd\.keyferry\.(request|response)\.v(\d+)\+json"/;

// Recognized by content alone, first match wins; the patterns see one character for each byte.
const KINDS = {
  pdf: /^[^]{0,1023}?%PDF-/,
  word: /^PK\x03\x04[^]*\bword\/|^\{\\rtf|^\xd0\xcf\x11\xe0(?![^]*_\0_\0s\0u\0b\0s\0t\0g)/,
  'e-mail': /^\xd0\xcf\x11\xe0|^\x78\x9f\x3e\x22|^From (?:\S+@|- )|^(?:[A-Za-z][\w-]*:.*\r?\n(?:[ \t].*\r?\n)*)*?(?:Received|Message-ID|MIME-Version|Return-Path|Delivered-To|Subject):/i,
  zip: /^PK\x05\x06|^PK\x03\x04(?![^]*(?:\[Content_Types\]|\.opendocument\.))/,
  image: /^(?:\x89PNG|\xff\xd8\xff|GIF8|BM[^]{4}\0{4}|II\*\0|MM\0\*|RIFF[^]{4}WEBP|[^]{4}ftyp(?:hei|hev|mif|msf|avif))|^\s*(?:<\?xml[^>]*>\s*)?<svg/,
  shortcut: /^L\0{3}\x01\x14\x02\0|^\s*\[(?:InternetShortcut|Desktop Entry)\]|^book\0{4}mark|^bplist00[^]{0,16}URL|^\s*<\?xml[^]*<key>URL<\/key>/,
};

// In a file of these kinds there is no other, or a person must learn that it holds a secret.
const LEFT_ALONE = ['empty', 'activation-code', 'unsupported-version', 'pdf', 'word', 'image'];

/**
 * A file that was changed on its way without losing a byte is repaired.
 * @param {File[]} files
 * @returns {Promise<RequestFile | FileProblem | Unread>}
 */
export async function readFiles(files) {
  if (files.length > 1) return { sources: files };
  const [file] = files;
  let bytes;
  try {
    bytes = new Uint8Array(await file.slice(0, PREFIX_BYTES).arrayBuffer());
  } catch {
    return { problem: 'not-read' }; // for example moved since it was chosen
  }
  const result = readRequest(bytes, file.size);
  if (!('problem' in result)) return { name: file.name, bytes, ...result };
  if (result.problem === 'zip') return { sources: files };
  const responses = { files, name: file.name };
  if (result.problem === 'response') return { ...result, responses };
  if (LEFT_ALONE.includes(result.problem) || file.size > MAX_REPAIRED_BYTES) return result;
  const part = await import('./repair.js').catch(() => null);
  if (!part) return { problem: 'not-loaded' };
  try {
    const repaired = await part.repairFile(new Uint8Array(await file.arrayBuffer()));
    if (repaired && 'request' in repaired) return { name: file.name, ...repaired };
    return repaired?.problem === 'response' ? { ...repaired, responses } : repaired ?? result;
  } catch {
    return result; // the file can no longer be read
  }
}

/**
 * @param {Uint8Array} bytes the first PREFIX_BYTES of a file
 * @param {number} [size] of the whole file
 * @returns {{ request: LicenseRequest } | FileProblem}
 */
export function readRequest(bytes, size = bytes.length) {
  const text = decode(bytes).trim();
  if (size === 0 || (text === '' && size < PREFIX_BYTES)) return { problem: 'empty' };
  const raw = latin1(bytes);
  for (const [kind, pattern] of Object.entries(KINDS)) {
    if (pattern.test(raw) || pattern.test(text)) return { problem: kind };
  }
  const [, type, version] = PAYLOAD_TYPE.exec(text) ?? [];
  if (type === 'response') return { problem: 'response' };
  const secret = text.length < MAX_SIGNED_BYTES && findSecret(text);
  if (secret) return { problem: secret };
  if (size > MAX_FILE_BYTES) return { problem: 'too-big' };
  if (/^[1-9]\d*$/.test(version) && version !== '1') return { problem: 'unsupported-version' };
  try {
    return { request: parse(bytes) };
  } catch {
    return { problem: type || (/^\{\s*"payload|^\0+$/.test(text) && !isJson(text)) ? 'damaged' : 'other' };
  }
}

/**
 * Which secret a text is or plainly contains, whatever mail and word processors made of its separators.
 * @param {string} text
 * @returns {'activation-code' | 'license-number' | null}
 */
export function findSecret(text) {
  const plain = text.replace(FULL_WIDTH, (symbol) => String.fromCharCode(symbol.charCodeAt(0) - 0xfee0))
    .replace(UNSEEN, '').replace(SPACES, ' ').replace(DASHES, '-');
  const compact = plain.replace(/[\s.\-_/]/g, '');
  const groups = /(?:^|[^0-9a-z])[0-9a-z]{6}(?:[-._/ ][0-9a-z]{6}){4}(?![0-9a-z])/i;
  if (groups.test(plain) || /^[0-9a-tv-z]{30}$/i.test(compact)) return 'activation-code';
  if (/^\d{12}$/.test(compact) || /(?:^|\D)\d{3}(?:[.\-/ ]\d{3}){3}(?!\d)/.test(plain)) return 'license-number';
  return null;
}

const FULL_WIDTH = /[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]/g;
/** Format characters and what else is shown as nothing, but for the soft hyphen. */
export const UNSEEN = /(?!\xad)[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;
const SPACES = /(?![\r\n])[\s\p{Z}\x1c-\x1f\x85\u2800]/gu;
const DASHES = /[\xad\xb7\p{Pd}\u207b\u208b\u2212-\u22c5\u2022-\u2027\u2043\u2044\u2053\u2500\u2501\u3002\u30fb\u30fc\ufe52\uff0e-\uff65\uff70]/gu;

/**
 * An address as it was typed or pasted, without spaces around it and characters that nobody sees.
 * @param {string} text
 */
export const cleanAddress = (text) => text.replace(UNSEEN, '').replaceAll('\xad', '').trim();

// The service's own rule for addresses.
const NAME = "[\\w!#$%&'*+/=?^`{|}~-]+";
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const ADDRESS = new RegExp(`^${NAME}(?:\\.${NAME})*@(?:${LABEL}\\.)+(?!\\d)${LABEL}$`, 'i');

/**
 * What is wrong with an address, as the end of its sentence's key: problem.{name}
 * @param {string} text may be empty
 */
export function emailProblem(text) {
  const email = cleanAddress(text);
  return findSecret(email) ?? (email === '' || (email.length <= 254 && ADDRESS.test(email)) ? null : 'email');
}

/**
 * Decodes UTF-8 or UTF-16, with or without a byte-order mark, which `parse` refuses.
 * @param {Uint8Array} bytes
 */
export function decode(bytes) {
  const [a, b] = bytes;
  const encoding = (a === 0xfe && b === 0xff) || (a === 0 && b > 0) ? 'utf-16be'
    : (a === 0xff && b === 0xfe) || (b === 0 && a > 0) ? 'utf-16le' : 'utf-8';
  return new TextDecoder(encoding).decode(bytes);
}

/**
 * One character for each byte.
 * @param {Uint8Array} bytes
 */
export function latin1(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

/** @param {string} text */
function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Throws for what is not JSON that every parser reads alike (docs/format.md, "JSON").
 * @param {Uint8Array} bytes
 */
function parseJson(bytes) {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  let names = 0;
  const document = JSON.parse(text, function (name, value) {
    if (!Array.isArray(this)) names += 1;
    check(!/\p{Cs}/u.test(name) && (typeof value !== 'string' || !/\p{Cs}/u.test(value)));
    check(typeof value !== 'number' || Number.isSafeInteger(value));
    return value;
  });
  let outside = text.replace(/"(?:[^"\\]|\\.)*"/g, '');
  check(names === outside.split(':').length && !/\d[.e]|-0/i.test(outside)); // no name twice, no 1.0, 1e3 or -0
  for (let depth = 0; depth < 16; depth += 1) outside = outside.replace(/[[{][^[\]{}]*[\]}]/g, '');
  check(!/[[{]/.test(outside));
  return document;
}

const CONTROLS = '[\\p{Cc}\\u2028-\\u202e\\u2066-\\u2069]';
const FREE_TEXT = new RegExp(`^(?![^]*${CONTROLS})[^]{0,64}$`, 'u');
// Without the encodings of low order and those that are not canonical.
const KEY = /^(?!A[AQ]A{39}[AI]A|JuiVj8KyJ7BFw\/SJ8u\+Y8NXfrAXTxjM5sTgCiG1T\/[AI]U|xxdqcD1N2E\+6PAt2DRBnDyogU\/osOczGTsf9d5KsA[3/]o|[789+/][Pfv/]\/{39}[3/]8)[A-Za-z\d+/]{42}[AEIMQUYcgkosw048]=$/;
const POINT = /^B[A-P][A-Za-z\d+/]{84}[AEIMQUYcgkosw048]=$/;
const MAX_HASHES = { tpm_key: 1, smbios_uuid: 1, board_serial: 1, mac: 8, os_id: 1, disk_serial: 8, user: 1 };

/**
 * Throws for a form that the service would refuse.
 * @param {Uint8Array} bytes
 * @returns {LicenseRequest}
 */
function parse(bytes) {
  const { payloadType, payload, signatures } = parseJson(bytes);
  check(payloadType === REQUEST && Array.isArray(signatures) && signatures.length <= 8);
  for (const { keyid, sig } of signatures) check(typeof keyid === 'string' && decodeBase64(sig));
  const body = decodeBase64(payload);
  check(`DSSEv1 ${REQUEST.length} ${REQUEST} ${body.length} `.length + body.length <= MAX_SIGNED_BYTES);
  const { id, kind, created_at, license_number, product, protection, device_key, load_key, machine, dongle, replaces_seat,
    choose_seat, last_serial, trusts, client } = parseJson(body);
  match(/^[\da-f]{32}$/, id);
  match(/^(activate|update|deactivate)$/, kind);
  match(/^\d{12}$/, license_number);
  match(/^(machine|personal|dongle)$/, protection);
  match(/^(physical|virtual|container|unknown)$/, machine.environment);
  match(FREE_TEXT, product.name, product.version, machine.name, machine.os, client);
  match(KEY, device_key);
  const createdAt = new Date(created_at);
  check(createdAt.toISOString().replace('.000', '') === created_at && !/^0000/.test(created_at) && product.name);
  check(replaces_seat === null || (kind === 'activate' && Number.isInteger(replaces_seat) && replaces_seat > 0));
  check(choose_seat === false || (choose_seat === true && kind === 'activate' && replaces_seat === null));
  check(Number.isInteger(last_serial) && last_serial >= 0);
  check(Array.isArray(trusts) && trusts.length <= 16 && areDifferent(trusts));
  match(/^[\da-f]{16}$/, ...trusts);
  const hashes = readHashes(machine.components, protection);
  if (protection === 'dongle') {
    check(load_key === null);
    match(/^(Ed25519|ECDSA-P256-SHA256)$/, dongle.alg);
    match(dongle.alg === 'Ed25519' ? KEY : POINT, dongle.public);
    match(FREE_TEXT, dongle.model, dongle.serial);
  } else {
    match(KEY, load_key);
    check(dongle === null);
  }
  return {
    kind,
    licenseNumber: license_number,
    createdAt,
    product: `${product.name} ${product.version}`.trim(),
    machineName: machine.name,
    computer: [machine.name, machine.os].filter(Boolean).join(', '),
    protection,
    dongleModel: dongle?.model ?? '',
    replacesSeat: replaces_seat,
    componentHashes: hashes.length,
  };
}

/**
 * @param {Record<string, any>} components
 * @param {string} protection
 */
function readHashes(components, protection) {
  check(typeof components === 'object' && !Array.isArray(components));
  check(protection !== 'dongle' || Object.keys(components).length === 0);
  const all = [];
  for (const [name, most] of Object.entries(MAX_HASHES)) {
    if (!Object.hasOwn(components, name) || (name === 'user' && protection !== 'personal')) continue;
    const hashes = components[name];
    check(Array.isArray(hashes) && hashes.length > 0 && hashes.length <= most && `${[...hashes].sort()}` === `${hashes}`);
    all.push(...hashes);
  }
  match(/^[A-Za-z\d+/]{21}[AQgw]==$/, ...all);
  check(areDifferent(all));
  return all;
}

/** @param {unknown[]} values */
const areDifferent = (values) => new Set(values).size === values.length;

/**
 * @param {RegExp} pattern
 * @param {unknown[]} texts
 */
const match = (pattern, ...texts) => check(texts.every((text) => typeof text === 'string' && pattern.test(text)));

/**
 * Control and bidirectional characters could forge what a person reads.
 * @param {string} text
 */
export const replaceControls = (text) => text.replace(new RegExp(CONTROLS, 'gu'), '\ufffd');

/**
 * 015120020093 in groups of three: 015.120.020.093
 * @param {string} licenseNumber
 */
export const formatLicenseNumber = (licenseNumber) => licenseNumber.replace(/\d{3}(?=\d)/g, '$&.');

/** @param {LicenseRequest} request */
export const requestKey = ({ kind, replacesSeat }) => (replacesSeat ? 'asks.replace' : `asks.${kind}`);

/**
 * Throws unless the condition holds.
 * @param {unknown} condition
 */
export function check(condition) {
  if (!condition) throw new TypeError('not a request');
}

/** @param {Uint8Array} bytes */
export const encodeBase64 = (bytes) => btoa(latin1(bytes));

/**
 * Canonical base64, standard or URL-safe.
 * @param {unknown} text
 */
export function decodeBase64(text) {
  if (typeof text !== 'string' || (/[+/]/.test(text) && /[-_]/.test(text))) throw new TypeError('not a request');
  const standard = text.replace(/-/g, '+').replace(/_/g, '/');
  const binary = atob(standard);
  check(btoa(binary) === standard);
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
