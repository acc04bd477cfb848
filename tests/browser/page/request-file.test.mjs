import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DICTIONARY, Problem, UploadFailed, ask, follow, isAddress, readLink, readRequest, secretIn, send, showNumber } from '../../static-site/request-file.js';

const TYPE = 'application/vnd.keyferry.request.v1+json';
const bytes = (text) => new TextEncoder().encode(text);
const latin1 = (text) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const base64 = (text) => Buffer.from(text).toString('base64');
const BODY = {
  id: '7b0e'.repeat(8),
  kind: 'activate',
  created_at: '2026-11-24T09:47:00Z',
  license_number: '015120020093',
  product: { name: 'Example Modeler', version: '4.2.0' },
  protection: 'machine',
  device_key: base64('0'.repeat(32)),
  machine: { name: 'LAB-07', os: 'Windows 11 Pro', environment: 'physical', components: { mac: ['a', 'b'], os_id: ['c'] } },
  dongle: null,
  replaces_seat: null,
  last_serial: 0,
  trusts: [],
  client: 'keyferry 1.0.0',
};
const body = (changes = {}) => JSON.stringify({ ...BODY, ...changes });
const envelope = (payload = base64(body()), changes = {}) => JSON.stringify({
  payloadType: TYPE, payload, signatures: [{ keyid: '0123456789abcdef', sig: base64('s'.repeat(64)) }], ...changes,
});
const read = (text) => readRequest(typeof text === 'string' ? bytes(text) : text);

test('a request file is told in facts, whatever surrounds its text', () => {
  for (const text of [envelope(), `\r\n ${envelope()}\n`, JSON.stringify(JSON.parse(envelope()), null, 2)]) {
    assert.deepEqual(read(text).request, {
      kind: 'activate', number: '015120020093', madeAt: new Date('2026-11-24T09:47:00Z'), product: 'Example Modeler 4.2.0',
      computer: 'LAB-07, Windows 11 Pro', protection: 'machine', dongle: '', lost: false, codes: 3,
    });
  }
});

test('a request that replaces a seat, has no name or goes by a dongle is read too', () => {
  assert.equal(read(envelope(base64(body({ replaces_seat: 3 })))).request.lost, true);
  const unnamed = { ...BODY.machine, name: '', os: '', components: {} };
  const dongle = { alg: 'Ed25519', public: 'AA==', model: 'Key 5', serial: '1' };
  const { request } = read(envelope(base64(body({ machine: unnamed, protection: 'dongle', dongle }))));
  assert.deepEqual([request.computer, request.dongle, request.codes], ['', 'Key 5', 0]);
});

