// Sends several request files and makes one archive of their responses. Loaded only for several files; knows no document.
import { gather } from './gather.js';
import { KeptRows } from './kept-rows.js';
import { Problem, UploadFailed, download, follow, freshResponse, isAbort, submit } from './service.js';
import { writeZip } from './zip.js';
/** @import { RoomView } from './room-view.js' */

export const ARCHIVE = 'keyferry-responses.zip';
/** The service answers ten at a time, and others want theirs too. */
const AT_ONCE = 6;
/** A screen reader is told at most so often. */
const BETWEEN_NEWS_MS = 10_000;
const MAX_PAUSE_S = 3600;

export class Room {
  gather = gather;
  #view;
  #browser;
  #network;
  #language;
  /** @type {Row[]} */
  #rows = [];
  #controller = new AbortController();
  #kept;
  #isSending = false;
  #announcedAt = 0;

  /**
   * @param {object} parts
   * @param {RoomView} parts.view
   * @param {Browser} parts.browser
   * @param {Network} parts.network
   * @param {string} parts.language
   */
  constructor({ view, browser, network, language }) {
    this.#view = view;
    this.#browser = browser;
    this.#network = network;
    this.#language = language;
    this.#kept = new KeptRows(browser.storage);
  }

  get isSending() {
    return this.#isSending;
  }

  /**
   * Shows a table of these files. Nothing is sent.
   * @param {(RequestFile | BadFile)[]} files
   */
  show(files) {
    this.forget();
    this.#rows = files.map((file) => ({ ...file, state: 'problem' in file ? 'bad' : 'chosen', ticket: null, response: null }));
    this.#kept.keep(this.#rows);
    this.#browser.navigate('#room');
    this.#view.showChosen(this.#rows);
  }

