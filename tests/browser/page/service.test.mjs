import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { Problem, UploadFailed, download, emailLink, follow, freshResponse, submit } from '../../../static-site/js/service.js';
import { BETWEEN, aConnection, aResponse, connectionLost, storageError, stored } from './fakes.mjs';

const FILE = new TextEncoder().encode('file');
const TICKET = { id: 't', upload: { url: 'https://in.test/', fields: { key: 'requests/t', policy: 'p' } } };
const OPTIONS = { email: 'a@b.example', language: 'de' };

const OPENED = () => aResponse(201, TICKET);
const TAKEN = () => aResponse(202, { state: 'processing' });
const isNotOurs = (error) => error instanceof Problem && error.code === 'not-ours';
const isUnreachable = (error) => error instanceof Problem && error.code === 'unreachable';

test('a ticket is opened and the file uploaded last, byte for byte', async () => {
  const connection = aConnection(OPENED, stored);
  assert.equal((await submit(FILE, OPTIONS, connection)).id, 't');
  const [opened, uploaded] = connection.calls;
  assert.deepEqual([opened.method, opened.url, JSON.parse(opened.body)], ['POST', '/api/requests', OPTIONS]);
  assert.equal(uploaded.url, 'https://in.test/');
  assert.deepEqual([...uploaded.body.keys()], ['key', 'policy', 'file']); // S3 ignores the fields after the file
  assert.equal(await uploaded.body.get('file').text(), 'file');
});

for (const [status, code] of [[403, 'AccessDenied'], [400, 'ExpiredToken'], [400, 'RequestTimeout']]) {
  test(`an upload that the storage answers with ${code} gets a new pass, without a word`, async () => {
    const connection = aConnection(OPENED, storageError(status, code), aResponse(201, { ...TICKET, id: 'second' }), stored);
    assert.equal((await submit(FILE, OPTIONS, connection)).id, 'second');
    assert.deepEqual(connection.reports, []);
  });
}

for (const [name, failure] of Object.entries({
  'an error of its own': storageError(500, 'InternalError'), 'too much to do': storageError(503, 'SlowDown'),
  'too many calls': () => new Response('', { status: 429 }), 'a lost connection': connectionLost,
})) {
  test(`an upload is tried again on the same pass after ${name}, a second later each time`, async () => {
    const connection = aConnection(OPENED, failure, failure, stored);
    assert.equal((await submit(FILE, OPTIONS, connection)).id, 't');
    assert.deepEqual(connection.calls.map(({ url }) => url), ['/api/requests', ...Array(3).fill('https://in.test/')]);
    assert.deepEqual(connection.pauses, [1000, 1000]);
  });
}

const timedOut = () => { throw new DOMException('', 'AbortError'); }; // by the page itself, nobody having left it
const EXPIRED = [OPENED, storageError(403, 'AccessDenied')];
const BLOCKED_STORAGES = {
  ...Object.fromEntries(Object.entries(BETWEEN).map(([name, answer]) => [name, [OPENED, answer]])),
  'a storage that takes the file and says so in other words': [OPENED, () => aResponse(201)],
  'an error that no retry repairs': [OPENED, storageError(412, 'PreconditionFailed')],
  'a filter that blocks without S3 as its author': [OPENED, () => new Response('', { status: 403 })],
  'three lost connections': [OPENED, connectionLost, connectionLost, connectionLost],
  'three errors': [OPENED, ...Array(3).fill(storageError(500, 'InternalError'))],
  'three passes that had all expired': [...EXPIRED, ...EXPIRED, ...EXPIRED],
  'a firewall that drops every packet': [OPENED, timedOut],
};
for (const [name, answers] of Object.entries(BLOCKED_STORAGES)) {
  test(`the page's own host takes the file instead of ${name}`, async () => {
    const connection = aConnection(...answers, TAKEN);
    assert.equal((await submit(FILE, OPTIONS, connection)).id, 't');
    const { method, url, body } = connection.calls.at(-1);
    assert.deepEqual([method, url, body], ['PUT', '/api/requests/t/file', FILE]);
  });
}

test('a file that the storage took, though its answer was lost, is not sent twice', async () => {
  const taken = aResponse(409, { code: 'already-uploaded' });
  assert.equal((await submit(FILE, OPTIONS, aConnection(OPENED, timedOut, taken))).id, 't');
});

for (const [name, answer] of Object.entries(BETWEEN)) {
  test(`${name} is never believed, wherever it answers`, async () => {
    await assert.rejects(submit(FILE, OPTIONS, aConnection(answer)), isNotOurs);
    await assert.rejects(submit(FILE, OPTIONS, aConnection(OPENED, answer, answer)), isNotOurs);
    await assert.rejects(follow('t', aConnection(answer)).next(), isNotOurs);
    await assert.rejects(emailLink('t', 'a@b.example', aConnection(answer)), isNotOurs);
    await assert.rejects(download('t', RESPONSE, aConnection(answer, answer)), isNotOurs);
  });
}

test('a portal with a certificate of its own cannot be told from a dead line, but is no answer either', async () => {
  const lost = Array(9).fill(connectionLost);
  await assert.rejects(submit(FILE, OPTIONS, aConnection(...lost)), isUnreachable);
  await assert.rejects(submit(FILE, OPTIONS, aConnection(OPENED, ...lost)), isUnreachable);
  await assert.rejects(download('t', RESPONSE, aConnection(...lost)), isUnreachable);
});

test('a file that the service itself refuses is not tried again', async () => {
  const refused = aResponse(413, { code: 'too-large' });
  await assert.rejects(submit(FILE, OPTIONS, aConnection(OPENED, timedOut, refused)), UploadFailed);
});

