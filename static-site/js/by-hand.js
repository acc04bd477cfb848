// Says what to type or to scan where no file can be carried back. Loaded only when someone asks.
import { loadPart } from './part.js';
import { create } from './view.js';

/**
 * Fills the details, unless they are filled.
 * @param {HTMLElement} details
 * @param {ResponseText} text
 * @param {PageParts} page
 */
export async function fillByHand(details, { lines, codes }, page) {
  await loadPart('by-hand', page);
  if (details.children.length > 1) return;
  const { say } = page.view.pen;
  /** @type {(key: string, values?: Values) => HTMLElement} */
  const sentence = (key, values) => {
    const line = create('p', '');
    line.append(...say(key, values));
    return line;
  };
  const figures = codes.map((src, i) => {
    const figure = create('figure', '');
    const caption = create('figcaption', '');
    caption.append(...say('by-hand.code', { n: i + 1, of: codes.length }));
    const image = create('img', '', { alt: '', loading: 'lazy', src });
    image.addEventListener('error', () => figure.replaceChildren(sentence('by-hand.no-code')));
    figure.append(image, caption);
    return figure;
  });
  const command = create('code', 'keyferry install -', { dir: 'ltr' });
  details.append(sentence('by-hand.how', { command }));
  if (lines) {
    const rows = lines.map((line) => line.replace(/^\d /, '\u2007$&')); // a space as wide as a digit
    details.append(sentence('by-hand.lines'), create('pre', rows.join('\n'), { className: 'lines', dir: 'ltr' }), sentence('by-hand.scan'));
  } else {
    details.append(sentence('by-hand.codes', { n: codes.length }));
  }
  const pictures = create('div', '', { className: 'codes' });
  pictures.append(...figures);
  details.append(pictures);
}
