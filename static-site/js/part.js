// Loads the sentences and styles of a part of the page that few people see. Loaded with its first one.
import { create } from './view.js';

/**
 * Throws where the sentences do not load. Without its styles, a part can be read all the same.
 * @param {string} name
 * @param {PageParts} page whose catalogue these sentences join
 * @param {{ hasStyle?: boolean }} [options]
 */
export async function loadPart(name, { network, language, catalogue }, { hasStyle = true } = {}) {
  const style = hasStyle ? loadStyle(`${name}.css`) : null;
  const [answer] = await Promise.all([network.fetch(`languages/${language}.${name}.json`), style]);
  Object.assign(catalogue, await answer.json());
}

/** @param {string} href */
const loadStyle = (href) => new Promise((resolve) => {
  const link = create('link', '', { rel: 'stylesheet', href, onload: resolve, onerror: resolve });
  if (document.querySelector(`link[href="${href}"]`)) resolve(null);
  else document.head.append(link);
});
