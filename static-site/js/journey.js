// Decides what the page shows and what happens next. Knows no document: it draws through the view.
import { cleanAddress, findSecret } from './request-file.js';
import { Problem, UploadFailed, chooseSeat, download, emailLink, follow, freshResponse, isAbort, isEmailAddress, submit } from './service.js';
/** @import { Room } from './room.js' */
/** @import { View } from './view.js' */

const STILL_WAITING_MS = 10_000;
const LONG_WAIT_MS = 60_000;

export class Journey {
  #view;
  #browser;
  #network;
  #language;
  #loadRoom;
  #loadSeats;
  /** @type {'form' | 'waiting' | 'ready' | 'refused' | 'gone' | 'down' | 'room'} */
  #screen = 'form';
  /** @type {RequestFile | null} */
  #file = null;
  /** @type {string | null} the ticket of the file */
  #sentAs = null;
  /** @type {Problems} */
  #problems = {};
  /** @type {string | null} unknown after a reload */
  #email = null;
  /** @type {string | null} */
  #ticketId = null;
  /** @type {number | null} the seat that was chosen, until the service has answered */
  #chosenSeat = null;
  #isOffline = false;
  /** The service has the file: only now may the page say that it will email. */
  #isProcessing = false;
  #controller = new AbortController();
  #downloadController = new AbortController();
  /** @type {Room | null} what sends several files */
  #room = null;
  /** @type {Promise<void>} */
  #reading = Promise.resolve();

  /**
   * @param {object} parts
   * @param {View} parts.view
   * @param {Browser} parts.browser
   * @param {Network} parts.network
   * @param {string} parts.language of the email
   * @param {LoadRoom} parts.loadRoom
   * @param {() => Promise<ShowSeats | null>} parts.loadSeats
   */
  constructor({ view, browser, network, language, loadRoom, loadSeats }) {
    this.#view = view;
    this.#browser = browser;
    this.#network = network;
    this.#language = language;
    this.#loadRoom = loadRoom;
    this.#loadSeats = loadSeats;
  }

  /**
   * Shows a ticket, or without one the form.
   * @param {string | null} ticketId
   * @param {FocusOption} [options]
   */
  async open(ticketId, { focus = true } = {}) {
    this.#cancelCalls();
    this.#ticketId = ticketId;
    if (ticketId === null) {
      this.#screen = 'form';
      this.#view.showForm({ focus });
      return;
    }
    this.#email = null;
    this.#wait('', { focus });
    await this.#attempt(() => this.#follow(ticketId));
  }

  /** Shows the table of several files that this tab had before a reload, or without one the form. */
  async openRoom() {
    const room = await this.#loadRoom();
    this.#enter(room);
    if (!room?.restore()) await this.open(null);
  }

