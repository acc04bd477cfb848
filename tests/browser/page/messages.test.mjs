import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatLicenseNumber, requestKey } from '../../../static-site/js/request-file.js';
import { emailKey, licenseEndKey } from '../../../static-site/js/ticket-view.js';
import { Messages, chooseLanguage } from '../../../static-site/js/view.js';

const english = new Messages('en', { greeting: '{name} has {n} files', 'files.one': '', 'files.other': '' });
const spaces = (text) => text.replaceAll('\u00a0', ' ');

test('a sentence is cut into text and values, whatever the values are', () => {
  const node = { kind: 'node' };
  assert.deepEqual(english.parts('greeting', { name: node, n: ['1', '2'] }), ['', node, ' has ', '1', '2', ' files']);
  assert.equal(english.parts('greeting', { name: 'Kim' }).join(''), 'Kim has  files');
});

test('a plural form that the catalog does not have is "other"', () => {
  assert.equal(english.pluralKey('files', 1), 'files.one');
  assert.equal(english.pluralKey('files', 2), 'files.other');
  assert.equal(new Messages('ar', { 'files.other': '' }).pluralKey('files', 2), 'files.other');
});

test('dates and numbers are written as the language does, on one line', () => {
  assert.equal(english.date('2027-11-30T23:59:59Z'), '30\u00a0November\u00a02027');
  assert.equal(spaces(english.date('2026-11-24T09:47:00Z', 'medium')), '24 Nov 2026');
  assert.equal(spaces(new Messages('de', {}).date('2027-11-30T23:59:59Z')), '30. November 2027');
  assert.equal(english.number(1234), '1,234');
});

const NOW = Date.parse('2026-11-24T09:47:00Z');
for (const [minutes, text] of [[0, 'this minute'], [1, '1 minute ago'], [59, '59 minutes ago'], [60, '1 hour ago'], [2879, '48 hours ago'], [2880, '2 days ago']]) {
  test(`${minutes} minutes ago is "${text}"`, () => assert.equal(spaces(english.ago(new Date(NOW - minutes * 60000), NOW)), text));
}

for (const [wanted, language] of [[['ar'], 'ar'], [['AR-EG'], 'en'], [['ar-EG'], 'ar'], [[null, 'xx', 'pt-br'], 'pt-BR'], [['xx'], 'en']]) {
  test(`a reader of ${wanted} gets ${language}`, () => assert.equal(chooseLanguage(['en', 'ar', 'pt-BR'], wanted), language));
}

test('Arabic alone is written from right to left', () => {
  assert.deepEqual(['en', 'ar'].map((language) => new Messages(language, {}).direction), ['ltr', 'rtl']);
});

test('a license number is shown in groups of three', () => assert.equal(formatLicenseNumber('015120020093'), '015.120.020.093'));

test('a request is named by its kind, or by the seat that it replaces', () => {
  assert.equal(requestKey({ kind: 'update', replacesSeat: null }), 'asks.update');
  assert.equal(requestKey({ kind: 'activate', replacesSeat: 2 }), 'asks.replace');
});

test('the end of a license has a sentence with and without the one before', () => {
  const [until, before] = ['2027-11-30T23:59:59Z', '2026-11-30T23:59:59Z'];
  assert.equal(licenseEndKey({ valid_until: until, previous_valid_until: before }), 'ends.date-before');
  assert.equal(licenseEndKey({ valid_until: until, previous_valid_until: null }), 'ends.date');
  assert.equal(licenseEndKey({ valid_until: null, previous_valid_until: before }), 'ends.never-before');
  assert.equal(licenseEndKey({ valid_until: null, previous_valid_until: null }), 'ends.never');
});

const EMAILS = {
  ready: { none: null, pending: 'mail.pending', sent: 'mail.sent', bounced: 'mail.bounced', withheld: 'mail.withheld' },
  refused: { none: null, pending: null, sent: 'mail.refusal', bounced: 'mail.refusal-none', withheld: 'mail.refusal-none' },
};
for (const [email, key] of Object.entries(EMAILS.refused)) {
  const ticket = { state: 'ready', email, response: { filename: null } };
  test(`nothing to install, email ${email}: ${key}`, () => assert.equal(emailKey(ticket), key));
}
for (const [state, keys] of Object.entries(EMAILS)) {
  for (const [email, key] of Object.entries(keys)) {
    const response = { filename: 'x.response' };
    test(`${state}, email ${email}: ${key}`, () => assert.equal(emailKey({ state, email, response }), key));
  }
}
