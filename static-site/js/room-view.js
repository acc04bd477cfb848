// Draws the screens of several request files, around their table. Loaded only for these.
import { loadPart } from './part.js';
import { LOOKS, RoomTable } from './room-table.js';
import { Room } from './room.js';
import { saveFile, showSaving } from './ticket-view.js';
import { create, fileElement, getElement } from './view.js';
/** @import { Messages, View } from './view.js' */

/**
 * The part of the page for several files, with its sentences and styles. Throws where it does not load.
 * @param {PageParts} page
 */
export async function openRoom(page) {
  await loadPart('room', page);
  /** @type {Room} */
  const room = new Room({
    ...page, view: new RoomView(page.view, page.messages, { send: () => room.send(), save: () => room.save() }),
  });
  return room;
}

export class RoomView {
  #view;
  #messages;
  #actions;
  #table;

  /**
   * @param {View} view
   * @param {Messages} messages
   * @param {RoomActions} actions
   */
  constructor(view, messages, actions) {
    this.#view = view;
    this.#messages = messages;
    this.#actions = actions;
    this.#table = new RoomTable(view, messages);
  }

  /** @param {Row[]} rows */
  showChosen(rows) {
    const others = rows.filter(({ state }) => state === 'bad');
    const [bad, good] = [others.length, rows.length - others.length];
    this.#table.draw(rows, others);
    this.#view.pen.show('room', [
      this.#heading('room.title'),
      this.#line('chosen.unsent', { className: 'lead' }),
      ...(bad ? [this.#line(this.#plural('room.bad', bad), { className: 'fault' }, { n: this.#number(bad) })] : []),
      this.#table.element,
      this.#line('room.save-here', { className: 'note' }),
      this.#buttons(
        good ? this.#button(this.#plural('room.send', good), 'primary', this.#actions.send, { n: this.#number(good) }) : null,
        this.#restartButton(),
      ),
    ]);
  }

  /** @param {Row[]} rows */
  showSending(rows) {
    this.#table.draw(rows);
    this.#view.pen.show('room-sending', [
      this.#heading('room.sending'),
      this.#line(rows.some((row) => 'request' in row && row.request.kind === 'deactivate') ? 'room.keep-open-first' : 'room.keep-open'),
      create('div', '', { className: 'bar', ariaHidden: 'true' }),
      create('p', '', { id: 'progress' }),
      this.#savePanel({ isHidden: true }),
      this.#buttons(this.#button('room.save-now', '', this.#actions.save, {}, { id: 'save-now', hidden: true })),
      this.#table.element,
    ]);
    this.showProgress(rows, { isNews: false });
  }

  /**
   * Files without a response come first: a person has to do something about these.
   * @param {Row[]} rows
   * @param {{ isSaved: boolean, archive: string }} options
   */
  showDone(rows, { isSaved, archive }) {
    const ready = rows.filter(({ state }) => state === 'ready').length;
    const others = rows.filter(({ state }) => LOOKS[state] === 'bad');
    const isWorthRetrying = !ready && others.some(({ state }) => state === 'failed'); // a refusal would only come again
    const title = others.length === 0 ? 'done' : ready ? 'done-some' : 'done-none';
    this.#table.draw(rows, others);
    const command = create('code', 'keyferry install ', { dir: 'ltr' });
    command.append(fileElement(archive));
    const steps = create('ol', '', { className: 'steps' });
    for (const keys of [['room.copy'], ['room.each', 'steps.or-run']]) {
      const step = create('li', '');
      const sentences = keys.map((key) => this.#view.pen.say(key, { command, file: fileElement(archive) }));
      step.append(...sentences.flatMap((sentence, i) => (i ? [' ', ...sentence] : sentence)));
      steps.append(step);
    }
    this.#view.pen.show('room-done', [
      this.#heading(`room.${title}`, { ready: this.#number(ready), n: this.#number(rows.length) }),
      ...(ready ? [this.#savePanel({ isHidden: false })] : []),
      ...(ready ? [this.#heading2('steps.title'), steps] : []),
      ...(others.length ? [this.#line('room.first')] : []),
      this.#table.element,
      this.#buttons(
        others.some(({ state }) => state !== 'bad') ? this.#button('room.retry', isWorthRetrying ? 'primary' : '', this.#actions.send) : null,
        ready ? this.#button('room.print', '', null, {}, { id: 'print' }) : null,
        this.#restartButton(),
      ),
    ]);
    if (ready) showSaving(this.#view.pen, isSaved ? 'ready.saved' : 'ready.saving', archive);
  }

  /**
   * What becomes of one file.
   * @param {Row} row
   * @param {number} place among all rows
   */
  showRow(row, place) {
    this.#table.showRow(row, place);
    const saveNow = document.getElementById('save-now');
    if (saveNow && row.state === 'ready') saveNow.hidden = false;
  }

  /**
   * @param {Row[]} rows
   * @param {{ isNews: boolean }} options whether a screen reader is told
   */
  showProgress(rows, { isNews }) {
    const sent = rows.filter(({ state }) => state !== 'bad');
    const values = {
      n: this.#number(sent.filter(({ state }) => state in LOOKS).length),
      total: this.#number(sent.length),
    };
    document.getElementById('progress')?.replaceChildren(...this.#view.pen.say('room.progress', values));
    this.#view.pen.status(isNews ? 'room.progress' : null, values, 'unseen');
  }

  /** @param {'offline' | 'busy' | null} delay */
  announce(delay) {
    this.#view.announce(delay);
  }

  /** @param {number} minutes until this network may send again */
  announcePause(minutes) {
    this.#view.pen.status(this.#plural('room.pause', minutes), { n: this.#number(minutes) }, 'offline');
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} archive
   * @param {string} name
   */
  save(archive, name) {
    getElement('room-save', HTMLElement).hidden = false;
    saveFile(this.#view.pen, archive, name);
  }

  /** @param {string} key of what went wrong */
  showSaving(key) {
    getElement('room-save', HTMLElement).hidden = false;
    showSaving(this.#view.pen, key);
  }

  /**
   * @param {string} key
   * @param {Values} [values]
   */
  #heading(key, values) {
    const heading = create('h1', '', { tabIndex: -1 });
    heading.append(...this.#view.pen.say(key, values));
    return heading;
  }

  /** @param {string} key */
  #heading2(key) {
    return create('h2', this.#messages.text(key));
  }

  /**
   * @param {string} key
   * @param {object} [properties]
   * @param {Values} [values]
   */
  #line(key, properties, values) {
    const line = create('p', '', properties);
    line.append(...this.#view.pen.say(key, values));
    return line;
  }

  /**
   * @param {string} key
   * @param {string} className
   * @param {(() => void) | null} act null where the view knows by the button's id
   * @param {Values} [values]
   * @param {object} [properties]
   */
  #button(key, className, act, values, properties) {
    const button = create('button', '', { type: 'button', className, ...properties });
    button.append(...this.#view.pen.say(key, values));
    if (act) button.addEventListener('click', () => act());
    return button;
  }

  #restartButton() {
    return this.#button('room.restart', '', null, {}, { id: 'restart' });
  }

  /** @param {(HTMLElement | null)[]} buttons */
  #buttons(...buttons) {
    const actions = create('p', '', { className: 'actions' });
    actions.append(...buttons.flatMap((button) => button ?? []));
    return actions;
  }

  /**
   * Where the view says what becomes of the archive.
   * @param {{ isHidden: boolean }} options
   */
  #savePanel({ isHidden }) {
    const panel = create('div', '', { id: 'room-save', className: 'panel good', hidden: isHidden });
    const again = this.#button('ready.again', 'primary', this.#actions.save, {}, { id: 'again' });
    panel.append(create('p', '', { id: 'saving' }), this.#buttons(again));
    return panel;
  }

  /**
   * @param {string} key
   * @param {number} n
   */
  #plural(key, n) {
    return this.#messages.pluralKey(key, n);
  }

  /** @param {number} n */
  #number(n) {
    return this.#messages.number(n);
  }
}
