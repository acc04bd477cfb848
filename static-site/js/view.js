// Draws each screen from index.html's templates, and decides nothing.
import { replaceControls } from './request-file.js';
import { emailKey, formatLicenseNumber, licenseEndKey, requestKey } from './messages.js';
/** @import { Messages } from './messages.js' */

/**
 * Throws if the element is missing or of another type.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type
 */
export function getElement(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`#${id} is no ${type.name}.`);
  return element;
}

// No offline computer with a right clock made a request before.
const FIRST_YEAR = 2025;

/** @param {string} id */
const get = (id) => getElement(id, HTMLElement);

/** @type {(root: ParentNode, selector: string) => NodeListOf<HTMLElement>} */
const select = (root, selector) => root.querySelectorAll(selector);

/** The English sentences, which the page itself holds. */
export function readCatalogue() {
  const templates = [...document.querySelectorAll('template')].map((template) => template.content);
  const elements = [document, ...templates].flatMap((root) => [...select(root, '[data-text]')]);
  return Object.fromEntries(elements.map((element) => [element.dataset.text, element.textContent]));
}

export class View {
  #messages;
  #actions;
  #view = get('view');
  #form = [...this.#view.childNodes]; // the same nodes again, so that no input is lost
  /** @type {Values} for every sentence */
  #vendor = {};
  #vendorName = '';
  #hasProblems = false;

  /**
   * @param {Messages} messages
   * @param {Vendor} vendor
   * @param {Actions} actions
   */
  constructor(messages, vendor, actions) {
    this.#messages = messages;
    this.#actions = actions;
    const languages = getElement('language', HTMLSelectElement);
    languages.value = messages.language;
    get('languages').hidden = languages.length < 2;
    document.documentElement.lang = messages.language;
    document.documentElement.dir = messages.direction;
    this.#showVendor(vendor);
    this.#fill(document);
    this.#showTitle();
  }

