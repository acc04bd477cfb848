// Draws the table of several request files, a row for each. Loaded only for these.
import { formatLicenseNumber, replaceControls } from './request-file.js';
import { create, fileElement, isolate } from './view.js';
/** @import { Messages, View } from './view.js' */

const COLUMNS = ['chosen.computer', 'refused.license', 'room.asks', 'room.status'];
/** Of these states, a shape beside the word. @type {Partial<Record<Row['state'], string>>} */
export const LOOKS = { ready: 'good', done: 'good', refused: 'bad', failed: 'bad', bad: 'bad' };
const FAILURES = ['unreachable', 'not-ours', 'not-found', 'upload'];

export class RoomTable {
  element = create('table', '', { className: 'room' });
  #pen;
  #messages;
  /** @type {HTMLTableCellElement[]} of the status, by the row's place among all rows */
  #cells = [];

  /**
   * @param {View} view
   * @param {Messages} messages
   */
  constructor(view, messages) {
    this.#pen = view.pen;
    this.#messages = messages;
  }

  /**
   * All rows anew.
   * @param {Row[]} rows
   * @param {Row[]} first those of them that come first
   */
  draw(rows, first = []) {
    const caption = create('caption', '');
    const count = this.#messages.pluralKey('room.caption', rows.length);
    caption.append(...this.#pen.say(count, { n: this.#messages.number(rows.length) }));
    const labels = COLUMNS.map((key) => this.#messages.text(key));
    const head = create('thead', '');
    head.insertRow().append(...labels.map((label) => create('th', label, { scope: 'col' })));
    const body = create('tbody', '');
    this.#cells = [];
    for (const row of [...first, ...rows.filter((each) => !first.includes(each))]) {
      const line = body.insertRow();
      const computer = create('th', '', { scope: 'row' });
      const cells = [create('td', ''), create('td', ''), create('td', '')];
      line.append(computer, ...cells);
      cells.forEach((cell, i) => { cell.dataset.label = labels[i + 1]; });
      if ('request' in row) {
        const { request } = row;
        const { machineName: name } = request;
        const system = name ? request.computer.slice(name.length + 2) : request.computer;
        computer.append(name ? isolate(name) : this.#fileName(row), ...(system ? [create('span', system)] : []));
        cells[0].textContent = formatLicenseNumber(request.licenseNumber);
        cells[1].append(...this.#pen.say(request.replacesSeat ? 'room.asks.replace' : `room.asks.${request.kind}`, { seat: request.replacesSeat ?? '' }));
      } else {
        computer.append(this.#fileName(row));
      }
      this.#cells[rows.indexOf(row)] = cells[2];
      this.showRow(row, rows.indexOf(row));
    }
    this.element.replaceChildren(caption, head, body);
  }

  /**
   * What becomes of one file.
   * @param {Row} row
   * @param {number} place among all rows
   */
  showRow(row, place) {
    const cell = this.#cells[place];
    if (!cell) return;
    cell.className = `state ${LOOKS[row.state] ?? ''}`;
    cell.replaceChildren(...this.#status(row));
  }

  /**
   * @param {Row} row
   * @returns {Node[]}
   */
  #status(row) {
    const { state, problem = '', refusal } = row;
    const words = (/** @type {string} */ key) => create('span', this.#messages.parts(key, {}).join(''));
    if (state === 'bad') return [this.#sentence(`problem.${problem}`)];
    if (state === 'failed') return [this.#sentence(`room.failed.${FAILURES.includes(problem) ? problem : 'down'}`)];
    if (state === 'ready' || state === 'done') return [words('request' in row && row.request.kind === 'deactivate' ? 'ready.deactivated' : 'room.ready')];
    if (state !== 'refused' || !refusal) return [words(state === 'sending' ? 'room.sending-file' : `room.${state}`)];
    const lang = refusal.language ?? this.#messages.language;
    const step = create('p', '', { lang });
    step.append(...refusal.detail.split('`').map((part, i) => (i % 2 ? create('code', part, { dir: 'ltr' }) : part)));
    const choice = create('p', '');
    if (refusal.choose_seat) choice.append(create('a', this.#messages.text('room.choose-seat'), { href: `#t=${row.ticket}` }));
    return [create('p', refusal.title, { lang, className: 'title' }), step, ...(refusal.choose_seat ? [choice] : [])];
  }

  /** @param {Row} row */
  #fileName({ name }) {
    return name ? fileElement(replaceControls(name)) : this.#messages.text('file.yours');
  }
  /** @param {string} key */
  #sentence(key) {
    const sentence = create('p', '');
    sentence.append(...this.#pen.say(key));
    return sentence;
  }
}