  /**
   * Shows the table that this tab had before a reload, and continues where it was. Returns whether there is one.
   */
  restore() {
    this.#rows = this.#kept.load();
    if (this.#rows.length === 0) return false;
    if (this.#rows.every(({ state }) => state === 'bad' || state === 'chosen')) this.#view.showChosen(this.#rows);
    else if (this.#rows.some(isWaiting)) void this.#run(this.#rows.filter(isWaiting));
    else void this.#finish();
    return true;
  }

  /** Sends every file that has no response yet. */
  async send() {
    if (this.#isSending) return;
    const rows = this.#rows.filter(({ state }) => !['bad', 'ready', 'done'].includes(state));
    for (const row of rows) {
      // A refused file is decided anew on a new ticket; of any other, the service may still have the ticket.
      if (row.state === 'refused' || row.problem === 'not-found') row.ticket = null;
      this.#change(row, { state: 'queued', problem: undefined, refusal: undefined });
    }
    await this.#run(rows);
  }

  /** Saves the responses that are ready in one archive. */
  async save() {
    try {
      const ready = this.#rows.filter(({ state }) => state === 'ready');
      await this.#each(ready.filter(({ response }) => !response), async (row) => {
        const [ticket, connection] = [/** @type {string} */ (row.ticket), this.#connect()];
        row.response = await fetchFile(ticket, await freshResponse(ticket, connection), connection);
      });
      const archive = writeZip(namedApart(ready.flatMap(({ response }) => response ?? [])));
      this.#view.save(archive, ARCHIVE);
      this.#kept.saved = ready.length;
    } catch (error) {
      if (isAbort(error)) return;
      if (!(error instanceof Problem)) throw error;
      this.#view.showSaving(error.code === 'not-ours' ? 'ready.blocked' : 'ready.failed');
    }
  }

  /** Stops all calls. The tab keeps the table: `restore` continues. */
  leave() {
    this.#controller.abort();
    this.#controller = new AbortController();
    this.#isSending = false;
  }

  /** Stops all calls, and forgets files and tickets. */
  forget() {
    this.leave();
    this.#kept.forget();
    this.#rows = [];
  }

  /**
   * Deactivations first: the seats that they free may be those that the others need.
   * @param {Row[]} rows
   */
  async #run(rows) {
    this.#isSending = true;
    this.#announcedAt = Date.now();
    this.#view.showSending(this.#rows);
    try {
      await this.#each(rows.filter(isDeactivation), (row) => this.#process(row));
      await this.#each(rows.filter((row) => !isDeactivation(row)), (row) => this.#process(row));
    } catch (error) {
      if (isAbort(error)) return;
      throw error;
    }
    this.#isSending = false;
    await this.#finish();
  }

  async #finish() {
    const ready = this.#rows.filter(({ state }) => state === 'ready').length;
    const isSaved = ready === this.#kept.saved; // a reload does not save a second copy
    this.#view.showDone(this.#rows, { isSaved, archive: ARCHIVE });
    if (!isSaved) await this.save();
  }

  /**
   * @param {Row[]} rows
   * @param {(row: Row) => Promise<void>} step
   */
  async #each(rows, step) {
    const waiting = [...rows];
    const work = async () => {
      for (let row = waiting.shift(); row; row = waiting.shift()) await step(row);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  /**
   * Takes one file all the way. What goes wrong with it is its own, but for a limit of this network, which is waited out.
   * @param {Row} row
   */
  async #process(row) {
    const connection = this.#connect();
    for (;;) {
      try {
        await this.#follow(row, connection);
        break;
      } catch (error) {
        if (isAbort(error)) throw error;
        if (error instanceof Problem && error.status === 429) {
          await this.#pause(error);
        } else if (error instanceof Problem || error instanceof UploadFailed) {
          this.#change(row, { state: 'failed', problem: error instanceof Problem ? error.code ?? 'down' : 'upload' });
          break;
        } else {
          throw error;
        }
      }
    }
    this.#announceProgress();
  }

  /**
   * @param {Row} row
   * @param {Connection} connection
   */
  async #follow(row, connection) {
    if (row.ticket === null) {
      this.#change(row, { state: 'sending' });
      const ticket = await submit(/** @type {RequestFile} */ (row).bytes, { email: null, language: this.#language }, connection);
      row.ticket = ticket.id;
    }
    this.#change(row, { state: 'processing' });
    for await (const ticket of follow(row.ticket, connection)) {
      if (ticket.state === 'refused') {
        const { title, detail, language, choose_seat } = ticket.refusal;
        this.#change(row, { state: 'refused', refusal: { title, detail, language, choose_seat } });
      } else if (ticket.state === 'ready') {
        const { response } = ticket;
        if (response.filename === null) this.#change(row, { state: 'done' });
        else this.#change(row, { state: 'ready', response: await fetchFile(row.ticket, response, connection) });
      } else if (ticket.delayed && row.state !== 'delayed') {
        this.#change(row, { state: 'delayed' });
      }
    }
  }

  /** @param {Problem} problem */
  async #pause({ document, retryAfterS }) {
    const seconds = Math.min(MAX_PAUSE_S, Math.max(1, retryAfterS));
    this.#view.announcePause(document.n ?? Math.ceil(seconds / 60));
    await this.#network.sleep(1000 * seconds, this.#controller.signal);
  }

  #announceProgress() {
    const isNews = Date.now() - this.#announcedAt >= BETWEEN_NEWS_MS;
    if (isNews) this.#announcedAt = Date.now();
    this.#view.showProgress(this.#rows, { isNews });
  }

  /**
   * @param {Row} row
   * @param {Partial<Row>} news
   */
  #change(row, news) {
    Object.assign(row, news);
    const place = this.#rows.indexOf(row);
    this.#kept.keepRow(row, place);
    this.#view.showRow(row, place);
  }

  /** @returns {Connection} */
  #connect() {
    return { ...this.#network, signal: this.#controller.signal, report: (delay) => this.#view.announce(delay) };
  }
}

/**
 * @param {string} ticket
 * @param {ResponseFile} response
 * @param {Connection} connection
 */
async function fetchFile(ticket, response, connection) {
  return { name: response.filename, bytes: await download(ticket, response, connection) };
}

/** @param {Row} row */
const isDeactivation = (row) => 'request' in row && row.request.kind === 'deactivate';

/**
 * Whether a row is still to be answered; one with a choice of a seat may have been, on its ticket's own page.
 * @param {Row} row
 */
const isWaiting = ({ state, refusal }) =>
  ['queued', 'sending', 'processing', 'delayed'].includes(state) || (state === 'refused' && refusal?.choose_seat === true);

/**
 * The files, under names that every system can write and that are all different.
 * @param {{ name: string, bytes: Uint8Array<ArrayBuffer> }[]} files
 */
export function namedApart(files) {
  const taken = new Set();
  return files.map(({ name, bytes }) => {
    const safe = name.replace(/[^\w.-]/g, '_').replace(/^\.+/, '') || 'x.response';
    let free = safe;
    for (let n = 2; taken.has(free.toLowerCase()); n += 1) free = safe.replace(/(?=\.\w+$)|$/, `-${n}`);
    taken.add(free.toLowerCase());
    return { name: free, bytes };
  });
}
