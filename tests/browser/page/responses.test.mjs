import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gather } from '../../../static-site/js/gather.js';
import { ranges, seatsByLicense } from '../../../static-site/js/responses.js';
import { writeZip } from '../../../static-site/js/zip.js';

const RESPONSE = '{"payloadType":"application/vnd.keyferry.response.v1+json","payload":""}';
const NAMES = ['a.response', 'b.response', 'c.request'];

test('where there are only responses, all of them are named, with the archive that holds them', async () => {
  const archive = writeZip(NAMES.map((name) => ({ name, bytes: new TextEncoder().encode(RESPONSE) })));
  const { problem, responses } = await gather([new File([archive], 'Acme-responses.zip')]);
  assert.deepEqual([problem, responses.name, responses.files.map(({ name }) => name)], ['response', 'Acme-responses.zip', NAMES]);
});

test('several response files are no table of bad requests', async () => {
  const { problem, responses } = await gather(NAMES.map((name) => new File([RESPONSE], name)));
  assert.deepEqual([problem, responses.name, responses.files.length], ['response', '', 3]);
});

test('a response among other wrong files has its row', async () => {
  const { rows } = await gather([new File([RESPONSE], 'a.response'), new File(['%PDF-'], 'b.pdf')]);
  assert.deepEqual(rows.map(({ problem }) => problem), ['response', 'pdf']);
});

test('the seats of each license are told once, in ranges', () => {
  const places = [['93', 10], ['93', 2], ['94', 1], ['93', 3], ['93', 2], ['93', 4]].map(([number, seat]) => ({ number, seat }));
  const lines = [...seatsByLicense(places)].map(([number, seats]) => `${number}: ${ranges(seats)}`);
  assert.deepEqual(lines, ['93: 2–4, 10', '94: 1']);
});
