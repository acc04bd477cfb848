"""Writes changed_files.json: a request and a response as people bring them.

    python -m tests.support.make_changed_files

The client's repairs and the page's are tested with the same file. `text` is its text, or
`base64` of other bytes. `finds` says which file is in it, null for none that could be repaired,
and `repairs` what was done. `page` is what the page says where it can send nothing.
"""

import gzip
import html
import json
import quopri
import sys
import textwrap
from base64 import b64decode, b64encode, encodebytes, urlsafe_b64encode
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any
from urllib.parse import quote

from keyferry_protocol.text_form import to_text_form
from tests.support.valid_files import request_file, response_file

FILE = Path(__file__).with_name("changed_files.json")
CHANGED: list[dict[str, Any]] = json.loads(FILE.read_text())["cases"]
REQUEST, RESPONSE = request_file(), response_file()
ANOTHER = request_file(lambda members: members.update(id="f" * 32))
TEXT = REQUEST.decode()
LINK = f"https://activate.example.com/#r={urlsafe_b64encode(to_text_form(REQUEST)).decode().rstrip('=')}"
STEM = "015120020093-7f3a"
PROSE = "Hallo Zoë,\n\nhere is the file that you asked for:\n\n"
BYE = "\n\nRegards\nKim"

Case = dict[str, Any]


def folded(text: str, width: int = 76, end: str = "\r\n", first: str = "") -> str:
    return end.join(first + text[at : at + width] for at in range(0, len(text), width))


def zipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def email(
    data: bytes | None = None, text: str = "Here it is.\n", encoding: str = "base64", **parts: Any
) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Kim <kim@example.com>"
    message["To"] = "lee@example.com"
    message["Subject"] = "The file for the lab"
    message.set_content(text, cte=parts.pop("body", None))
    if "html" in parts:
        message.add_alternative(parts["html"], subtype="html", cte="quoted-printable")
    if data is not None:
        name = parts.get("name", f"{STEM}.request")
        message.add_attachment(data, "application", "octet-stream", cte=encoding, filename=name)
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"=={number:03}==")
    return message


def as_eml(message: EmailMessage) -> bytes:
    return message.as_bytes(policy=SMTP)


