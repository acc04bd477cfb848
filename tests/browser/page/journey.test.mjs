import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Journey } from '../../../static-site/js/journey.js';
import { readRequest } from '../../../static-site/js/request-file.js';
import { TicketJourney } from '../../../static-site/js/ticket.js';
import { BETWEEN, aConnection, aResponse, connectionLost, stored } from './fakes.mjs';

const CODE = 'm9s346-q3d25v-t4f5v3-7e3s3e-28jt9v';
const FILE = { name: 'x.request', bytes: new TextEncoder().encode('file'), request: { kind: 'activate' } };
const NEW_TICKET = aDocument({ id: 't', upload: { url: 'https://in.test/', fields: {} } }, 201);
const UPLOADED = stored;
const PROCESSING = aDocument({ state: 'processing', email: 'none' });
const SIGNED = new TextEncoder().encode('signed');
const RESPONSE = {
  filename: 'x.response', download_url: 'https://out.test/1', bytes: 6, sha256: createHash('sha256').update(SIGNED).digest('hex'),
};
const FILE_OUT = () => new Response(SIGNED);
const READY = aDocument({ state: 'ready', email: 'none', response: RESPONSE });
const down = [connectionLost, connectionLost, connectionLost];
const REFUSED = aDocument({ state: 'refused', email: 'none', refusal: { title: 'No', detail: 'Ask.' } });

/** A response that is new for each call. */
function aDocument(document, status = 200) {
  return () => aResponse(status, document);
}

/**
 * A journey whose calls get these answers; `screens` lists the calls of its view. Downloads get those of `downloads`, by default
 * the file.
 */
function aJourney(...answers) {
  const screens = [];
  const kept = new Map();
  const view = new Proxy({}, { get: (_, name) => (...values) => { screens.push([name, ...values]); } });
  const timers = [];
  const network = { ...aConnection(...answers), sleep: (ms, signal) => new Promise((resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason));
    if (ms < 5_000) resolve(); // between polls
    else timers.push(resolve);
  }) };
  const downloads = [];
  const { fetch } = network;
  network.fetch = (url, init = {}) => {
    const isDownload = url.startsWith('https://out.test/') || (url.endsWith('/file') && !init.method);
    if (!isDownload) return fetch(url, init);
    network.downloads = [...network.downloads ?? [], url];
    return (async () => (downloads.shift() ?? FILE_OUT)())();
  };
  const addresses = [];
  const browser = {
    storage: { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) },
    navigate: (ticketId) => addresses.push(ticketId),
    canShare: false,
    prepareShare: () => null,
  };
  let ticket;
  const parts = { page: view, view, browser, network, language: 'de' };
  const openTicket = (...where) => (ticket = new TicketJourney(parts, ...where));
  const loading = { tries: 0, failures: 0 };
  const loadTicket = async () => (loading.tries++ < loading.failures ? null : openTicket);
  const journey = new Journey({ view, browser, network, loadTicket });
  const shown = () => screens.map(([name]) => name);
  const last = (name) => screens.findLast((screen) => screen[0] === name)?.slice(1);
  return {
    journey, ticket: () => ticket, loading, screens, shown, last, stored: kept, addresses, browser, network, timers, downloads,
  };
}

/** Resolves once every pending promise that can settle has settled. */
const settled = () => new Promise((resolve) => { setTimeout(resolve); });

/** Resolves once the view was called so: a checksum takes its own time. */
async function shows(page, name) {
  for (let turns = 0; turns < 1000 && !page.last(name); turns++) await settled();
}

const chosen = (page, result = FILE) => page.journey.choose(async () => result);

test('a chosen file is shown and nothing is sent', async () => {
  const page = aJourney();
  chosen(page);
  await settled();
  assert.deepEqual(page.screens, [['showRequest', FILE]]);
  assert.deepEqual(page.network.calls, []);
});

test('a wrong file is a problem until a request file is chosen', async () => {
  const page = aJourney();
  chosen(page, { problem: 'pdf' });
  await settled();
  assert.deepEqual(page.screens, [['showRequest', null], ['showProblems', { file: { name: 'pdf' } }]]);
  chosen(page);
  await settled();
  assert.deepEqual(page.last('showProblems'), [{}, { focus: false }]);
});

test('an empty form names each problem and sends nothing', async () => {
  const page = aJourney();
  await page.journey.submit('nobody');
  assert.deepEqual(page.last('showProblems'), [{ file: { name: 'none' }, email: { name: 'email' } }]);
  assert.deepEqual(page.network.calls, []);
});

