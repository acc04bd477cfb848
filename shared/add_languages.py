"""Adds the vendor's own sentences to the catalog of a layer that is being built; the vendor's win.

python add_languages.py vendor LAYER/python/keyferry_protocol/messages
"""

import json
import sys
from pathlib import Path

from keyferry_service.views.own_sentences import BadOwnSentence, own_sentences


def main(vendor: Path, catalog: Path) -> None:
    try:
        own = own_sentences(vendor)
    except BadOwnSentence as error:
        sys.exit(str(error))
    for language, rooms in own.items():
        for room, sentences in rooms.items():
            into = catalog / language / f"{room}.json"
            into.parent.mkdir(exist_ok=True)
            before = json.loads(into.read_bytes()) if into.exists() else {}
            text = json.dumps(before | {**sentences}, ensure_ascii=False, indent=2)
            into.write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