def repaired() -> Iterator[tuple[str, bytes | str, str]]:
    """Name, content, and the names of what is done."""
    yield "as it was saved", REQUEST, ""
    yield "with blank lines around it", b"\r\n" + REQUEST + b"\r\n\r\n", ""
    yield "indented by an editor", json.dumps(json.loads(REQUEST), indent=2), ""

    yield "compressed", zipped(REQUEST), "compressed"
    yield "compressed twice", zipped(zipped(REQUEST)), "compressed compressed"
    yield "compressed, and that in base64", encodebytes(zipped(REQUEST)), "encoded compressed"
    yield "in UTF-16, compressed", zipped(TEXT.encode("utf-16")), "compressed encoding"

    yield "with a byte-order mark", b"\xef\xbb\xbf" + REQUEST, "encoding"
    yield "in UTF-16", TEXT.encode("utf-16"), "encoding"
    yield "in UTF-16, big endian", b"\xfe\xff" + TEXT.encode("utf-16-be"), "encoding"
    yield "in UTF-16 without a mark", TEXT.encode("utf-16-le"), "encoding"
    yield "in UTF-16, big endian, without a mark", TEXT.encode("utf-16-be"), "encoding"

    yield "folded at 76 characters", folded(TEXT), "edited"
    yield "folded at 40 by line feeds", folded(TEXT, 40, "\n"), "edited"
    yield "folded at 11", folded(TEXT, 11, "\n"), "edited"
    yield "folded and indented", folded(TEXT, 70, "\n", "    "), "edited"
    yield "folded by spaces", folded(TEXT, 70, " "), "edited"
    yield "folded by no-break spaces", folded(TEXT, 70, "\u00a0\n"), "edited"
    yield "folded by line separators", folded(TEXT, 70, "\u2028"), "edited"
    yield "broken by zero-width spaces", folded(TEXT, 20, "\u200b"), "edited"
    yield "broken by soft hyphens", folded(TEXT, 30, "\u00ad"), "edited"
    escaped = TEXT.replace('"payload":"', '"payload":"\\n').replace("==", "==\\r\\n")
    yield "with escaped line breaks in its base64", escaped, "edited"
    yield "folded, in UTF-16", folded(TEXT).encode("utf-16"), "encoding edited"

    yield "in a code fence", f"```json\n{TEXT}\n```\n", "around"
    yield "in a chat, in a fence", f"{PROSE}~~~\n{TEXT}\n~~~{BYE}", "around"
    yield "in a text", f"{PROSE}{TEXT}{BYE}", "around"
    yield "folded, in a text", f"{PROSE}{folded(TEXT)}{BYE}", "edited"
    yield "pasted twice", TEXT + TEXT, "around"
    yield "with zeros after it", REQUEST + bytes(700), "around"
    yield "with Ctrl-Z after it", REQUEST + b"\x1a", "around"
    yield "with a comma after it", TEXT + ",", "around"
    yield "with curly quotation marks", curly(TEXT), "edited"
    yield "with curly quotation marks, folded", folded(curly(TEXT)), "edited"

    yield "quoted in an email", quoted(folded(TEXT, 70)), "quoted edited"
    yield "quoted on one line", f"Kim wrote:\n> {TEXT}\n", "around"
    yield "quoted twice", quoted(quoted(folded(TEXT, 60))), "quoted edited"
    yield "quoted three times without spaces", folded(TEXT, 60, "\n", ">>>"), "quoted edited"

    yield "escaped for a web page", html.escape(TEXT), "encoded"
    yield "escaped twice", html.escape(html.escape(TEXT)), "encoded"
    yield "escaped by numbers", TEXT.replace('"', "&#34;").replace("+", "&#x2B;"), "encoded"
    page = f"<!DOCTYPE html><html><body><pre>{html.escape(TEXT)}</pre></body></html>"
    yield "saved as a web page", page, "encoded"
    breaks = html.escape(folded(TEXT, 60, "\n")).replace("\n", "<br>\r\n")
    yield "escaped and folded by tags", breaks, "encoded edited"
    yield "escaped and quoted", html.escape(quoted(folded(TEXT))), "encoded quoted edited"

    printable = quopri.encodestring(REQUEST)
    yield "in quoted-printable", printable, "encoded"
    yield "in quoted-printable, in a text", PROSE.encode() + printable, "encoded"

    yield "in base64", b64encode(REQUEST), "encoded"
    yield "in base64, folded", encodebytes(REQUEST), "encoded"
    yield "in base64, folded, with CRLF", encodebytes(REQUEST).replace(b"\n", b"\r\n"), "encoded"
    yield "in URL-safe base64 without padding", urlsafe_b64encode(REQUEST).rstrip(b"="), "encoded"
    armor = (
        f"-----BEGIN CERTIFICATE-----\n{encodebytes(REQUEST).decode()}-----END CERTIFICATE-----\n"
    )
    yield "by certutil -encode", armor, "encoded"
    yield "in base64, in a text", PROSE + encodebytes(REQUEST).decode() + BYE, "encoded"
    yield "in base64, quoted", quoted(encodebytes(REQUEST).decode()), "encoded"
    yield "in base64 twice", b64encode(b64encode(REQUEST)), "encoded encoded"
    yield "in base64, in UTF-16", b64encode(TEXT.encode("utf-16")), "encoded encoding"
    yield (
        "as a data: address",
        f"data:application/json;base64,{b64encode(REQUEST).decode()}",
        "encoded",
    )

    yield "attached to an email", as_eml(email(REQUEST)), "email"
    yield (
        "attached in quoted-printable",
        as_eml(email(REQUEST, encoding="quoted-printable")),
        "email",
    )
    yield "attached as it is", as_eml(email(REQUEST, encoding="7bit")), "email"
    yield "attached, compressed", as_eml(email(zipped(REQUEST))), "email compressed"
    yield "attached, in UTF-16", as_eml(email(TEXT.encode("utf-16"))), "email encoding"
    yield "in an email's text", as_eml(email(text=PROSE + TEXT + BYE, body="8bit")), "email"
    plain = email(text=folded(TEXT, 72, "\n"), body="7bit")
    yield "folded in an email's text", as_eml(plain), "email edited"
    answer = email(text=quoted(folded(TEXT, 70, "\n")), body="7bit")
    yield "quoted in an email's text", as_eml(answer), "email quoted edited"
    both = email(text=f"{TEXT}\n", html=f"<p>{html.escape(TEXT)}</p>", body="quoted-printable")
    yield "in both texts of an email", as_eml(both), "email"
    outer = email()
    outer.add_attachment(email(REQUEST))
    for number, part in enumerate(outer.walk()):
        if part.get_content_type().startswith("multipart/"):
            part.set_boundary(f"=={number:03}==")
    yield "in a forwarded email", as_eml(outer), "email"
    headers = b"MIME-Version: 1.0\r\nX-Mozilla-Status: 0001\r\nX-Received-2: by a\r\n"
    yield (
        "in an email as Thunderbird keeps it",
        b"From - Tue\r\n" + headers + as_eml(email(REQUEST)),
        "email",
    )
    yield "in an email, compressed", zipped(as_eml(email(REQUEST))), "compressed email"
    yield (
        "in an email in UTF-16",
        as_eml(email(REQUEST)).decode().encode("utf-16"),
        "encoding email",
    )
    yield "in winmail.dat", b"\x78\x9f\x3e\x22" + bytes(range(40)) + REQUEST + bytes(40), "email"
    outlook = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60) + b"_\0_\0s\0u\0b\0s\0t\0g\0"
    yield "in Outlook's .msg", outlook + bytes(400) + REQUEST + bytes(400), "email"

    yield "as a link", LINK, "link"
    yield "as a link in a text", f"{PROSE}{LINK}.{BYE}", "link"
    yield "as a link with words after it", f"{LINK} Regards Kim", "link"
    yield "as a link in angle brackets", f"Open <{LINK}>, please.", "link"
    yield "as a wrapped link", f"{PROSE}{folded(LINK)}{BYE}", "link"
    yield "as a quoted, wrapped link", quoted(folded(LINK, 70)), "link"
    yield "as a link in quoted-printable", quopri.encodestring(LINK.encode()), "link"
    safe = "https://eur01.safelinks.protection.example.com/?url="
    yield "as a link that a mail filter rewrote", f"{safe}{quote(LINK, safe='')}&data=05", "link"
    yield "as a link in a web page", f'<p><a href="{LINK}">Open the page</a></p>', "link"
    yield "as a shortcut to the link", f"[InternetShortcut]\r\nURL={LINK}\r\n", "link"
    yield "as a link in an email", as_eml(email(text=f"Open {LINK}\n")), "email link"


