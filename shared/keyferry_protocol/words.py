"""The sentences that API, e-mail, wizard and terminal share, by code and language."""

import json
import os
from functools import lru_cache
from typing import Any

_FOLDER = os.path.join(os.path.dirname(__file__), "words")


@lru_cache
def words(language: str = "en") -> dict[str, dict[str, str]]:
    """The catalogue of one language; English where that language has no catalogue."""
    path = os.path.join(_FOLDER, f"{language}.json")
    if not language.isalpha() or not os.path.exists(path):
        path = os.path.join(_FOLDER, "en.json")
    with open(path, encoding="utf-8") as file:
        catalogue: dict[str, dict[str, str]] = json.load(file)
    return catalogue


def say(code: str, part: str, language: str = "en", **facts: Any) -> str:
    """One sentence with its facts filled in; a fact not given is told in neutral words."""
    catalogue = words(language)
    return catalogue[code][part].format_map(catalogue["neutral"] | facts)
