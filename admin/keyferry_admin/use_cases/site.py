"""The page as it is served: its files, the vendor's own, and its sentences in each language."""

import html
import json
import mimetypes
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from keyferry_admin.errors import BadOwnFile
from keyferry_admin.use_cases.vendor_json import read_own, vendor_file
from keyferry_protocol.messages import languages, sentences, use_language
from keyferry_service.views.problem_document import Problem, problem_page

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# A comment that has its lines for itself; none of a browser's business, and a fifth of the page.
_COMMENT = re.compile(rb"^[ \t]*(?://[^\n]*|/\*(?:[^*]|\*(?!/))*\*/[ \t]*)\n", re.MULTILINE)
_SENTENCE = re.compile(r"(?:[^{}]|\{\w+(?::\w+)?\})*")  # braces are placeholders: {name}, {M:02}
_TYPES = {  # where Python's own table differs between versions, or lacks the charset
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".ts": "text/plain; charset=utf-8",  # types.d.ts, which browsers do not load
}
_OTHER_TYPES = mimetypes.MimeTypes()  # without what this computer adds


def site_files(site: Path, own: Path | None = None) -> dict[str, bytes]:
    """Every file of the page by its path below the page's address.

    `own` is the folder with the vendor's own vendor.json and languages; `404.html` is what the
    distribution shows for a file that is not there. Scripts are without comments; the first screen
    names the vendor before its script has run. Raises BadOwnFile.
    """
    files = {path.relative_to(site).as_posix(): path.read_bytes() for path in _published(site)}
    files |= {n: _COMMENT.sub(b"", data) for n, data in files.items() if n.endswith(".js")}
    vendor = vendor_file(site, own)
    files["vendor.json"] = vendor.read_bytes()
    files["index.html"] = _with_vendor(files["index.html"], read_own(vendor))
    added = _own_sentences(own)
    for language in sorted(languages() | added.keys()):
        with use_language(language):
            text = dict(sentences("page")) | added.get(language, {})
        files[f"languages/{language}.json"] = json.dumps(
            text, ensure_ascii=False, indent=0
        ).encode()
    files["index.html"] = _with_languages(files["index.html"], added)
    files["404.html"] = problem_page(Problem("no-such-route")).encode()
    return files


def _own_sentences(own: Path | None) -> dict[str, dict[str, str]]:
    """The page's sentences in the vendor's own languages. Raises BadOwnFile for any room's."""
    rooms = {file: read_own(file) for file in sorted(own.glob("languages/*/*.json") if own else [])}
    for file, text in rooms.items():
        for name, sentence in text.items():
            if not _is_sentence(sentence):
                raise BadOwnFile(f"{file}: {name} is not a sentence, or its braces are wrong")
    return {file.parent.name: text for file, text in rooms.items() if file.name == "page.json"}


def _is_sentence(value: object) -> bool:
    """Whether the service and the page can say it; if not, each email that says it would fail."""
    if isinstance(value, dict):  # by plural category
        return "other" in value and all(
            isinstance(v, str) and _is_sentence(v) for v in value.values()
        )
    return isinstance(value, str) and _SENTENCE.fullmatch(value) is not None


def _with_languages(page: bytes, added: Mapping[str, Mapping[str, str]]) -> bytes:
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
    values = {
        "name": vendor["name"],
        "contact": support.get("email") or support["url"],
        "link": support.get("url") or f"mailto:{support['email']}",
    }
    for name, value in values.items():
        page = page.replace(f"{{vendor.{name}}}".encode(), html.escape(value).encode())
    return page
