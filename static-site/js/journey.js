// Decides what the form shows, and hands a file over to its ticket, which is loaded late. Knows no document.
import { cleanAddress, decodeBase64, emailProblem, encodeBase64, readRequest } from './request-file.js';
/** @import { Room } from './room.js' */
/** @import { TicketJourney } from './ticket.js' */
/** @import { View } from './view.js' */

export class Journey {
  #view;
  #browser;
  #network;
  #loadTicket;
  #loadRoom;
  #loadResponses;
  /** @type {ScreenName} */
  #screen = 'form';
  /** @type {RequestFile | null} */
  #file = null;
  /** @type {Problems} */
  #problems = {};
  /** @type {TicketJourney | null} what sends the file and follows its ticket, or a ticket alone */
  #ticket = null;
  /** @type {Room | null} what sends several files */
  #room = null;
  /** @type {TicketStart | null} what is waited for while its part of the page loads */
  #loading = null;
  /** @type {RequestFile | null} whose part of the page did not load */
  #unsent = null;
  /** @type {Promise<void>} */
  #reading = Promise.resolve();

  /**
   * @param {object} parts
   * @param {View} parts.view
   * @param {Browser} parts.browser
   * @param {Network} parts.network
   * @param {LoadTicket} parts.loadTicket
   * @param {LoadRoom} parts.loadRoom
   * @param {LoadResponses} parts.loadResponses
   */
  constructor({ view, browser, network, loadTicket, loadRoom, loadResponses }) {
    this.#view = view;
    this.#browser = browser;
    this.#network = network;
    this.#loadTicket = loadTicket;
    this.#loadRoom = loadRoom;
    this.#loadResponses = loadResponses;
  }

  /**
   * Shows a ticket, or without one the form.
   * @param {string | null} id
   * @param {FocusOption} [options]
   */
  async open(id, { focus = true } = {}) {
    const file = this.#ticket?.id === id ? this.#ticket.file : null;
    this.#leave();
    if (id !== null) {
      await this.#follow({ id, file, email: null, waitsSince: Date.now() }, { focus });
      return;
    }
    this.#screen = 'form';
    this.#view.showForm({ focus });
    const kept = this.#takeKept();
    if (kept) this.choose(async () => kept);
  }

  /** Shows the table of several files that this tab had before a reload, or without one the form. */
  async openRoom() {
    const room = await this.#loadRoom();
    if (!room) {
      this.fail();
      return;
    }
    this.#enter(room);
    if (!room.restore()) await this.open(null);
  }

