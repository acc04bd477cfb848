import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { namedApart } from '../../../static-site/js/room.js';
import { crc32, readZip, writeZip } from '../../../static-site/js/zip.js';

const bytes = (text) => new TextEncoder().encode(text);
const FILES = [{ name: 'a.response', bytes: bytes('one') }, { name: 'b.response', bytes: bytes('two'.repeat(999)) }];
const ARCHIVE = writeZip(FILES);
const LIMITS = { maxFiles: 10, maxBytes: 65536 };

async function read(archive, limits = LIMITS) {
  const files = [];
  for await (const file of readZip(new Blob([archive]), limits)) files.push(file);
  return files;
}

const DIRECTORY = ARCHIVE.length - 22 - FILES.reduce((sum, { name }) => sum + 46 + name.length, 0);

/** The archive with other bytes, each [place in its first directory entry, byte]. */
function changed(...places) {
  const copy = ARCHIVE.slice();
  for (const [at, byte] of places) copy[DIRECTORY + at] = byte;
  return copy;
}

/** An archive of one deflated file, which says that it has `size` bytes. */
function deflated(content, size = content.length) {
  const packed = new Uint8Array(deflateRawSync(content));
  const archive = writeZip([{ name: 'x', bytes: packed }]);
  const view = new DataView(archive.buffer);
  const directory = 30 + 1 + packed.length;
  view.setUint16(directory + 10, 8, true);
  view.setUint32(directory + 16, crc32(content), true);
  view.setUint32(directory + 24, size, true);
  return archive;
}

test('what was written is read', async () => {
  assert.deepEqual(await read(ARCHIVE), FILES);
  assert.deepEqual(await read(writeZip([])), []);
});

test('the checksum is that of the standard', () => {
  assert.equal(crc32(bytes('123456789')), 0xcbf43926);
});

test('a deflated file is unpacked, and never to more than its directory says', async () => {
  const content = bytes('request '.repeat(500));
  assert.deepEqual((await read(deflated(content)))[0].bytes, content);
  await assert.rejects(read(deflated(content, content.length - 1)), { code: 'zip-damaged' });
  assert.deepEqual(await read(deflated(new Uint8Array(10 ** 6))), []); // too large to be a request
});

test('folders and links are no files', async () => {
  const folder = writeZip([{ name: 'room/', bytes: bytes('') }, { name: 'room/a', bytes: bytes('a') }]);
  assert.deepEqual((await read(folder)).map(({ name }) => name), ['room/a']);
  const link = changed([5, 3], [41, 0xa1]); // made on Unix, as a symbolic link
  assert.deepEqual((await read(link)).map(({ name }) => name), ['b.response']);
});

test('an archive that is encrypted, damaged, cut, or too full is told as that', async () => {
  await assert.rejects(read(changed([8, 1])), { code: 'zip-encrypted' });
  await assert.rejects(read(changed([16, 1])), { code: 'zip-damaged' }); // another checksum
  await assert.rejects(read(changed([10, 12])), { code: 'zip-damaged' }); // bzip2
  await assert.rejects(read(ARCHIVE.subarray(0, 200)), { code: 'zip-damaged' });
  await assert.rejects(read(bytes('PK\x03\x04')), { code: 'zip-damaged' });
  await assert.rejects(read(ARCHIVE, { ...LIMITS, maxFiles: 1 }), { code: 'too-many-files' });
});

test('of a large file whose directory is most of it, little is read', async () => {
  const archive = new Uint8Array(2 ** 23 + 22);
  const view = new DataView(archive.buffer);
  view.setUint32(2 ** 23, 0x06054b50, true);
  view.setUint16(2 ** 23 + 10, 1, true);
  view.setUint32(2 ** 23 + 12, 2 ** 23, true);
  let most = 0;
  class Watched extends Blob {
    slice(...range) {
      const part = super.slice(...range);
      most = Math.max(most, range.length === 2 ? part.size : 0);
      return part;
    }
  }
  await assert.rejects(readZip(new Watched([archive]), LIMITS).next(), { code: 'zip-damaged' });
  assert.ok(most < 2 ** 22 + 1, String(most));
});

test('no name leaves the folder, and none is taken twice', () => {
  const names = ['../../x.response', 'a/b.response', 'x.response', 'X.response', 'x.response', '', 'ü.response'];
  const safe = namedApart(names.map((name) => ({ name, bytes: bytes('') }))).map(({ name }) => name);
  assert.deepEqual(safe, [
    '_.._x.response', 'a_b.response', 'x.response', 'X-2.response', 'x-3.response', 'x-4.response', '_.response',
  ]);
});
