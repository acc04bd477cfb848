"""The page as it is served: the files of its folder, and its sentences in each language."""

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keyferry_protocol.messages import languages, sentences, use_language
from keyferry_service.views.problem_document import Problem, problem_page

# A comment that has its lines for itself; none of a browser's business, and a fifth of the page.
_COMMENT = re.compile(rb"^[ \t]*(?://[^\n]*|/\*(?:[^*]|\*(?!/))*\*/[ \t]*)\n", re.MULTILINE)


def site_files(folder: Path) -> dict[str, bytes]:
    """Every file of the page by its path below the page's address.

    `404.html` is what the distribution shows for a file that is not there. Scripts are without
    comments; the first screen names the vendor before its script has run.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    files |= {n: _COMMENT.sub(b"", data) for n, data in files.items() if n.endswith(".js")}
    files["index.html"] = _with_vendor(files["index.html"], json.loads(files["vendor.json"]))
    for language in sorted(languages()):
        with use_language(language):
            text = json.dumps(dict(sentences("page")), ensure_ascii=False, indent=0)
        files[f"languages/{language}.json"] = text.encode()
    files["404.html"] = problem_page(Problem("no-such-route")).encode()
    return files


def _with_vendor(page: bytes, vendor: Mapping[str, Any]) -> bytes:
    support = vendor["support"]
    values = {
        "name": vendor["name"],
        "contact": support["email"] or support["url"],
        "link": support["url"] or f"mailto:{support['email']}",
    }
    for name, value in values.items():
        page = page.replace(f"{{vendor.{name}}}".encode(), html.escape(value).encode())
    return page
