// Sends a request file and follows its ticket to the response. Loaded once a file is chosen, or for a link; knows no document.
import { cleanAddress, emailProblem } from './request-file.js';
import { Problem, UploadFailed, chooseSeat, download, emailLink, follow, freshResponse, isAbort, submit } from './service.js';
/** @import { Journey } from './journey.js' */
/** @import { TicketView } from './ticket-view.js' */
/** @import { View } from './view.js' */

const STILL_WAITING_MS = 10_000;
const LONG_WAIT_MS = 60_000;

export class TicketJourney {
  #page;
  #view;
  #browser;
  #network;
  #language;
  #loadSeats;
  #journey;
  #file;
  #id;
  #email;
  #waitsSince;
  #isRefused = false;
  /** @type {number | null} the seat that was chosen, until the service has answered */
  #chosenSeat = null;
  #isWaiting = true;
  #isOffline = false;
  /** The service has the file: only now may the page say that it will email. */
  #isProcessing = false;
  #controller = new AbortController();
  #downloadController = new AbortController();

  /**
   * @param {object} parts
   * @param {View} parts.page
   * @param {TicketView} parts.view
   * @param {Browser} parts.browser
   * @param {Network} parts.network
   * @param {string} parts.language of the email
   * @param {() => Promise<ShowSeats | null>} parts.loadSeats
   * @param {Journey} journey that it is part of
   * @param {TicketStart} start
   */
  constructor({ page, view, browser, network, language, loadSeats }, journey, { id, file, email, waitsSince }) {
    this.#page = page;
    this.#view = view;
    this.#browser = browser;
    this.#network = network;
    this.#language = language;
    this.#loadSeats = loadSeats;
    this.#journey = journey;
    this.#id = id;
    this.#file = file;
    this.#email = email;
    this.#waitsSince = waitsSince;
  }

  get id() {
    return this.#id;
  }

  get file() {
    return this.#file;
  }

