// Draws what a ticket becomes, a response or a refusal. Loaded with what follows the ticket.
import { formatLicenseNumber, replaceControls } from './request-file.js';
import { TicketJourney } from './ticket.js';
import { create, fileElement, getElement, isolate } from './view.js';
/** @import { Journey } from './journey.js' */
/** @import { Messages, View } from './view.js' */

/** @param {string} id */
const get = (id) => getElement(id, HTMLElement);

/**
 * What opens the journey of a file or a ticket, with its view.
 * @param {PageParts} page
 */
export function openTickets(page) {
  const { view, messages } = page;
  const loadSeats = () => import('./choice.js').then((module) => module.loadSeats(page)).catch(() => null);
  return (/** @type {Journey} */ of, /** @type {TicketStart} */ start) => {
    /** @type {TicketJourney} */
    const ticket = new TicketJourney({ ...page, page: view, view: new TicketView(view, messages, {
      retry: () => ticket.retry(),
      downloadAgain: () => ticket.downloadAgain(),
      emailTo: (email) => ticket.emailTo(email),
      fillByHand: (details, text) => import('./by-hand.js')
        .then((module) => module.fillByHand(details, text, page))
        .catch(() => view.announce('down.lead')),
    }), loadSeats }, of, start);
    return ticket;
  };
}

export class TicketView {
  #pen;
  #messages;
  #actions;

  /**
   * @param {View} view
   * @param {Messages} messages
   * @param {TicketActions} actions
   */
  constructor(view, messages, actions) {
    this.#pen = view.pen;
    this.#messages = messages;
    this.#actions = actions;
  }