  /** @param {Room | null} room */
  #enter(room) {
    this.#cancelCalls();
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
    this.#sentAs = null;
    const result = await this.#unpack(await read());
    if (!result) return;
    if ('request' in result) this.#file = result;
    this.#view.showRequest(this.#file);
    if ('problem' in result) {
      const { problem: name, ...more } = result;
      this.#addProblem('file', { name, ...more });
    } else {
      this.#removeProblem('file');
    }
  }

  /**
   * The one request among several files, or their problem; null where there are several, which are in their table now.
   * @param {RequestFile | FileProblem | Unread} result
   */
  async #unpack(result) {
    if (!('sources' in result)) return result;
    const room = await this.#loadRoom();
    const selection = await room?.gather(result.sources) ?? { problem: 'not-read' };
    if (!room || !('rows' in selection)) return /** @type {RequestFile | FileProblem} */ (selection);
    this.#view.showProblems({});
    this.#enter(room);
    room.show(selection.rows);
    return null;
  }

  /**
   * Keeps a good address for the next visit. An unfinished one is no problem yet; a secret is.
   * @param {string} text
   */
  checkEmail(text) {
    const problem = this.#emailProblem(text);
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
    if (field === 'another-email') this.#view.showAnotherEmailProblem(secret);
    else this.#addProblem(field === 'email' ? 'email' : 'file', { name: secret });
  }

  /**
   * Sends the chosen file, or names each problem of the form.
   * @param {string} email as entered
   */
  async submit(email) {
    await this.#reading;
    const problem = this.#emailProblem(email);
    if (problem !== null && problem !== 'email') this.#view.clearField('email');
    this.#problems = {
      ...(this.#file === null && { file: { name: 'none' } }),
      ...(problem !== null && { email: { name: problem } }),
    };
    this.#view.showProblems(this.#problems);
    if (this.#file === null || problem !== null) return;
    this.#email = cleanAddress(email) || null;
    await this.#send(this.#file);
  }

  /** Tries again after the service was down, or sends a refused file anew. */
  async retry() {
    if (this.#chosenSeat !== null) await this.chooseSeat(this.#chosenSeat);
    else if (this.#screen === 'refused' && this.#file) await this.#send(this.#file);
    else if (this.#ticketId !== null) await this.open(this.#ticketId);
    else if (this.#file) await this.#send(this.#file);
  }

  /** Returns to the form, with the email address alone. */
  restart() {
    this.#room?.forget();
    this.#cancelCalls();
    this.#file = null;
    this.#problems = {};
    this.#ticketId = null;
    this.#browser.navigate(null);
    this.#screen = 'form';
    this.#view.showForm();
    this.#view.showRequest(null);
    this.#view.showProblems({});
  }

  /** Each download URL is valid for a minute, so this asks for a new one. */
  async downloadAgain() {
    const id = this.#ticketId;
    if (id !== null) await this.#download(id, (connection) => freshResponse(id, connection), { isSaved: false });
  }

  /**
   * Has the link emailed to another address.
   * @param {string} text as entered
   */
  async emailTo(text) {
    const id = this.#ticketId;
    const email = cleanAddress(text);
    const problem = this.#emailProblem(email) ?? (email ? null : 'email');
    if (problem !== null && problem !== 'email') this.#view.clearField('another-email');
    this.#view.showAnotherEmailProblem(problem);
    if (problem !== null || id === null) return;
    this.#stopFollowing();
    this.#email = email;
    await this.#attempt(async () => {
      try {
        await emailLink(id, email, this.#connect());
      } catch (error) {
        if (!(error instanceof Problem) || error.code !== 'bad-email') throw error;
        this.#view.showAnotherEmailProblem('email');
        return;
      }
      this.#view.closeAnotherEmail();
      await this.#follow(id, { isShown: true });
    });
  }

  /**
   * Says which computer is lost or broken, so that the refused file takes its seat.
   * @param {number} seat
   */
  async chooseSeat(seat) {
    const id = this.#ticketId;
    if (id === null) return;
    this.#cancelCalls();
    this.#chosenSeat = seat;
    this.#wait(this.#sentAs === id && this.#file ? this.#file.name : '');
    await this.#attempt(async () => {
      await chooseSeat(id, seat, this.#connect());
      await this.#follow(id);
    });
  }

  /**
   * Makes a choice again that this page did not make itself: the call may have been cut off before anything came of it.
   * @param {string} ticketId
   * @param {number} seat
   * @param {Connection} connection
   */
  async #repeatChoice(ticketId, seat, connection) {
    this.#chosenSeat = seat;
    await chooseSeat(ticketId, seat, connection);
  }

  /** @param {RequestFile} file */
  async #send(file) {
    this.#cancelCalls();
    this.#ticketId = null;
    this.#wait(file.name);
    await this.#attempt(async () => {
      const ticket = await submit(file.bytes, { email: this.#email, language: this.#language }, this.#connect());
      this.#ticketId = this.#sentAs = ticket.id;
      this.#browser.navigate(`#t=${ticket.id}`);
      await this.#follow(ticket.id);
    });
  }

  /**
   * Shows what a ticket becomes, then what becomes of its email.
   * @param {string} ticketId
   * @param {{ isShown?: boolean }} [options] whether its screen is there already
   */
  async #follow(ticketId, { isShown = false } = {}) {
    const connection = this.#connect();
    const isNews = isShown; // the person asked for this email
    try {
      for await (const ticket of follow(ticketId, connection)) {
        this.#isProcessing = ticket.state === 'processing';
        const chosen = 'chosen_seat' in ticket ? ticket.chosen_seat : undefined;
        if (chosen !== undefined && this.#chosenSeat === null) await this.#repeatChoice(ticketId, chosen, connection);
        if (ticket.state === 'ready' || ticket.state === 'refused') {
          connection.report = () => {}; // only the email is still awaited: no reason to disturb
          if (!isShown) this.#showResult(ticketId, ticket);
          this.#view.showEmail(ticket, this.#email, { isNews });
          isShown = true;
        } else if (ticket.delayed) {
          this.#announceLongWait();
        }
      }
    } catch (error) {
      // The result is shown: an unknown email state is not worth an error.
      if (!isShown || !(error instanceof Problem)) throw error;
    }
  }

  /**
   * @param {string} ticketId
   * @param {ReadyTicket | RefusedTicket} ticket
   */
  #showResult(ticketId, ticket) {
    this.#screen = ticket.state;
    this.#chosenSeat = null;
    if (ticket.state === 'refused') {
      this.#view.showRefused(ticket, this.#sentAs === ticketId ? this.#file : null);
      if (ticket.refusal.seats?.length) void this.#showSeats(ticket.refusal);
      return;
    }
    const { response } = ticket;
    if (response.filename === null) {
      this.#view.showReady(ticket, { isSaved: false });
      return;
    }
    const isSaved = this.#browser.storage.getItem(`saved ${ticketId}`) !== null; // a reload does not save a second copy
    this.#view.showReady(ticket, { isSaved });
    if (!isSaved || this.#browser.canShare) void this.#download(ticketId, async () => response, { isSaved });
  }

  /** @param {Refusal} refusal */
  async #showSeats(refusal) {
    const { signal } = this.#controller;
    const show = await this.#loadSeats();
    if (signal.aborted) return;
    if (show) show(refusal, (seat) => this.chooseSeat(seat));
    else this.#showProblem(new Problem(503, { code: 'unreachable' }));
  }

  /**
   * Saves a response, unless it was saved before, and offers to share it. What goes wrong is said beside the button.
   * @param {string} ticketId
   * @param {(connection: Connection) => Promise<ResponseFile>} find
   * @param {{ isSaved: boolean }} options
   */
  async #download(ticketId, find, { isSaved }) {
    // Fails rather than waits while offline: the button is there.
    const { signal } = this.#downloadController;
    const connection = { ...this.#connect(signal), isOnline: () => true, report() {} };
    try {
      const response = await find(connection);
      const file = await download(ticketId, response, connection);
      if (signal.aborted) return;
      if (!isSaved) {
        this.#view.save(file, response.filename);
        this.#browser.storage.setItem(`saved ${ticketId}`, '');
      }
      const share = this.#browser.prepareShare(file, response.filename);
      if (share) this.#view.showShare(share);
    } catch (error) {
      if (isAbort(error)) return;
      if (!(error instanceof Problem)) throw error;
      if (error.code === 'not-found') this.#showProblem(error);
      else if (!isSaved) this.#view.showSaving(error.code === 'not-ours' ? 'ready.blocked' : 'ready.failed');
    }
  }

  /**
   * @param {string} fileName empty if unknown
   * @param {FocusOption} [options]
   */
  #wait(fileName, options) {
    this.#screen = 'waiting';
    this.#view.showWaiting(fileName, options);
    void this.#announceWait(this.#controller.signal);
  }

  /** @param {AbortSignal} signal */
  async #announceWait(signal) {
    try {
      await this.#network.sleep(STILL_WAITING_MS, signal);
      if (this.#screen === 'waiting' && !this.#isOffline) this.#view.announce('waiting.still');
      await this.#network.sleep(LONG_WAIT_MS - STILL_WAITING_MS, signal);
      if (this.#screen === 'waiting' && !this.#isOffline) this.#announceLongWait();
    } catch (error) {
      if (!isAbort(error)) throw error;
    }
  }

  #announceLongWait() {
    if (this.#email && this.#isProcessing) this.#view.announce('waiting.long', { email: this.#email });
    else this.#view.announce('waiting.long-no-mail');
  }

  /**
   * Turns an error into a screen with a next step.
   * @param {() => Promise<void>} step
   */
  async #attempt(step) {
    try {
      await step();
    } catch (error) {
      if (isAbort(error)) return;
      if (error instanceof UploadFailed) this.#returnToForm('file', { name: 'upload' });
      else if (error instanceof Problem) this.#showProblem(error);
      else throw error;
    }
  }

  /** @param {Problem} problem */
  #showProblem(problem) {
    if (problem.code === 'not-found') {
      this.#screen = 'gone';
      this.#view.showGone();
    } else if (problem.status === 429) {
      const n = problem.document.n ?? Math.ceil(problem.retryAfterS / 60);
      this.#returnToForm('file', { name: n > 1 ? 'too-many' : 'too-many-soon', n });
    } else if (problem.code === 'bad-email') {
      this.#returnToForm('email', { name: 'email' });
    } else {
      this.#screen = 'down';
      this.#view.showDown(problem.code);
    }
  }

  /**
   * @param {Field} field
   * @param {FieldProblem} problem
   */
  #returnToForm(field, problem) {
    this.#screen = 'form';
    this.#view.showForm({ focus: false });
    this.#addProblem(field, problem);
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

  /** @param {string} text may be empty */
  #emailProblem(text) {
    const email = cleanAddress(text);
    return findSecret(email) ?? (email === '' || isEmailAddress(email) ? null : 'email');
  }

  #cancelCalls() {
    this.#room?.leave();
    this.#room = null;
    this.#stopFollowing();
    this.#downloadController.abort();
    this.#downloadController = new AbortController();
    this.#isProcessing = false;
    this.#chosenSeat = null;
  }

  #stopFollowing() {
    this.#controller.abort();
    this.#controller = new AbortController();
    this.#isOffline = false;
  }

  /** @returns {Connection} */
  #connect(signal = this.#controller.signal) {
    return {
      ...this.#network,
      signal,
      report: (delay) => {
        this.#isOffline = delay === 'offline';
        this.#view.announce(delay);
      },
    };
  }
}
