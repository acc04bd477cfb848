import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { Room } from '../../../static-site/js/room.js';
import { readZip } from '../../../static-site/js/zip.js';
import { aResponse, stored } from './fakes.mjs';

const bytes = (text) => new TextEncoder().encode(text);
const file = (name, kind = 'activate') => ({ name, bytes: bytes(name), request: { kind } });

/** A room whose service answers each file by its name: with what `answers` says, else with its name as the response. */
function aRoom(answers = {}) {
  const events = [];
  const tickets = [];
  const kept = new Map();
  const pauses = [];
  const saved = [];
  const screens = [];
  const service = { openings: [], inside: 0, most: 0 };
  async function fetch(url, { method = 'GET', body } = {}) {
    if (url === '/api/requests') {
      const opening = service.openings.shift();
      if (opening) return opening();
      tickets.push(null);
      service.most = Math.max(service.most, service.inside += 1);
      return aResponse(201, { id: String(tickets.length - 1), upload: { url: 'https://in.test/', fields: { t: tickets.length - 1 } } });
    }
    if (method === 'POST') {
      const name = await body.get('file').text();
      tickets[body.get('t')] = name;
      events.push(`sent ${name}`);
      return stored();
    }
    const name = url.startsWith('https://out.test/') ? url.slice(17) : tickets[url.split('/')[3]];
    if (url.startsWith('https://out.test/')) return new Response(name);
    service.inside -= 1;
    events.push(`answered ${name}`);
    const sha256 = createHash('sha256').update(name).digest('hex');
    const response = { filename: `${name}.response`, download_url: `https://out.test/${name}`, bytes: name.length, sha256 };
    return answers[name]?.shift()?.() ?? aResponse(200, { state: 'ready', email: 'none', response });
  }
  const network = {
    fetch, isOnline: () => true, waitUntilOnline: async () => {},
    sleep: async (ms) => {
      pauses.push(ms);
      await new Promise((resolve) => { setTimeout(resolve); });
    },
  };
  const view = new Proxy({ save: (archive, name) => saved.push({ archive, name }) }, {
    get: (own, name) => own[name] ?? ((...values) => { screens.push([name, ...values]); }),
  });
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  const browser = { storage, navigate: (fragment) => screens.push(['navigate', fragment]) };
  const another = () => new Room({ view, browser, network, language: 'en' });
  return { room: another(), another, events, kept, pauses, saved, screens, service, tickets };
}

const refusal = (title, more = {}) => () => aResponse(200, { state: 'refused', email: 'none', refusal: { title, detail: 'Ask.', ...more } });

async function names({ archive }) {
  const found = [];
  for await (const { name } of readZip(new Blob([archive]), { maxFiles: 999, maxBytes: 99 })) found.push(name);
  return found;
}

const last = ({ screens }, name) => screens.findLast((screen) => screen[0] === name)?.[1];

test('nothing is sent before the person asks, and the table is in the address', () => {
  const page = aRoom();
  page.room.show([file('a'), { name: 'b', problem: 'damaged' }]);
  assert.deepEqual(page.screens.map(([name]) => name), ['navigate', 'showChosen']);
  assert.deepEqual(page.events, []);
});

test('the others are sent when every deactivation was answered', async () => {
  const page = aRoom({ old: [() => aResponse(200, { state: 'processing', email: 'none' })] });
  page.room.show([file('a'), file('old', 'deactivate'), file('b', 'update'), file('older', 'deactivate')]);
  await page.room.send();
  const sent = page.events.findIndex((event) => ['sent a', 'sent b'].includes(event));
  assert.deepEqual(page.events.slice(0, sent).sort(), ['answered old', 'answered old', 'answered older', 'sent old', 'sent older']);
  assert.deepEqual((await names(page.saved[0])).sort(), ['a.response', 'b.response', 'old.response', 'older.response']);
});

test('a refused file and a service that is down stop no other, and each can be tried again', async () => {
  const down = () => { throw new TypeError('Failed to fetch'); };
  const page = aRoom({ full: [refusal('No seats')], lost: [down, down, down] });
  page.room.show([file('full'), file('lost'), { name: 'cut', problem: 'damaged' }, file('good')]);
  await page.room.send();
  assert.deepEqual(last(page, 'showDone').map(({ state }) => state), ['refused', 'failed', 'bad', 'ready']);
  assert.deepEqual(await names(page.saved[0]), ['good.response']);
  await page.room.send();
  assert.deepEqual(await names(page.saved[1]), ['full.response', 'lost.response', 'good.response']);
  assert.equal(page.tickets.length, 4); // a new one for the refused file, none for the lost answer
});

test('a limit of the network is waited out', async () => {
  const page = aRoom();
  const limited = () => aResponse(429, { code: 'too-many-requests', n: 12 }, { 'Retry-After': '700' });
  page.service.openings = [undefined, limited];
  page.room.show([file('a'), file('b')]);
  await page.room.send();
  assert.ok(page.pauses.includes(700_000));
  assert.equal(last(page, 'announcePause'), 12);
  assert.equal((await names(page.saved[0])).length, 2);
});

test('two hundred files are sent a few at a time, and told of now and then', async () => {
  const page = aRoom();
  page.room.show(Array.from({ length: 200 }, (_, i) => file(`pc-${i}`)));
  await page.room.send();
  assert.equal((await names(page.saved[0])).length, 200);
  assert.ok(page.service.most <= 6, `${page.service.most} at once`);
  const told = page.screens.filter(([name, , options]) => name === 'showProgress' && options.isNews);
  assert.ok(told.length < 3, `${told.length} times`);
});

test('a tab without room for the files sends them all the same', async () => {
  const page = aRoom();
  page.kept.set = () => { throw new DOMException('', 'QuotaExceededError'); };
  page.room.show([file('a'), file('b')]);
  await page.room.send();
  assert.equal((await names(page.saved[0])).length, 2);
});

test('files and tickets are forgotten when the person chooses others', async () => {
  const page = aRoom();
  page.room.show([file('a'), file('b')]);
  await page.room.send();
  assert.match([...page.kept.values()].join(), /"ticket":"0"/);
  page.room.forget();
  assert.equal([...page.kept.values()].join(''), '');
  assert.equal(page.another().restore(), false);
});
