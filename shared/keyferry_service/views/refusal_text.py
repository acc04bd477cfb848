"""How the service says dates and refusals, in the reader's language."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from keyferry_protocol.words import say, words
from keyferry_service.domain.refusals import Refusal, RefusalCode

_LETTERS = Path(__file__).with_name("letters")


@dataclass(frozen=True, slots=True)
class Vendor:
    """Who speaks, and whom a customer asks for help."""

    name: str
    support: str


@dataclass(frozen=True, slots=True)
class SaidRefusal:
    """A refusal in words: what is the case, and what to do next."""

    sentence: str  # its name in the catalogue
    title: str
    next_step: str


@lru_cache
def letter_words(language: str) -> Mapping[str, Any]:
    """The letters' words in one language; English where that language has none."""
    path = _LETTERS / f"{language}.json"
    if not language.isalpha() or not path.exists():
        path = _LETTERS / "en.json"
    catalogue: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return catalogue


def show_date(seconds: int, language: str) -> str:
    """`30 November 2027` (UTC)."""
    day = datetime.fromtimestamp(seconds, UTC)
    catalogue = letter_words(language)
    month = catalogue["months"][day.month - 1]
    return str(catalogue["date"]).format(day=day.day, month=month, year=day.year)


def say_refusal(refusal: Refusal, language: str, vendor: Vendor, **hidden: str) -> SaidRefusal:
    """The refusal in words. `hidden` says in other words a fact that may not be repeated here."""
    facts = _said_facts(refusal, language) | hidden
    facts |= {"vendor": vendor.name, "support": vendor.support}
    sentence = _sentence(refusal)
    title, step = (say(sentence, part, language, **facts) for part in ("title", "next_step"))
    if refusal.facts.get("moves_left") == 0:  # no seat that is given back could be taken again
        limit = _sentence(Refusal(RefusalCode.MOVE_LIMIT, facts=refusal.facts))
        said = [say(limit, part, language, **facts) for part in ("title", "next_step")]
        step = "{}. {}".format(*said)
    return SaidRefusal(sentence, title, step)


def _sentence(refusal: Refusal) -> str:
    """The name of the sentence that fits the refusal and its facts."""
    variant = refusal.variant
    if refusal.code is RefusalCode.NO_SEATS_LEFT and refusal.facts.get("n") == 1:
        variant = "one"
    if refusal.code is RefusalCode.MOVE_LIMIT and refusal.facts.get("next_move_at") is None:
        variant = "for-good"
    return f"{refusal.code}.{variant}" if variant else str(refusal.code)


def _said_facts(refusal: Refusal, language: str) -> dict[str, Any]:
    said = {name: value for name, value in refusal.facts.items() if value is not None}
    protections = words(language)["protection"]
    for name in ("chosen", "protection"):
        if name in said:
            said[name] = protections[said[name]]
    if "allowed" in said:
        either = letter_words(language)["or"]
        said["allowed"] = either.join(protections[name] for name in said["allowed"])
    for name in ("ended_at", "next_move_at"):
        if name in said:
            said["date"] = show_date(said[name], language)
    return said
