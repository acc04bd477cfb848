"""Adds the vendor's own sentences to the catalog of a layer that is being built; the vendor's win.

python add_languages.py vendor/languages LAYER/python/keyferry_protocol/messages
"""

import json
import sys
from pathlib import Path


def main(own: Path, catalog: Path) -> None:
    for file in sorted(own.glob("*/*.json")):
        into = catalog / file.relative_to(own)
        into.parent.mkdir(exist_ok=True)
        before = json.loads(into.read_bytes()) if into.exists() else {}
        try:
            sentences = before | json.loads(file.read_bytes())
        except (ValueError, TypeError) as error:
            sys.exit(f"{file} is not a JSON object of sentences: {error}")
        into.write_text(json.dumps(sentences, ensure_ascii=False, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