test('starting over removes every problem', async () => {
  const page = aJourney();
  await page.journey.submit('nobody');
  page.journey.restart();
  assert.deepEqual(page.last('showProblems'), [{}]);
  chosen(page, { problem: 'pdf' });
  await settled();
  assert.deepEqual(page.last('showProblems'), [{ file: { name: 'pdf' } }]);
});

test('a form that is sent while its file is read waits for it', async () => {
  const page = aJourney(NEW_TICKET, UPLOADED, READY);
  page.journey.choose(async () => { await settled(); return FILE; });
  await page.journey.submit('');
  assert.equal(page.last('showReady')[0].state, 'ready');
});

test('a file becomes a ticket, and the ticket a saved response', async () => {
  const page = aJourney(NEW_TICKET, UPLOADED, PROCESSING, READY);
  chosen(page);
  await page.journey.submit(' kim@example.com ');
  await shows(page, 'save');
  assert.deepEqual(page.shown().slice(1), ['showProblems', 'showWaiting', 'showReady', 'showEmail', 'save']);
  assert.deepEqual(page.last('showWaiting')[0], 'x.request');
  assert.deepEqual(page.last('save'), [SIGNED, 'x.response']);
  assert.equal(page.stored.get('saved t'), '');
  assert.deepEqual(page.last('showEmail')[1], 'kim@example.com');
  assert.deepEqual(page.addresses, ['#t=t']);
  assert.deepEqual(JSON.parse(page.network.calls[0].body), { email: 'kim@example.com', language: 'de' });
});

test('a reload shows the same ticket and saves no second copy', async () => {
  const page = aJourney(READY);
  page.stored.set('saved t', '');
  await page.journey.open('t', { focus: false });
  assert.deepEqual(page.last('showWaiting'), ['', { focus: false }]);
  assert.deepEqual(page.last('showReady')[1], { isSaved: true });
  assert.equal(page.last('save'), undefined);
  assert.equal(page.last('showEmail')[1], null);
});

test('an address entered for one ticket is not shown for another', async () => {
  const page = aJourney(NEW_TICKET, UPLOADED, READY, READY);
  chosen(page);
  await page.journey.submit('kim@example.com');
  await page.journey.open('another');
  assert.equal(page.last('showEmail')[1], null);
});

const EMAIL_PENDING = aDocument({ state: 'ready', email: 'pending', response: RESPONSE });

test('once the result is shown, a lost connection is not announced', async () => {
  const page = aJourney(EMAIL_PENDING, connectionLost, READY);
  page.network.isOnline = () => false;
  await page.journey.open('t');
  await settled();
  assert.deepEqual(page.shown().filter((name) => name !== 'save'), ['showWaiting', 'showReady', 'showEmail', 'showEmail']);
});

test('once the result is shown, it stays even if the service goes down', async () => {
  const page = aJourney(EMAIL_PENDING, ...down);
  await page.journey.open('t');
  assert.equal(page.shown().filter((name) => name !== 'save').at(-1), 'showEmail');
});

test('a refusal is shown and nothing is saved', async () => {
  const page = aJourney(REFUSED);
  await page.journey.open('t');
  assert.deepEqual(page.last('showRefused')[0].refusal, { title: 'No', detail: 'Ask.' });
  assert.equal(page.last('save'), undefined);
});

const FAILURES = {
  'the ticket is unknown': { answers: [aDocument({ code: 'not-found' }, 404)], last: ['showGone'] },
  'the service cannot be reached': { answers: down, last: ['showDown', 'unreachable'] },
  'the service is down': { answers: Array(3).fill(aDocument({}, 500)), last: ['showDown', undefined] },
  'something else answers': { answers: [BETWEEN['a sign-in page']], last: ['showDown', 'not-ours'] },
  'something else answers the upload both ways': {
    answers: [NEW_TICKET, BETWEEN['a sign-in page'], BETWEEN['a sign-in page']],
    last: ['showDown', 'not-ours'],
  },
  'something else says that the ticket is unknown': {
    answers: [NEW_TICKET, UPLOADED, BETWEEN['a filter that says it is not there']],
    last: ['showDown', 'not-ours'],
  },
  'the network has sent too much': {
    answers: [aDocument({ code: 'too-many-requests', n: 12 }, 429)],
    last: ['showProblems', { file: { name: 'too-many', n: 12 } }],
  },
  'the network may send again in two minutes': {
    answers: [() => aResponse(429, { code: 'too-many-requests' }, { 'Retry-After': '61' })],
    last: ['showProblems', { file: { name: 'too-many', n: 2 } }],
  },
  'the limit ends within a minute': {
    answers: [() => aResponse(429, { code: 'too-many-requests' }, { 'Retry-After': '60' })],
    last: ['showProblems', { file: { name: 'too-many-soon', n: 1 } }],
  },
  'the service refuses the address': {
    answers: [aDocument({ code: 'bad-email' }, 400)],
    last: ['showProblems', { email: { name: 'email' } }],
  },
  'the upload is refused': {
    answers: [NEW_TICKET, aDocument({}, 400), aDocument({ code: 'too-large' }, 413)],
    last: ['showProblems', { file: { name: 'upload' } }],
  },
};
for (const [name, { answers, last }] of Object.entries(FAILURES)) {
  test(`${name}: a screen with a next step`, async () => {
    const page = aJourney(...answers);
    chosen(page);
    await page.journey.submit('');
    assert.deepEqual(page.screens.at(-1), last);
    if (last[0] === 'showProblems') assert.deepEqual(page.last('showForm'), [{ focus: false }]);
  });
}

