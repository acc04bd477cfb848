// The shapes that the page's modules share, known to all of them. Only editors and tsc read this file; no browser loads it.

/** What a person sees of a request. */
interface LicenseRequest {
  kind: Kind;
  licenseNumber: string;
  createdAt: Date;
  /** Name and version. */
  product: string;
  /** May be empty. */
  machineName: string;
  /** That name and the operating system; may be empty. */
  computer: string;
  protection: 'machine' | 'personal' | 'dongle';
  dongleModel: string;
  /** The seat that moves here from a lost or broken computer. */
  replacesSeat: number | null;
  /** How many. */
  componentHashes: number;
}

/** A request file; pasted or opened by a link, its name is empty. */
interface RequestFile {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
  request: LicenseRequest;
  /** What was done to read a file that had been changed on its way, as the end of its sentence's key: repaired.{name} */
  repairs?: string[];
}

/** Why a file is no request file, as the end of its sentence's key: problem.{problem} */
interface FileProblem {
  problem: string;
  /** What is all there is, and needs nothing from this page. */
  responses?: Responses;
}

/** Response files, and the name of the file, archive, or folder that holds them all; empty where there is none. */
interface Responses {
  files: File[];
  name: string;
}

/** Several files, an archive, or a folder, which another part of the page reads. */
interface Unread {
  sources: (File | FileSystemEntry)[];
}

/** A file among several that is no request file. */
type BadFile = FileProblem & { name: string };

/** One of several files, and what became of it. */
type Row = (RequestFile | BadFile) & {
  /** `done` is ready with nothing to install. */
  state: 'bad' | 'chosen' | 'queued' | 'sending' | 'processing' | 'delayed' | 'ready' | 'done' | 'refused' | 'failed';
  ticket: string | null;
  /** null until it was fetched, and after a reload. */
  response: { name: string; bytes: Uint8Array<ArrayBuffer> } | null;
  /** Of a bad file as in FileProblem, of a failed one the code of the Problem. */
  problem?: string;
  refusal?: Refusal;
};

type Kind = 'activate' | 'update' | 'deactivate';

// The documents of the HTTP API

type Ticket = OpenTicket | ReadyTicket | RefusedTicket;

interface AnyTicket {
  email: 'none' | 'pending' | 'sent' | 'bounced' | 'withheld';
}

interface OpenTicket extends AnyTicket {
  state: 'awaiting-upload' | 'processing';
  /** A choice is being decided, unless the call that made it was cut off before it was queued. */
  chosen_seat?: number;
  /** The service met an error and will try again in some minutes. */
  delayed?: boolean;
}

interface ReadyTicket extends AnyTicket {
  state: 'ready';
  kind: Kind;
  license_number: string;
  response: ResponseFile | NoFile;
}

interface RefusedTicket extends AnyTicket {
  state: 'refused';
  /** null where the request was not proven to be the license's. */
  license_number: string | null;
  refusal: Refusal;
}

interface NewTicket {
  id: string;
  upload: PresignedForm;
}

interface PresignedForm {
  url: string;
  fields: Record<string, string>;
}

interface ResponseFile extends ResponseFacts {
  filename: string;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
  /** Valid for a minute. */
  download_url: string;
}

/** Of a deactivation whose application would reject a receipt. */
interface NoFile extends ResponseFacts {
  filename: null;
}

/** The way back without a file. */
interface ResponseText {
  /** To type; null where they are too many. */
  lines: string[] | null;
  /** Where the pictures of QR codes are. */
  codes: string[];
}

interface ResponseFacts {
  text: ResponseText | null;
  seat?: number;
  machine_name: string;
  product: string;
  edition?: string;
  valid_until: string | null;
  previous_valid_until: string | null;
  /** When the link in the email stops working. */
  link_expires_at: string | null;
}

interface Refusal {
  title: string;
  /** With commands in backticks. */
  detail: string;
  language?: string;
  seats?: Seat[];
  moves_left?: number;
  /** Whether one of the seats may be chosen on the ticket's own page. */
  choose_seat?: boolean;
}

