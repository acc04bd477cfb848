"""One page about all files of a folder or zip archive, for the person who guards the door.

It lists every name, also those that are not Keyferry's, with its hash and what is in it in short.
"""

from collections.abc import Sequence
from typing import NamedTuple

from keyferry.inspected import Inspected, ListedFile
from keyferry.times import local_time_with_zone
from keyferry.views.file_facts import (
    FOLDER_HASH_COMMANDS,
    Row,
    absent_from,
    completeness,
    hash_commands,
    rows,
    summary,
    summary_lines,
    text_commands,
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
from keyferry_protocol.encoding import escape_controls
from keyferry_protocol.envelope import MAX_FILE, RESPONSE
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import comma_list
from keyferry_protocol.request import Request

_DAMAGED = ("cut", "editor", "empty")


class Entry(NamedTuple):
    """A name of the folder or archive. `warning` is "" where there is nothing to look at."""

    file: ListedFile
    inspected: Inspected | None = None
    rows: tuple[Row, ...] = ()
    warning: str = ""


def entry_of(file: ListedFile, inspected: Inspected | str) -> Entry:
    """What a person has to look at before a file goes through; or its kind, if it is not ours."""
    if file.obstacle:
        return Entry(file, warning=message(f"inspect.listed.{file.obstacle}"))
    if file.is_zip:
        return Entry(file)
    if inspected in _DAMAGED:
        why = message(f"terminal.kind.{inspected}")
        return Entry(file, warning=message("inspect.listed.damaged", why=why))
    if isinstance(inspected, str):
        return Entry(file, warning=message("inspect.listed.other"))
    entries = tuple(rows(inspected))
    text, is_whole = completeness(inspected, entries)
    return Entry(file, inspected, entries, "" if is_whole else text)


def overview(entries: Sequence[Entry]) -> tuple[str, bool]:
    """One sentence about all of them, and whether there is nothing to look at."""
    files = [entry for entry in entries if entry.warning or not entry.file.is_zip]
    unclear = [entry.file.name for entry in files if entry.warning]
    if not unclear:
        return message("inspect.report.all-ours", n=len(files)), True
    names = comma_list(escape_controls(name) for name in unclear)
    text = message("inspect.report.look-at", n=len(unclear), of=len(files), names=names)
    return text, False


def entry_lines(entry: Entry) -> list[str]:
    """What the terminal says about one of them, below its name."""
    if entry.inspected is None:
        return [entry.warning or message("inspect.listed.zip")]
    lines = summary_lines(entry.inspected.contents)
    return [*lines, entry.warning] if entry.warning else lines


def folder_report(name: str, entries: Sequence[Entry], is_archive: bool, now: int) -> str:
    """The page as one HTML document about the folder or archive of this name."""
    title = message("inspect.report.title", file=name)
    moment = local_time_with_zone(now)
    lead = message("inspect.report.lead-files", moment=moment, version=__version__)
    text, is_whole = overview(entries)
    contents = [entry.inspected.contents for entry in entries if entry.inspected]
    sections = [
        f"{heading('summary')}\n{note(text, 'good' if is_whole else 'bad')}",
        f"{heading('files')}\n<p>{word('files-lead')}</p>",
        *(_file(number, entry) for number, entry in enumerate(entries, 1)),
        _absent(entries, is_whole),
        *([_back()] if any(isinstance(each, Request) for each in contents) else []),
        _check(name if is_archive else ""),
    ]
    return page(title, lead, sections)


def _file(number: int, entry: Entry) -> str:
    file, inspected = entry.file, entry.inspected
    size = message("inspect.report.bytes", n=file.size)
    head = f"<h3>{number}. {as_code(file.name)} ({as_text(size)})</h3>"
    facts = [(message("inspect.report.sha256"), as_code(file.sha256))] if file.sha256 else []
    first = ""
    if inspected is not None:
        first, others = summary(inspected.contents)
        facts += [(label, as_text(text)) for label, text in others]
        facts.append(_other_half(inspected))
    elif file.is_zip and not entry.warning:
        first = message("inspect.listed.zip")
    unknown = [as_code(f"{row.path}: {row.value}") for row in entry.rows if not row.is_known]
    facts += [(message("inspect.report.unknown-entry"), code) for code in unknown]
    parts = [head, f"<p>{as_text(first)}</p>" if first else "", pairs(facts) if facts else ""]
    parts.append(note(entry.warning, "bad") if entry.warning else "")
    return "\n".join(['<section class="file">', *filter(None, parts), "</section>"])


def _other_half(file: Inspected) -> tuple[str, str]:
    """How to tell which response belongs to a request, on either of the two."""
    contents = file.contents
    if isinstance(contents, Request):
        name = as_code(f"{contents.file_stem}-N.response")
        digest = as_code(f"request_sha256: {contents.sha256}")
        return message("inspect.report.comes-back"), f"{name} {digest}"
    digest = as_code(f"request_sha256: {contents.request_sha256}")
    return message("inspect.report.answers"), digest


def _absent(entries: Sequence[Entry], is_whole: bool) -> str:
    """What none of the files contains that are all known."""
    clear = [entry.inspected for entry in entries if entry.inspected and not entry.warning]
    claims = [absent_from(file.contents) for file in clear]
    common = [name for name in claims[0] if all(name in of for of in claims)] if claims else []
    parts = [heading("absent-files")]
    if not is_whole:
        parts.append(note(message("inspect.report.absent-look"), "bad"))
    if common:
        parts.append(bullets(message(f"inspect.report.absent.{name}") for name in common))
        parts.append(f'<p class="muted">{word("random")}</p>')
    return "\n".join(parts)


def _back() -> str:
    sentences = (
        message("inspect.report.back.each", n=MAX_FILE[RESPONSE]),
        message("inspect.report.back.text"),
        message("inspect.report.back.data"),
    )
    return f"{heading('back')}\n{bullets(sentences)}"


def _check(archive: str) -> str:
    """The commands; `archive` is "" for a folder."""
    parts = [heading("check"), f"<p>{word('check-lead-files')}</p>"]
    if archive:
        parts += [f"<h3>{word('check.hash')}</h3>", typed(hash_commands(archive))]
    parts += [f"<h3>{word('check.hash-each')}</h3>", typed(FOLDER_HASH_COMMANDS)]
    parts += [f"<h3>{word('check.text-one')}</h3>", typed(text_commands(""))]
    return "\n".join(parts)
