// Calls to the activation service and its storage.

// Decided already, or other seats are offered now, or none: the ticket says it.
const NOT_CHOSEN = ['no-choice', 'too-many-choices', 'not-offered'];

/**
 * An error of the service (RFC 9457), or no answer of it at all. Two codes are the page's own: `not-ours`, something else
 * answered, such as a sign-in page; `unreachable`, nothing did.
 */
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

  /**
   * What an answer other than the expected one says.
   * @param {Response} answer
   */
  static async from(answer) {
    const { status, headers } = answer;
    const document = answer.ok ? null : await readJson(answer, 'application/problem+json');
    if (typeof document?.code === 'string') return new Problem(status, document, readSeconds(headers));
    return new Problem(status, isOverload(status) ? {} : { code: 'not-ours' });
  }
}

/**
 * Busy or down, whoever says so. 511 is a network that wants a sign-in.
 * @param {number} status
 */
const isOverload = (status) => status === 429 || (status >= 500 && status !== 511);

/** The service refused the request file itself. */
export class UploadFailed extends Error {}

const TRIES = 3;
/** The service redirects nobody: what does is something else. @type {RequestInit} */
const PLAIN = { cache: 'no-store', redirect: 'manual' };

/** @param {unknown} error */
export const isAbort = (error) => error instanceof Error && error.name === 'AbortError';

/**
 * Whether nobody waits for the call any more; one that only took too long is aborted too.
 * @param {Connection} connection
 */
const hasEnded = ({ signal }) => Boolean(signal?.aborted);

/** @param {string} ticketId */
const statusUrl = (ticketId) => `/api/requests/${encodeURIComponent(ticketId)}`;

/**
 * Opens a ticket and uploads the request file. Throws a Problem or UploadFailed.
 * @param {Uint8Array<ArrayBuffer>} file
 * @param {{ email: string | null, language: string }} options
 * @param {Connection} connection
 * @returns {Promise<NewTicket>}
 */
export async function submit(file, { email, language }, connection) {
  for (let passes = 1; ; passes++) {
    const ticket = await post('/api/requests', { email, language }, connection, readNewTicket);
    const outcome = await upload(ticket.upload, file, connection);
    if (outcome === 'expired' && passes < TRIES) continue;
    if (outcome !== 'stored') await sendFile(ticket.id, file, connection);
    return ticket;
  }
}

/**
 * Yields each state of a ticket until it is ready or refused and its email is decided. Throws a Problem.
 * @param {string} ticketId
 * @param {Connection} connection
 * @returns {AsyncGenerator<Ticket, void, void>}
 */
export async function* follow(ticketId, connection) {
  for (let polls = 0; ; polls++) {
    const { ticket, retryAfterS } = await call(statusUrl(ticketId), connection, readTicket);
    yield ticket;
    if (['ready', 'refused'].includes(ticket.state) && ticket.email !== 'pending') return;
    const slowdown = Math.min(15, 1 + Math.floor(polls / 60)); // for a page that stays open all night
    await connection.sleep(1000 * (retryAfterS || 1) * slowdown, connection.signal); // the service sets the pace
  }
}

/**
 * The response file, checked against what the service says of it: from the storage, or through the page's own host where
 * the storage cannot be reached or something else answers. Throws a Problem.
 * @param {string} ticketId
 * @param {ResponseFile} response
 * @param {Connection} connection
 */
export async function download(ticketId, response, connection) {
  const read = readResponseFile(response);
  try {
    const answer = await connection.fetch(response.download_url, { ...PLAIN, signal: connection.signal });
    const file = await read(answer);
    if (file) return file;
  } catch (error) {
    if (hasEnded(connection)) throw error;
  }
  return call(`${statusUrl(ticketId)}/file`, connection, read);
}

/**
 * What the service says of a ticket's response now, with a download URL that is valid for a minute. Throws a Problem.
 * @param {string} ticketId
 * @param {Connection} connection
 */
export async function freshResponse(ticketId, connection) {
  const { ticket } = await call(statusUrl(ticketId), connection, readTicket);
  return /** @type {ResponseFile} */ (/** @type {ReadyTicket} */ (ticket).response);
}

/**
 * @param {string} ticketId
 * @param {string} email
 * @param {Connection} connection
 */
export async function emailLink(ticketId, email, connection) {
  await post(`${statusUrl(ticketId)}/mail`, { email }, connection, readAccepted);
}

/**
 * Has a refused file decided anew, for this seat.
 * @param {string} ticketId
 * @param {number} seat
 * @param {Connection} connection
 */
export async function chooseSeat(ticketId, seat, connection) {
  try {
    await post(`${statusUrl(ticketId)}/seat`, { seat }, connection, readAccepted);
  } catch (error) {
    if (!(error instanceof Problem) || !NOT_CHOSEN.includes(error.code ?? '')) throw error;
  }
}

/**
 * @template T
 * @param {string} url
 * @param {object} document
 * @param {Connection} connection
 * @param {Reader<T>} read
 */
function post(url, document, connection, read) {
  const headers = { 'Content-Type': 'application/json' };
  return call(url, connection, read, { method: 'POST', headers, body: JSON.stringify(document) });
}

