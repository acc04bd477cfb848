"""Real files of the kinds that people choose by mistake."""

import gzip
import io
import struct
import zipfile
from email.message import EmailMessage

from playwright.sync_api import Browser

from tests.browser.page.fake_service import STEM, a_request
from tests.support.samples import CODE, NUMBER

REQUEST = a_request()
SHOWN_NUMBER = "015.120.020.093"


def print_and_screenshots(browser: Browser) -> dict[str, bytes]:
    """A page printed to PDF, and two screenshots of it."""
    context = browser.new_context()
    page = context.new_page()
    page.set_content("<h1>Your license</h1>" + "<p>Thank you for your order.</p>" * 40)
    files = {
        "printed.pdf": page.pdf(),
        "screenshot.png": page.screenshot(),
        "photo.jpg": page.screenshot(type="jpeg"),
    }
    context.close()
    return files


def _zip(files: dict[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _word() -> bytes:
    """The smallest document that a word processor writes (OPC, WordprocessingML)."""
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    main = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    return _zip(
        {
            "[Content_Types].xml": f'{head}<Types xmlns="{package}/content-types">'
            '<Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{word}"/></Types>',
            "_rels/.rels": f'{head}<Relationships xmlns="{package}/relationships">'
            f'<Relationship Id="rId1" Type="{office}" Target="word/document.xml"/></Relationships>',
            "word/document.xml": f'{head}<w:document xmlns:w="{main}"><w:body><w:p><w:r>'
            f"<w:t>{SHOWN_NUMBER}</w:t></w:r></w:p></w:body></w:document>",
        }
    )


def _mail() -> bytes:
    """An email with another file attached, saved as .eml."""
    message = EmailMessage()
    message["From"] = "Kim <kim@example.com>"
    message["To"] = "lee@example.com"
    message["Subject"] = "The file for the lab"
    message.set_content("Here it is.")
    message.add_attachment(
        b"Dear Lee", maintype="application", subtype="octet-stream", filename=f"{STEM}.request"
    )
    return message.as_bytes()


def _link() -> bytes:
    """A Windows shortcut: ShellLinkHeader (MS-SHLLINK 2.1) and a relative path."""
    clsid = bytes.fromhex("0114020000000000c000000000000046")
    has_path, unicode = 0x08, 0x80
    header = struct.pack("<I16sII", 76, clsid, has_path | unicode, 0x20)
    path = f".\\{STEM}.request"
    name = struct.pack("<H", len(path)) + path.encode("utf-16-le")
    return header.ljust(76, b"\0") + name + b"\0" * 4


PDF = "This is a PDF. Choose the request file itself."
WORD = "This is a Word document. Choose the request file itself."
MAIL = "This is an email. Choose the request file itself."
INSIDE = (
    "There is no request file in this zip archive or folder. Choose the request files themselves."
)
PICTURE = (
    "This is a picture. To use a QR code, point your phone's camera at the offline computer's "
    "screen. The phone opens this page with the request filled in."
)
SHORTCUT = "This is a shortcut. Choose the request file itself."
EMPTY = "The file is empty. Save it again on the offline computer."
TOO_BIG = "This file is too large to be a request file. Choose another file."
DAMAGED = (
    "The file was damaged after it was saved, for example by a text editor. Copy it again from "
    "the offline computer."
)
SECRET = (
    "That is {what}. Enter it on the offline computer to make the request file. It was not sent."
)
OTHER = (
    "This is not a request file. On the offline computer, open License Configuration, choose the "
    "license, then Show request file."
)
LINK_CUT = (
    "This link is incomplete or has been changed. Copy the whole link, or choose the request file."
)
VERSION = (
    "This file is newer than this page. Ask licensing@example.com for help. Your file was not sent."
)

# name -> (content, or None where a browser makes it; the sentence)
WRONG: dict[str, tuple[bytes | None, str]] = {
    "printed.pdf": (None, PDF),
    "renamed from pdf.request": (None, PDF),
    "license.docx": (_word(), WORD),
    "renamed from docx.request": (_word(), WORD),
    "license.rtf": (b"{\\rtf1\\ansi " + SHOWN_NUMBER.encode() + b"}", WORD),
    "the file.eml": (_mail(), MAIL),
    "renamed from eml.request": (_mail(), MAIL),
    "photos.zip": (_zip({"readme.txt": "Hello"}), INSIDE),
    "zip in a zip.zip": (_zip({"a.zip": _zip({f"{STEM}.request": REQUEST})}), INSIDE),
    "screenshot.png": (None, PICTURE),
    "photo.jpg": (None, PICTURE),
    "renamed from png.request": (None, PICTURE),
    f"{STEM}.request.lnk": (_link(), SHORTCUT),
    "Activate.url": (b"[InternetShortcut]\r\nURL=https://activate.example.com/\r\n", SHORTCUT),
    "empty.request": (b"", EMPTY),
    "big.request": (b"x" * 8193, TOO_BIG),
    "cut short.request": (REQUEST[: len(REQUEST) // 2], DAMAGED),
    "half of it, saved by Notepad.request": (REQUEST.decode()[:700].encode("utf-16"), DAMAGED),
    "half of it, compressed.request.gz": (gzip.compress(REQUEST)[:500], DAMAGED),
    "zeros.request": (bytes(len(REQUEST)), DAMAGED),
    "edited.request": (REQUEST.replace(b"eyJ", b"eyK", 1), DAMAGED),
    "two.txt": (REQUEST + a_request(kind="update"), "Choose one request file at a time."),
    "link.txt": (b"https://activate.example.com/#r=AQECs8OEfwftZUEAQKGf", LINK_CUT),
    "from the future.request": (REQUEST.replace(b".request.v1", b".request.v2"), VERSION),
    "number.txt": (SHOWN_NUMBER.encode(), SECRET.format(what="a license number")),
    "bare number.txt": (NUMBER.encode(), SECRET.format(what="a license number")),
    "code.txt": (CODE.encode(), SECRET.format(what="an activation code")),
    "notes.txt": (b"Ask Kim for the file.", OTHER),
    "settings.json": (b'{"theme": "dark"}', OTHER),
}
FROM_BROWSER = {
    "renamed from pdf.request": "printed.pdf",
    "renamed from png.request": "screenshot.png",
}