  /** What the parts of the page that are loaded late draw with. */
  get pen() {
    return { show: this.#show.bind(this), say: this.#say.bind(this), status: this.#setStatus.bind(this) };
  }

  /** @param {Vendor} vendor */
  #showVendor({ name, product, logo, accent, support, privacy_url: privacyUrl }) {
    for (const [scheme, color] of Object.entries(accent ?? {})) {
      if (CSS.supports('color', color)) document.documentElement.style.setProperty(`--accent-${scheme}`, color);
    }
    const { url, email, hours } = support ?? {};
    const link = url || email
      ? create('a', email ?? url ?? '', { href: url ?? `mailto:${email}` })
      : get('help').querySelector('a') ?? '';
    this.#vendorName = name ?? get('vendor').textContent;
    this.#vendor = {
      vendor: this.#vendorName,
      product: product ?? '',
      support: hours ? [link, ` (${hours})`] : link,
      privacy: privacyUrl ? create('a', privacyUrl, { href: privacyUrl }) : '',
    };
    get('vendor').replaceChildren(logo ? logoElement(logo, this.#vendorName) : this.#vendorName);
    get('privacy').hidden = !privacyUrl;
  }

  // Screens

  /**
   * The form as it was left; nothing changes if it is there already.
   * @param {FocusOption} [options]
   */
  showForm({ focus = true } = {}) {
    if (this.#form[0].isConnected) this.#showTitle();
    else this.#show('empty', this.#form, { focus });
  }

  /**
   * @param {string} fileName empty if unknown
   * @param {FocusOption} [options]
   */
  showWaiting(fileName, options) {
    const file = fileName ? fileElement(fileName) : this.#messages.text('file.yours');
    this.#show('waiting', [this.#copy('waiting', { file })], options);
  }

  /**
   * @param {ReadyTicket} ticket
   * @param {{ isSaved: boolean }} options whether the file was saved to this device before
   */
  showReady({ kind, license_number: licenseNumber, response }, { isSaved }) {
    const { filename, valid_until: until, previous_valid_until: before } = response;
    const command = create('code', 'keyferry install ', { dir: 'ltr' });
    command.append(fileElement(filename ?? ''));
    const ends = this.#say(licenseEndKey(response), {
      until: until ? this.#messages.date(until) : '',
      before: before ? this.#messages.date(before) : '',
    });
    this.#show('ready', [this.#copy('ready', {
      ends,
      file: fileElement(filename ?? ''),
      computer: this.#computer(response.machine_name),
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
    this.#show('refused', [this.#copy('refused', { ...facts, support: this.#supportLink({ ...facts, title }) }, {
      number: Boolean(facts.number),
      computer: Boolean(facts.computer),
      file: Boolean(facts.file),
      retry: Boolean(file),
    })], { focus: false });
    document.getElementById('retry')?.addEventListener('click', () => this.#actions.retry());
    const [heading, text] = [get('refusal-title'), get('refusal-detail')];
    heading.textContent = title;
    text.replaceChildren(...detail.split('`').map((part, i) => (i % 2 ? create('code', part, { dir: 'ltr' }) : part)));
    for (const element of [heading, text]) element.lang = language ?? this.#messages.language;
    this.#showTitle();
    heading.focus();
  }

  /**
   * Where to ask about a refusal, with all that is asked for in the subject of the email.
   * @param {Record<string, string>} values
   */
  #supportLink(values) {
    const subject = this.#messages.parts('refused.subject', values).join('').replace(/(, )+(?=[:,])/g, '');
    return copies([this.#vendor.support ?? ''].flat()).map((part) => {
      const link = part instanceof HTMLAnchorElement && part.protocol === 'mailto:' ? part : null;
      if (link) link.href += `?subject=${encodeURIComponent(subject)}`;
      return part;
    });
  }

  showGone() {
    this.#show('gone', [this.#copy('gone')]);
  }

  /** @param {string} [code] of the Problem */
  showDown(code) {
    const isBlocked = code === 'not-ours';
    this.#show('down', [this.#copy('down', {}, { blocked: isBlocked, down: !isBlocked, unreachable: code === 'unreachable' })]);
    get('retry').addEventListener('click', () => this.#actions.retry());
  }

  // Parts of a screen

  /**
   * The chosen file, with the button that sends it in its panel.
   * @param {RequestFile | null} file null hides it
   */
  showRequest(file) {
    this.#put('choose', file ? 'file.another' : 'file.choose');
    const [panel, button] = [get('chosen'), get('process')];
    panel.hidden = !file;
    get('file-field').classList.toggle('chosen', Boolean(file));
    get('file-name').hidden = !file;
    if (!file) {
      get('form').append(button);
      return;
    }
    const { request, repairs = [], name } = file;
    get('file-name').textContent = name ? replaceControls(name) : this.#messages.text('file.yours');
    const messages = this.#messages;
    const now = Date.now();
    const year = request.createdAt.getUTCFullYear();
    const days = Math.floor((now - request.createdAt.getTime()) / 864e5);
    const number = formatLicenseNumber(request.licenseNumber);
    const hashes = request.componentHashes;
    panel.replaceChildren(this.#copy('chosen-file', {
      asks: this.#say(requestKey(request), { number }),
      product: isolate(request.product),
      computer: this.#computer(request.computer),
      protection: [...this.#say(`protection.${request.protection}`), request.dongleModel && ` (${request.dongleModel})`],
      date: messages.dateAndTime(request.createdAt),
      year,
      seat: request.replacesSeat ?? '',
      ago: messages.ago(request.createdAt, now),
      codes: this.#say(messages.pluralKey('codes', hashes), { n: messages.number(hashes) }),
      n: messages.number(days),
      what: messages.list([...new Set(repairs)].map((kind) => messages.text(`repaired.${kind}`))),
    }, { repaired: repairs.length > 0, deactivate: request.kind === 'deactivate', replaces: Boolean(request.replacesSeat), ahead: days < -1, behind: year < FIRST_YEAR, old: days > 30 && year >= FIRST_YEAR, codes: hashes > 0 }), button);
    panel.scrollIntoView({ block: 'nearest' });
    button.scrollIntoView({ block: 'nearest' }); // of a panel taller than the screen, the end
    this.#setStatus(requestKey(request), { number }, 'unseen');
  }

  /**
   * Shows each problem beside its field and in the summary, and hides repaired ones.
   * @param {Problems} problems
   * @param {FocusOption} [options]
   */
  showProblems({ file, email }, { focus = true } = {}) {
    if (email) get('email').setAttribute('aria-invalid', 'true');
    else get('email').removeAttribute('aria-invalid');
    const items = [this.#problemItem(file, 'file-fault', 'choose'), this.#problemItem(email, 'email-fault', 'email')];
    const summary = get('problems');
    summary.querySelector('ul')?.replaceChildren(...items.flat());
    this.#hasProblems = Boolean(file || email);
    summary.hidden = !this.#hasProblems;
    this.#showTitle();
    if (focus && this.#hasProblems) summary.focus();
  }

  /**
   * Shows a problem beside its field. Returns its item for the summary.
   * @param {FieldProblem | undefined} problem
   * @param {string} faultId
   * @param {string} controlId
   */
  #problemItem(problem, faultId, controlId) {
    const values = { n: this.#messages.number(problem?.n ?? 0), list: problem?.list ?? '' };
    this.#put(faultId, problem ? `problem.${problem.name}` : null, values);
    if (!problem) return [];
    const link = create('a', '', { href: `#${controlId}` });
    link.replaceChildren(...this.#say(`problem.${problem.name}`, values));
    for (const inner of select(link, 'a')) inner.replaceWith(...inner.childNodes); // a link in a link cannot be reached
    link.addEventListener('click', (event) => {
      event.preventDefault(); // the page's address names the ticket
      get(controlId).focus({ preventScroll: true });
      get(controlId).closest('.field')?.querySelector('.label')?.scrollIntoView();
    });
    const item = create('li', '');
    item.append(link);
    return [item];
  }

  /**
   * Says beside the download button what becomes of the file; what went wrong, to a screen reader too.
   * @param {string} key
   * @param {string} [fileName]
   */
  showSaving(key, fileName) {
    this.#put('saving', key, { file: fileName && fileElement(fileName) });
    const panel = get('saving').parentElement;
    panel?.classList.toggle('good', Boolean(fileName));
    panel?.classList.toggle('bad', !fileName);
    if (!fileName) this.#setStatus(key, {}, 'unseen');
  }

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
    this.#put('mail', key, values);
    if (isNews) this.#setStatus(key, values, 'unseen');
    const offer = document.getElementById('offer-another');
    if (offer) offer.hidden = ticket.email === 'withheld';
  }

  /** @param {string | null} name as in FieldProblem; null removes the problem */
  showAnotherEmailProblem(name) {
    this.#put('another-fault', name && `problem.${name}`);
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
   * Announces through the one live region what changes in place; null empties it.
   * @param {string | null} key
   * @param {{ email?: string }} [values]
   */
  announce(key, { email } = {}) {
    this.#setStatus(key, email ? { email: isolate(email) } : {}, key === 'offline' ? 'offline' : '');
  }

  /** @param {boolean} isDragging a file is over the page */
  showDragging(isDragging) {
    if (isDragging && document.body.classList.contains('dragging')) return;
    document.body.classList.toggle('dragging', isDragging);
    this.announce(isDragging ? 'dragging' : null);
  }

  /** @param {'email' | 'another-email'} id */
  clearField(id) {
    getElement(id, HTMLInputElement).value = '';
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} file
   * @param {string} name
   */
  save(file, name) {
    const href = URL.createObjectURL(new Blob([file], { type: 'application/octet-stream' }));
    const link = create('a', '', { href, download: name, hidden: true });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(href), 60_000); // a browser may ask the person first
    this.showSaving('ready.saving', name);
  }

  // What these use

  /**
   * Replaces the screen. A screen reader reads the heading, which gets the focus, instead of the status.
   * @param {string} state
   * @param {Node[]} nodes
   * @param {FocusOption} [options]
   */
  #show(state, nodes, { focus = true } = {}) {
    this.#setStatus(null);
    this.#view.replaceChildren(...nodes);
    document.documentElement.dataset.state = state;
    this.#showTitle();
    document.getElementById('restart')?.addEventListener('click', () => this.#actions.restart());
    document.getElementById('print')?.addEventListener('click', () => print());
    if (focus) this.#heading().focus();
  }

  #heading() {
    return /** @type {HTMLElement} */ (this.#view.querySelector('h1'));
  }

  #showTitle() {
    const title = this.#messages.parts('title', { h1: this.#heading().textContent, vendor: this.#vendorName }).join('');
    document.title = this.#hasProblems ? this.#messages.parts('title.error', { title }).join('') : title;
  }

  /**
   * @param {string | null} key
   * @param {Values} [values]
   * @param {'' | 'offline' | 'unseen'} [className]
   */
  #setStatus(key, values, className = '') {
    const status = get('status');
    const sentence = create('p', '');
    if (key) sentence.append(...this.#say(key, values));
    status.className = className;
    // A screen reader would read the same text again.
    if (sentence.textContent !== status.textContent) status.replaceChildren(...sentence.childNodes);
  }

  /**
   * @param {string} id
   * @param {string | null} key null hides the element
   * @param {Values} [values]
   */
  #put(id, key, values) {
    get(id).replaceChildren(...(key ? this.#say(key, values) : []));
    get(id).hidden = !key;
  }

  /**
   * @param {string} key
   * @param {Values} [values]
   */
  #say(key, values = {}) {
    return copies(this.#messages.parts(key, { ...this.#vendor, ...values }));
  }

  /**
   * @param {string} id of a template
   * @param {Values} [values]
   * @param {Record<string, boolean>} [conditions] which of its lines stay
   */
  #copy(id, values = {}, conditions = {}) {
    const copy = document.importNode(getElement(id, HTMLTemplateElement).content, true);
    for (const element of select(copy, '[data-if]')) if (!conditions[element.dataset.if ?? '']) element.remove();
    this.#fill(copy, values);
    return copy;
  }

  /**
   * @param {ParentNode} root
   * @param {Values} [values]
   */
  #fill(root, values = {}) {
    for (const element of select(root, '[data-text]')) element.replaceChildren(...this.#say(element.dataset.text ?? '', values));
    for (const element of select(root, '[data-say], [data-fact]')) {
      const { say = '', fact = /^\{(\w+)\}$/.exec(say)?.[1] } = element.dataset;
      element.replaceChildren(...(fact ? copies([values[fact] ?? ''].flat()) : this.#say(say, values)));
    }
  }

  /** @param {string} name may be empty */
  #computer(name) {
    return name ? isolate(name) : this.#messages.text('computer.unnamed');
  }
}

/** @param {Value[]} values */
const copies = (values) => values.map((value) => (value instanceof Node ? value.cloneNode(true) : String(value)));

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {string} text
 * @param {object} [properties]
 */
export const create = (name, text, properties = {}) =>
  Object.assign(document.createElement(name), { textContent: text, ...properties });

/**
 * @param {string | Record<string, string>} logo one for both color schemes, or one for each
 * @param {string} name
 */
function logoElement(logo, name) {
  const { light, dark } = typeof logo === 'string' ? { light: logo, dark: logo } : logo;
  const picture = create('picture', '');
  picture.append(
    create('source', '', { srcset: dark, media: '(prefers-color-scheme: dark)' }),
    create('img', '', { src: light, alt: name }),
  );
  return picture;
}

/** @param {string} name left to right in every language; a short one stays on one line */
export const fileElement = (name) =>
  create('code', replaceControls(name), { dir: 'ltr', className: /^[\w.-]{1,40}$/.test(name) ? 'name' : '' });

/** @param {string} text whose direction must not affect the sentence around it */
export const isolate = (text) => create('bdi', text);
