// Draws /inbox/messages and looks for more; what is being read stays where it is.
const status = document.querySelector('[role=status]');
const list = document.querySelector('main');

function element(name, members, ...children) {
  const made = Object.assign(document.createElement(name), members);
  made.append(...children);
  return made;
}

function linked(text) {
  return text.split(/(https?:\/\/\S+)/).map((part, place) => place % 2 === 0 ? part
    : element('a', { href: part, target: '_blank', rel: 'noopener' }, part));
}

/** `24 November 2026, 10:48 CET`, in any browser, as all of Keyferry writes it. */
function dateAndTime(at) {
  const day = at.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric' });
  return `${day}, ${at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', timeZoneName: 'short' })}`;
}

function draw(mail, number) {
  const tab = (title, content, open = false) =>
    element('details', { name: `mail-${number}`, open }, element('summary', {}, title), content);
  // A mail runs no script and sees nothing of this page; its link opens in a tab of its own.
  const frame = element('iframe', {
    title: mail.subject,
    srcdoc: mail.html.replace('<head>', '<head><base target="_blank">'),
    sandbox: 'allow-popups allow-popups-to-escape-sandbox',
  });
  const href = URL.createObjectURL(new Blob([mail.source], { type: 'message/rfc822' }));
  return element('article', {},
    element('h2', {}, mail.subject),
    element('p', {}, `${dateAndTime(new Date(mail.at))}, to ${mail.to.join(', ')}`),
    tab('Plain', element('pre', {}, ...linked(mail.text)), true),
    tab('HTML', frame),
    tab('Headers', element('pre', {}, mail.source.split('\n\n')[0])),
    tab('Source', element('a', { href, download: `${number}.eml` }, `${number}.eml`)));
}

for (;;) {
  const mails = await fetch('/inbox/messages').then((answer) => answer.json()).catch(() => []);
  const fresh = mails.slice(0, Math.max(0, mails.length - list.children.length));
  if (fresh.length > 0) {
    list.prepend(...fresh.map((mail, place) => draw(mail, mails.length - place)));
    status.textContent = `${mails.length} in all, newest: ${fresh[0].subject}`;
  }
  await new Promise((done) => setTimeout(done, 2000));
}
