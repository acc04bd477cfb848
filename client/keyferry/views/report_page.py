"""A page about files for the person who guards the door: its frame, and the parts it is made of.

It needs no other file, runs nothing, and prints. All text is escaped, because files may come from
anyone.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from html import escape

from keyferry_protocol.encoding import escape_controls
from keyferry_protocol.messages import language_in_use, message

_STYLE = """
:root { color-scheme: light dark; --ink: #14202b; --muted: #4a5866; --bg: #fff; --raised: #f4f6f8;
  --line: #6b7885; --bad: #b3261e; --bad-bg: #fdecea; --good: #0b6b3a; --good-bg: #e8f5ee; }
@media (prefers-color-scheme: dark) { :root { --ink: #eef2f6; --muted: #b3bfca; --bg: #10171e;
  --raised: #1a242e; --line: #8794a1; --bad: #ff9d94; --bad-bg: #331715; --good: #7fd6a3;
  --good-bg: #12291d; } }
* { box-sizing: border-box; margin: 0; }
html { background: var(--bg); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
body { max-inline-size: 52rem; margin: 0 auto; padding: 2rem 1rem 4rem; overflow-wrap: anywhere; }
h1 { font-size: 1.75rem; line-height: 1.2; margin-block-end: 0.5rem; }
h2 { font-size: 1.2rem; margin-block: 2rem 0.5rem; break-after: avoid; }
h3 { font-size: 1rem; margin-block: 1rem 0.25rem; break-after: avoid; }
p, li { margin-block-end: 0.4rem; }
ul { padding-inline-start: 1.25rem; }
.muted { color: var(--muted); }
code { font: 0.85em/1.5 ui-monospace, "SF Mono", "Cascadia Mono", Consolas, "DejaVu Sans Mono",
  monospace; }
dl, .note { padding: 0.75rem 1rem; background: var(--raised); border-radius: 6px;
  border-inline-start: 4px solid var(--line); margin-block: 0.75rem; break-inside: avoid; }
dl > div { display: grid; grid-template-columns: 6rem 1fr; gap: 0 1rem; }
.commands > div { grid-template-columns: 11rem 1fr; }
.commands dt { white-space: nowrap; }
dt { color: var(--muted); }
dd { margin: 0; }
.good { background: var(--good-bg); border-color: var(--good); }
.bad { background: var(--bad-bg); border-color: var(--bad); color: var(--bad); font-weight: 600; }
table { inline-size: 100%; border-collapse: collapse; }
th, td { text-align: start; vertical-align: top; padding: 0.35rem 0.75rem 0.35rem 0;
  border-block-end: 1px solid var(--line); }
th[scope=row] { font-weight: 400; inline-size: 45%; }
tr { break-inside: avoid; }
.file { break-inside: avoid; }
.file dl { margin-block: 0.25rem 0.75rem; }
@media (max-width: 30rem) {
  thead { position: absolute; clip-path: inset(50%); }
  tr, th[scope=row], td { display: block; inline-size: auto; border: 0; padding-block: 0; }
  tr { border-block-end: 1px solid var(--line); padding-block: 0.35rem; }
  dl > div, .commands > div { grid-template-columns: 1fr; margin-block-end: 0.4rem; }
}
@media print {
  @page { margin: 14mm; }
  :root { --ink: #000; --muted: #000; --bg: #fff; --raised: #fff; --line: #888; --bad: #000;
    --good: #000; --bad-bg: #fff; --good-bg: #fff; color-scheme: light; }
  html { font-size: 9pt; line-height: 1.3; }
  body { max-inline-size: none; padding: 0; }
  h2 { margin-block: 0.9rem 0.3rem; }
  th, td { padding-block: 0.12rem; }
  dl, .note { border: 1px solid var(--line); padding: 0.3rem 0.6rem; }
  dl, .note { border-inline-start-width: 4px; }
  .file { font-size: 8pt; line-height: 1.25; }
  .file h3 { font-size: 8pt; margin-block: 0.4rem 0; }
  .file p { margin: 0; }
  .file dl { padding: 0.1rem 0.6rem; margin-block: 0.1rem; }
}
"""


def page(title: str, lead: str, sections: Iterable[str]) -> str:
    """The page as one HTML document; the sections are HTML."""
    digest = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = f'<h1>{as_text(title)}</h1>\n<p class="muted">{as_text(lead)}</p>'
    body = "\n".join([head, *sections])
    return f"""<!doctype html>
<html lang="{language_in_use()}" dir="{message("formats.direction")}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{as_text(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def typed(by_system: list[tuple[str, str]]) -> str:
    """Commands, each beside the system that it is for."""
    return pairs([(system, as_code(command)) for system, command in by_system], "commands")


def pairs(facts: Iterable[tuple[str, str]], look: str = "summary") -> str:
    """Names, which are escaped here, and their values, which are HTML."""
    items = "".join(f"<div><dt>{as_text(n)}</dt><dd>{value}</dd></div>\n" for n, value in facts)
    return f'<dl class="{look}">\n{items}</dl>'


def bullets(sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{as_text(sentence)}</li>\n" for sentence in sentences)
    return f"<ul>\n{items}</ul>"


def note(text: str, look: str) -> str:
    return f'<p class="note {look}">{as_text(text)}</p>'


def heading(name: str) -> str:
    return f"<h2>{word(name)}</h2>"


def word(name: str) -> str:
    """A sentence of the catalog's `inspect.report`."""
    return as_text(message(f"inspect.report.{name}"))


def as_code(text: str) -> str:
    """Text in no language, which runs from left to right by itself."""
    return f'<code><bdi dir="ltr">{as_text(text)}</bdi></code>'


def as_text(text: str) -> str:
    return escape(escape_controls(text))