test('a payload in URL-safe base64 is read', () => {
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
  test(`${problem} is told from its content`, () => {
    files.forEach((file, i) => assert.deepEqual(read(file), { problem }, `${problem}, sample ${i}`));
  });
}

test('only the start of a big file is needed', () => {
  assert.deepEqual(readRequest(bytes('%PDF-1.7'), 5e8), { problem: 'pdf' });
  assert.deepEqual(readRequest(bytes(' '.repeat(65536)), 5e8), { problem: 'too-big' });
});

test('secrets are known in every way of writing, addresses are none', () => {
  for (const code of ['m9s346 q3d25v t4f5v3 7e3s3e 28jt9v', 'm9s346q3d25vt4f5v37e3s3e28jt9v', 'M9S346-Q3D25V-T4F5V3-7E3S3E-28JT9V']) {
    assert.equal(secretIn(code), 'activation-code');
  }
  for (const number of ['015120020093', '015 120 020 093', '015/120/020/093', '0151 2002_0093']) assert.equal(secretIn(number), 'license-number');
  for (const text of ['', 'name@example.com', 'Kim', '12345678901', '1234567890123']) assert.equal(secretIn(text), null);
});

test('an address is one name, one at sign and a domain', () => {
  for (const good of ['name@example.com', 'a.b+c@sub.example.co', "o'neill@x1.example"]) assert.equal(isAddress(good), true, good);
  for (const odd of ['name', 'a@b', 'a b@example.com', 'a@example.com, b@example.com', 'A <a@example.com>', '@example.com', 'ü@example.com', 'a..b@example.com', 'a@-x.example', 'a@127.0.0.1', `${'x'.repeat(250)}@example.com`, 'a@example.']) {
    assert.equal(isAddress(odd), false, odd);
  }
});

test('a number is shown in groups of three', () => assert.equal(showNumber('015120020093'), '015.120.020.093'));

// The journey

const answer = (status, document = {}, headers = {}) => new Response(JSON.stringify(document), {
  status, headers: { 'Content-Type': status < 400 || !document.code ? 'application/json' : 'application/problem+json', ...headers },
});
const lost = () => { throw new TypeError('Failed to fetch'); };

/** A world whose fetch gives these answers one after the other, and remembers. */
function worldOf(...answers) {
  const world = {
    asked: [], slept: [], said: [], online: true,
    fetch: async (url, options) => {
      world.asked.push([options.method ?? 'GET', url, options.body]);
      const next = answers.shift();
      return typeof next === 'function' ? next() : next;
    },
    sleep: async (ms) => { world.slept.push(ms); },
    isOnline: () => world.online,
    untilOnline: async () => { world.online = true; },
    say: (key) => world.said.push(key),
  };
  return world;
}
const TICKET = { id: 't', upload: { url: 'https://in.test/', fields: { key: 'requests/t', policy: 'p' } } };

test('the file goes up last, after all fields, byte for byte', async () => {
  const world = worldOf(answer(201, TICKET), answer(201));
  assert.equal((await send(bytes('file'), { email: 'a@b.example', language: 'de' }, world)).id, 't');
  const [[, , opened], [, url, form]] = world.asked;
  assert.deepEqual(JSON.parse(opened), { email: 'a@b.example', language: 'de' });
  assert.equal(url, 'https://in.test/');
  assert.deepEqual([...form.keys()], ['key', 'policy', 'file']);
  assert.equal(await form.get('file').text(), 'file');
});

test('an upload pass that ended is renewed once, silently', async () => {
  const world = worldOf(answer(201, TICKET), answer(403), answer(201, { ...TICKET, id: 'second' }), answer(201));
  assert.equal((await send(bytes('f'), {}, world)).id, 'second');
  assert.deepEqual(world.said, []);
  await assert.rejects(send(bytes('f'), {}, worldOf(answer(201, TICKET), answer(403), answer(201, TICKET), answer(403))), UploadFailed);
  await assert.rejects(send(bytes('f'), {}, worldOf(answer(201, TICKET), answer(400))), UploadFailed);
  await assert.rejects(send(bytes('f'), {}, worldOf(answer(201, TICKET), lost)), UploadFailed);
});

test('without a network it waits, says so, and goes on', async () => {
  const world = worldOf(answer(201, TICKET), lost, answer(201));
  world.online = false;
  await send(bytes('f'), {}, world);
  assert.deepEqual(world.said, ['offline', '']);
});

test('three failures in a row are a service that is down', async () => {
  await assert.rejects(ask('/api', worldOf(answer(500), lost, answer(502))), (error) => error instanceof Problem && error.status === 502);
  assert.equal((await ask('/api', worldOf(answer(500), lost, answer(200)))).status, 200);
});

test('a 429 without our document is only busy; with it, it is told with its time', async () => {
  const world = worldOf(answer(429), answer(200));
  assert.equal((await ask('/api', world)).status, 200);
  assert.deepEqual(world.said, ['busy']);
  const told = worldOf(answer(429, { code: 'too-many-requests' }, { 'Retry-After': '120' }));
  await assert.rejects(ask('/api', told), (error) => error.code === 'too-many-requests' && error.waitS === 120);
});

test('a ticket is followed at the service\'s pace until it and its mail are settled', async () => {
  const polls = [['processing', 'pending', 2], ['ready', 'pending', 5], ['ready', 'sent', 0]];
  const world = worldOf(...polls.map(([state, email, pause]) => answer(200, { state, email }, pause ? { 'Retry-After': `${pause}` } : {})));
  const seen = [];
  for await (const ticket of follow('a/b', world)) seen.push(`${ticket.state} ${ticket.email}`);
  assert.deepEqual(seen, ['processing pending', 'ready pending', 'ready sent']);
  assert.deepEqual(world.slept, [2000, 5000]);
  assert.equal(world.asked[0][1], '/api/requests/a%2Fb');
});

test('a ticket that is gone ends the journey', async () => {
  await assert.rejects(follow('t', worldOf(answer(404, { code: 'not-found' }))).next(), (error) => error.status === 404);
});

const vectors = (name) => readFileSync(new URL(`../../docs/vectors/${name}`, import.meta.url));
const TEXT_FORMS = JSON.parse(vectors('text-forms.json')).vectors;
const PROBLEMS = { 'unreadable-request': 'damaged', 'unsupported-version': 'unsupported-version' };

test('the dictionary of text forms is the published one', () => {
  assert.equal(DICTIONARY, vectors('dictionary-1.bin').toString());
});

for (const { name, text_form: packed, expect } of TEXT_FORMS) {
  test(`a link is read as the vectors say: ${name}`, async () => {
    const found = await readLink(Buffer.from(packed, 'base64').toString('base64url'));
    assert.equal(found.problem, PROBLEMS[expect.code]);
    if (!expect.ok) return assert.equal(found.request, undefined);
    assert.equal(Buffer.from(found.bytes).toString('base64'), expect.file);
    assert.equal(found.request.number, '015120020093');
  });
}

test('a link that is no link of ours is damaged', async () => {
  const [{ text_form: packed }] = TEXT_FORMS;
  const text = Buffer.from(packed, 'base64').toString('base64url');
  for (const link of ['', 'A', '%20', 'AQ%3D', `${text} `, `${text}&utm_source=mail`, text.toLowerCase(), 'A'.repeat(20000)]) {
    assert.deepEqual(await readLink(link), { problem: 'damaged' }, link);
  }
});