  /**
   * @param {ReadyTicket} ticket
   * @param {{ isSaved: boolean }} options whether the file was saved to this device before
   */
  showReady({ kind, license_number: licenseNumber, response }, { isSaved }) {
    const { filename, valid_until: until, previous_valid_until: before } = response;
    const command = create('code', 'keyferry install ', { dir: 'ltr' });
    command.append(fileElement(filename ?? ''));
    const ends = this.#pen.say(licenseEndKey(response), {
      until: until ? this.#messages.date(until) : '',
      before: before ? this.#messages.date(before) : '',
    });
    this.#pen.show('ready', [this.#pen.copy('ready', {
      ends,
      file: fileElement(filename ?? ''),
      computer: this.#pen.computer(response.machine_name),
      name: isolate(response.machine_name),
      seat: response.seat,
      edition: isolate(response.edition ?? ''),
      product: isolate(response.product),
      number: formatLicenseNumber(licenseNumber),
      command,
    }, {
      [kind]: true,
      install: kind !== 'deactivate',
      receipt: kind === 'deactivate' && filename !== null,
      file: filename !== null,
      nothing: filename === null,
      computer: Boolean(response.machine_name),
      seat: Boolean(response.seat),
      edition: Boolean(response.edition) && kind !== 'deactivate',
      text: Boolean(response.text),
    })]);
    const { text } = response;
    if (text) get('by-hand').ontoggle = () => this.#actions.fillByHand(get('by-hand'), text);
    if (filename === null) return;
    this.showSaving(isSaved ? 'ready.saved' : 'ready.saving', filename);
    const anotherEmail = getElement('another-email', HTMLInputElement);
    get('again').addEventListener('click', () => this.#actions.downloadAgain());
    get('send-another').addEventListener('click', () => {
      const isShown = Boolean(get('another').hidden);
      this.#showAnother(isShown);
      if (isShown) anotherEmail.focus();
    });
    get('another').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#actions.emailTo(anotherEmail.value);
    });
  }

  /**
   * @param {RefusedTicket} ticket
   * @param {RequestFile | null} file null if unknown, as after a reload
   */
  showRefused({ license_number: licenseNumber, refusal }, file) {
    const { title, detail, language } = refusal;
    const number = formatLicenseNumber(licenseNumber ?? file?.request.licenseNumber ?? '');
    const facts = { number, computer: file?.request.computer ?? '', file: file ? replaceControls(file.name) : '' };
    const screen = this.#pen.copy('refused', {
      ...facts,
      title,
      detail: detail.split('`').map((part, i) => (i % 2 ? create('code', part, { dir: 'ltr' }) : part)),
      support: this.#supportLink({ ...facts, title }),
    }, {
      number: Boolean(facts.number),
      computer: Boolean(facts.computer),
      file: Boolean(facts.file),
      retry: Boolean(file),
    });
    for (const id of ['refusal-title', 'refusal-detail']) screen.getElementById(id)?.setAttribute('lang', language ?? this.#messages.language);
    screen.getElementById('retry')?.addEventListener('click', () => this.#actions.retry());
    this.#pen.show('refused', [screen]);
  }

  /**
   * Where to ask about a refusal, with all that is asked for in the subject of the email.
   * @param {Record<string, string>} values
   */
  #supportLink(values) {
    const subject = this.#messages.parts('refused.subject', values).join('').replace(/(, )+(?=[:,])/g, '');
    const { support } = this.#pen;
    for (const part of support) {
      if (part instanceof HTMLAnchorElement && part.protocol === 'mailto:') part.href += `?subject=${encodeURIComponent(subject)}`;
    }
    return support;
  }

  // Parts of a screen

  /**
   * @param {ReadyTicket | RefusedTicket} ticket
   * @param {string | null} email null if unknown
   * @param {{ isNews: boolean }} options whether the person waits for it on this screen, so that a screen reader is told
   */
  showEmail(ticket, email, { isNews }) {
    const expires = ticket.state === 'ready' ? ticket.response.link_expires_at : null;
    const [key, values] = [emailKey(ticket), {
      email: email ? isolate(email) : this.#messages.text('mail.your-address'),
      date: expires ? this.#messages.date(expires) : '',
    }];
    this.#pen.put('mail', key, values);
    if (isNews) this.#pen.status(key, values, 'unseen');
    const offer = document.getElementById('offer-another');
    if (offer) offer.hidden = ticket.email === 'withheld';
  }

  /** @param {string | null} name as in FieldProblem; null removes the problem */
  showAnotherEmailProblem(name) {
    this.#pen.put('another-fault', name && `problem.${name}`);
    if (name) get('another-email').focus();
  }

  closeAnotherEmail() {
    this.#showAnother(false);
    get('send-another').focus();
  }

  /** @param {boolean} isShown */
  #showAnother(isShown) {
    get('another').hidden = !isShown;
    get('send-another').setAttribute('aria-expanded', String(isShown));
  }

  /** @param {() => void} share opens the share sheet */
  showShare(share) {
    get('share').hidden = false;
    get('share').onclick = share;
  }

  /**
   * @param {string} key
   * @param {string} [fileName]
   */
  showSaving(key, fileName) {
    showSaving(this.#pen, key, fileName);
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} file
   * @param {string} name
   */
  save(file, name) {
    saveFile(this.#pen, file, name);
  }
}

/**
 * Says beside the download button what becomes of the file; what went wrong, to a screen reader too.
 * @param {View['pen']} pen
 * @param {string} key
 * @param {string} [fileName]
 */
export function showSaving(pen, key, fileName) {
  pen.put('saving', key, { file: fileName && fileElement(fileName) });
  const panel = get('saving').parentElement;
  panel?.classList.toggle('good', Boolean(fileName));
  panel?.classList.toggle('bad', !fileName);
  if (!fileName) pen.status(key, {}, 'unseen');
}

/**
 * @param {View['pen']} pen
 * @param {Uint8Array<ArrayBuffer>} file
 * @param {string} name
 */
export function saveFile(pen, file, name) {
  const href = URL.createObjectURL(new Blob([file], { type: 'application/octet-stream' }));
  const link = create('a', '', { href, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(href), 60_000); // a browser may ask the person first
  showSaving(pen, 'ready.saving', name);
}

/** @param {ResponseFacts} response */
export function licenseEndKey({ valid_until: until, previous_valid_until: before }) {
  return `ends.${until ? 'date' : 'never'}${before && before !== until ? '-before' : ''}`;
}

/** @param {ReadyTicket | RefusedTicket} ticket */
export function emailKey(ticket) {
  const { email } = ticket;
  const hasLink = ticket.state === 'ready' && ticket.response.filename !== null;
  if (email === 'none' || (email === 'pending' && !hasLink)) return null;
  if (!hasLink) return email === 'sent' ? 'mail.refusal' : 'mail.refusal-none';
  return `mail.${email}`;
}
