"""The page as it is served: the files of its folder, and its sentences in each language."""

import json
import re
from pathlib import Path

from keyferry_protocol.messages import languages, sentences, use_language

# A comment that has its lines for itself; none of a browser's business, and a fifth of the page.
_COMMENT = re.compile(rb"^[ \t]*(?://[^\n]*|/\*(?:[^*]|\*(?!/))*\*/[ \t]*)\n", re.MULTILINE)


def site_files(folder: Path) -> dict[str, bytes]:
    """Every file of the page by its path below the page's address, scripts without comments."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    files |= {n: _COMMENT.sub(b"", data) for n, data in files.items() if n.endswith(".js")}
    for language in sorted(languages()):
        with use_language(language):
            text = json.dumps(dict(sentences("page")), ensure_ascii=False, indent=0)
        files[f"languages/{language}.json"] = text.encode()
    return files
