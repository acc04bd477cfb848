"""The catalog's words: American English, and one name for one thing."""

import re
from pathlib import Path

import pytest

from keyferry_protocol.messages import FOLDER, sentences

SWAPS = {
    r"\be-mail": "email",
    r"\bUSB sticks?\b|\bthe stick\b": "USB drive",
    r"\bswitch(ed)? off\b": "shut down (a computer), turn off (a part)",
    r"\bmeanwhile\b": "in the meantime",
    r"\(before: ": "(was",
    r"\bmend(s|ed)?\b": "repair",
    r"\bcut[ -]off\b": "interrupted",
    r"cannot be written\b": "is not writable",
    r"\bbeside\b": "next to",
    r"\bmakers?\b": "manufacturer",
    r"\bcarr(y|ies|ied)\b(?! a file back\?)": "take",  # to "take a file back" is to return it
    r"\banew\b": "again",
    r"\bany more\b": "no longer",
    r"\bnowhere\b": "not anywhere",
    r"\bwaits\b": "is waiting",
    r"\bwants its PIN\b": "needs its PIN",
    r"\b(is|are) kept\b": "is stored",
    r"\b(recognis|organis|cancelled|colour|licence)": "American spelling",
    r"\b(nobody|somebody|whoever)\b": "no one, someone, anyone who",
}


def spoken() -> list[tuple[str, str]]:
    """Each English sentence with its name."""
    texts = []
    for room in sorted(path.stem for path in Path(FOLDER, "en").glob("*.json")):
        for name, sentence in sentences(room).items():
            forms = [sentence] if isinstance(sentence, str) else sentence.values()
            texts += [(f"{room}.{name}", form) for form in forms]
    return texts


@pytest.mark.parametrize(("word", "instead"), SWAPS.items())
def test_the_catalog_says_it_the_american_way(word: str, instead: str) -> None:
    names = [name for name, text in spoken() if re.search(word, text, re.IGNORECASE)]
    assert not names, f"say {instead}"
