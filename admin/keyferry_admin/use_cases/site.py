"""The page as it is served: its files, the vendor's own, and its sentences in each language."""

import html
import json
import mimetypes
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from keyferry_admin.errors.commands import BadOwnFile
from keyferry_admin.use_cases.vendor_json import read_own, vendor_file
from keyferry_protocol.messages import (
    ENGLISH,
    OwnSentences,
    Sentence,
    languages,
    message,
    sentences,
    use_language,
    use_own_sentences,
)
from keyferry_service.views.own_sentences import (
    LICENSE_CONFIGURATION,
    BadOwnSentence,
    own_sentences,
)
from keyferry_service.views.problem_document import Problem, problem_page

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# A comment that has its lines for itself; none of a browser's business, and a fifth of the page.
_COMMENT = re.compile(rb"^[ \t]*(?://[^\n]*|/\*(?:[^*]|\*(?!/))*\*/[ \t]*)\n", re.MULTILINE)
_TYPES = {  # where Python's own table differs between versions, or lacks the charset
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".ts": "text/plain; charset=utf-8",  # types.d.ts, which browsers do not load
}
_ACCENT = re.compile(rb"var\(--accent-(light|dark), (#[0-9a-f]{6})\)")
_INDENTATION = re.compile(rb"^[ \t]+", re.MULTILINE)
# Sentences of the parts of the page that are loaded late: `page-<part>.json` of the catalog.
_PARTS = ("by-hand", "choice", "responses", "room")
_OTHER_TYPES = mimetypes.MimeTypes()  # without what this computer adds


def site_files(site: Path, own: Path | None = None) -> dict[str, bytes]:
    """Every file of the page by its path below the page's address.

    `own` is the folder with the vendor's own vendor.json and languages; `404.html` is what the
    distribution shows for a file that is not there. Scripts are without comments, and nothing is
    indented; the first screen names the vendor before its script has run. Raises BadOwnFile.
    """
    files = {path.relative_to(site).as_posix(): path.read_bytes() for path in _published(site)}
    files |= {n: _COMMENT.sub(b"", data) for n, data in files.items() if n.endswith(".js")}
    for name in [name for name in files if name.endswith((".css", ".html", ".js"))]:
        files[name] = _INDENTATION.sub(b"", files[name])
    vendor = vendor_file(site, own)
    files["vendor.json"] = vendor.read_bytes()
    files["index.html"] = _with_vendor(files["index.html"], read_own(vendor))
    files |= {n: _with_accent(f, read_own(vendor)) for n, f in files.items() if n == "page.css"}
    sentences_of_vendor = read_own_sentences(own)
    with use_own_sentences(sentences_of_vendor):
        for language in sorted(languages()):
            with use_language(language):
                files[f"languages/{language}.json"] = _page_sentences("page")
                for part in _PARTS:
                    files[f"languages/{language}.{part}.json"] = _page_sentences(f"page-{part}")
        files["index.html"] = _with_own_english(files["index.html"], sentences_of_vendor)
        files["404.html"] = problem_page(Problem("no-such-route")).encode()
    added = {name: rooms["page"] for name, rooms in sentences_of_vendor.items() if "page" in rooms}
    files["index.html"] = _with_languages(files["index.html"], added)
    return files


def read_own_sentences(own: Path | None) -> OwnSentences:
    """The sentences of the vendor's own folder. Raises BadOwnFile."""
    if own is None:
        return {}
    try:
        return own_sentences(own)
    except BadOwnSentence as error:
        raise BadOwnFile(str(error)) from error


def _page_sentences(room: str) -> bytes:
    """A room's sentences in the current language, with the vendor's name of its dialog."""
    name = message(f"neutral.{LICENSE_CONFIGURATION}")
    page = {
        each: str(sentence).replace(f"{{{LICENSE_CONFIGURATION}}}", name)
        for each, sentence in sentences(room).items()
    }
    return json.dumps(page, ensure_ascii=False, indent=0).encode()


