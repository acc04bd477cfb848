"""One page about a file, for the person who decides whether it may pass the door.

It says what `inspect` says, then each entry of the file as it is written there. What it says is not
in the file was looked for. All text is escaped, because the file may come from anyone.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from html import escape

from keyferry.times import local_time_with_zone
from keyferry.views.file_facts import (
    Contents,
    Row,
    absent_from,
    commands,
    is_exact,
    is_plain_name,
    rows,
)
from keyferry.views.repair_note import repair_note
from keyferry.views.request_summary import request_lines
from keyferry.views.response_summary import response_lines
from keyferry_protocol import __version__
from keyferry_protocol.encoding import escape_controls
from keyferry_protocol.envelope import MAX_FILE, RESPONSE
from keyferry_protocol.messages import language_in_use, message
from keyferry_protocol.request import Request
from keyferry_protocol.response import Response

_COLUMNS = "  "  # between the label of a summary's line and its text
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
}
"""


def file_report(
    name: str, original: bytes, data: bytes, contents: Contents, repairs: tuple[str, ...], now: int
) -> str:
    """The page as one HTML document.

    `original` is the file as it is, `data` the file as it was read after the repairs.
    """
    shown = name or message("inspect.report.unnamed")
    title = _text(message("inspect.report.title", file=shown))
    lead = message("inspect.report.lead", moment=local_time_with_zone(now), version=__version__)
    entries = list(rows(data, contents))
    sections = [
        f'<h1>{title}</h1>\n<p class="muted">{_text(lead)}</p>',
        _summary(shown, original, contents),
        _members(entries, is_exact(original, contents), repairs),
        _absent(entries, contents),
        _back(contents) if isinstance(contents, Request) else _effect(contents),
        _check(name, contents),
    ]
    digest = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    body = "\n".join(sections)
    return f"""<!doctype html>
<html lang="{language_in_use()}" dir="{message("formats.direction")}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _summary(shown: str, original: bytes, contents: Contents) -> str:
    lines = request_lines(contents) if isinstance(contents, Request) else response_lines(contents)
    first, *others = (line.strip() for line in lines)
    split = (line.partition(_COLUMNS if _COLUMNS in line else " ") for line in others)
    facts = [
        (message("inspect.report.file"), _code(shown)),
        (message("inspect.report.size"), _text(message("inspect.report.bytes", n=len(original)))),
        (message("inspect.report.sha256"), _code(hashlib.sha256(original).hexdigest())),
        *((label, _text(text.strip())) for label, _, text in split),
    ]
    return f"{_heading('summary')}\n<p>{_text(first)}</p>\n{_pairs(facts)}"


def _members(entries: list[Row], is_whole: bool, repairs: tuple[str, ...]) -> str:
    head = "".join(f'<th scope="col">{_word(name)}</th>' for name in ("meaning", "entry"))
    body = "".join(
        f'<tr><th scope="row">{_text(row.meaning)}</th>'
        f"<td>{_code(f'{row.path}: {row.value}')}</td></tr>\n"
        for row in entries
    )
    return (
        f"{_heading('members')}\n<p>{_word('members-lead')}</p>\n"
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>\n"
        f"{_note(entries, is_whole, repairs)}"
    )


def _note(entries: list[Row], is_whole: bool, repairs: tuple[str, ...]) -> str:
    """Whether these rows are all there is."""
    unknown = _count_unknown(entries)
    if unknown:
        text = message("inspect.report.unknown-entries", n=unknown)
    else:
        text = message(f"inspect.report.{'exact' if is_whole else 'written-otherwise'}")
    look = "good" if is_whole else "bad"
    return f'<p class="note {look}">{_text(f"{repair_note(repairs)} {text}".strip())}</p>'


def _count_unknown(entries: list[Row]) -> int:
    return sum(not row.is_known for row in entries)


def _absent(entries: list[Row], contents: Contents) -> str:
    if _count_unknown(entries):
        return f'{_heading("absent")}\n<p class="note bad">{_word("absent-unknown")}</p>'
    names = absent_from(contents)
    claims = _list(message(f"inspect.report.absent.{name}") for name in names)
    return f'{_heading("absent")}\n{claims}\n<p class="muted">{_word("random")}</p>'


def _back(request: Request) -> str:
    kind = "receipt" if request.kind == "deactivate" else "text"
    name = f"{request.file_stem}-N.response"
    sentences = (
        message("inspect.report.back.file", name=name, n=MAX_FILE[RESPONSE]),
        message(f"inspect.report.back.{kind}"),
        message("inspect.report.back.data"),
        message("inspect.report.back.match", sha256=request.sha256),
    )
    return f"{_heading('back')}\n{_list(sentences)}"


def _effect(response: Response) -> str:
    origin = "renews" if response.is_renewal else "answers"
    sentences = (
        message("inspect.report.back.data"),
        message(f"inspect.report.effect.{origin}", sha256=response.request_sha256),
        message("inspect.report.effect.nothing-back"),
    )
    return f"{_heading('effect')}\n{_list(sentences)}"


def _check(name: str, contents: Contents) -> str:
    by_purpose = commands(name, contents)
    reader = "reader" if isinstance(contents, Request) else "reader-keys"
    parts = [_heading("check"), f"<p>{_word('check-lead')}</p>"]
    if not is_plain_name(name):
        parts.append(f"<p>{_word('check-name')}</p>")
    for purpose in ("hash", "text"):
        parts += [f"<h3>{_word(f'check.{purpose}')}</h3>", _typed(by_purpose[purpose])]
    parts += [f"<p>{_word(f'check.{reader}')}</p>", _typed(by_purpose["reader"])]
    return "\n".join(parts)


def _typed(by_system: list[tuple[str, str]]) -> str:
    return _pairs([(system, _code(command)) for system, command in by_system], "commands")


def _pairs(facts: list[tuple[str, str]], look: str = "summary") -> str:
    """Names, which are escaped here, and their values, which are HTML."""
    items = "".join(f"<div><dt>{_text(n)}</dt><dd>{value}</dd></div>\n" for n, value in facts)
    return f'<dl class="{look}">\n{items}</dl>'


def _list(sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{_text(sentence)}</li>\n" for sentence in sentences)
    return f"<ul>\n{items}</ul>"


def _heading(name: str) -> str:
    return f"<h2>{_word(name)}</h2>"


def _word(name: str) -> str:
    return _text(message(f"inspect.report.{name}"))


def _code(text: str) -> str:
    """Text in no language, which runs from left to right by itself."""
    return f'<code><bdi dir="ltr">{_text(text)}</bdi></code>'


def _text(text: str) -> str:
    return escape(escape_controls(text))