  /** Sends the file, or opens the ticket. The page says already that it waits. */
  async start() {
    void this.#announceWait(this.#controller.signal);
    const [id, file] = [this.#id, this.#file];
    await this.#attempt(async () => {
      if (id !== null) await this.#follow(id);
      else if (file) await this.#send(file);
    });
  }

  /** Tries again after the service was down, or sends a refused file again. */
  async retry() {
    if (this.#chosenSeat !== null) {
      await this.chooseSeat(this.#chosenSeat);
      return;
    }
    if (this.#isRefused && this.#file) this.#id = null;
    this.#wait();
    await this.start();
  }

  /** Stops all calls. */
  leave() {
    this.#stopFollowing();
    this.#downloadController.abort();
    this.#downloadController = new AbortController();
    this.#isProcessing = false;
    this.#chosenSeat = null;
  }

  /** Each download URL is valid for a minute, so this asks for a new one. */
  async downloadAgain() {
    const id = this.#id;
    if (id !== null) await this.#download(id, (connection) => freshResponse(id, connection), { isSaved: false });
  }

  /**
   * Has the link emailed to another address.
   * @param {string} text as entered
   */
  async emailTo(text) {
    const id = this.#id;
    const email = cleanAddress(text);
    const problem = emailProblem(email) ?? (email ? null : 'email');
    if (problem !== null && problem !== 'email') this.#page.clearField('another-email');
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

  /** @param {string} secret that was entered as another address */
  rejectSecret(secret) {
    this.#view.showAnotherEmailProblem(secret);
  }

  /**
   * Says which computer is lost or broken, so that the refused file takes its seat.
   * @param {number} seat
   */
  async chooseSeat(seat) {
    const id = this.#id;
    if (id === null) return;
    this.#wait();
    this.#chosenSeat = seat;
    void this.#announceWait(this.#controller.signal);
    await this.#attempt(async () => {
      await chooseSeat(id, seat, this.#connect());
      await this.#follow(id);
    });
  }

  /**
   * Makes a choice again that this page did not make itself: the call may have been cut off before anything came of it.
   * @param {string} id
   * @param {number} seat
   * @param {Connection} connection
   */
  async #repeatChoice(id, seat, connection) {
    this.#chosenSeat = seat;
    await chooseSeat(id, seat, connection);
  }

  /** @param {RequestFile} file */
  async #send(file) {
    const ticket = await submit(file.bytes, { email: this.#email, language: this.#language }, this.#connect());
    this.#id = ticket.id;
    this.#browser.navigate(`#t=${ticket.id}`);
    await this.#follow(ticket.id);
  }

  /**
   * Shows what a ticket becomes, then what becomes of its email.
   * @param {string} id
   * @param {{ isShown?: boolean }} [options] whether its screen is there already
   */
  async #follow(id, { isShown = false } = {}) {
    const connection = this.#connect();
    const isNews = isShown; // the person asked for this email
    try {
      for await (const ticket of follow(id, connection)) {
        this.#isProcessing = ticket.state === 'processing';
        const chosen = 'chosen_seat' in ticket ? ticket.chosen_seat : undefined;
        if (chosen !== undefined && this.#chosenSeat === null) await this.#repeatChoice(id, chosen, connection);
        if (ticket.state === 'ready' || ticket.state === 'refused') {
          connection.report = () => {}; // only the email is still awaited: no reason to disturb
          if (!isShown) this.#showResult(id, ticket);
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
   * @param {string} id
   * @param {ReadyTicket | RefusedTicket} ticket
   */
  #showResult(id, ticket) {
    this.#shows(ticket.state);
    this.#chosenSeat = null;
    if (ticket.state === 'refused') {
      this.#view.showRefused(ticket, this.#file);
      if (ticket.refusal.seats?.length) void this.#showSeats(ticket.refusal);
      return;
    }
    const { response } = ticket;
    if (response.filename === null) {
      this.#view.showReady(ticket, { isSaved: false });
      return;
    }
    const isSaved = this.#browser.storage.getItem(`saved ${id}`) !== null; // a reload does not save a second copy
    this.#view.showReady(ticket, { isSaved });
    if (!isSaved || this.#browser.canShare) void this.#download(id, async () => response, { isSaved });
  }

  /** @param {Refusal} refusal */
  async #showSeats(refusal) {
    const { signal } = this.#controller;
    const show = await this.#loadSeats();
    if (signal.aborted) return;
    if (show) show(refusal, (seat) => this.chooseSeat(seat));
    else this.#journey.fail();
  }

  /**
   * Saves a response, unless it was saved before, and offers to share it. What goes wrong is said beside the button.
   * @param {string} id
   * @param {(connection: Connection) => Promise<ResponseFile>} find
   * @param {{ isSaved: boolean }} options
   */
  async #download(id, find, { isSaved }) {
    // Fails rather than waits while offline: the button is there.
    const { signal } = this.#downloadController;
    const connection = { ...this.#connect(signal), isOnline: () => true, report() {} };
    try {
      const response = await find(connection);
      const file = await download(id, response, connection);
      if (signal.aborted) return;
      if (!isSaved) {
        this.#view.save(file, response.filename);
        this.#browser.storage.setItem(`saved ${id}`, '');
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

  /** Says that it waits, for what is tried again. */
  #wait() {
    this.leave();
    this.#isWaiting = true;
    this.#waitsSince = Date.now();
    this.#journey.wait(this.#file);
  }

  /** @param {AbortSignal} signal */
  async #announceWait(signal) {
    try {
      await this.#network.sleep(Math.max(0, this.#waitsSince + STILL_WAITING_MS - Date.now()), signal);
      if (this.#isWaiting && !this.#isOffline) this.#page.announce('waiting.still');
      await this.#network.sleep(LONG_WAIT_MS - STILL_WAITING_MS, signal);
      if (this.#isWaiting && !this.#isOffline) this.#announceLongWait();
    } catch (error) {
      if (!isAbort(error)) throw error;
    }
  }

  #announceLongWait() {
    if (this.#email && this.#isProcessing) this.#page.announce('waiting.long', { email: this.#email });
    else this.#page.announce('waiting.long-no-mail');
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
      this.#shows('gone');
      this.#page.showGone();
    } else if (problem.status === 429) {
      const n = problem.document.n ?? Math.ceil(problem.retryAfterS / 60);
      this.#returnToForm('file', { name: n > 1 ? 'too-many' : 'too-many-soon', n });
    } else if (problem.code === 'bad-email') {
      this.#returnToForm('email', { name: 'email' });
    } else {
      this.#shows('down');
      this.#page.showDown(problem.code);
    }
  }

  /** @param {ScreenName} screen */
  #shows(screen) {
    this.#isWaiting = false;
    this.#isRefused = screen === 'refused';
    this.#journey.shows(screen);
  }

  /**
   * @param {Field} field
   * @param {FieldProblem} problem
   */
  #returnToForm(field, problem) {
    this.#isWaiting = false;
    this.#journey.returnToForm(field, problem);
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
        this.#page.announce(delay);
      },
    };
  }
}
