import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DICTIONARY, readLink } from '../../../static-site/js/link.js';
import { PREFIX_BYTES, emailProblem, findSecret, readFiles, readRequest, replaceControls } from '../../../static-site/js/request-file.js';

const TYPE = 'application/vnd.keyferry.request.v1+json';
const bytes = (text) => new TextEncoder().encode(text);
const latin1 = (text) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const base64 = (text) => Buffer.from(text).toString('base64');
const KEY = base64('k'.repeat(32));
const [ONE, TWO, THREE] = ['1', '2', '3'].map((digit) => base64(digit.repeat(16)));
const BODY = {
  id: '7b0e'.repeat(8),
  kind: 'activate',
  created_at: '2026-11-24T09:47:00Z',
  license_number: '015120020093',
  product: { name: 'Example Modeler', version: '4.2.0' },
  protection: 'machine',
  device_key: KEY,
  load_key: base64('l'.repeat(32)),
  machine: { name: 'LAB-07', os: 'Windows 11 Pro', environment: 'physical', components: { mac: [ONE, TWO], os_id: [THREE] } },
  dongle: null,
  replaces_seat: null,
  choose_seat: false,
  last_serial: 0,
  trusts: [],
  client: 'keyferry 1.0.0',
};
const body = (changes = {}) => JSON.stringify({ ...BODY, ...changes });
const envelope = (payload = base64(body()), changes = {}) => JSON.stringify({
  payloadType: TYPE, payload, signatures: [{ keyid: '0123456789abcdef', sig: base64('s'.repeat(64)) }], ...changes,
});
const read = (text) => readRequest(typeof text === 'string' ? bytes(text) : text);

test('a request is read, whatever whitespace surrounds or indents it', () => {
  for (const text of [envelope(), `\r\n ${envelope()}\n`, JSON.stringify(JSON.parse(envelope()), null, 2)]) {
    assert.deepEqual(read(text).request, {
      kind: 'activate', licenseNumber: '015120020093', createdAt: new Date('2026-11-24T09:47:00Z'), product: 'Example Modeler 4.2.0',
      machineName: 'LAB-07', computer: 'LAB-07, Windows 11 Pro', protection: 'machine', dongleModel: '', replacesSeat: null, componentHashes: 3,
    });
  }
});

test('a request may replace a seat, have no computer name, or name a dongle', () => {
  assert.equal(read(envelope(base64(body({ replaces_seat: 3 })))).request.replacesSeat, 3);
  const unnamed = { ...BODY.machine, name: '', os: '', components: {} };
  const dongle = { alg: 'Ed25519', public: KEY, model: 'Key 5', serial: '1' };
  const { request } = read(envelope(base64(body({ machine: unnamed, protection: 'dongle', load_key: null, dongle }))));
  assert.deepEqual([request.computer, request.dongleModel, request.componentHashes], ['', 'Key 5', 0]);
});

