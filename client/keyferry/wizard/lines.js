// Checks each line of a response as it is left: sends the form, as the buttons do, and takes over
// what the next page says about its fields. Without this script, Enter does the same.

const FIELDS = 'input[id^=line-], #scan';
const form = document.getElementById('form');
const status = document.getElementById('status');
const fieldsOf = (page) => [...page.querySelectorAll(FIELDS)];
const faultOf = (field) => field.parentElement.querySelector('.fault');

let sending = null;
let again = null; // the field that was left while another one was being sent

function check(left) {
  if (sending) {
    again = left;
    return;
  }
  const done = fieldsOf(form).filter((field) => field === left || field !== document.activeElement);
  const sent = new Map(done.map((field) => [field.id, field.value]));
  const data = new FormData(form);
  data.delete('pin'); // needed only when the response is installed
  for (const { id } of fieldsOf(form)) {
    if (!sent.has(id)) data.delete(id); // is being typed
  }
  data.append('press', 'check');
  sending = new XMLHttpRequest();
  sending.open('POST', '/');
  sending.responseType = 'document';
  sending.onload = () => show(sending.response, sent, left);
  sending.onloadend = () => {
    sending = null;
    if (again) check(again);
    again = null;
  };
  status.textContent = ''; // so that the same sentence is announced again
  sending.send(new URLSearchParams(data));
}

function show(page, sent, left) {
  if (!page?.getElementById('scan')) return; // another tab went on, or the window has ended
  const checked = fieldsOf(page);
  const asked = new Set(checked.map((field) => field.id));
  for (const field of checked) update(field, sent);
  for (const field of fieldsOf(form)) {
    if (!asked.has(field.id) && !field.value && field !== document.activeElement) field.parentElement.remove();
  }
  const [old, current] = [document, page].map((one) => one.getElementById('problems'));
  if (old) current ? old.querySelector('ul').replaceWith(current.querySelector('ul')) : old.remove();
  document.title = page.title;
  status.textContent = (faultOf(left) ?? page.getElementById('status')).textContent;
}

function update(checked, sent) {
  const field = document.getElementById(checked.id);
  if (!field) {
    document.getElementById('scan').parentElement.before(checked.parentElement);
    return;
  }
  if (field.value !== sent.get(field.id)) return; // typed in since then; it is checked when left
  faultOf(field)?.remove();
  const fault = faultOf(checked);
  if (fault) field.before(fault);
  for (const name of ['aria-invalid', 'aria-describedby']) {
    const value = checked.getAttribute(name);
    value === null ? field.removeAttribute(name) : field.setAttribute(name, value);
  }
}

form.addEventListener('change', ({ target }) => target.matches(FIELDS) && check(target));
form.addEventListener('submit', () => {
  again = null;
  sending?.abort();
});
form.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.isComposing || !event.target.matches('input[id^=line-]')) return;
  const lines = fieldsOf(form).filter((field) => field.id !== 'scan');
  const next = lines.slice(lines.indexOf(event.target) + 1).find((field) => !field.value.trim());
  if (!next) return;
  event.preventDefault();
  next.focus();
});