const SIGNED = new TextEncoder().encode('signed');
const RESPONSE = {
  filename: 'x.response', download_url: 'https://out.test/1', bytes: 6, sha256: createHash('sha256').update(SIGNED).digest('hex'),
};
const file = (bytes = SIGNED) => () => new Response(bytes, { headers: { 'Content-Type': 'application/octet-stream' } });

test('a response is downloaded from the storage', async () => {
  const connection = aConnection(file());
  assert.deepEqual(await download('t', RESPONSE, connection), SIGNED);
  assert.deepEqual(connection.calls.map(({ url }) => url), ['https://out.test/1']);
});

for (const [name, answer] of Object.entries({
  ...BETWEEN, 'a lost connection': connectionLost, 'an expired URL': storageError(403, 'AccessDenied'), 'a file cut short': file(SIGNED.slice(1)),
  'another file of that size': file(SIGNED.map((byte) => byte ^ 1)), 'a firewall that drops every packet': timedOut,
})) {
  test(`the page's own host hands the response out instead of ${name}`, async () => {
    const connection = aConnection(answer, file());
    assert.deepEqual(await download('t', RESPONSE, connection), SIGNED);
    assert.equal(connection.calls.at(-1).url, '/api/requests/t/file');
  });
}

test('an upload waits while offline, reports it, and continues', async () => {
  const connection = aConnection(OPENED, connectionLost, stored);
  connection.online = false;
  await submit(FILE, OPTIONS, connection);
  assert.deepEqual(connection.reports, ['offline', null]);
});

test('a poll waits while offline, which is no failure of the service', async () => {
  const connection = aConnection(connectionLost, aResponse(500), aResponse(500), aResponse(200, { state: 'ready', email: 'none', response: RESPONSE }));
  connection.online = false;
  assert.equal((await follow('t', connection).next()).value.state, 'ready');
  assert.deepEqual(connection.reports, ['offline', null]);
});

test('the third failure in a row is a problem, the second is not', async () => {
  const poll = (...answers) => follow('t', aConnection(...answers)).next();
  const isBadGateway = (error) => error instanceof Problem && error.status === 502;
  await assert.rejects(poll(aResponse(500), connectionLost, aResponse(502)), isBadGateway);
  await assert.rejects(poll(connectionLost, connectionLost, connectionLost), (error) => error.status === 503);
  assert.equal((await poll(aResponse(500), connectionLost, aResponse(200, { state: 'processing', email: 'none' }))).value.state, 'processing');
});

test('a 429 without a problem document means busy; with one it is a problem that names the time', async () => {
  const busy = aConnection(aResponse(429), aResponse(200, { state: 'processing', email: 'none' }));
  await follow('t', busy).next();
  assert.deepEqual(busy.reports, ['busy']);
  const limited = aConnection(aResponse(429, { code: 'too-many-requests' }, { 'Retry-After': '120' }));
  await assert.rejects(follow('t', limited).next(), (error) => error.code === 'too-many-requests' && error.retryAfterS === 120);
});

test('a ticket is followed at the pace of the service until its email is decided', async () => {
  const polls = [['processing', 'pending', 2], ['ready', 'pending', 5], ['ready', 'sent', 9]];
  const connection = aConnection(...polls.map(([state, email, s]) => aResponse(200, { state, email, response: RESPONSE }, { 'Retry-After': `${s}` })));
  const states = [];
  for await (const ticket of follow('t', connection)) states.push(`${ticket.state} ${ticket.email}`);
  assert.deepEqual(states, ['processing pending', 'ready pending', 'ready sent']);
  assert.deepEqual(connection.pauses, [2000, 5000]);
});

test('a page that stays open polls more slowly', async () => {
  const connection = aConnection(...Array.from({ length: 1000 }, () => aResponse(200, { state: 'processing', email: 'none' })));
  const tickets = follow('t', connection);
  for (let polls = 0; polls < 1000; polls++) await tickets.next();
  assert.deepEqual([connection.pauses[0], connection.pauses[60], connection.pauses.at(-1)], [1000, 2000, 15000]);
});

test('an expired ticket is a problem at once', async () => {
  const connection = aConnection(aResponse(404, { code: 'not-found' }));
  await assert.rejects(follow('t', connection).next(), (error) => error.status === 404);
  assert.equal(connection.calls.length, 1);
});

test('a call ends without another attempt when the person leaves what it was for', async () => {
  for (const answers of [[], [OPENED], [OPENED, connectionLost]]) {
    const left = new AbortController();
    const leave = () => { left.abort(); throw new DOMException('', 'AbortError'); };
    const connection = { ...aConnection(...answers, leave), signal: left.signal };
    await assert.rejects(submit(FILE, OPTIONS, connection), { name: 'AbortError' });
    assert.equal(connection.calls.length, answers.length + 1);
  }
});

test('a call that took too long is a failure like another', async () => {
  const connection = aConnection(timedOut, timedOut, timedOut);
  await assert.rejects(follow('t', connection).next(), isUnreachable);
  assert.equal(connection.calls.length, 3);
});

test('a ticket has fresh download URLs, and its link can be emailed', async () => {
  const fresh = { ...RESPONSE, download_url: 'https://out.test/2' };
  const connection = aConnection(aResponse(200, { state: 'ready', email: 'none', response: fresh }), aResponse(202));
  assert.deepEqual(await freshResponse('a/b', connection), fresh);
  await emailLink('a/b', 'a@b.example', connection);
  const [poll, email] = connection.calls;
  assert.deepEqual([poll.method, poll.url], ['GET', '/api/requests/a%2Fb']);
  assert.deepEqual([email.method, email.url, email.body], ['POST', '/api/requests/a%2Fb/mail', '{"email":"a@b.example"}']);
});
