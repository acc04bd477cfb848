// The sentences of the page in one language: which sentence fits, and how that language writes dates and numbers.

export class Messages {
  #catalogue;

  /**
   * @param {string} language BCP 47 tag
   * @param {Catalogue} catalogue
   */
  constructor(language, catalogue) {
    this.language = language;
    this.direction = language === 'ar' ? 'rtl' : 'ltr';
    this.#catalogue = catalogue;
  }

  /** @param {string} key */
  text(key) {
    return this.#catalogue[key];
  }

  /**
   * The sentence in parts, each placeholder replaced by its value or by nothing.
   * @template T
   * @param {string} key
   * @param {Record<string, T | T[] | undefined>} values
   */
  parts(key, values) {
    const parts = this.text(key).split(/\{(\w+)\}/);
    return parts.flatMap((part, i) => /** @type {string | T | T[]} */ (i % 2 ? values[part] ?? '' : part));
  }

  /**
   * The key of the sentence for n; a plural form that the catalogue does not have is 'other'.
   * @param {string} key
   * @param {number} n
   */
  pluralKey(key, n) {
    const form = `${key}.${new Intl.PluralRules(this.language).select(n)}`;
    return form in this.#catalogue ? form : `${key}.other`;
  }

  /** @param {number} n */
  number(n) {
    return new Intl.NumberFormat(this.language).format(n);
  }

  /** @param {string[]} texts */
  list(texts) {
    return new Intl.ListFormat(this.language).format(texts);
  }

  /**
   * A day in UTC, as licenses and emails count them.
   * @param {string} time
   * @param {'long' | 'medium'} [dateStyle]
   */
  date(time, dateStyle = 'long') {
    return this.#time(new Date(time), { dateStyle, timeZone: 'UTC' });
  }

  /** @param {Date} time shown in the reader's time zone */
  dateAndTime(time) {
    return `${this.#time(time, { dateStyle: 'long' })}, ${this.#time(time, { timeStyle: 'short' })}`;
  }

  /**
   * @param {Date} time
   * @param {number} now
   */
  ago(time, now) {
    const minutes = Math.round((time.getTime() - now) / 60000);
    const style = new Intl.RelativeTimeFormat(this.language, { numeric: minutes ? 'always' : 'auto' });
    return unbroken(
      Math.abs(minutes) < 60 ? style.format(minutes, 'minute')
      : Math.abs(minutes) < 2880 ? style.format(Math.round(minutes / 60), 'hour')
      : style.format(Math.round(minutes / 1440), 'day'),
    );
  }

  /**
   * @param {Date} time
   * @param {Intl.DateTimeFormatOptions} style
   */
  #time(time, style) {
    const locale = this.language === 'en' ? 'en-GB' : this.language;
    return unbroken(new Intl.DateTimeFormat(locale, style).format(time));
  }
}

/** @param {string} text */
const unbroken = (text) => text.replaceAll(' ', '\u00a0');

/**
 * The first language a reader wants that the page has, else English.
 * @param {string[]} offered
 * @param {(string | null)[]} wanted BCP 47 tags, best first
 */
export function chooseLanguage(offered, wanted) {
  for (const tag of wanted) {
    const match = offered.find((language) => language.toLowerCase() === tag?.toLowerCase())
      ?? offered.find((language) => language === tag?.split('-')[0]);
    if (match) return match;
  }
  return 'en';
}

/**
 * 015120020093 in groups of three: 015.120.020.093
 * @param {string} licenseNumber
 */
export const formatLicenseNumber = (licenseNumber) => licenseNumber.replace(/\d{3}(?=\d)/g, '$&.');

/** @param {LicenseRequest} request */
export const requestKey = ({ kind, replacesSeat }) => (replacesSeat ? 'asks.replace' : `asks.${kind}`);

/** @param {ResponseFacts} response */
export function licenseEndKey({ valid_until: until, previous_valid_until: before }) {
  return `ends.${until ? 'date' : 'never'}${before && before !== until ? '-before' : ''}`;
}

/** @param {ReadyTicket | RefusedTicket} ticket */
export function emailKey(ticket) {
  const { email } = ticket;
  const hasLink = ticket.state === 'ready' && ticket.response.filename !== null;
  if (email === 'none' || (email === 'pending' && !hasLink)) return null;
  if (!hasLink) return email === 'sent' ? 'mail.refusal' : 'mail.refusal-none';
  return `mail.${email}`;
}