test('a payload may be in URL-safe base64', () => {
  const os = 'Windows ÿ?>ÿ?>ÿ?>';
  const url = Buffer.from(body({ machine: { ...BODY.machine, os } })).toString('base64').replace(/\+/g, '-').replace(/\//g, '_');
  assert.match(url, /[-_]/);
  assert.equal(read(envelope(url)).request.computer, `LAB-07, ${os}`);
});

const padded = ['k', 'kk', 'kkk'].map((client) => base64(body({ client }))).find((payload) => payload.endsWith('='));
const utf16 = (text) => Uint8Array.from([0xff, 0xfe, ...Buffer.from(text, 'utf16le')]);
const OLE = '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1' + '\0'.repeat(504);
const WRONG = {
  empty: ['', '  \r\n', utf16('')],
  response: [envelope(undefined, { payloadType: TYPE.replace('request', 'response') }), envelope().replace('request', 'response').padEnd(20000)],
  'license-number': ['015.120.020.093', '015120020093\n', '015-120-020-093', 'License number: 015.120.020.093', utf16('015.120.020.093')],
  'activation-code': ['m9s346-q3d25v-t4f5v3-7e3s3e-28jt9v', 'M9S346Q3D25VT4F5V37E3S3E28JT9V', 'Number 015.120.020.093\nCode m9s346-q3d25v-t4f5v3-7e3s3e-28jt9v'],
  pdf: ['%PDF-1.7\n%âã', '\n%PDF-1.4'],
  word: [latin1('PK\x03\x04\x14\0\x06\0[Content_Types].xml ... word/document.xml'), latin1(OLE), '{\\rtf1\\ansi hello}'],
  'e-mail': ['Return-Path: <a@b.example>\r\nFrom: A\r\n', 'From: A <a@b.example>\nX-Long: one\n two\nSubject: Hello\n\nHi', 'From a@b.example Tue Nov 24\n', latin1(OLE + '_\0_\0s\0u\0b\0s\0t\0g\x001\0')],
  zip: [latin1('PK\x03\x04\x14\0 015120020093-7f3a.request'), latin1('PK\x05\x06' + '\0'.repeat(18))],
  image: [latin1('\x89PNG\r\n\x1a\n'), latin1('\xff\xd8\xff\xe0\0\x10JFIF'), latin1('GIF89a'), latin1('RIFF\0\0\0\0WEBPVP8 '), latin1('\0\0\0\x18ftypheic'), '<svg xmlns="a">', '<?xml version="1.0"?>\n<svg>'],
  shortcut: [latin1('L\0\0\0\x01\x14\x02\0'), '[InternetShortcut]\r\nURL=a', '[Desktop Entry]\n', '<?xml version="1.0"?><plist><dict><key>URL</key></dict></plist>'],
  'too-big': [envelope().padEnd(8193), 'x'.repeat(9000), bytes('x'.repeat(65536))],
  damaged: [
    envelope().slice(0, -1), envelope().slice(0, 40), envelope().slice(0, 14), '\ufeff' + envelope(), utf16(envelope()), Buffer.from(envelope(), 'utf16le'),
    envelope().replace('"signatures"', '"signature"'), envelope().replace('eyJ', 'eyK'), envelope() + envelope(), '\0'.repeat(1226),
    envelope(padded.replace(/=+$/, '')), envelope('e30='), envelope(base64(body({ license_number: '15' }))), envelope(base64(body({ kind: 'renew' }))),
    envelope(base64(body({ created_at: '2026-11-24' }))), envelope(base64(body({ protection: 'dongle' }))), envelope(base64(body({ client: 'x'.repeat(4096) }))),
    envelope(undefined, { signatures: Array(9).fill({ keyid: '0', sig: 'AA==' }) }), latin1(envelope(base64(body()), { note: '\xe9' })),
  ],
  'unsupported-version': [envelope(undefined, { payloadType: TYPE.replace('v1', 'v2') }), envelope(undefined, { payloadType: TYPE.replace('v1', 'v10') })],
  other: ['hello', '{}', '[1]', '{"payload":1,"payloadType":"application/vnd.in-toto+json"}', latin1('\x7fELF\x02\x01'), latin1('PK\x03\x04 [Content_Types].xml xl/workbook.xml')],
};
for (const [problem, files] of Object.entries(WRONG)) {
  test(`a file is recognized by its content: ${problem}`, () => {
    files.forEach((file, i) => assert.deepEqual(read(file), { problem }, `${problem}, sample ${i}`));
  });
}

test('the start of a large file is enough', () => {
  assert.deepEqual(readRequest(bytes('%PDF-1.7'), 5e8), { problem: 'pdf' });
  assert.deepEqual(readRequest(bytes(' '.repeat(PREFIX_BYTES)), 5e8), { problem: 'too-big' });
});

test('a secret is found however it is written, and an email address is no secret', () => {
  for (const code of ['m9s346 q3d25v t4f5v3 7e3s3e 28jt9v', 'm9s346q3d25vt4f5v37e3s3e28jt9v', 'M9S346-Q3D25V-T4F5V3-7E3S3E-28JT9V']) {
    assert.equal(findSecret(code), 'activation-code');
  }
  for (const number of ['015120020093', '015 120 020 093', '015/120/020/093', '0151 2002_0093']) assert.equal(findSecret(number), 'license-number');
  for (const text of ['', 'name@example.com', 'Kim', '12345678901', '1234567890123']) assert.equal(findSecret(text), null);
});

const file = (text, name = 'x.request') => new File([text], name);

test('one chosen file is read with its name', async () => {
  const { name, bytes: content, request } = await readFiles([file(envelope())]);
  assert.equal(name, 'x.request');
  assert.equal(new TextDecoder().decode(content), envelope());
  assert.equal(request.licenseNumber, '015120020093');
  assert.deepEqual(await readFiles([file('hello')]), { problem: 'other' });
});

test('several files and an archive are read elsewhere', async () => {
  const [several, archive] = [[file(envelope()), file(envelope())], [file('PK\x05\x06' + '\0'.repeat(18))]];
  for (const sources of [several, archive]) assert.deepEqual(await readFiles(sources), { sources });
});

test('a file that cannot be read is a problem', async () => {
  const unreadable = { name: 'x', size: 1, slice: () => ({ arrayBuffer: async () => { throw new DOMException('', 'NotFoundError'); } }) };
  assert.deepEqual(await readFiles([unreadable]), { problem: 'not-read' });
});

test('characters that could forge what a person reads are replaced', () => {
  assert.equal(replaceControls('a\u202eb\0c'), 'a\ufffdb\ufffdc');
});

const vectors = (name) => readFileSync(new URL(`../../../docs/vectors/${name}`, import.meta.url));
const TEXT_FORMS = JSON.parse(vectors('text-forms.json')).vectors;
const PROBLEMS = { 'unreadable-request': 'link-cut', 'unsupported-version': 'unsupported-version' };

test('the dictionary of the text form is the published one', () => {
  assert.equal(DICTIONARY, vectors('dictionary-1.bin').toString());
});

// Node 20 inflates a stream with bytes after its end, which no browser does.
const isLenient = await new Response(
  new Blob([Uint8Array.of(3, 0, 0)]).stream().pipeThrough(new DecompressionStream('deflate-raw')),
).text().then(() => true, () => false);

for (const { name, text_form: packed, expect } of TEXT_FORMS) {
  const skip = isLenient && name.endsWith('after the end');
  test(`a link is read as its vector says: ${name}`, { skip }, async () => {
    const result = await readLink(Buffer.from(packed, 'base64').toString('base64url'));
    assert.equal(result.problem, PROBLEMS[expect.code]);
    if (!expect.ok) return assert.equal(result.request, undefined);
    assert.equal(Buffer.from(result.bytes).toString('base64'), expect.file);
    assert.equal(result.request.licenseNumber, '015120020093');
  });
}

test('any other text in a link is told as a cut link', async () => {
  const [{ text_form: packed }] = TEXT_FORMS;
  const text = Buffer.from(packed, 'base64').toString('base64url');
  for (const link of ['', 'A', '%20', 'AQ%3D', text.slice(0, -1), text.toLowerCase(), 'A'.repeat(20000)]) {
    assert.deepEqual(await readLink(link), { problem: 'link-cut' }, link);
  }
});

test('what a mail program puts after a link does no harm', async () => {
  const [{ text_form: packed, expect }] = TEXT_FORMS;
  const text = Buffer.from(packed, 'base64').toString('base64url');
  for (const end of ['.', ')', '>', ' ', '%20', '&utm_source=mail', '?fbclid=1']) {
    const result = await readLink(text + end);
    assert.equal(Buffer.from(result.bytes).toString('base64'), expect.file, end);
  }
});

test('an email address is one name, one at sign and a domain', () => {
  for (const good of ['name@example.com', 'a.b+c@sub.example.co', "o'neill@x1.example"]) assert.equal(emailProblem(good), null, good);
  for (const odd of ['name', 'a@b', 'a b@example.com', 'a@example.com, b@example.com', 'A <a@example.com>', '@example.com', 'ü@example.com', 'a..b@example.com', 'a@-x.example', 'a@127.0.0.1', `${'x'.repeat(250)}@example.com`, 'a@example.']) {
    assert.equal(emailProblem(odd), 'email', odd);
  }
});
