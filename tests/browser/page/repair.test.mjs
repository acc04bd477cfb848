import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { cleanAddress, findSecret, readFiles } from '../../../static-site/js/request-file.js';

const read = (name) => JSON.parse(readFileSync(new URL(`../../support/${name}`, import.meta.url)));
const { cases, request: whole } = read('changed_files.json');
const typed = read('typed_codes.json');

for (const { name, text, base64, finds, repairs, page } of cases) {
  test(`a file is repaired as far as no byte is lost: ${name}`, async () => {
    const data = text === undefined ? Buffer.from(base64, 'base64') : Buffer.from(text);
    const result = await readFiles([new File([data], 'x')]);
    if (finds !== 'request') return assert.equal(result.problem, page);
    assert.equal(result.request?.licenseNumber, '015120020093', result.problem);
    assert.deepEqual(result.repairs ?? [], repairs);
    assert.equal(Buffer.from(result.bytes).toString(), repairs.length ? whole : data.toString());
  });
}

test('a text with the license number and the file is the file; with the activation code it is a secret', async () => {
  const mail = (text) => readFiles([new File([`${text}\n${whole}`], 'x')]);
  assert.deepEqual((await mail('For license 015.120.020.093:')).repairs, ['around']);
  assert.deepEqual(await mail(`The code is ${typed.code}.`), { problem: 'activation-code' });
});

test('a file that cannot be read to its end keeps its problem', async () => {
  const file = new File(['x'.repeat(9000)], 'x');
  file.arrayBuffer = async () => { throw new DOMException('', 'NotReadableError'); };
  assert.deepEqual(await readFiles([file]), { problem: 'too-big' });
});

for (const { name, text } of [...typed.separators, ...typed.unseen]) {
  test(`a secret with other separators is a secret: ${name}`, () => {
    for (const code of [typed.code.replaceAll('-', text), `${text}${typed.code}${text}`, [...typed.code].join(text)]) {
      assert.equal(findSecret(code), 'activation-code');
    }
    for (const number of [typed.number.replaceAll('.', text), `${text}${typed.number}${text}`]) {
      assert.equal(findSecret(number), 'license-number');
    }
  });
}

test('a secret in full-width letters and digits is a secret', () => {
  const wide = (text) => text.replace(/[!-~]/g, (symbol) => String.fromCharCode(symbol.charCodeAt(0) + 0xfee0));
  assert.equal(findSecret(wide(typed.code)), 'activation-code');
  assert.equal(findSecret(wide(typed.number)), 'license-number');
});

test('an address loses what nobody sees around and in it, and nothing else', () => {
  for (const { text } of [...typed.unseen, { text: '\xa0' }, { text: '\u3000' }, { text: '\xad' }, { text: '\t' }]) {
    assert.equal(cleanAddress(`${text}kim@example.com${text}`), 'kim@example.com');
  }
  for (const { text } of typed.unseen) assert.equal(cleanAddress(`kim${text}@example.com`), 'kim@example.com');
  for (const text of ['', 'kim-lee@example.com', 'kim\u2013lee@example.com', 'k\u00efm@example.com']) assert.equal(cleanAddress(text), text);
});
