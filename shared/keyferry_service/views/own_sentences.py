"""The vendor's own sentences, and what would be wrong with them.

They are in the vendor's folder: `languages/<language>/<room>.json` as in the catalog, and the
vendor's name for License Configuration in vendor.json. Page, mails, and letters all use them.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from keyferry_protocol.messages import (
    ENGLISH,
    OwnSentences,
    languages,
    sentences,
    use_language,
    use_own_sentences,
)

LICENSE_CONFIGURATION = "license_configuration"  # a member of vendor.json, and a placeholder
MAX_NAME = 64
# What a reader needs, wherever our sentence says it.
_NEEDED = {"number", "date", "before", "ends", "file", "page", "support", "title"}
# What a sentence may say besides the placeholders of ours, by the beginning of its name.
_ALSO = {
    "email.ready.": {"number", "product", "computer", "n", "ends"},
    "email.updated.": {"number", "product", "computer", "n", "ends"},
    "email.deactivated.": {"number", "product", "computer", "n"},
    "email.renewed.": {"number", "product", "n"},
    "letter.your-": {"number", "product", "vendor"},
    "letter.install": {"number", "product", "vendor"},
    "letter.activate": {"number", "product", "vendor"},
    "letter.mail.": {"number", "product", "vendor"},
    "": {LICENSE_CONFIGURATION},
}
_ADDED = {"page.language.name"}  # what the page's menu calls an own language
_SENTENCE = re.compile(r"(?:[^{}]|\{\w+(?::\w+)?\})*")  # braces are placeholders: {name}, {M:02}
_PLACEHOLDER = re.compile(r"\{(\w+)")
_PLURALS = ("zero", "one", "two", "few", "many", "other")


class BadOwnSentence(ValueError):
    """A file of the vendor's that cannot be used; it would break a page, a mail, or a letter."""


def own_sentences(vendor: Path) -> OwnSentences:
    """Every sentence of the vendor's folder. Raises BadOwnSentence."""
    own: dict[str, dict[str, dict[str, Any]]] = {}
    for file in sorted(vendor.glob("languages/*/*.json")):
        own.setdefault(file.parent.name, {})[file.stem] = _checked(file)
    file = vendor / "vendor.json"
    if file.exists():
        names = names_by_language(_read(file).get(LICENSE_CONFIGURATION), {*own, *languages()})
        if names is None:
            raise BadOwnSentence(f"{file}: {NAME_PROBLEM}")
        for language, name in names.items():
            neutral = own.setdefault(language, {}).setdefault("neutral", {})
            neutral[LICENSE_CONFIGURATION] = name
    return own


NAME_PROBLEM = (
    f"{LICENSE_CONFIGURATION} is neither one line of at most {MAX_NAME} characters without braces,"
    ' nor an object of such lines by language, such as {"en": "License Center"}.'
)


def names_by_language(name: object, known: set[str]) -> Mapping[str, str] | None:
    """The vendor's name for License Configuration by language; None if it cannot be one.

    A text stands for every known language, and nothing for no name.
    """
    if name is None:
        return {}
    names = dict.fromkeys(sorted(known), name) if isinstance(name, str) else name
    if not isinstance(names, dict) or not all(map(_is_name, names.values())):
        return None
    return names


def _is_name(name: object) -> bool:
    return (
        isinstance(name, str)
        and 0 < len(name.strip()) <= len(name) <= MAX_NAME
        and not {"{", "}"} & {*name}
        and _is_one_line(name)
    )


def _checked(file: Path) -> dict[str, Any]:
    room, own = file.stem, _read(file)
    for name, sentence in own.items():
        if not _is_sentence(sentence):
            raise BadOwnSentence(f"{file}: {name} is not a sentence, or its braces are wrong")
    with use_own_sentences({}), use_language(ENGLISH):
        ours = sentences(room)
    if not ours:
        raise BadOwnSentence(f"{file}: Keyferry has no sentences in a file of this name")
    for name, sentence in own.items():
        if why := _problem(room, name, sentence, ours):
            raise BadOwnSentence(f"{file}: {name} {why}")
    return own


def _problem(room: str, name: str, sentence: Any, ours: Mapping[str, Any]) -> str:
    """What is wrong with a sentence; empty if nothing is."""
    is_free = room == "formats" or f"{room}.{name}" in _ADDED  # `make formats` writes the former
    stem, _, plural = name.rpartition(".")  # the page's plural forms are sentences of their own
    model = ours.get(name, ours.get(f"{stem}.other") if plural in _PLURALS else None)
    breaks = {10: None} if any("\n" in form for form in _forms(model or "")) else {}
    if not all(_is_one_line(form.translate(breaks)) for form in _forms(sentence)):
        return "has a line break or another control character"
    if is_free:
        return ""
    if model is None:
        close = get_close_matches(name, ours, 1)
        return "is no sentence of Keyferry's" + (f". Is it {close[0]}?" if close else "")
    known = {placeholder for form in _forms(model) for placeholder in _PLACEHOLDER.findall(form)}
    allowed = known.union(*(also for start, also in _ALSO.items() if _starts(room, name, start)))
    for form in _forms(sentence):
        used = {*_PLACEHOLDER.findall(form)}
        if not form.strip():
            return "is empty"
        if unknown := used - allowed:
            listed = ", ".join(f"{{{each}}}" for each in sorted(allowed - {LICENSE_CONFIGURATION}))
            return f"has no {{{min(unknown)}}} to say; it can say {listed or 'no fact'}"
        if missing := (known & _NEEDED) - used:
            return f"leaves out {{{min(missing)}}}, which its readers need"
    return ""


def _starts(room: str, name: str, start: str) -> bool:
    return f"{room}.{name}".startswith(start)


def _is_sentence(value: object) -> bool:
    """Whether the service and the page can say it; if not, each email that says it would fail."""
    if isinstance(value, dict):  # by plural category
        return "other" in value and all(
            isinstance(v, str) and _is_sentence(v) for v in value.values()
        )
    return isinstance(value, str) and _SENTENCE.fullmatch(value) is not None


def _forms(sentence: str | Mapping[str, str]) -> Iterator[str]:
    yield from [sentence] if isinstance(sentence, str) else sentence.values()


def _is_one_line(text: str) -> bool:
    """Whether it can stand in the header of a mail and in one paragraph."""
    return not any(unicodedata.category(each) in ("Cc", "Zl", "Zp", "Cs") for each in text)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise BadOwnSentence(f"{file} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise BadOwnSentence(f"{file} is not a JSON object")
    return content