test('a service that was down is tried again with the same file', async () => {
  const page = aJourney(...down, NEW_TICKET, UPLOADED, READY);
  chosen(page);
  await page.journey.submit('');
  await page.journey.retry();
  assert.equal(page.last('showReady')[0].state, 'ready');
});

test('a retry sends the second file, not the ticket of the first', async () => {
  const page = aJourney(READY, ...down, NEW_TICKET, UPLOADED, READY);
  await page.journey.open('first');
  chosen(page);
  await page.journey.submit('');
  await page.journey.retry();
  assert.deepEqual(page.addresses, [null, '#t=t']);
});

test('after a sign-in to the network the same file is sent', async () => {
  const page = aJourney(BETWEEN['a sign-in page'], NEW_TICKET, UPLOADED, READY);
  chosen(page);
  await page.journey.submit('');
  await page.journey.retry();
  assert.equal(page.last('showReady')[0].state, 'ready');
});

test('a ticket that could not be polled is opened again', async () => {
  const page = aJourney(...down, READY);
  await page.journey.open('t');
  await page.journey.retry();
  assert.equal(page.network.calls.at(-1).url, '/api/requests/t');
  assert.equal(page.last('showReady')[0].state, 'ready');
});

test('a wait is announced after 10 and after 60 seconds, unless the page is offline', async () => {
  const page = aJourney(NEW_TICKET, UPLOADED, PROCESSING, () => new Promise(() => {}));
  chosen(page);
  page.journey.submit('kim@example.com');
  await settled();
  await settled();
  page.timers.shift()();
  await settled();
  assert.deepEqual(page.last('announce'), ['waiting.still']);
  page.timers.shift()();
  await settled();
  assert.deepEqual(page.last('announce'), ['waiting.long', { email: 'kim@example.com' }]);
});

for (const [name, answers] of [
  ['is opening the ticket', []], ['has only the ticket', [NEW_TICKET]],
  ['waits for the file', [NEW_TICKET, UPLOADED, aDocument({ state: 'awaiting-upload', email: 'pending' })]],
]) {
  test(`no email is promised while the service ${name}`, async () => {
    const page = aJourney(...answers, () => new Promise(() => {}));
    chosen(page);
    page.journey.submit('kim@example.com');
    await settled();
    await settled();
    page.timers.shift()();
    await settled();
    page.timers.shift()();
    await settled();
    assert.deepEqual(page.last('announce'), ['waiting.long-no-mail']);
  });
}

test('while offline, a wait does not replace the announcement of that', async () => {
  const page = aJourney(connectionLost);
  page.network.isOnline = () => false;
  page.network.waitUntilOnline = () => new Promise(() => {});
  page.journey.open('t');
  await settled();
  page.timers.shift()();
  await settled();
  assert.deepEqual(page.last('announce'), ['offline']);
});

test('a delayed ticket announces a long wait', async () => {
  const page = aJourney(aDocument({ state: 'processing', email: 'none', delayed: true }), READY);
  await page.journey.open('t');
  assert.deepEqual(page.last('announce'), ['waiting.long-no-mail']);
});

test('a file that is chosen while another one is processed is ignored', async () => {
  const page = aJourney(() => new Promise(() => {}));
  page.journey.open('t');
  chosen(page);
  await settled();
  assert.deepEqual(page.shown(), ['showWaiting']);
});

test('a file that is chosen on another screen returns to an empty form', async () => {
  const page = aJourney(READY);
  await page.journey.open('t');
  chosen(page);
  await settled();
  assert.deepEqual(page.shown().slice(-4), ['showForm', 'showRequest', 'showProblems', 'showRequest']);
  assert.deepEqual(page.addresses, [null]);
});

