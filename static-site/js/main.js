// Starts the page and connects what a person does to the journey.
import { Journey } from './journey.js';
import { Messages, chooseLanguage } from './messages.js';
import { findSecret, readFiles } from './request-file.js';
import { View, getElement, readCatalogue } from './view.js';

/** @typedef {{ journey: Journey, view: View }} Page */

/** @type {Network} */
const network = {
  fetch: (url, init) => fetch(url, init),
  sleep: (ms, signal) => new Promise((resolve, reject) => {
    setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  }),
  isOnline: () => navigator.onLine,
  waitUntilOnline: () => new Promise((resolve) => {
    addEventListener('online', () => resolve(), { once: true });
  }),
};

/** @type {Browser} */
const browser = {
  storage: sessionStorage,
  navigate(ticketId) {
    history.pushState(null, '', ticketId ? `#t=${ticketId}` : location.pathname + location.search);
  },
  async prepareShare({ filename, download_url: url }) {
    if (!navigator.canShare || !matchMedia('(pointer: coarse)').matches) return null;
    try {
      const answer = await fetch(url); // now, since a browser shares only during a press
      // As text, since browsers share only types that they know.
      const files = [new File([await answer.blob()], `${filename}.txt`, { type: 'text/plain' })];
      if (!answer.ok || !navigator.canShare({ files })) return null;
      return () => navigator.share({ files }).catch(() => {}); // the person closed the share sheet
    } catch {
      return null; // the download button is there too
    }
  },
};

/** The request in a QR code's link, taken out of the address and the history at once; or null. */
function takeLink() {
  if (!location.hash.startsWith('#r=')) return null;
  const text = location.hash.slice(3);
  history.replaceState(null, '', location.pathname + location.search);
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

/** @param {string} url */
async function loadJson(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
  return answer.json();
}

/** @returns {Promise<Page>} */
async function start() {
  const languages = [...getElement('language', HTMLSelectElement).options].map((option) => option.value);
  const query = new URLSearchParams(location.search).get('lang');
  const language = chooseLanguage(languages, [query, localStorage.getItem('language'), ...navigator.languages]);
  const [translation, vendor] = await Promise.all([
    language === 'en' ? {} : loadJson(`languages/${language}.json`),
    loadJson('vendor.json').catch(() => ({})), // the page then shows what it shows without a script
  ]);
  const messages = new Messages(language, { ...readCatalogue(), ...translation });
  const view = new View(messages, vendor, {
    restart: () => journey.restart(),
    retry: () => journey.retry(),
    downloadAgain: () => journey.downloadAgain(),
    emailTo: (email) => journey.emailTo(email),
  });
  const journey = new Journey({ view, browser, network, language });
  return { journey, view };
}

/**
 * @param {Journey} journey
 * @param {string | null} link
 * @param {FocusOption} [options]
 */
function route(journey, link, options) {
  if (link !== null) journey.choose(() => readLink(link));
  else journey.open(/^#t=(.+)$/.exec(location.hash)?.[1] ?? null, options);
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

  email.value = sessionStorage.getItem('email') ?? '';
  email.addEventListener('change', async () => (await started).journey.checkEmail(email.value));
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
    localStorage.setItem('language', select.value);
    location.replace(location.pathname + location.hash); // without ?lang=, which would win
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
    else choose(filesOf(files, text));
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
    const hasFolder = [...dataTransfer.items].some((item) => item.webkitGetAsEntry()?.isDirectory);
    const { journey, view } = await started;
    view.showDragging(false);
    if (hasFolder) journey.choose(async () => ({ problem: 'folder' }));
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
route((await started).journey, link, { focus: false });
