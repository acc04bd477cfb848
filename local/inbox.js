// Says that mail has come; reading goes on undisturbed until the link is followed.
const status = document.querySelector('[role=status]');
for (;;) {
  await new Promise((done) => setTimeout(done, 2000));
  const answer = await fetch('/inbox/messages').catch(() => null);
  const fresh = answer?.ok ? (await answer.json()).length - Number(status.dataset.count) : 0;
  if (fresh > 0 && status.dataset.fresh !== String(fresh)) {
    status.dataset.fresh = fresh;
    const link = document.createElement('a');
    link.href = '/inbox';
    link.textContent = `${fresh} new. Show`;
    status.replaceChildren(link);
  }
}
