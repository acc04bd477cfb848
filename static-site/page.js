// The page: draws each state of index.html's templates and carries the person from one to the next.
// What is decided without a document stands in request-file.js.
import { LOOK, Problem, UploadFailed, ask, follow, isAddress, readLink, readRequest, readable, secretIn, send, showNumber, tell } from './request-file.js';

const $ = (id) => document.getElementById(id);
const view = $('view');
const start = [...view.childNodes]; // the form and its lines: kept whole, so nothing entered is ever lost
const templates = Object.fromEntries([...document.querySelectorAll('template')].map((t) => [t.id, t.content]));
const words = {};
const facts = {}; // the vendor's, for every sentence
let language = 'en';
let chosen = null; // {name, bytes, request}
let problems = {}; // {file | email: [name of the sentence, facts]}
let journey = new AbortController();
let address = null; // the e-mail address given in this journey, unknown after a reload

// Words

const spoken = () => [document, ...Object.values(templates)].flatMap((root) => [...root.querySelectorAll('[data-text]')]);
const node = (name, text, attributes = {}) => Object.assign(document.createElement(name), { textContent: text, ...attributes });
const file = (name) => node('code', readable(name), { dir: 'ltr', className: /^[\w.-]{1,40}$/.test(name) ? 'name' : '' });
const aside = (text) => node('bdi', text);

/** A sentence of the catalogue as nodes, its {placeholders} filled in. */
function say(key, more = {}) {
  const fill = (name) => more[name] ?? facts[name] ?? '';
  const parts = words[key].split(/\{(\w+)\}/).map((part, i) => (i % 2 ? fill(part) : part));
  return parts.flat().map((part) => (part instanceof Node ? part.cloneNode(true) : String(part)));
}

function put(element, key, more) {
  element.replaceChildren(...(key ? say(key, more) : []));
  element.hidden = !key;
}

/** Fills a template's copy: its sentences, its facts, and which of its lines apply. */
function fill(root, more = {}) {
  for (const element of root.querySelectorAll('[data-if]')) if (!more[element.dataset.if]) element.remove();
  for (const element of root.querySelectorAll('[data-text]')) element.replaceChildren(...say(element.dataset.text, more));
  for (const element of root.querySelectorAll('[data-say]')) {
    const [, name] = /^\{(\w+)\}$/.exec(element.dataset.say) ?? [];
    element.replaceChildren(...(name ? more[name] : say(element.dataset.say, more)));
  }
  for (const element of root.querySelectorAll('[data-fact]')) element.replaceChildren(more[element.dataset.fact]);
  return root;
}

/** A date as the reader's language writes it, never broken at the end of a line; a license's days are UTC's, as in its e-mail. */
function date(when, style = { dateStyle: 'long', timeZone: 'UTC' }) {
  const written = new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, style).format(new Date(when));
  return written.replaceAll(' ', '\u00a0');
}

const number = (n) => new Intl.NumberFormat(language).format(n);

/** The sentence for so many; a form of number that the catalogue does not tell apart is 'other'. */
function plural(key, n) {
  const form = `${key}.${new Intl.PluralRules(language).select(n)}`;
  return say(form in words ? form : `${key}.other`, { n: number(n) });
}

function ago(when) {
  const minutes = Math.round((when - Date.now()) / 60000);
  const [n, unit] = Math.abs(minutes) < 60 ? [minutes, 'minute'] : Math.abs(minutes) < 2880 ? [minutes / 60, 'hour'] : [minutes / 1440, 'day'];
  return new Intl.RelativeTimeFormat(language, { numeric: minutes ? 'always' : 'auto' }).format(Math.round(n), unit).replaceAll(' ', '\u00a0');
}

// Drawing

/** Shows a state: the kept form for 'empty', else a template. Focus goes to its h1, and the status falls silent. */
function draw(state, more = {}, { focus = true } = {}) {
  if (state === 'empty' && view.contains(start[1])) return title(); // as at the start: nothing changes, nothing is disturbed
  status('');
  if (state === 'empty') view.replaceChildren(...start);
  else view.replaceChildren(fill(templates[state].cloneNode(true), more));
  document.documentElement.dataset.state = state;
  title();
  $('restart')?.addEventListener('click', restart);
  $('print')?.addEventListener('click', () => print());
  if (focus) view.querySelector('h1').focus();
}