def curly(text: str) -> str:
    return text.replace('{"', "{\u201c").replace(':"', ":\u201c").replace('"', "\u201d")


def quoted(text: str) -> str:
    return "".join(f"> {line}\r\n" for line in text.splitlines())


def not_repaired() -> Iterator[tuple[str, bytes | str, str]]:
    """Name, content, and what the page says."""
    half = REQUEST[: len(REQUEST) // 2]
    yield "cut", half, "damaged"
    yield "cut, with zeros to its length", half.ljust(len(REQUEST), b"\0"), "damaged"
    yield "cut, in UTF-16", half.decode().encode("utf-16"), "damaged"
    yield "cut, in an email", as_eml(email(half)), "e-mail"
    yield "cut, folded", folded(half.decode()), "damaged"
    yield "cut while it was compressed", zipped(REQUEST)[:-20], "damaged"
    yield "compressed, and damaged", zipped(REQUEST).replace(b"\n", b"\r\n") + b"", "damaged"
    yield "with letters lost", TEXT.replace("eyJ", "e"), "damaged"
    yield "as a cut link", LINK[:-9], "link-cut"
    yield "as a cut link in a text", f"{PROSE}{LINK[:-40]}{BYE}", "link-cut"
    yield "as a cut link in an email", as_eml(email(text=f"Open {LINK[:-9]}\n")), "link-cut"
    yield "two in one text", TEXT + ANOTHER.decode(), "several"
    yield "compressed four times", zipped(zipped(zipped(zipped(REQUEST)))), "other"
    yield "an email without a file", as_eml(email()), "e-mail"
    yield "an email with a picture", as_eml(email(b"\x89PNG\r\n\x1a\n" + bytes(900))), "e-mail"
    yield "the page of a sign-in", "<!DOCTYPE html><html><title>Sign in</title>", "other"
    yield "a note", "Dear Kim, where is the file?", "other"
    yield "nothing but zeros", bytes(1294), "damaged"
    yield "compressed, but no file", zipped(b"Dear Kim"), "other"
    yield "a small file that grows", zipped(bytes(5_000_000)), "other"
    yield "small files in a small file", b64encode(zipped(zipped(bytes(60_000)))) * 3, "other"


def responses() -> Iterator[tuple[str, bytes | str, str]]:
    """Name, content, and the names of what the client does; the page says what it is."""
    text = RESPONSE.decode()
    yield "a response", RESPONSE, ""
    yield "a compressed response", zipped(RESPONSE), "compressed"
    yield "a response in UTF-16", text.encode("utf-16"), "encoding"
    yield "a folded response", folded(text), "edited"
    yield "a quoted response", quoted(folded(text, 70)), "quoted edited"
    yield "a response in an email", as_eml(email(RESPONSE, name=f"{STEM}-1.response")), "email"
    yield "a response escaped for a web page", html.escape(text), "encoded"
    yield "a response in base64", encodebytes(RESPONSE), "encoded"


def cases() -> Iterator[Case]:
    for name, content, names in repaired():
        yield _case(name, content, finds="request", repairs=names.split())
    for name, content, page in not_repaired():
        yield _case(name, content, finds=None, page=page)
    for name, content, names in responses():
        yield _case(name, content, finds="response", repairs=names.split(), page="response")


def _case(name: str, content: bytes | str, **facts: Any) -> Case:
    data = content.encode() if isinstance(content, str) else content
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    is_text = text.replace("\r", "").replace("\n", "").replace("\t", "").isprintable()
    member = {"text": text} if is_text else {"base64": b64encode(data).decode()}
    return {"name": name, **member, **facts}


def document() -> str:
    all_cases = list(cases())
    head = {
        "about": textwrap.dedent(__doc__.split("\n\n")[2]).replace("\n", " ").strip(),
        "request": TEXT,
        "response": RESPONSE.decode(),
    }
    lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in all_cases)
    return f'{json.dumps(head, indent=1)[:-2]},\n "cases": [\n{lines}\n]}}\n'


def content(case: Case) -> bytes:
    """The bytes of one of the cases."""
    return case["text"].encode() if "text" in case else b64decode(case["base64"])


if __name__ == "__main__":
    FILE.write_text(document())
    sys.exit(print(f"{FILE.stat().st_size:,} bytes, {len(list(cases()))} cases"))
