// Starts the page and connects what a person does to the journey.
import { Journey } from './journey.js';
import { findSecret, readFiles } from './request-file.js';
import { Messages, View, chooseLanguage, getElement, readCatalogue } from './view.js';

/** @typedef {{ journey: Journey, view: View }} Page */

const CALL_TIMEOUT_MS = 20_000;
const START_TIMEOUT_MS = 4_000;

/**
 * Some firewalls drop what they block, without a word.
 * @param {number} ms
 * @param {string} url
 * @param {RequestInit} [init]
 */
function fetchWithin(ms, url, init) {
  const controller = new AbortController();
  const abort = () => controller.abort();
  if (init?.signal?.aborted) abort();
  init?.signal?.addEventListener('abort', abort);
  setTimeout(abort, ms);
  return fetch(url, { ...init, signal: controller.signal });
}

/** @type {Network} */
const network = {
  fetch: (url, init) => fetchWithin(CALL_TIMEOUT_MS, url, init),
  sleep: (ms, signal) => new Promise((resolve, reject) => {
    setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => reject(new DOMException('', 'AbortError')), { once: true });
  }),
  isOnline: () => navigator.onLine,
  waitUntilOnline: () => new Promise((resolve) => {
    addEventListener('online', () => resolve(), { once: true });
  }),
};

/**
 * A storage of the browser; where it has none or blocks it, one that forgets with the page.
 * @param {() => Storage} open
 * @returns {Browser['storage']}
 */
function openStorage(open) {
  try {
    const storage = open();
    storage.setItem('test', '');
    storage.removeItem('test');
    return storage;
  } catch {
    /** @type {Map<string, string>} */
    const values = new Map();
    return { getItem: (key) => values.get(key) ?? null, setItem: (key, value) => values.set(key, value) };
  }
}

const ofTab = openStorage(() => sessionStorage);
const ofBrowser = openStorage(() => localStorage);

/**
 * Changes the page's address where the browser lets it: some refuse, for example the hundredth time in half a minute.
 * @param {'pushState' | 'replaceState'} method
 * @param {string} address
 */
function changeAddress(method, address) {
  try {
    history[method](null, '', address);
  } catch {
    return; // only a reload would need it
  }
}

/** @type {Browser} */
const browser = {
  storage: ofTab,
  navigate(fragment) {
    changeAddress('pushState', fragment ?? location.pathname + location.search);
  },
  canShare: 'canShare' in navigator && matchMedia('(pointer: coarse)').matches,
  prepareShare(file, name) {
    // As text, since browsers share only types that they know.
    const files = [new File([file], `${name}.txt`, { type: 'text/plain' })];
    if (!browser.canShare || !navigator.canShare({ files })) return null;
    return () => navigator.share({ files }).catch(() => {}); // the person closed the share sheet
  },
  reload: () => location.reload(),
};

/** The request in a QR code's link, taken out of the address and the history at once; or null. */
function takeLink() {
  if (!location.hash.startsWith('#r=')) return null;
  const text = location.hash.slice(3);
  changeAddress('replaceState', location.pathname + location.search);
  return text;
}

/**
 * @param {string} text of a QR code's link
 * @returns {Promise<RequestFile | FileProblem>}
 */
async function readLink(text) {
  try {
    const module = await import('./link.js');
    return await module.readLink(text);
  } catch {
    return { problem: 'link' }; // the module did not load
  }
}

/**
 * The sentences of a language; null where there are none, or something else answers. The page is English then.
 * @param {string} language
 */
async function loadSentences(language) {
  try {
    const answer = await fetchWithin(START_TIMEOUT_MS, `languages/${language}.json`);
    const sentences = answer.ok ? await answer.json() : null;
    return sentences?.title ? sentences : null;
  } catch {
    return null;
  }
}

/**
 * A part of the page that is loaded late; null where it does not load, or takes too long.
 * @template T
 * @param {number} ms
 * @param {Promise<T>} part
 */
const loadWithin = (ms, part) => Promise.race([part.catch(() => null), network.sleep(ms).then(() => null)]);

/** @returns {Promise<Page>} */
async function start() {
  const languages = [...getElement('language', HTMLSelectElement).options].map((option) => option.value);
  const query = new URLSearchParams(location.search).get('lang');
  const wanted = chooseLanguage(languages, [query, ofBrowser.getItem('language'), ...navigator.languages]);
  const translation = wanted === 'en' ? null : await loadSentences(wanted);
  const language = translation ? wanted : 'en';
  const catalogue = { ...readCatalogue(), ...translation };
  const messages = new Messages(language, catalogue);
  const view = new View(messages, { restart: () => journey.restart(), retry: () => journey.retry() });
  /** @type {PageParts} */
  const page = { view, browser, network, language, messages, catalogue };
  /** @type {LoadTicket} */
  const loadTicket = async () => {
    // The second and the third are what the first imports: none waits for another.
    const modules = Promise.all([import('./ticket-view.js'), import('./ticket.js'), import('./service.js')]);
    return (await loadWithin(CALL_TIMEOUT_MS, modules))?.[0].openTickets(page) ?? null;
  };
  const loadRoom = () => import('./room-view.js').then((module) => module.openRoom(page)).catch(() => null);
  const loadResponses = () => import('./responses.js').then((module) => module.loadResponses(page)).catch(() => null);
  const journey = new Journey({ ...page, loadTicket, loadRoom, loadResponses });
  getElement('stalled', HTMLElement).remove();
  return { journey, view };
}

