"""The catalog of every sentence that people read: `<language>/<room>.json` in this folder.

The edge (a command, a handler, the wizard's window) sets the language once, with `use_language`;
everything below it calls `message`, and no function takes a language as an argument.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

Sentence = str | Mapping[str, str]  # by CLDR's plural category if it contains a count
OwnSentences = Mapping[str, Mapping[str, Mapping[str, Sentence]]]  # by language, room, and name
ENGLISH = "en"
FOLDER = os.path.dirname(__file__)
# The patterns without which dates and lists could not be read.
_BUILT_IN = {
    "formats.date.long": "{y}-{M:02}-{d:02}",
    "formats.date.short": "{y}-{M:02}-{d:02}",
    "formats.time": "{HH}:{mm}",
    "formats.date-time": "{date} {time}",
    "formats.decimal": ".",
    "formats.plural": "",
    **dict.fromkeys(
        (f"formats.list.{kind}" for kind in ("comma", "and.two", "and.last", "or.two", "or.last")),
        "{first}, {last}",
    ),
    "formats.list.semicolon": "{first}; {last}",
}
_language: ContextVar[str] = ContextVar("language", default=ENGLISH)
_NONE: OwnSentences = {}
_own: ContextVar[OwnSentences] = ContextVar("own", default=_NONE)


def message(name: str, /, **facts: object) -> str:
    """The sentence `room.name` in the current language, with the facts in its placeholders.

    `n`, a whole number, selects the plural form. A missing fact becomes a neutral phrase. Without
    the room's catalog, the sentence is a built-in one. Raises KeyError for an unknown name.
    """
    room, _, rest = name.partition(".")
    known = sentences(room)
    if not known:
        return built_in(name, facts)
    sentence = known[rest]
    if not isinstance(sentence, str):
        sentence = sentence.get(_plural(facts.get("n")), sentence["other"])
    return sentence.format_map(_Facts(facts))


def has_message(name: str) -> bool:
    """Whether there is a sentence of this name."""
    room, _, rest = name.partition(".")
    return rest in sentences(room)


def sentences(room: str) -> Mapping[str, Sentence]:
    """All sentences of a room in the current language, with English for missing ones.

    Empty if the catalog is missing or damaged, as in an application that was bundled without it.
    """
    own, language = _own.get(), _language.get()
    if not own:
        return _sentences(FOLDER, room, language)
    return {
        name: sentence
        for tag in (ENGLISH, language)
        for known in (_read(FOLDER, room, tag), own.get(tag, {}).get(room, {}))
        for name, sentence in known.items()
    }


def built_in(name: str, facts: Mapping[str, object]) -> str:
    """What to say in place of a sentence that the catalog cannot give. Never raises."""
    if name in _BUILT_IN:
        return _BUILT_IN[name].format(**facts)
    room, _, rest = name.partition(".")
    if rest.endswith("next-step"):
        return "Install this software again, because its messages are missing. Or ask its vendor."
    if room != "errors":
        return rest
    known = ", ".join(f"{fact}: {value}" for fact, value in facts.items() if value)
    return f"License error: {rest.partition('.')[0]}" + (f" ({known})" if known else "")


@contextmanager
def use_language(language: str) -> Iterator[None]:
    """Use this language inside the `with` block, or English if the catalog lacks it.

    The language is a tag (RFC 5646) or a locale: `de`, `pt-BR`, `pt_BR.UTF-8`.
    """
    before = _language.set(_known(language))
    try:
        yield
    finally:
        _language.reset(before)


@contextmanager
def use_own_sentences(own: OwnSentences) -> Iterator[None]:
    """Use the vendor's own sentences inside the `with` block, and the catalog's for the others."""
    before = _own.set(own)
    try:
        yield
    finally:
        _own.reset(before)


def language_in_use() -> str:
    """The language that `message` uses now."""
    return _language.get()


def languages() -> frozenset[str]:
    """The languages that have a folder in the catalog, and the vendor's own."""
    return _languages(FOLDER) | _own.get().keys()


def _known(language: str) -> str:
    """The folder for this language, else for the language without its region."""
    tag = language.partition(".")[0].partition("@")[0].replace("_", "-")
    candidates = (tag, tag.partition("-")[0].lower(), ENGLISH)
    return next(name for name in candidates if name in languages() or name == ENGLISH)


class _Facts(dict[str, object]):
    def __missing__(self, fact: str) -> str:
        return message(f"neutral.{fact}")


def _plural(n: object) -> str:
    """The plural category of a whole number in the current language, such as `one`."""
    if isinstance(n, int):
        for line in filter(None, message("formats.plural").split("; ")):
            category, _, rule = line.partition(": ")
            if _holds(rule, n):
                return category
    return "other"


def _holds(rule: str, n: int) -> bool:
    """Whether `n` satisfies a rule such as `n mod 100 in 3..10` (UTS 35, part 3, 5.1)."""
    return any(
        all(_relation_holds(relation, n) for relation in alternative.split(" and "))
        for alternative in rule.split(" or ")
    )


def _relation_holds(relation: str, n: int) -> bool:
    parts = re.fullmatch(r"n(?: mod (\d+))?( not)? in ([\d.,]+)", relation)
    assert parts is not None, relation
    value = n % int(parts[1]) if parts[1] else n
    bounds = [part.split("..") for part in parts[3].split(",")]
    is_in = any(int(bound[0]) <= value <= int(bound[-1]) for bound in bounds)
    return is_in is (parts[2] is None)


@cache
def _languages(folder: str) -> frozenset[str]:
    try:
        with os.scandir(folder) as entries:
            return frozenset(e.name for e in entries if e.is_dir() and e.name != "__pycache__")
    except OSError:  # bundled without its catalog
        return frozenset()


@cache
def _sentences(folder: str, room: str, language: str) -> Mapping[str, Sentence]:
    return {**_read(folder, room, ENGLISH), **_read(folder, room, language)}


@cache
def _read(folder: str, room: str, language: str) -> Mapping[str, Sentence]:
    path = os.path.join(folder, language, f"{room}.json")
    try:
        with open(path, encoding="utf-8") as file:
            known: Mapping[str, Sentence] = {**json.load(file)}
            return known
    except (OSError, ValueError):
        return {}
