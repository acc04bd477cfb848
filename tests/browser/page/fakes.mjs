// Fakes of the service and of the connection to it.

export const connectionLost = () => { throw new TypeError('Failed to fetch'); };

/** A response of the service: JSON, or a problem document if it has a code. */
export function aResponse(status, document = {}, headers = {}) {
  const type = document?.code ? 'application/problem+json' : 'application/json';
  return new Response(JSON.stringify(document), { status, headers: { 'Content-Type': type, ...headers } });
}

/** The storage's own answer to a file that it took; of the status that the presigned form asks for. */
export const stored = () => new Response('<?xml version="1.0"?><PostResponse><Key>requests/t</Key></PostResponse>', { status: 201 });

/** An error of the storage. */
export const storageError = (status, code) => () => new Response(`<Error><Code>${code}</Code></Error>`, { status });

/** What stands between: each answers in place of the service or of its storage. */
export const BETWEEN = {
  'a sign-in page': () => html(200),
  'a sign-in page, as if something was made': () => html(201),
  'a redirect to a sign-in page': () => ({ status: 0, type: 'opaqueredirect', ok: false, headers: new Headers(), text: async () => '' }),
  'a filter that blocks': () => html(403),
  'a filter that says it is not there': () => html(404),
  'a network that wants a sign-in': () => html(511),
  'plain text': () => new Response('OK', { status: 200, headers: { 'Content-Type': 'text/plain' } }),
  'nothing at all': () => new Response(null, { status: 204 }),
  'JSON of another shape': () => aResponse(200, { status: 'login', url: 'https://portal.test/' }),
  'JSON that is none': () => new Response('{', { status: 201, headers: { 'Content-Type': 'application/json' } }),
  'JSON that is no object': () => aResponse(201, null),
  'a problem of somebody else': () => new Response('{"title": "Blocked"}', { status: 403, headers: { 'Content-Type': 'application/problem+json' } }),
};

/** @param {number} status */
function html(status) {
  return new Response('<html>Sign in to Guest Wi-Fi</html>', { status, headers: { 'Content-Type': 'text/html; charset=utf-8' } });
}

/** A connection whose calls get these answers, one after the other; a function is called for its answer. */
export function aConnection(...answers) {
  const connection = {
    calls: [],
    pauses: [],
    reports: [],
    online: true,
    async fetch(url, { method = 'GET', body, signal } = {}) {
      connection.calls.push({ method, url, body });
      const next = answers.shift();
      const answer = typeof next === 'function' ? next() : next;
      const aborted = new Promise((_, reject) => { signal?.addEventListener('abort', () => reject(signal.reason)); });
      return Promise.race([answer, aborted]);
    },
    async sleep(ms) { connection.pauses.push(ms); },
    isOnline: () => connection.online,
    async waitUntilOnline() { connection.online = true; },
    report(delay) { connection.reports.push(delay); },
  };
  return connection;
}