function title() {
  const text = words.title.replace('{h1}', view.querySelector('h1').textContent).replace('{vendor}', facts.vendor);
  document.title = Object.keys(problems).length ? words['title.error'].replace('{title}', text) : text;
}

/** The one live region: speaks only for what changes in place, and says nothing twice. */
function status(key, more, className = '') {
  const said = node('p', '');
  said.append(...(key ? say(key, more) : []));
  $('status').className = className;
  if (said.textContent !== $('status').textContent) $('status').replaceChildren(...said.childNodes);
}

function drawChosen() {
  put($('choose'), chosen ? 'file.another' : 'file.choose');
  $('chosen').hidden = !chosen;
  if (!chosen) return;
  const { kind, number: license, madeAt, product, computer, protection, dongle, lost, codes } = chosen.request;
  const days = Math.floor((Date.now() - madeAt) / 864e5);
  const asks = say(lost ? 'asks.replace' : `asks.${kind}`, { number: showNumber(license) });
  $('chosen').replaceChildren(fill(templates['chosen-file'].cloneNode(true), {
    asks,
    product: aside(product),
    computer: computer ? aside(computer) : words['computer.unnamed'],
    protection: [...say(`protection.${protection}`), dongle && ` (${dongle})`].filter(Boolean),
    date: `${date(madeAt, { dateStyle: 'long' })}, ${date(madeAt, { timeStyle: 'short' })}`,
    ago: ago(madeAt),
    codes: codes && plural('codes', codes),
    deactivate: kind === 'deactivate',
    lost,
    old: days > 30,
    n: number(days),
  }));
  status(lost ? 'asks.replace' : `asks.${kind}`, { number: showNumber(license) }, 'unseen');
}

/** Says each problem beside its field and in the summary, which gets the focus. Mended ones vanish. */
function drawProblems({ focus = true } = {}) {
  for (const [field, control] of [['file', $('choose')], ['email', $('email')]]) {
    put($(`${field}-fault`), ...(problems[field] ?? []));
    if (field === 'email') control.toggleAttribute('aria-invalid', field in problems);
    if (field in problems && field === 'email') control.setAttribute('aria-invalid', 'true');
  }
  $('problems').lastElementChild.replaceChildren(...Object.entries(problems).map(([field, sentence]) => {
    const [label, control] = field === 'email' ? [$('email').labels[0], $('email')] : [$('file-label'), $('choose')];
    const link = node('a', '', { href: `#${control.id}` });
    link.replaceChildren(...say(...sentence));
    link.addEventListener('click', (event) => {
      event.preventDefault(); // the address belongs to the state
      control.focus({ preventScroll: true });
      label.scrollIntoView();
    });
    const item = document.createElement('li');
    item.append(link);
    return item;
  }));
  $('problems').hidden = Object.keys(problems).length === 0;
  title();
  if (focus && !$('problems').hidden) $('problems').focus();
}

function problem(field, key, more) {
  problems[field] = [`problem.${key}`, more];
  drawProblems();
}

function mended(field) {
  if (!(field in problems)) return;
  delete problems[field];
  drawProblems({ focus: false });
}

// Choosing

let reading = Promise.resolve();
const choose = (files) => { if (files.length) reading = take(() => readFiles(files)); };

async function readFiles([file, ...others]) {
  if (others.length) return { problem: 'several' };
  const bytes = new Uint8Array(await file.slice(0, LOOK).arrayBuffer());
  return { name: file.name, bytes, ...readRequest(bytes, file.size) };
}

/** Fills the form in with what `read` finds: {name, bytes, request}, or {problem}. */
async function take(read) {
  if (document.documentElement.dataset.state === 'waiting') return;
  if (document.documentElement.dataset.state !== 'empty') restart();
  await dressed;
  chosen = null;
  const found = await read().catch(() => ({ problem: 'not-read' }));
  if (found.request) chosen = found;
  $('file').value = ''; // so that the same file can be chosen again
  drawChosen();
  if (chosen) mended('file');
  else problem('file', found.problem);
}

/** The request that a QR code's link carries, taken out of the address and the history at once; or null. */
function takeLink() {
  if (!location.hash.startsWith('#r=')) return null;
  const text = location.hash.slice(3);
  history.replaceState(null, '', location.pathname + location.search);
  return text;
}

const asFile = (text) => new File([text], '');