test('a pending call is dropped when the person starts over', async () => {
  let answer;
  const page = aJourney(() => new Promise((resolve) => { answer = resolve; }));
  page.journey.open('t');
  await settled();
  page.journey.restart();
  answer(READY());
  await settled();
  assert.equal(page.last('showReady'), undefined);
  assert.equal(page.shown().at(-1), 'showProblems');
});

test('each download asks for a fresh URL', async () => {
  const page = aJourney(READY, aDocument({ state: 'ready', email: 'none', response: { ...RESPONSE, download_url: 'https://out.test/2' } }));
  await page.journey.open('t');
  await shows(page, 'save');
  await page.ticket().downloadAgain();
  assert.deepEqual(page.network.downloads, ['https://out.test/1', 'https://out.test/2']);
  assert.equal(page.shown().filter((name) => name === 'save').length, 2);
});

for (const [name, answer, key] of [
  ['something else answers', BETWEEN['a sign-in page'], 'ready.blocked'],
  ['the file is another', () => new Response('other'), 'ready.blocked'],
  ['nothing answers', connectionLost, 'ready.failed'],
]) {
  test(`where ${name}, nothing is saved, the page stays and its button works`, async () => {
    const page = aJourney(READY, READY);
    page.downloads.push(...Array(4).fill(answer));
    await page.journey.open('t');
    await shows(page, 'showSaving');
    assert.deepEqual(page.last('showSaving'), [key]);
    assert.deepEqual([page.last('save'), page.stored.get('saved t')], [undefined, undefined]);
    assert.equal(page.last('showDown'), undefined);
    page.downloads.length = 0;
    await page.ticket().downloadAgain();
    assert.deepEqual(page.last('save'), [SIGNED, 'x.response']);
  });
}

test('a download again that something else answers stays on the page', async () => {
  const page = aJourney(READY, BETWEEN['a redirect to a sign-in page']);
  await page.journey.open('t');
  await settled();
  await page.ticket().downloadAgain();
  assert.deepEqual(page.last('showSaving'), ['ready.blocked']);
  assert.equal(page.last('showDown'), undefined);
});

test('a download again of a ticket that has ended says so', async () => {
  const page = aJourney(READY, aDocument({ code: 'not-found' }, 404));
  await page.journey.open('t');
  await page.ticket().downloadAgain();
  assert.deepEqual(page.screens.at(-1), ['showGone']);
});

test('an email that is asked for does not end a download', async () => {
  const page = aJourney(READY, aDocument({}, 202), READY);
  let hand;
  page.downloads.push(() => new Promise((resolve) => { hand = resolve; }));
  await page.journey.open('t');
  await page.ticket().emailTo('lee@example.com');
  hand(FILE_OUT());
  await shows(page, 'save');
  assert.deepEqual(page.last('save'), [SIGNED, 'x.response']);
});

test('the link is emailed to another address, and the state of the email is shown', async () => {
  const page = aJourney(READY, aDocument({}, 202), aDocument({ state: 'ready', email: 'sent', response: RESPONSE }));
  await page.journey.open('t');
  await page.ticket().emailTo('lee@example.com');
  assert.deepEqual(page.shown().slice(-3), ['showAnotherEmailProblem', 'closeAnotherEmail', 'showEmail']);
  assert.deepEqual(page.last('showEmail')[1], 'lee@example.com');
  assert.equal(page.shown().filter((name) => name === 'showReady').length, 1);
});

for (const [name, text, answers] of [
  ['an empty one', '', []], ['one without a domain', 'lee', []], ['one that the service refuses', 'lee@example.com', [aDocument({ code: 'bad-email' }, 400)]],
]) {
  test(`another address is a problem of its own form: ${name}`, async () => {
    const page = aJourney(READY, ...answers);
    await page.journey.open('t');
    await page.ticket().emailTo(text);
    assert.deepEqual(page.screens.at(-1), ['showAnotherEmailProblem', 'email']);
  });
}

test('a secret in an email field is cleared, named and stored nowhere', async () => {
  const page = aJourney(READY);
  page.journey.checkEmail(CODE);
  await page.journey.submit(CODE);
  await page.journey.open('t');
  await page.ticket().emailTo(CODE);
  page.journey.rejectSecret('email', 'activation-code');
  assert.equal(page.shown().filter((name) => name === 'clearField').length, 3);
  assert.deepEqual(page.last('showProblems')[0].email, { name: 'activation-code' });
  assert.deepEqual(page.last('showAnotherEmailProblem'), ['activation-code']);
  assert.equal(JSON.stringify([page.screens, [...page.stored], page.network.calls]).includes('m9s346'), false);
});

