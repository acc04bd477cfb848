// Fakes of the service and of the connection to it.

export const connectionLost = () => { throw new TypeError('Failed to fetch'); };

/** A response of the service: JSON, or a problem document if it has a code. */
export function aResponse(status, document = {}, headers = {}) {
  const type = document.code ? 'application/problem+json' : 'application/json';
  return new Response(JSON.stringify(document), { status, headers: { 'Content-Type': type, ...headers } });
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