function paste(event) {
  const { files } = event.clipboardData;
  const text = event.clipboardData.getData('text/plain');
  const field = event.target.closest?.('input');
  const secret = secretIn(text);
  if (field && !secret && files.length === 0 && !text.trimStart().startsWith('{')) return; // an address: the field's own business
  event.preventDefault();
  if (field && secret) problem(field.id === 'email' ? 'email' : 'file', secret);
  else if (files.length || text) choose(files.length ? [...files] : [asFile(text)]);
}

/** Text dragged into a field is the field's own business. */
const isOurs = ({ dataTransfer, target }) => dataTransfer.types.includes('Files') || !target.closest?.('input');

function drop(event) {
  if (!isOurs(event)) return;
  event.preventDefault();
  document.body.classList.remove('dragging');
  status('');
  const { files, items } = event.dataTransfer;
  const folder = [...items].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
  const text = event.dataTransfer.getData('text/plain');
  if (folder) {
    chosen = null;
    drawChosen();
    problem('file', 'folder');
  } else if (files.length || text) {
    choose(files.length ? [...files] : [asFile(text)]);
  }
}

/** The address as typed, or null. A secret typed here is emptied and told; it is kept nowhere. */
function checkAddress(input) {
  const typed = input.value.trim();
  const secret = secretIn(typed);
  if (secret) input.value = '';
  if (secret) return secret;
  return typed === '' || isAddress(typed) ? null : 'email';
}

// The journey

const world = () => {
  const { signal } = journey;
  return {
    fetch: (url, options) => fetch(url, { ...options, signal }),
    sleep: (ms) => new Promise((resolve, reject) => {
      setTimeout(resolve, ms);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    }),
    isOnline: () => navigator.onLine,
    untilOnline: () => new Promise((resolve) => addEventListener('online', resolve, { once: true })),
    say: (key) => status(key, {}, key === 'offline' ? 'offline' : ''),
  };
};

function begin() {
  journey.abort(new DOMException('another state', 'AbortError'));
  journey = new AbortController();
}

async function process(event) {
  event.preventDefault();
  await Promise.all([dressed, reading]);
  const odd = checkAddress($('email'));
  problems = {
    ...(!chosen && { file: ['problem.none'] }),
    ...(odd && { email: [`problem.${odd}`] }),
  };
  drawProblems();
  address = $('email').value.trim() || null;
  if (!odd && chosen) await go();
}

async function go() {
  begin();
  draw('waiting', { file: chosen.name ? file(chosen.name) : words['file.yours'] });
  slowly();
  await guarded(async () => {
    const ticket = await send(chosen.bytes, { email: address, language }, world());
    history.pushState(null, '', `#t=${ticket.id}`);
    await settle(ticket.id);
  });
}

/** Says at 10 and at 60 s that the wait goes on. */
function slowly() {
  const { signal } = journey;
  const later = (s, ...sentence) => setTimeout(() => {
    const waits = !signal.aborted && document.documentElement.dataset.state === 'waiting' && $('status').className !== 'offline';
    if (waits) status(...sentence);
  }, s * 1000);
  later(10, 'waiting.still');
  later(60, ...long());
}

/** Where the answer will be found when it comes, for those who do not wait for it. */
const long = () => (address ? ['waiting.long', { email: aside(address) }] : ['waiting.long-no-mail']);

/** Follows the ticket to its end, drawing what it becomes, then what becomes of its mail. */
async function settle(id, { drawn = false } = {}) {
  const here = world();
  try {
    for await (const ticket of follow(id, here)) {
      if (ticket.state === 'ready' && !drawn) drawReady(id, ticket);
      if (ticket.state === 'refused' && !drawn) drawRefused(ticket);
      drawn ||= ['ready', 'refused'].includes(ticket.state);
      if (drawn) drawMail(ticket);
      if (drawn) here.say = () => {}; // only the mail is still awaited: no reason to disturb
      else if (ticket.delayed) status(...long());
    }
  } catch (error) {
    if (!drawn || !(error instanceof Problem)) throw error;
  }
}

/** Runs one leg of the journey; whatever ends it becomes a state with a next step. */
async function guarded(leg) {
  try {
    await leg();
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (error instanceof UploadFailed) return backToForm('file', 'upload');
    if (!(error instanceof Problem)) throw error;
    if (error.status === 404) return draw('gone');
    if (error.status === 429) {
      const n = error.document.n ?? Math.ceil(error.waitS / 60);
      return backToForm('file', n > 1 ? 'too-many' : 'too-many-soon', { n: number(n) });
    }
    if (error.code === 'bad-email') return backToForm('email', 'email');
    draw('down');
    $('retry').addEventListener('click', () => (location.hash ? route() : go()));
  }
}