/**
 * @param {Journey} journey
 * @param {string | null} link
 * @param {FocusOption} [options]
 */
function route(journey, link, options) {
  const ticket = /^#t=(.+)$/.exec(location.hash)?.[1] ?? null;
  if (link !== null) {
    journey.choose(() => readLink(link));
    journey.prepare();
  } else if (location.hash === '#room') {
    journey.openRoom();
  } else if (ticket && !/^[\w-]{43}$/.test(ticket)) {
    journey.choose(async () => ({ problem: 'link-cut' }));
  } else {
    journey.open(ticket, options);
  }
}

/**
 * What a person does before the page has started takes effect when it has.
 * @param {Promise<Page>} started
 */
function listen(started) {
  const chooseButton = getElement('choose', HTMLButtonElement);
  const fileInput = getElement('file', HTMLInputElement);
  const email = getElement('email', HTMLInputElement);
  const select = getElement('language', HTMLSelectElement);

  /** @param {File[]} files */
  const choose = async (files) => {
    const { journey } = await started;
    if (files.length) journey.choose(() => readFiles(files));
  };

  // The first touch of the page: the choice of a file takes longer than to load what sends it, and makes no call itself.
  for (const kind of ['pointerdown', 'keydown', 'dragenter']) {
    addEventListener(kind, async () => (await started).journey.prepare(), { once: true });
  }
  email.value = ofTab.getItem('email') ?? '';
  email.addEventListener('change', async () => (await started).journey.checkEmail(email.value));
  email.addEventListener('input', async () => {
    // A repaired address loses its fault at once: on leaving the field the button would move away under the click.
    if (email.hasAttribute('aria-invalid')) (await started).journey.checkEmail(email.value);
  });
  chooseButton.addEventListener('click', () => fileInput.click());
  fileInput.addEventListener('change', () => {
    choose([...fileInput.files ?? []]);
    fileInput.value = ''; // so that the same file can be chosen again
  });
  getElement('form', HTMLFormElement).addEventListener('submit', async (event) => {
    event.preventDefault();
    (await started).journey.submit(email.value);
  });
  getElement('skip', HTMLAnchorElement).addEventListener('click', (event) => {
    event.preventDefault(); // the page's address names the ticket
    /** @type {HTMLElement | null} */ (document.querySelector('h1'))?.focus();
  });
  select.addEventListener('change', () => {
    ofBrowser.setItem('language', select.value);
    const query = ofBrowser instanceof Storage ? '' : `?lang=${select.value}`; // which would win
    location.replace(location.pathname + query + location.hash);
    if (location.hash) location.reload();
  });
  addEventListener('hashchange', async () => {
    const link = takeLink();
    route((await started).journey, link);
  });

  addEventListener('paste', async (event) => {
    const { clipboardData, target } = event;
    if (!clipboardData) return;
    const files = [...clipboardData.files];
    const text = clipboardData.getData('text/plain');
    const field = inputAround(target);
    const secret = findSecret(text);
    const isAddress = text.trim().length <= 254 && !/^\s*\{|#r=/.test(text);
    const isForField = field && !secret && files.length === 0 && isAddress;
    if (isForField) return; // an address
    event.preventDefault();
    if (field && secret) (await started).journey.rejectSecret(field.id, secret);
    else if (document.documentElement.dataset.state !== 'ready') choose(filesOf(files, text));
  });
  addEventListener('dragover', async (event) => {
    if (!isForPage(event)) return;
    event.preventDefault();
    (await started).view.showDragging(true);
  });
  addEventListener('dragleave', async (event) => {
    if (!event.relatedTarget) (await started).view.showDragging(false);
  });
  addEventListener('drop', async (event) => {
    const { dataTransfer } = event;
    if (!dataTransfer || !isForPage(event)) return;
    event.preventDefault();
    const files = [...dataTransfer.files];
    const text = dataTransfer.getData('text/plain');
    const entries = [...dataTransfer.items].flatMap((item) => item.webkitGetAsEntry?.() ?? []); // now: later they are gone
    const { journey, view } = await started;
    view.showDragging(false);
    if (entries.some((entry) => entry.isDirectory)) journey.choose(async () => ({ sources: entries }));
    else choose(filesOf(files, text));
  });
}

/** @param {EventTarget | null} target */
const inputAround = (target) => (target instanceof Element ? target.closest('input') : null);

/** @param {DragEvent} event text dropped into a field belongs to the field */
const isForPage = ({ dataTransfer, target }) => Boolean(dataTransfer?.types.includes('Files') || !inputAround(target));

/** @type {(files: File[], text: string) => File[]} */
const filesOf = (files, text) => (files.length || !text ? files : [new File([text], '')]);

const link = takeLink(); // before anything else, so that it is gone before anyone sees the address
const started = start();
listen(started);
void started.then(({ journey }) => route(journey, link, { focus: false }));
