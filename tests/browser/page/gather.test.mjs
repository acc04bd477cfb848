import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gather } from '../../../static-site/js/gather.js';
import { writeZip } from '../../../static-site/js/zip.js';

/** The names of the files that are looked at in an archive of these. */
async function looked(...names) {
  const archive = writeZip(names.map((name) => ({ name, bytes: new TextEncoder().encode(`{"payload of ${name}`) })));
  const { rows } = await gather([new File([archive], 'requests.zip')]);
  return rows.map(({ name }) => name);
}

test('what systems add to an archive is left alone, and nothing else', async () => {
  const added = ['__MACOSX/room/._a.request', 'room/.hidden.request', '.git/b.request', './.c.request'];
  // As `tar -a -cf requests.zip .` on Windows and macOS names them.
  assert.deepEqual(await looked('./d.request', './room/e.request', '.\\f.request', ...added), ['d.request', 'e.request', 'f.request']);
});