function backToForm(field, key, more) {
  draw('empty', {}, { focus: false });
  problem(field, key, more);
}

function save(url) {
  const link = node('a', '', { href: url, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
}

function drawReady(id, { kind, license_number: number, response }) {
  const { valid_until: until, previous_valid_until: before } = response;
  const ends = `ends.${until ? 'date' : 'never'}${before ? '-before' : ''}`;
  const command = node('code', 'keyferry install ', { dir: 'ltr' });
  command.append(file(response.filename));
  const saved = sessionStorage.getItem('saved') === id; // a reload does not save a second copy
  draw('ready', {
    [kind]: true,
    install: kind !== 'deactivate',
    ends: say(ends, { until: until && date(until), before: before && date(before) }),
    saving: !saved,
    saved,
    file: file(response.filename),
    computer: response.machine_name ? aside(response.machine_name) : words['computer.unnamed'],
    product: aside(response.product),
    number: showNumber(number),
    command,
  });
  if (!saved) save(response.download_url);
  sessionStorage.setItem('saved', id);
  offerSharing(response).catch(() => {}); // then only the download is offered
  $('again').addEventListener('click', () => guarded(async () => {
    const answer = await ask(`/api/requests/${id}`, world());
    save((await answer.json()).response.download_url);
  }));
  $('send-another').addEventListener('click', () => {
    $('another').hidden = !$('another').hidden;
    $('send-another').setAttribute('aria-expanded', String(!$('another').hidden));
    if (!$('another').hidden) $('another-email').focus();
  });
  $('another').addEventListener('submit', (event) => mailAnother(event, id));
}

/** On a phone: the file for its other apps, as text, since browsers share only types they know. */
async function offerSharing({ filename, download_url: url }) {
  const button = $('share');
  if (!navigator.canShare || !matchMedia('(pointer: coarse)').matches) return;
  const answer = await fetch(url); // beforehand: a browser shares only at the press itself
  const files = [new File([await answer.blob()], `${filename}.txt`, { type: 'text/plain' })];
  button.hidden = !answer.ok || !navigator.canShare({ files });
  button.addEventListener('click', () => navigator.share({ files }).catch(() => {})); // dismissed: nothing to say
}

async function mailAnother(event, id) {
  event.preventDefault();
  const input = $('another-email');
  const odd = checkAddress(input) ?? (input.value.trim() ? null : 'email');
  put($('another-fault'), odd && `problem.${odd}`);
  if (odd) return input.focus();
  begin();
  address = input.value.trim();
  await guarded(async () => {
    try {
      await tell(`/api/requests/${id}/mail`, { email: address }, world());
    } catch (error) {
      if (error.code !== 'bad-email') throw error;
      put($('another-fault'), 'problem.email');
      return input.focus();
    }
    $('another').hidden = true;
    $('send-another').setAttribute('aria-expanded', 'false');
    $('send-another').focus();
    await settle(id, { drawn: true });
  });
}

function drawRefused({ refusal }) {
  draw('refused', {}, { focus: false });
  $('refusal-title').textContent = refusal.title;
  $('refusal-detail').replaceChildren(...refusal.detail.split('`').map((part, i) => (i % 2 ? node('code', part, { dir: 'ltr' }) : part)));
  for (const id of ['refusal-title', 'refusal-detail']) $(id).lang = refusal.language ?? language;
  const labels = [...$('seats').querySelectorAll('th')].map((th) => th.textContent);
  for (const { seat, machine_name: name, since, last_answered: last } of refusal.seats ?? []) {
    const cells = [seat, name || words['computer.unnamed'], ...[since, last].map((when) => date(when, { dateStyle: 'medium', timeZone: 'UTC' }))];
    const row = $('seats').tBodies[0].insertRow();
    cells.forEach((text, i) => (row.insertCell().append(aside(text)), row.cells[i].dataset.label = labels[i]));
  }
  $('seats').hidden = !refusal.seats?.length;
  title();
  $('refusal-title').focus();
}

function drawMail({ state, email, response }) {
  const to = { email: address ? aside(address) : words['mail.your-address'] };
  const refusal = { sent: 'mail.refusal', pending: null, none: null }[email];
  if (state === 'refused') put($('mail'), refusal === undefined ? 'mail.refusal-none' : refusal, to);
  else put($('mail'), email === 'none' ? null : `mail.${email}`, { ...to, date: response?.link_expires_at && date(response.link_expires_at) });
}

function restart() {
  begin();
  chosen = null;
  problems = {};
  history.pushState(null, '', location.pathname + location.search);
  draw('empty');
  drawChosen();
  drawProblems();
}

/** Shows what the address says: a link's request, a ticket's state, or the form. */
function route({ focus = true, link = takeLink() } = {}) {
  if (link !== null) {
    title();
    reading = take(() => readLink(link));
    return;
  }
  const [, id] = /^#t=(.+)$/.exec(location.hash) ?? [];
  begin();
  if (!id) return draw('empty', {}, { focus });
  address = null;
  draw('waiting', { file: words['file.yours'] }, { focus });
  slowly();
  guarded(() => settle(id));
}

// Start: the vendor's names, the reader's language, then the state that the address names

const json = (url) => fetch(url, { signal: AbortSignal.timeout(5000) }).then((answer) => answer.json());

async function dressUp() {
  const vendor = await json('vendor.json').catch(() => ({}));
  for (const [scheme, colour] of Object.entries(vendor.accent ?? {})) {
    if (CSS.supports('color', colour)) document.documentElement.style.setProperty(`--accent-${scheme}`, colour);
  }
  const { url, email, hours } = vendor.support ?? {};
  const link = url || email ? node('a', email ?? url, { href: url ?? `mailto:${email}` }) : $('help').querySelector('a');
  Object.assign(facts, {
    vendor: vendor.name ?? $('vendor').textContent,
    product: vendor.product ?? '',
    support: hours ? [link.cloneNode(true), ` (${hours})`] : link.cloneNode(true),
    privacy: vendor.privacy_url ? node('a', vendor.privacy_url, { href: vendor.privacy_url }) : '',
  });
  $('vendor').replaceChildren(vendor.logo ? node('img', '', { src: vendor.logo, alt: facts.vendor }) : facts.vendor);
  $('privacy').hidden = !vendor.privacy_url;
}

/** `?lang=`, else the last choice, else the browser's, else English, which is in the page itself. */
async function speak() {
  for (const element of spoken()) words[element.dataset.text] ??= element.textContent;
  const offered = [...$('language').options].map((option) => option.value);
  const wanted = [new URLSearchParams(location.search).get('lang'), localStorage.getItem('language'), ...navigator.languages];
  const fitting = (tag) => offered.find((name) => name.toLowerCase() === tag?.toLowerCase()) ?? offered.find((name) => name === tag?.split('-')[0]);
  language = wanted.map(fitting).find(Boolean) ?? 'en';
  $('languages').hidden = offered.length < 2;
  $('language').value = language;
  $('language').addEventListener('change', () => {
    localStorage.setItem('language', $('language').value);
    location.replace(location.pathname + location.hash); // without ?lang=, so the choice counts
    if (location.hash) location.reload();
  });
  if (language === 'en') return;
  Object.assign(words, await json(`languages/${language}.json`));
  document.documentElement.lang = language;
  document.documentElement.dir = language === 'ar' ? 'rtl' : 'ltr';
}

function listen() {
  $('email').value = sessionStorage.getItem('email') ?? '';
  $('choose').addEventListener('click', () => $('file').click());
  $('file').addEventListener('change', () => choose([...$('file').files]));
  $('form').addEventListener('submit', process);
  $('email').addEventListener('change', () => {
    const odd = checkAddress($('email'));
    if (odd && odd !== 'email') return problem('email', odd);
    if (!odd) mended('email');
    if (!odd) sessionStorage.setItem('email', $('email').value.trim());
  });
  $('skip').addEventListener('click', (event) => {
    event.preventDefault();
    view.querySelector('h1').focus();
  });
  addEventListener('paste', paste);
  addEventListener('drop', drop);
  addEventListener('dragover', (event) => {
    if (!isOurs(event)) return;
    event.preventDefault();
    if (document.body.classList.contains('dragging')) return;
    document.body.classList.add('dragging');
    status('dragging');
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget) return;
    document.body.classList.remove('dragging');
    status('');
  });
  addEventListener('hashchange', () => route());
}

const link = takeLink(); // before anything else, and before anyone sees the address
listen(); // at once: a file chosen while the names are still on their way is not lost
const dressed = Promise.all([speak(), dressUp()]);
await dressed;
fill(document);
route({ focus: false, link });
