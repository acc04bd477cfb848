"""The page as it is served: the files of its folder, and its sentences in each language."""

import json
from pathlib import Path

from keyferry_protocol.messages import languages, sentences, use_language


def site_files(folder: Path) -> dict[str, bytes]:
    """Every file of the page by its path below the page's address."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    for language in sorted(languages()):
        with use_language(language):
            text = json.dumps(dict(sentences("page")), ensure_ascii=False, indent=0)
        files[f"languages/{language}.json"] = text.encode()
    return files