/**
 * Resolves to what `read` finds in the answer. Waits while offline or while the service is busy. Throws a Problem on the
 * third failure, or on the first one that a retry cannot repair.
 * @template T
 * @param {string} url
 * @param {Connection} connection
 * @param {Reader<T>} read
 * @param {RequestInit} [init]
 * @returns {Promise<T>}
 */
async function call(url, connection, read, init = {}) {
  for (let failures = 0; ; await connection.sleep(1000, connection.signal)) {
    let problem = new Problem(503, { code: 'unreachable' });
    try {
      const answer = await connection.fetch(url, { ...PLAIN, signal: connection.signal, ...init });
      const result = await read(answer);
      if (result) return result;
      problem = await Problem.from(answer);
    } catch (error) {
      if (hasEnded(connection)) throw error;
      if (await waitWhileOffline(connection)) continue;
    }
    // A 429 without our document is the throttle of the whole API, not the limit of this network.
    if (problem.status === 429 && !problem.code) connection.report('busy');
    else if (problem.code === 'not-ours' || problem.status < 500 || ++failures === TRIES) throw problem;
  }
}

/**
 * Uploads to the storage. Resolves to 'expired' where another pass can repair it, and to 'blocked' where the storage cannot
 * be reached, or something else answers.
 * @param {PresignedForm} form
 * @param {Uint8Array<ArrayBuffer>} file
 * @param {Connection} connection
 * @returns {Promise<'stored' | 'expired' | 'blocked'>}
 */
async function upload({ url, fields }, file, connection) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append('file', new Blob([file]), 'request'); // last: S3 ignores the fields after it
  for (let failures = 0; failures < TRIES; await connection.sleep(1000, connection.signal)) {
    try {
      const answer = await connection.fetch(url, { ...PLAIN, method: 'POST', body, signal: connection.signal });
      const text = await answer.text();
      if (answer.status === 201 && /<PostResponse\b/.test(text)) return 'stored';
      // Of the storage's own errors: a pass or its credentials expired, or the file took too long.
      if (/<Code>(AccessDenied|ExpiredToken|RequestTimeout)</.test(text)) return 'expired';
      if (!isOverload(answer.status)) break;
      failures += 1;
    } catch (error) {
      if (hasEnded(connection)) throw error;
      if (await waitWhileOffline(connection)) continue;
      if (isAbort(error)) break; // it took too long, as it would again
      failures += 1;
    }
  }
  return 'blocked';
}

/**
 * Uploads through the page's own host.
 * @param {string} ticketId
 * @param {Uint8Array<ArrayBuffer>} file
 * @param {Connection} connection
 */
async function sendFile(ticketId, file, connection) {
  const headers = { 'Content-Type': 'application/octet-stream' };
  try {
    await call(`${statusUrl(ticketId)}/file`, connection, readAccepted, { method: 'PUT', headers, body: file });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code === 'already-uploaded') return; // the storage had taken it, and only its answer was lost
    if ([413, 415, 422].includes(error.status)) throw new UploadFailed(error.message, { cause: error });
    throw error;
  }
}

// Each of these finds in an answer what the service would say, or nothing if the answer is another.

/** @type {Reader<NewTicket>} */
async function readNewTicket(answer) {
  const ticket = answer.status === 201 ? await readJson(answer) : null;
  return areTexts(ticket?.id, ticket?.upload?.url) && ticket.upload.fields instanceof Object ? ticket : null;
}

/** @type {Reader<{ ticket: Ticket, retryAfterS: number }>} */
async function readTicket(answer) {
  const ticket = answer.status === 200 ? await readJson(answer) : null;
  const { state, email, response, refusal } = ticket ?? {};
  const isOurs = areTexts(email) && (
    state === 'ready' ? response?.filename === null || areTexts(response?.filename, response?.download_url, response?.sha256)
    : state === 'refused' ? areTexts(refusal?.title, refusal?.detail)
    : ['awaiting-upload', 'processing'].includes(state)
  );
  return isOurs ? { ticket, retryAfterS: readSeconds(answer.headers) } : null;
}

/** @type {Reader<object>} */
async function readAccepted(answer) {
  return answer.status === 202 ? readJson(answer) : null;
}

/** @type {(response: ResponseFile) => Reader<Uint8Array<ArrayBuffer>>} */
const readResponseFile = ({ bytes, sha256 }) => async (answer) => {
  if (answer.status !== 200) return null;
  const file = new Uint8Array(await answer.arrayBuffer());
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', file));
  const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return file.length === bytes && hex === sha256 ? file : null;
};

/**
 * The document of an answer of this type, or null.
 * @param {Response} answer
 * @param {string} [type]
 */
async function readJson(answer, type = 'application/json') {
  if (!answer.headers.get('Content-Type')?.startsWith(type)) return null;
  try {
    return await answer.json();
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** @param {Headers} headers */
const readSeconds = (headers) => Number(headers.get('Retry-After')) || 0;

/** @param {unknown[]} values */
const areTexts = (...values) => values.every((value) => typeof value === 'string');

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
