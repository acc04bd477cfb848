"""One page about a file, for the person who decides whether it may pass the door.

It says what `inspect` says, then each entry of the file as it is written there. What it says is not
in the file was looked for.
"""

import hashlib

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
from keyferry.views.request_summary import request_lines
from keyferry.views.response_summary import response_lines
from keyferry_protocol import __version__
from keyferry_protocol.envelope import MAX_FILE, RESPONSE
from keyferry_protocol.messages import message
from keyferry_protocol.request import Request
from keyferry_protocol.response import Response

_COLUMNS = "  "  # between the label of a summary's line and its text


def file_report(
    name: str, original: bytes, data: bytes, contents: Contents, repairs: tuple[str, ...], now: int
) -> str:
    """The page as one HTML document.

    `original` is the file as it is, `data` the file as it was read after the repairs.
    """
    shown = name or message("inspect.report.unnamed")
    title = message("inspect.report.title", file=shown)
    lead = message("inspect.report.lead", moment=local_time_with_zone(now), version=__version__)
    entries = list(rows(data, contents))
    sections = [
        _summary(shown, original, contents),
        _members(entries, is_exact(original, contents), repairs),
        _absent(entries, contents),
        _back(contents) if isinstance(contents, Request) else _effect(contents),
        _check(name, contents),
    ]
    return page(title, lead, sections)


def _summary(shown: str, original: bytes, contents: Contents) -> str:
    lines = request_lines(contents) if isinstance(contents, Request) else response_lines(contents)
    first, *others = (line.strip() for line in lines)
    split = (line.partition(_COLUMNS if _COLUMNS in line else " ") for line in others)
    facts = [
        (message("inspect.report.file"), as_code(shown)),
        (message("inspect.report.size"), as_text(message("inspect.report.bytes", n=len(original)))),
        (message("inspect.report.sha256"), as_code(hashlib.sha256(original).hexdigest())),
        *((label, as_text(text.strip())) for label, _, text in split),
    ]
    return f"{heading('summary')}\n<p>{as_text(first)}</p>\n{pairs(facts)}"


def _members(entries: list[Row], is_whole: bool, repairs: tuple[str, ...]) -> str:
    head = "".join(f'<th scope="col">{word(name)}</th>' for name in ("meaning", "entry"))
    body = "".join(
        f'<tr><th scope="row">{as_text(row.meaning)}</th>'
        f"<td>{as_code(f'{row.path}: {row.value}')}</td></tr>\n"
        for row in entries
    )
    return (
        f"{heading('members')}\n<p>{word('members-lead')}</p>\n"
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
    return note(f"{repair_note(repairs)} {text}".strip(), look)


def _count_unknown(entries: list[Row]) -> int:
    return sum(not row.is_known for row in entries)


def _absent(entries: list[Row], contents: Contents) -> str:
    if _count_unknown(entries):
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
