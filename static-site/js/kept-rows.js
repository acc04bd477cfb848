// Keeps the table of several files over a reload, in the tab's storage. Loaded only for several files; knows no document.
import { decodeBase64, encodeBase64, readRequest } from './request-file.js';

export class KeptRows {
  #storage;

  /** @param {Browser['storage']} storage */
  constructor(storage) {
    this.#storage = storage;
  }

  /** How many responses the last archive had. */
  get saved() {
    return Number(this.#storage.getItem('room saved'));
  }

  set saved(count) {
    this.#keep('room saved', String(count));
  }

  /** @returns {Row[]} those of them that the tab still has */
  load() {
    return Array.from({ length: this.#count }, (_, i) => readRow(this.#storage.getItem(`room ${i}`))).flatMap((row) => row ?? []);
  }

  /** @param {Row[]} rows */
  keep(rows) {
    this.#keep('room', String(rows.length));
    rows.forEach((row, place) => this.keepRow(row, place));
  }

  /**
   * @param {Row} row
   * @param {number} place
   */
  keepRow(row, place) {
    const { name, state, ticket, problem, refusal } = row;
    const bytes = 'bytes' in row ? encodeBase64(row.bytes) : null;
    this.#keep(`room ${place}`, JSON.stringify({ name, bytes, state, ticket, problem, refusal }));
  }

  forget() {
    for (let i = this.#count; i > 0; i -= 1) this.#keep(`room ${i - 1}`, '');
    for (const key of ['room', 'room saved']) this.#keep(key, '');
  }

  get #count() {
    return Number(this.#storage.getItem('room'));
  }

  /**
   * @param {string} key
   * @param {string} value
   */
  #keep(key, value) {
    try {
      this.#storage.setItem(key, value);
    } catch {
      return; // the tab has no more room: only a reload would need it
    }
  }
}

/**
 * @param {string | null} text
 * @returns {Row | null} null where the tab has lost it
 */
function readRow(text) {
  if (!text) return null;
  const { bytes: base64, ...kept } = JSON.parse(text);
  if (base64 === null) return { ...kept, response: null };
  const bytes = decodeBase64(base64);
  const result = readRequest(bytes);
  return 'request' in result ? { ...kept, bytes, ...result, response: null } : null;
}
