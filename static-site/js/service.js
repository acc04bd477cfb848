// Calls to the activation service and its storage.

/** An error response of the service (RFC 9457). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {ProblemDocument} [document]
   * @param {number} [retryAfterS]
   */
  constructor(status, document = {}, retryAfterS = 0) {
    super(`${status} ${document.code ?? ''}`);
    this.status = status;
    this.document = document;
    this.retryAfterS = retryAfterS;
  }

  get code() {
    return this.document.code;
  }

  /** @param {Response} answer */
  static async from(answer) {
    const type = answer.headers.get('Content-Type') ?? '';
    const document = type.includes('problem+json') ? await answer.json() : {};
    return new Problem(answer.status, document, Number(answer.headers.get('Retry-After')) || 0);
  }
}

/** The request file did not reach the storage. */
export class UploadFailed extends Error {}

/** @param {unknown} error */
export const isAbort = (error) => error instanceof Error && error.name === 'AbortError';

/** @param {string} ticketId */
export const statusUrl = (ticketId) => `/api/requests/${encodeURIComponent(ticketId)}`;

const NAME = "[\\w!#$%&'*+/=?^`{|}~-]+";
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const ADDRESS = new RegExp(`^${NAME}(?:\\.${NAME})*@(?:${LABEL}\\.)+(?!\\d)${LABEL}$`, 'i');

/**
 * The service's own rule.
 * @param {string} text
 */
export const isEmailAddress = (text) => text.length <= 254 && ADDRESS.test(text);

/**
 * Opens a ticket and uploads the request file. Throws a Problem or UploadFailed.
 * @param {Uint8Array<ArrayBuffer>} file
 * @param {{ email: string | null, language: string }} options
 * @param {Connection} connection
 * @returns {Promise<NewTicket>}
 */
export async function submit(file, { email, language }, connection) {
  for (let isSecondTicket = false; ; isSecondTicket = true) {
    const answer = await post('/api/requests', { email, language }, connection);
    const ticket = /** @type {NewTicket} */ (await answer.json());
    const status = await upload(ticket.upload, file, connection);
    if (status < 300) return ticket;
    // 403: the presigned form expired, for example while the laptop slept. One new ticket repairs that.
    if (isSecondTicket || status !== 403) throw new UploadFailed(`The storage answered ${status}.`);
  }
}

/**
 * Yields each state of a ticket until it is ready or refused and its email is decided. Throws a Problem.
 * @param {string} url the ticket's status URL
 * @param {Connection} connection
 * @returns {AsyncGenerator<Ticket, void, void>}
 */
export async function* follow(url, connection) {
  for (let polls = 0; ; polls++) {
    const answer = await call(url, connection);
    const ticket = /** @type {Ticket} */ (await answer.json());
    yield ticket;
    if (['ready', 'refused'].includes(ticket.state) && ticket.email !== 'pending') return;
    const retryAfterS = Number(answer.headers.get('Retry-After')) || 1; // the service sets the pace
    const slowdown = Math.min(15, 1 + Math.floor(polls / 60)); // for a page that stays open all night
    await connection.sleep(1000 * retryAfterS * slowdown, connection.signal);
  }
}

/**
 * @param {string} ticketId
 * @param {Connection} connection
 */
export async function freshDownloadUrl(ticketId, connection) {
  const answer = await call(statusUrl(ticketId), connection);
  const ticket = /** @type {ReadyTicket} */ (await answer.json());
  return ticket.response.download_url;
}

/**
 * @param {string} ticketId
 * @param {string} email
 * @param {Connection} connection
 */
export async function emailLink(ticketId, email, connection) {
  await post(`${statusUrl(ticketId)}/mail`, { email }, connection);
}

/**
 * @param {string} url
 * @param {object} document
 * @param {Connection} connection
 */
function post(url, document, connection) {
  const headers = { 'Content-Type': 'application/json' };
  return call(url, connection, { method: 'POST', headers, body: JSON.stringify(document) });
}

/**
 * Resolves to a successful response. Waits while offline or while the service is busy. Throws a Problem on the
 * third failure, or on the first one that a retry cannot repair.
 * @param {string} url
 * @param {Connection} connection
 * @param {RequestInit} [init]
 */
async function call(url, connection, init = {}) {
  for (let failures = 0; ; await connection.sleep(1000, connection.signal)) {
    let answer;
    try {
      answer = await connection.fetch(url, { cache: 'no-store', signal: connection.signal, ...init });
    } catch (error) {
      if (isAbort(error)) throw error;
      if (await waitWhileOffline(connection)) continue;
    }
    if (answer?.ok) return answer;
    const problem = answer ? await Problem.from(answer) : new Problem(503);
    // A 429 without our document is the throttle of the whole API, not the limit of this network.
    if (problem.status === 429 && !problem.code) connection.report('busy');
    else if (problem.status < 500 || ++failures === 3) throw problem;
  }
}

/**
 * Resolves to the HTTP status.
 * @param {PresignedForm} form
 * @param {Uint8Array<ArrayBuffer>} file
 * @param {Connection} connection
 */
async function upload({ url, fields }, file, connection) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append('file', new Blob([file]), 'request'); // last: S3 ignores the fields after it
  for (;;) {
    try {
      return (await connection.fetch(url, { method: 'POST', body, signal: connection.signal })).status;
    } catch (error) {
      if (isAbort(error)) throw error;
      if (!(await waitWhileOffline(connection))) throw new UploadFailed(String(error), { cause: error });
    }
  }
}

/**
 * Resolves to false at once while online, else to true when online again.
 * @param {Connection} connection
 */
async function waitWhileOffline({ isOnline, waitUntilOnline, report }) {
  if (isOnline()) return false;
  report('offline');
  await waitUntilOnline();
  report(null);
  return true;
}