def _with_own_english(page: bytes, own: OwnSentences) -> bytes:
    """The page, whose own text is English, with the vendor's English sentences and that name."""
    text = page.decode()
    for name, sentence in own.get(ENGLISH, {}).get("page", {}).items():
        escaped = html.escape(str(sentence)).replace("\\", r"\\")
        text = re.sub(rf'(data-text="{re.escape(name)}"[^>]*>)[^<]*', rf"\g<1>{escaped}", text)
    with use_language(ENGLISH):
        name = html.escape(message(f"neutral.{LICENSE_CONFIGURATION}"))
    return text.replace(f"{{{LICENSE_CONFIGURATION}}}", name).encode()


def _with_languages(page: bytes, added: Mapping[str, Mapping[str, Sentence]]) -> bytes:
    """The page with an option for each language that it does not offer by itself."""
    last = b"</option></select>"
    options = "".join(
        f'</option><option value="{html.escape(language)}">'
        + html.escape(str(text.get("language.name", language)))
        for language, text in added.items()
        if f'<option value="{language}">'.encode() not in page
    )
    return page.replace(last, options.encode() + last)


def upload_site(s3: "S3Client", bucket: str, files: Mapping[str, bytes]) -> None:
    """Upload the files of the page, index.html last: until then, browsers get the page before.

    Files that the page no longer has stay in the bucket, for browsers that have it open.
    """
    for path in sorted(files, key=lambda path: path == "index.html"):
        s3.put_object(
            Bucket=bucket,
            Key=path,
            Body=files[path],
            ContentType=content_type(path),
            CacheControl="no-cache",  # browsers revalidate, so nobody sees an older page
        )


def content_type(path: str) -> str:
    """The Content-Type of a file of the page, by its name."""
    known = _TYPES.get(PurePosixPath(path).suffix) or _OTHER_TYPES.guess_type(path)[0]
    return known or "application/octet-stream"


def _published(folder: Path) -> Iterator[Path]:
    """The files that belong to the page: no hidden ones, no backups, none from outside it."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        is_hidden = any(part.startswith((".", "#")) or part.endswith("~") for part in parts)
        if path.is_file() and not is_hidden and path.resolve().is_relative_to(folder.resolve()):
            yield path


def _with_vendor(page: bytes, vendor: Mapping[str, Any]) -> bytes:
    support = vendor["support"]
    logo, hours, privacy = vendor.get("logo"), support.get("hours"), vendor.get("privacy_url")
    texts = {
        "name": vendor["name"],
        "contact": support.get("email") or support["url"],
        "link": support.get("url") or f"mailto:{support['email']}",
        "hours": f" ({hours})" if hours else "",
    }
    texts = {name: html.escape(text) for name, text in texts.items()}
    parts = texts | {
        "sign": _logo(logo, texts["name"]) if logo else texts["name"],
        "privacy": f'<a href="{html.escape(privacy)}">{html.escape(privacy)}</a>'
        if privacy
        else "",
    }
    for name, part in parts.items():
        page = page.replace(f"{{vendor.{name}}}".encode(), part.encode())
    return page


def _logo(logo: str | Mapping[str, str], name: str) -> str:
    """The picture of a logo, one for both color schemes or one for each; `name` is HTML."""
    light, dark = (logo if isinstance(logo, str) else logo.get(s, "") for s in ("light", "dark"))
    return (
        f'<picture><source srcset="{html.escape(dark)}" media="(prefers-color-scheme: dark)">'
        f'<img src="{html.escape(light)}" alt="{name}"></picture>'
    )


def _with_accent(style: bytes, vendor: Mapping[str, Any]) -> bytes:
    """The style sheet in the vendor's colors; what is no color leaves the page's own."""

    accent = vendor.get("accent")

    def own(match: re.Match[bytes]) -> bytes:
        color = str(accent.get(match[1].decode())) if isinstance(accent, dict) else ""
        return color.encode() if re.fullmatch(r"#[0-9a-fA-F]{6}", color) else match[2]

    return _ACCENT.sub(own, style)