test('a good address is stored for the next visit, and an unfinished one is no problem yet', () => {
  const page = aJourney();
  page.journey.checkEmail('kim@');
  assert.deepEqual(page.screens, []);
  page.journey.checkEmail(' kim@example.com ');
  assert.equal(page.stored.get('email'), 'kim@example.com');
});

test('the share button appears where the browser can share the file, with the bytes that were checked', async () => {
  const share = async () => {};
  const page = aJourney(READY);
  let given;
  page.browser.prepareShare = (...values) => { given = values; return share; };
  await page.journey.open('t');
  await shows(page, 'showShare');
  assert.deepEqual(page.last('showShare'), [share]);
  assert.deepEqual(given, [SIGNED, 'x.response']);
});

test('after a reload a phone can still share, and saves no second copy', async () => {
  const page = aJourney(READY);
  page.stored.set('saved t', '');
  page.browser.canShare = true;
  page.browser.prepareShare = () => async () => {};
  await page.journey.open('t');
  await shows(page, 'showShare');
  assert.notEqual(page.last('showShare'), undefined);
  assert.equal(page.last('save'), undefined);
});

for (const [name, leave] of [
  ['the form', (journey) => journey.restart()],
  ['the response of another ticket', (journey) => journey.open('another')],
]) {
  test(`a file that arrives too late is neither saved nor offered on another screen: ${name}`, async () => {
    const page = aJourney(READY, REFUSED);
    let hand;
    page.downloads.push(() => new Promise((resolve) => { hand = resolve; }));
    page.browser.prepareShare = () => async () => {};
    await page.journey.open('t');
    await leave(page.journey);
    hand(FILE_OUT());
    await settled();
    assert.deepEqual([page.last('save'), page.last('showShare')], [undefined, undefined]);
  });
}

test('where the browser cannot share the file, there is no share button', async () => {
  const page = aJourney(READY);
  await page.journey.open('t');
  await shows(page, 'save');
  assert.equal(page.last('showShare'), undefined);
});

test('what sends a file is loaded before there is one, and the choice itself makes no call', async () => {
  const page = aJourney();
  page.journey.prepare();
  assert.equal(page.loading.tries, 1);
  chosen(page);
  await settled();
  assert.equal(page.loading.tries, 1);
  const offline = aJourney();
  offline.network.isOnline = () => false;
  offline.journey.prepare();
  assert.equal(offline.loading.tries, 0);
});

test('what did not load while offline is loaded when the connection is back', async () => {
  const page = aJourney(NEW_TICKET, UPLOADED, READY);
  page.loading.failures = 1;
  let comeBack;
  page.network.isOnline = () => comeBack === null;
  page.network.waitUntilOnline = () => new Promise((resolve) => { comeBack = resolve; });
  chosen(page);
  const sent = page.journey.submit('');
  await settled();
  assert.deepEqual([page.last('announce'), page.loading.tries], [['offline'], 1]);
  const resolve = comeBack;
  comeBack = null;
  resolve();
  await sent;
  assert.equal(page.last('showReady')[0].state, 'ready');
});

const { request } = JSON.parse(readFileSync(new URL('../../support/changed_files.json', import.meta.url)));
const REQUEST = new TextEncoder().encode(request);

test('where the part that sends does not load, trying again reloads the page with the file', async () => {
  const page = aJourney();
  page.loading.failures = Infinity;
  page.journey.choose(async () => ({ name: 'x.request', bytes: REQUEST, ...readRequest(REQUEST) }));
  await page.journey.submit('');
  assert.deepEqual(page.screens.at(-1), ['showDown', 'unreachable']);
  let reloads = 0;
  page.browser.reload = () => { reloads += 1; };
  await page.journey.retry();
  assert.equal(reloads, 1);

  const again = aJourney();
  again.browser.storage.setItem('file', page.stored.get('file'));
  await again.journey.open(null, { focus: false });
  await settled();
  const [file] = again.last('showRequest');
  assert.deepEqual([file.name, file.bytes], ['x.request', REQUEST]);
  assert.equal(again.stored.get('file'), '');
});

test('where the part that follows a ticket does not load, trying again reloads the page', async () => {
  const page = aJourney();
  page.loading.failures = Infinity;
  await page.journey.open('t');
  assert.deepEqual(page.screens.at(-1), ['showDown', 'unreachable']);
  let reloads = 0;
  page.browser.reload = () => { reloads += 1; };
  await page.journey.retry();
  assert.equal(reloads, 1);
});

test('who starts over while the part loads stays on the form', async () => {
  const page = aJourney();
  page.journey.open('t');
  page.journey.restart();
  await settled();
  assert.deepEqual([page.ticket(), page.network.calls], [undefined, []]);
});
