import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem, UploadFailed, emailLink, follow, freshDownloadUrl, isEmailAddress, submit } from '../../../static-site/js/service.js';
import { aConnection, aResponse, connectionLost } from './fakes.mjs';

const FILE = new TextEncoder().encode('file');
const TICKET = { id: 't', upload: { url: 'https://in.test/', fields: { key: 'requests/t', policy: 'p' } } };
const OPTIONS = { email: 'a@b.example', language: 'de' };

test('an email address is one name, one at sign and a domain', () => {
  for (const good of ['name@example.com', 'a.b+c@sub.example.co', "o'neill@x1.example"]) assert.equal(isEmailAddress(good), true, good);
  for (const odd of ['name', 'a@b', 'a b@example.com', 'a@example.com, b@example.com', 'A <a@example.com>', '@example.com', 'ü@example.com', 'a..b@example.com', 'a@-x.example', 'a@127.0.0.1', `${'x'.repeat(250)}@example.com`, 'a@example.']) {
    assert.equal(isEmailAddress(odd), false, odd);
  }
});

test('a ticket is opened and the file uploaded last, byte for byte', async () => {
  const connection = aConnection(aResponse(201, TICKET), aResponse(201));
  assert.equal((await submit(FILE, OPTIONS, connection)).id, 't');
  const [opened, uploaded] = connection.calls;
  assert.deepEqual([opened.method, opened.url, JSON.parse(opened.body)], ['POST', '/api/requests', OPTIONS]);
  assert.equal(uploaded.url, 'https://in.test/');
  assert.deepEqual([...uploaded.body.keys()], ['key', 'policy', 'file']); // S3 ignores the fields after the file
  assert.equal(await uploaded.body.get('file').text(), 'file');
});

test('an expired upload is repaired by one new ticket, without a word', async () => {
  const connection = aConnection(aResponse(201, TICKET), aResponse(403), aResponse(201, { ...TICKET, id: 'second' }), aResponse(201));
  assert.equal((await submit(FILE, OPTIONS, connection)).id, 'second');
  assert.deepEqual(connection.reports, []);
});

const FAILED_UPLOADS = {
  'a second ticket that expired too': [aResponse(201, TICKET), aResponse(403), aResponse(201, TICKET), aResponse(403)],
  'a file that the storage refuses': [aResponse(201, TICKET), aResponse(400)],
  'a connection lost while online': [aResponse(201, TICKET), connectionLost],
};
for (const [name, answers] of Object.entries(FAILED_UPLOADS)) {
  test(`an upload fails: ${name}`, () => assert.rejects(submit(FILE, OPTIONS, aConnection(...answers)), UploadFailed));
}

test('an upload waits while offline, reports it, and continues', async () => {
  const connection = aConnection(aResponse(201, TICKET), connectionLost, aResponse(201));
  connection.online = false;
  await submit(FILE, OPTIONS, connection);
  assert.deepEqual(connection.reports, ['offline', null]);
});

test('a poll waits while offline, which is no failure of the service', async () => {
  const connection = aConnection(connectionLost, aResponse(500), aResponse(500), aResponse(200, { state: 'ready', email: 'none' }));
  connection.online = false;
  assert.equal((await follow('/api', connection).next()).value.state, 'ready');
  assert.deepEqual(connection.reports, ['offline', null]);
});

test('the third failure in a row is a problem, the second is not', async () => {
  const poll = (...answers) => follow('/api', aConnection(...answers)).next();
  const isBadGateway = (error) => error instanceof Problem && error.status === 502;
  await assert.rejects(poll(aResponse(500), connectionLost, aResponse(502)), isBadGateway);
  await assert.rejects(poll(connectionLost, connectionLost, connectionLost), (error) => error.status === 503);
  assert.equal((await poll(aResponse(500), connectionLost, aResponse(200, { state: 'processing' }))).value.state, 'processing');
});

test('a 429 without a problem document means busy; with one it is a problem that names the time', async () => {
  const busy = aConnection(aResponse(429), aResponse(200, { state: 'processing' }));
  await follow('/api', busy).next();
  assert.deepEqual(busy.reports, ['busy']);
  const limited = aConnection(aResponse(429, { code: 'too-many-requests' }, { 'Retry-After': '120' }));
  await assert.rejects(follow('/api', limited).next(), (error) => error.code === 'too-many-requests' && error.retryAfterS === 120);
});

test('a ticket is followed at the pace of the service until its email is decided', async () => {
  const polls = [['processing', 'pending', 2], ['ready', 'pending', 5], ['ready', 'sent', 9]];
  const connection = aConnection(...polls.map(([state, email, s]) => aResponse(200, { state, email }, { 'Retry-After': `${s}` })));
  const states = [];
  for await (const ticket of follow('/api/requests/t', connection)) states.push(`${ticket.state} ${ticket.email}`);
  assert.deepEqual(states, ['processing pending', 'ready pending', 'ready sent']);
  assert.deepEqual(connection.pauses, [2000, 5000]);
});

test('a page that stays open polls more slowly', async () => {
  const connection = aConnection(...Array.from({ length: 1000 }, () => aResponse(200, { state: 'processing', email: 'none' })));
  const tickets = follow('/api/requests/t', connection);
  for (let polls = 0; polls < 1000; polls++) await tickets.next();
  assert.deepEqual([connection.pauses[0], connection.pauses[60], connection.pauses.at(-1)], [1000, 2000, 15000]);
});

test('an expired ticket is a problem at once', async () => {
  const connection = aConnection(aResponse(404, { code: 'not-found' }));
  await assert.rejects(follow('/api/requests/t', connection).next(), (error) => error.status === 404);
  assert.equal(connection.calls.length, 1);
});

test('an aborted call ends without another attempt', async () => {
  const abort = () => { throw new DOMException('left the page', 'AbortError'); };
  for (const answers of [[abort], [aResponse(201, TICKET), abort]]) {
    await assert.rejects(submit(FILE, OPTIONS, aConnection(...answers)), { name: 'AbortError' });
  }
});

test('a ticket has fresh download URLs, and its link can be emailed', async () => {
  const connection = aConnection(aResponse(200, { response: { download_url: 'https://out.test/2' } }), aResponse(202));
  assert.equal(await freshDownloadUrl('a/b', connection), 'https://out.test/2');
  await emailLink('a/b', 'a@b.example', connection);
  const [poll, email] = connection.calls;
  assert.deepEqual([poll.method, poll.url], ['GET', '/api/requests/a%2Fb']);
  assert.deepEqual([email.method, email.url, email.body], ['POST', '/api/requests/a%2Fb/mail', '{"email":"a@b.example"}']);
});
