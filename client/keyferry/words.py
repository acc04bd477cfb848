"""What only the offline machine says; what it shares is in the protocol's catalogue."""

import json
import os
from functools import lru_cache

_FOLDER = os.path.join(os.path.dirname(__file__), "words")


@lru_cache
def _catalogue(language: str) -> dict[str, str]:
    sentences: dict[str, str] = {}
    for name in (f"{language}.json", f"wizard.{language}.json"):
        with open(os.path.join(_FOLDER, name), encoding="utf-8") as file:
            sentences |= json.load(file)
    return sentences


def phrase(name: str, /, **facts: object) -> str:
    """One sentence with its facts filled in."""
    return _catalogue("en")[name].format_map(facts)


def has_phrase(name: str) -> bool:
    """Whether the catalogue has a sentence of this name."""
    return name in _catalogue("en")
