// A page that a customer has open. It sends a request file, follows its ticket and saves the response.
// The calls are those of the release in the folder: node open_page.mjs static-site http://127.0.0.1:8787 x.request
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [site, origin, file] = process.argv.slice(2);
const { submit, follow, download } = await import(pathToFileURL(`${site}/js/service.js`));
const connection = {
  fetch: (url, init) => globalThis.fetch(new URL(url, origin), init),
  sleep: (ms) => new Promise((resolve) => { setTimeout(resolve, ms); }),
  isOnline: () => true,
  report() {},
};
const { id } = await submit(readFileSync(file), { email: null, language: 'en' }, connection);
let ticket;
for await (ticket of follow(id, connection));
const response = ticket.state === 'ready' ? await download(id, ticket.response, connection) : [];
console.log(JSON.stringify({ ...ticket, id, file: Buffer.from(response).toString('base64') }));
