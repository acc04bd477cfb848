// Draws the table of seats in use, in which the person may say which computer is lost or broken. Loaded only for these.
import { loadPart } from './part.js';
import { create, getElement, isolate } from './view.js';
/** @import { Messages, View } from './view.js' */

const MAX_LISTED = 50; // by the service: where there are as many, there may be more
const COLUMNS = ['seats.seat', 'chosen.computer', 'seats.since', 'seats.answered'];

/**
 * What draws the table, with its sentences. Throws where it does not load.
 * @param {PageParts} page
 * @returns {Promise<ShowSeats>}
 */
export async function loadSeats(page) {
  await loadPart('choice', page);
  const { view, messages } = page;
  return (refusal, choose) => {
    const table = seatsTable(refusal.seats ?? [], messages);
    getElement('refusal-detail', HTMLElement).parentElement?.after(table);
    if (refusal.choose_seat) offerSeats(table, refusal, choose, view, messages);
  };
}

/**
 * @param {Seat[]} seats
 * @param {Messages} messages
 */
function seatsTable(seats, messages) {
  const table = create('table', '', { id: 'seats' });
  const labels = COLUMNS.map((key) => messages.text(key));
  const title = seats.length < MAX_LISTED ? 'seats.title' : 'seats.some';
  table.createCaption().append(...messages.parts(title, { n: messages.number(seats.length) }));
  table.createTHead().insertRow().append(...labels.map((label) => create('th', label, { scope: 'col' })));
  const body = table.createTBody();
  for (const { seat, machine_name: name, since, last_answered: last, renewed_at: renewed } of seats) {
    const row = body.insertRow();
    const dates = [since, last].map((time) => messages.date(time, 'medium'));
    [String(seat), name || messages.text('computer.unnamed'), ...dates].forEach((value, i) => {
      const cell = row.insertCell();
      cell.dataset.label = labels[i];
      cell.append(isolate(value));
    });
    if (renewed) {
      const date = messages.date(renewed, 'medium');
      row.cells[3].firstElementChild?.append(create('br', ''), ...messages.parts('seats.renewed', { date }));
    }
  }
  return table;
}

/**
 * Puts a button into each row.
 * @param {HTMLTableElement} table
 * @param {Refusal} refusal
 * @param {(seat: number) => void} choose
 * @param {View} view
 * @param {Messages} messages
 */
function offerSeats(table, { seats = [], moves_left: moves }, choose, view, messages) {
  document.getElementById('retry')?.classList.remove('primary'); // the same file would be refused again
  table.tHead?.rows[0].insertCell();
  // The table, and the advice to choose from it.
  const ofList = [table, table.previousElementSibling].filter((part) => part instanceof HTMLElement);
  seats.forEach(({ seat, machine_name: name, renewed_at: renewed }, i) => {
    const row = table.tBodies[0].rows[i];
    const button = create('button', messages.text('choice.lost'), { type: 'button' });
    row.cells[1].id = `computer-${seat}`;
    button.setAttribute('aria-describedby', row.cells[1].id);
    row.insertCell().append(button);
    button.addEventListener('click', () => {
      const date = renewed ? messages.date(renewed, 'medium') : undefined;
      const panel = costPanel(view, messages, { computer: name && isolate(name), seat, date }, moves);
      const [yes, no] = panel.querySelectorAll('button');
      yes.addEventListener('click', () => choose(seat));
      no.addEventListener('click', () => {
        panel.remove();
        for (const part of ofList) part.hidden = false;
        button.focus();
      });
      for (const part of ofList) part.hidden = true;
      table.after(panel);
      panel.querySelector('h2')?.focus();
    });
  });
}

/**
 * What a choice costs, with a button that makes it and one that goes back.
 * @param {View} view
 * @param {Messages} messages
 * @param {Values} values
 * @param {number | undefined} moves that the license has left; undefined where nobody knows
 */
function costPanel(view, messages, values, moves) {
  /**
   * @template {keyof HTMLElementTagNameMap} K
   * @param {K} name
   * @param {string} key
   * @param {object} [properties]
   */
  const line = (name, key, properties) => {
    const element = create(name, '', properties);
    element.append(...view.pen.say(key, { ...values, n: messages.number(moves ?? 0) }));
    return element;
  };
  const panel = create('section', '', { className: 'panel' });
  const [list, actions] = [create('ul', ''), create('p', '', { className: 'actions' })];
  list.append(
    line('li', 'choice.old-computer'),
    ...(values.date ? [line('li', 'choice.renewed')] : []),
    line('li', moves === undefined ? 'choice.move' : messages.pluralKey('choice.moves', moves)),
  );
  actions.append(
    line('button', values.computer ? 'choice.replace' : 'choice.replace-seat', { type: 'button', className: 'primary' }),
    line('button', 'choice.back', { type: 'button' }),
  );
  panel.append(line('h2', values.computer ? 'choice.title' : 'choice.title-seat', { id: 'choice-title', tabIndex: -1 }), line('p', 'choice.takes'), list, actions);
  panel.setAttribute('aria-labelledby', 'choice-title');
  return panel;
}