  /** @param {Room} room */
  #enter(room) {
    this.#leave();
    this.#room = room;
    this.#screen = 'room';
  }

  /**
   * Fills the form in, or shows a table of several files. Ignored while other files are processed.
   * @param {() => Promise<RequestFile | FileProblem | Unread>} read
   */
  choose(read) {
    if (this.#screen === 'waiting' || this.#room?.isSending) return;
    if (this.#screen !== 'form') this.restart();
    this.#reading = this.#read(read);
  }

  /** @param {() => Promise<RequestFile | FileProblem | Unread>} read */
  async #read(read) {
    this.#file = null;
    const result = await this.#unpack(await read());
    if (!result) return;
    if ('request' in result) this.#file = result;
    this.#view.showRequest(this.#file);
    if ('problem' in result) {
      const { problem: name, responses } = result;
      const show = responses ? await this.#loadResponses() : null;
      if (responses && show) {
        this.#removeProblem('file'); // right files, at the wrong door
        await show(responses);
      } else {
        this.#addProblem('file', { name });
      }
      return;
    }
    this.#removeProblem('file');
  }

  /**
   * The one request among several files, or their problem; null where there are several, which are in their table now.
   * @param {RequestFile | FileProblem | Unread} result
   */
  async #unpack(result) {
    if (!('sources' in result)) return result;
    const room = await this.#loadRoom();
    const selection = await room?.gather(result.sources) ?? { problem: 'not-loaded' };
    if (!room || !('rows' in selection)) return /** @type {RequestFile | FileProblem} */ (selection);
    this.#view.showProblems({});
    this.#enter(room);
    room.show(selection.rows);
    return null;
  }

  /** Loads what sends a file before there is one to send. Not while offline: browsers remember what did not load. */
  prepare() {
    if (this.#network.isOnline()) void this.#loadTicket();
  }

  /**
   * Keeps a good address for the next visit. An unfinished one is no problem yet; a secret is.
   * @param {string} text
   */
  checkEmail(text) {
    const problem = emailProblem(text);
    if (problem === null) {
      this.#removeProblem('email');
      this.#browser.storage.setItem('email', cleanAddress(text));
    } else if (problem !== 'email') {
      this.#view.clearField('email');
      this.#addProblem('email', { name: problem });
    }
  }

  /**
   * @param {string} field
   * @param {string} secret
   */
  rejectSecret(field, secret) {
    if (field === 'another-email') this.#ticket?.rejectSecret(secret);
    else this.#addProblem(field === 'email' ? 'email' : 'file', { name: secret });
  }

  /**
   * Sends the chosen file, or names each problem of the form.
   * @param {string} email as entered
   */
  async submit(email) {
    await this.#reading;
    const problem = emailProblem(email);
    if (problem !== null && problem !== 'email') this.#view.clearField('email');
    this.#problems = {
      ...(this.#file === null && { file: { name: 'none' } }),
      ...(problem !== null && { email: { name: problem } }),
    };
    this.#view.showProblems(this.#problems);
    if (this.#file === null || problem !== null) return;
    this.#leave();
    await this.#follow({ id: null, file: this.#file, email: cleanAddress(email) || null, waitsSince: Date.now() });
  }

  /** Tries again what failed. */
  async retry() {
    if (this.#ticket) {
      await this.#ticket.retry();
      return;
    }
    // A part did not load. Browsers remember that, and a newer release has another: a reload repairs both.
    if (this.#unsent) this.#keep(this.#unsent);
    await this.#untilOnline();
    this.#browser.reload();
  }

  /** Returns to the form, with the email address alone. */
  restart() {
    this.#room?.forget();
    this.#leave();
    this.#file = null;
    this.#problems = {};
    this.#browser.navigate(null);
    this.#screen = 'form';
    this.#view.showForm();
    this.#view.showRequest(null);
    this.#view.showProblems({});
  }

  /**
   * Notes what is shown now.
   * @param {ScreenName} screen
   */
  shows(screen) {
    this.#screen = screen;
  }

  /**
   * Says that a part of the page did not load.
   * @param {RequestFile | null} [unsent] what a reload must not lose
   */
  fail(unsent = null) {
    this.#leave();
    this.#unsent = unsent;
    this.#screen = 'down';
    this.#view.showDown('unreachable');
  }

  /**
   * Says that a file or a ticket is on its way.
   * @param {RequestFile | null} file null if unknown
   * @param {FocusOption} [options]
   */
  wait(file, options) {
    this.#screen = 'waiting';
    this.#view.showWaiting(file?.name ?? '', options);
  }

  /**
   * Shows the form with a problem that only sending it found.
   * @param {Field} field
   * @param {FieldProblem} problem
   */
  returnToForm(field, problem) {
    this.#screen = 'form';
    this.#view.showForm({ focus: false });
    this.#addProblem(field, problem);
  }

  /**
   * Sends a file, or follows a ticket.
   * @param {TicketStart} start
   * @param {FocusOption} [options]
   */
  async #follow(start, options) {
    this.#loading = start;
    this.wait(start.file, options);
    let openTicket = await this.#loadTicket();
    while (!openTicket && !this.#network.isOnline()) {
      await this.#untilOnline();
      openTicket = await this.#loadTicket();
    }
    if (this.#loading !== start) return; // the person has gone on
    if (!openTicket) {
      this.fail(start.id === null ? start.file : null);
      return;
    }
    this.#ticket = openTicket(this, start);
    await this.#ticket.start();
  }

  async #untilOnline() {
    if (this.#network.isOnline()) return;
    this.#view.announce('offline');
    await this.#network.waitUntilOnline();
    this.#view.announce(null);
  }

  /** @param {RequestFile} file over a reload */
  #keep({ name, bytes }) {
    this.#browser.storage.setItem('file', JSON.stringify([name, encodeBase64(bytes)]));
  }

  /** @returns {RequestFile | null} */
  #takeKept() {
    const text = this.#browser.storage.getItem('file');
    if (!text) return null;
    this.#browser.storage.setItem('file', '');
    const [name, base64] = JSON.parse(text);
    const bytes = decodeBase64(base64);
    const result = readRequest(bytes);
    return 'request' in result ? { name, bytes, ...result } : null;
  }

  /**
   * @param {Field} field
   * @param {FieldProblem} problem
   */
  #addProblem(field, problem) {
    this.#problems = { ...this.#problems, [field]: problem };
    this.#view.showProblems(this.#problems);
  }

  /** @param {Field} field */
  #removeProblem(field) {
    if (!(field in this.#problems)) return;
    this.#problems = { ...this.#problems };
    delete this.#problems[field];
    this.#view.showProblems(this.#problems, { focus: false });
  }

  #leave() {
    this.#room?.leave();
    this.#room = null;
    this.#ticket?.leave();
    this.#ticket = null;
    this.#loading = null;
  }
}
