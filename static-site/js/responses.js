// Says of response files for whom they are, since they need nothing from this page. Loaded only for these.
import { loadPart } from './part.js';
import { decodeBase64, formatLicenseNumber, replaceControls } from './request-file.js';
import { create, fileElement, getElement, isolate } from './view.js';

/** @typedef {{ product: string, number: string, seat: number }} Place */

/**
 * What shows them in the form, with its sentences. Throws where it does not load.
 * @param {PageParts} page
 * @returns {Promise<(responses: Responses) => Promise<void>>}
 */
export async function loadResponses(page) {
  await loadPart('responses', page, { hasStyle: false });
  const { view: { pen }, messages } = page;
  return async ({ files, name }) => {
    const places = (await Promise.all(files.map(readPlace))).flatMap((place) => place ?? []);
    const values = { n: messages.number(files.length) };
    const title = messages.pluralKey('responses.title', files.length);
    const heading = create('h2', '', { id: 'chosen-title' });
    heading.append(...pen.say(title, values));
    const toDo = messages.pluralKey('responses.step', files.length);
    const step = create('p', '');
    step.append(...pen.say(toDo));
    if (name) {
      const command = create('code', 'keyferry install ', { dir: 'ltr' });
      command.append(fileElement(name));
      step.append(' ', ...pen.say('steps.or-run', { command }));
    }
    const lines = [...seatsByLicense(places)].map(([number, seats]) => {
      const key = messages.pluralKey('responses.seats', seats.length);
      return row(messages.text('refused.license'), ...pen.say(key, { number, seats: ranges(seats) }));
    });
    const products = [...new Set(places.map(({ product }) => product))];
    const facts = create('dl', '');
    facts.append(...products.map((product) => row(messages.text('chosen.product'), isolate(product))), ...lines);
    const panel = getElement('chosen', HTMLElement);
    panel.replaceChildren(heading, ...(lines.length ? [facts] : []), step);
    panel.hidden = false;
    getElement('process', HTMLElement).hidden = true; // there is nothing to process
    panel.scrollIntoView({ block: 'nearest' });
    pen.status(title, values, 'unseen');
  };
}

/**
 * @param {string} label
 * @param {(Node | string)[]} value
 */
function row(label, ...value) {
  const [line, fact] = [create('div', ''), create('dd', '')];
  fact.append(...value);
  line.append(create('dt', label), fact);
  return line;
}

/**
 * The license and seat that a response is for; null for one that is damaged, as the offline computer says too, or repairs.
 * @param {File} file
 * @returns {Promise<Place | null>}
 */
async function readPlace(file) {
  try {
    const { payload } = JSON.parse(await file.text());
    const { license, seat } = JSON.parse(new TextDecoder().decode(decodeBase64(payload)));
    if (!/^\d{12}$/.test(license.number) || typeof license.product !== 'string' || !Number.isSafeInteger(seat)) return null;
    return { product: replaceControls(license.product), number: formatLicenseNumber(license.number), seat };
  } catch {
    return null;
  }
}

/**
 * The seats of each license, each once, in rising order.
 * @param {Place[]} places
 */
export function seatsByLicense(places) {
  /** @type {Map<string, number[]>} */
  const all = new Map();
  for (const { number, seat } of places) all.set(number, [...new Set([...all.get(number) ?? [], seat])].sort((a, b) => a - b));
  return all;
}

/**
 * `1–3, 10`, and so on.
 * @param {number[]} numbers that rise
 */
export function ranges(numbers) {
  const starts = numbers.filter((n, i) => n - 1 !== numbers[i - 1]);
  const ends = numbers.filter((n, i) => n + 1 !== numbers[i + 1]);
  return starts.map((start, i) => (start === ends[i] ? start : `${start}–${ends[i]}`)).join(', ');
}
