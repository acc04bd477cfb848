// Draws the page, its form and its waits in the reader's language, from index.html's templates. Decides nothing.
import { formatLicenseNumber, replaceControls, requestKey } from './request-file.js';

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

/** @param {string} id */
const get = (id) => getElement(id, HTMLElement);

/** @type {(root: ParentNode, selector: string) => NodeListOf<HTMLElement>} */
const select = (root, selector) => root.querySelectorAll(selector);

// No offline computer with a right clock made a request before.
const FIRST_YEAR = 2025;

/** The English sentences, which the page itself holds. */
export function readCatalogue() {
  const templates = [...document.querySelectorAll('template')].map((template) => template.content);
  const elements = [document, ...templates].flatMap((root) => [...select(root, '[data-text]')]);
  return Object.fromEntries(elements.map((element) => [element.dataset.text, element.textContent]));
}

/** The sentences of the page in one language, and how that language writes dates and numbers. */
export class Messages {
  #catalogue;

  /**
   * @param {string} language BCP 47 tag
   * @param {Catalogue} catalogue
   */
  constructor(language, catalogue) {
    this.language = language;
    this.direction = language === 'ar' ? 'rtl' : 'ltr';
    this.#catalogue = catalogue;
  }

  /** @param {string} key */
  text(key) {
    return this.#catalogue[key];
  }

  /**
   * The sentence in parts, each placeholder replaced by its value or by nothing.
   * @template T
   * @param {string} key
   * @param {Record<string, T | T[] | undefined>} values
   */
  parts(key, values) {
    const parts = this.text(key).split(/\{(\w+)\}/);
    return parts.flatMap((part, i) => /** @type {string | T | T[]} */ (i % 2 ? values[part] ?? '' : part));
  }

  /**
   * The key of the sentence for n; a plural form that the catalogue does not have is 'other'.
   * @param {string} key
   * @param {number} n
   */
  pluralKey(key, n) {
    const form = `${key}.${new Intl.PluralRules(this.language).select(n)}`;
    return form in this.#catalogue ? form : `${key}.other`;
  }

  /** @param {number} n */
  number(n) {
    return new Intl.NumberFormat(this.language).format(n);
  }

  /** @param {string[]} texts */
  list(texts) {
    return new Intl.ListFormat(this.language).format(texts);
  }

  /**
   * A day in UTC, as licenses and emails count them.
   * @param {string} time
   * @param {'long' | 'medium'} [dateStyle]
   */
  date(time, dateStyle = 'long') {
    return this.#time(new Date(time), { dateStyle, timeZone: 'UTC' });
  }

  /** @param {Date} time shown in the reader's time zone */
  dateAndTime(time) {
    return `${this.#time(time, { dateStyle: 'long' })}, ${this.#time(time, { timeStyle: 'short' })}`;
  }

  /**
   * @param {Date} time
   * @param {number} now
   */
  ago(time, now) {
    const minutes = Math.round((time.getTime() - now) / 60000);
    const style = new Intl.RelativeTimeFormat(this.language, { numeric: minutes ? 'always' : 'auto' });
    return unbroken(
      Math.abs(minutes) < 60 ? style.format(minutes, 'minute')
      : Math.abs(minutes) < 2880 ? style.format(Math.round(minutes / 60), 'hour')
      : style.format(Math.round(minutes / 1440), 'day'),
    );
  }

  /**
   * @param {Date} time
   * @param {Intl.DateTimeFormatOptions} style
   */
  #time(time, style) {
    const locale = this.language === 'en' ? 'en-GB' : this.language;
    return unbroken(new Intl.DateTimeFormat(locale, style).format(time));
  }
}

export class View {
  #messages;
  #actions;
  #view = get('view');
  #form = [...this.#view.childNodes]; // the same nodes again, so that no input is lost
  /** @type {Record<'vendor' | 'support' | 'privacy', Node[]>} for every sentence, as the page was published with them */
  #vendor = {
    vendor: [document.createTextNode(get('vendor').dataset.name ?? '')],
    support: [...get('support').childNodes],
    privacy: [...get('privacy').children],
  };
  #hasProblems = false;

  /**
   * @param {Messages} messages
   * @param {Actions} actions
   */
  constructor(messages, actions) {
    this.#messages = messages;
    this.#actions = actions;
    const languages = getElement('language', HTMLSelectElement);
    languages.value = messages.language;
    get('languages').hidden = languages.length < 2;
    document.documentElement.lang = messages.language;
    document.documentElement.dir = messages.direction;
    get('privacy').hidden = this.#vendor.privacy.length === 0;
    this.#fill(document);
    this.#showTitle();
  }

  /** What the parts of the page that are loaded late draw with. */
  get pen() {
    return {
      show: this.#show.bind(this),
      say: this.#say.bind(this),
      put: this.#put.bind(this),
      copy: this.#copy.bind(this),
      status: this.#setStatus.bind(this),
      computer: this.#computer.bind(this),
      support: copies(this.#vendor.support),
    };
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
    button.hidden = false;
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
    const values = { n: this.#messages.number(problem?.n ?? 0) };
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
    const title = this.#messages.parts('title', { h1: this.#heading().textContent, vendor: get('vendor').dataset.name }).join('');
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

/** @param {string} name left to right in every language; a short one stays on one line */
export const fileElement = (name) =>
  create('code', replaceControls(name), { dir: 'ltr', className: /^[\w.-]{1,40}$/.test(name) ? 'name' : '' });

/** @param {string} text whose direction must not affect the sentence around it */
export const isolate = (text) => create('bdi', text);

/** @param {string} text */
const unbroken = (text) => text.replaceAll(' ', '\u00a0');

/**
 * The first language a reader wants that the page has, else English.
 * @param {string[]} offered
 * @param {(string | null)[]} wanted BCP 47 tags, best first
 */
export function chooseLanguage(offered, wanted) {
  for (const tag of wanted) {
    const match = offered.find((language) => language.toLowerCase() === tag?.toLowerCase())
      ?? offered.find((language) => language === tag?.split('-')[0]);
    if (match) return match;
  }
  return 'en';
}
