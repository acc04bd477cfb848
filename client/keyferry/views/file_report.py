"""One page about a file, for the person who decides whether it may pass the door.

It says what `inspect` says, then each entry of the file as it is written there. What it says is not
in the file was looked for.
"""

import hashlib

from keyferry.inspected import Contents, Inspected
from keyferry.times import local_time_with_zone
from keyferry.views.file_facts import (
    Row,
    absent_from,
    commands,
    completeness,
    count_unknown,
    is_plain_name,
    rows,
    summary,
)
from keyferry.views.report_page import (
    as_code,
    as_text,
    bullets,
    heading,
    note,
    page,
    pairs,
    typed,
    word,
)
from keyferry_protocol import __version__
from keyferry_protocol.envelope import MAX_FILE, RESPONSE
from keyferry_protocol.messages import message
from keyferry_protocol.request import Request
from keyferry_protocol.response import Response


def file_report(name: str, file: Inspected, now: int) -> str:
    """The page as one HTML document; `name` is "" for standard input."""
    shown = name or message("inspect.report.unnamed")
    title = message("inspect.report.title", file=shown)
    lead = message("inspect.report.lead", moment=local_time_with_zone(now), version=__version__)
    contents, entries = file.contents, list(rows(file))
    sections = [
        _summary(shown, file),
        _members(file, entries),
        _absent(entries, contents),
        _back(contents) if isinstance(contents, Request) else _effect(contents),
        _check(name, contents),
    ]
    return page(title, lead, sections)


def _summary(shown: str, file: Inspected) -> str:
    first, others = summary(file.contents)
    size = message("inspect.report.bytes", n=len(file.original))
    facts = [
        (message("inspect.report.file"), as_code(shown)),
        (message("inspect.report.size"), as_text(size)),
        (message("inspect.report.sha256"), as_code(hashlib.sha256(file.original).hexdigest())),
        *((label, as_text(text)) for label, text in others),
    ]
    return f"{heading('summary')}\n<p>{as_text(first)}</p>\n{pairs(facts)}"


def _members(file: Inspected, entries: list[Row]) -> str:
    head = "".join(f'<th scope="col">{word(name)}</th>' for name in ("meaning", "entry"))
    body = "".join(
        f'<tr><th scope="row">{as_text(row.meaning)}</th>'
        f"<td>{as_code(f'{row.path}: {row.value}')}</td></tr>\n"
        for row in entries
    )
    text, is_whole = completeness(file, entries)
    return (
        f"{heading('members')}\n<p>{word('members-lead')}</p>\n"
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>\n"
        f"{note(text, 'good' if is_whole else 'bad')}"
    )


def _absent(entries: list[Row], contents: Contents) -> str:
    if count_unknown(entries):
        return f"{heading('absent')}\n{note(message('inspect.report.absent-unknown'), 'bad')}"
    names = absent_from(contents)
    claims = bullets(message(f"inspect.report.absent.{name}") for name in names)
    return f'{heading("absent")}\n{claims}\n<p class="muted">{word("random")}</p>'


def _back(request: Request) -> str:
    kind = "receipt" if request.kind == "deactivate" else "text"
    name = f"{request.file_stem}-N.response"
    sentences = (
        message("inspect.report.back.file", name=name, n=MAX_FILE[RESPONSE]),
        message(f"inspect.report.back.{kind}"),
        message("inspect.report.back.data"),
        message("inspect.report.back.match", sha256=request.sha256),
    )
    return f"{heading('back')}\n{bullets(sentences)}"


def _effect(response: Response) -> str:
    origin = "renews" if response.is_renewal else "answers"
    sentences = (
        message("inspect.report.back.data"),
        message(f"inspect.report.effect.{origin}", sha256=response.request_sha256),
        message("inspect.report.effect.nothing-back"),
    )
    return f"{heading('effect')}\n{bullets(sentences)}"


def _check(name: str, contents: Contents) -> str:
    by_purpose = commands(name, contents)
    reader = "reader" if isinstance(contents, Request) else "reader-keys"
    parts = [heading("check"), f"<p>{word('check-lead')}</p>"]
    if not is_plain_name(name):
        parts.append(f"<p>{word('check-name')}</p>")
    for purpose in ("hash", "text"):
        parts += [f"<h3>{word(f'check.{purpose}')}</h3>", typed(by_purpose[purpose])]
    parts += [f"<p>{word(f'check.{reader}')}</p>", typed(by_purpose["reader"])]
    return "\n".join(parts)