interface Seat {
  seat: number;
  machine_name: string;
  since: string;
  last_answered: string;
  /** Null if its computer sent a request since. */
  renewed_at?: string | null;
}

/** An error's document (RFC 9457), as far as the page reads it. */
interface ProblemDocument {
  code?: string;
  /** Minutes until another request may be sent. */
  n?: number;
}

// What the journey receives, so that a test can pass fakes

/** The network; `sleep` rejects with the signal's reason on abort. */
interface Network {
  fetch(url: string, init?: RequestInit): Promise<Response>;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  isOnline(): boolean;
  waitUntilOnline(): Promise<void>;
}

/** The network during one journey. */
interface Connection extends Network {
  signal?: AbortSignal;
  /** Receives what delays a call, and null when the delay is over. */
  report(delay: 'offline' | 'busy' | null): void;
}

/** Finds in an answer what the service would say; null if the answer is another. */
type Reader<T> = (answer: Response) => Promise<T | null>;

/** The browser, its network apart. */
interface Browser {
  /** Of this tab. */
  storage: Pick<Storage, 'getItem' | 'setItem'>;
  /** Puts a ticket, or the table of several files, into the page's address as a step of the history; null takes it out. */
  navigate(fragment: string | null): void;
  /** Whether this is a phone that has a share sheet. */
  canShare: boolean;
  /** What opens the share sheet with this file; null where the browser cannot share it. */
  prepareShare(file: Uint8Array<ArrayBuffer>, name: string): (() => Promise<void>) | null;
  reload(): void;
}

type ScreenName = 'form' | 'waiting' | 'ready' | 'refused' | 'gone' | 'down' | 'room';

/** What a person can press on every screen that has it. */
interface Actions {
  restart(): void;
  retry(): void;
}

/** What a person can press on a ticket's screen. */
interface TicketActions {
  /** Sends the refused file again. */
  retry(): void;
  downloadAgain(): void;
  emailTo(email: string): void;
  /** Once they are opened, and again where that failed. */
  fillByHand(details: HTMLElement, text: ResponseText): void;
}

/** Shows the seats of a refusal; `choose` is called with the one to be taken, once the person has read what that costs. */
type ShowSeats = (refusal: Refusal, choose: (seat: number) => void) => void;

/** What a person can press beside the table of several files. */
interface RoomActions {
  send(): void;
  save(): void;
}

/** Where a ticket's journey begins: a file without an id is sent; what is not known, as after a reload, is null. */
interface TicketStart {
  id: string | null;
  file: RequestFile | null;
  email: string | null;
  /** As Date.now() says it. */
  waitsSince: number;
}

/** Loads the part of the page that sends a file and follows its ticket; null where it did not load. */
type LoadTicket = () => Promise<
  ((journey: import('./journey.js').Journey, start: TicketStart) => import('./ticket.js').TicketJourney) | null
>;

/** Loads what says for whom response files are; null where it did not load. */
type LoadResponses = () => Promise<((responses: Responses) => Promise<void>) | null>;

/** Loads the part of the page for several files; null where it did not load. */
type LoadRoom = () => Promise<import('./room.js').Room | null>;

// The page's own

/** What a part that is loaded late works with. */
interface PageParts {
  view: import('./view.js').View;
  browser: Browser;
  network: Network;
  language: string;
  messages: import('./view.js').Messages;
  /** Of these messages. */
  catalogue: Catalogue;
}

/** The sentences by key, with {placeholders}. */
type Catalogue = Record<string, string>;

/** A problem of a field: the end of its sentence's key, problem.{name}, and the number in the sentence. */
interface FieldProblem {
  name: string;
  n?: number;
}

type Field = 'file' | 'email';
type Problems = Partial<Record<Field, FieldProblem>>;

interface FocusOption {
  /** Whether the focus moves to what is new; it does by default. */
  focus?: boolean;
}

type Value = string | number | Node;
/** The values of a sentence's placeholders. */
type Values = Record<string, Value | Value[] | undefined>;
