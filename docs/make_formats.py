"""`make formats`: write `formats.json` for each language from CLDR, with Babel.

Keyferry then needs no Babel at run time for dates, lists, and plurals. Pattern fields keep CLDR's
names ({d} {MMMM} {y}). Plural rules are reduced to whole numbers.
"""

import json
import re
from pathlib import Path

from babel import Locale

from keyferry_protocol import messages

OWN = Path(__file__).parents[1] / "vendor" / "languages"
# The region whose patterns a language uses. English puts the day first, like most countries, but
# shortens September as the United States does: "Sep", not "Sept".
PATTERNS = {
    "en": "en_001",
    "de": "de",
    "fr": "fr",
    "es": "es",
    "pt": "pt",
    "it": "it",
    "nl": "nl",
    "ja": "ja",
    "zh": "zh_Hans",
    "ar": "ar",
}
SEMICOLONS = {"ar": "؛ ", "ja": "；", "zh": "；"}  # CLDR has no such lists
_FIELDS = re.compile(r"'([^']*)'|([a-zA-Z])\2*")
_FRACTIONS = "vwftce"  # operands of CLDR's rules that are 0 for whole numbers


def main() -> None:
    """Write the file of every language that has a folder, the vendor's own as well."""
    for catalog in (Path(messages.FOLDER), OWN):
        for page in sorted(catalog.glob("*/page.json")):
            path = page.with_name("formats.json")
            path.write_text(text(page.parent.name), encoding="utf-8")


def text(language: str) -> str:
    """The contents of a language's file."""
    return json.dumps(formats(language), ensure_ascii=False, indent=2) + "\n"


def formats(language: str) -> dict[str, str]:
    """The formats of a language, by their names in the catalog."""
    locale, names = (
        Locale.parse(name, sep="_" if "_" in name else "-")
        for name in (PATTERNS.get(language, language), language)
    )
    lists = locale.list_patterns
    patterns = {
        "direction": locale.text_direction,
        "decimal": locale.number_symbols["latn"]["decimal"],
        "date.long": _pattern(locale.date_formats["long"].pattern),
        "date.short": _pattern(locale.datetime_skeletons["yMMMd"].pattern),
        "time": _pattern(locale.datetime_skeletons["Hm"].pattern),
        "date-time": str(locale.datetime_formats["medium"])
        .replace("{1}", "{date}")
        .replace("{0}", "{time}"),
        "list.semicolon": f"{{first}}{SEMICOLONS.get(language, '; ')}{{last}}",
        "list.comma": _pair(lists["standard"]["middle"]),
        "list.and.two": _pair(lists["standard"]["2"]),
        "list.and.last": _pair(lists["standard"]["end"]),
        "list.or.two": _pair(lists["or"]["2"]),
        "list.or.last": _pair(lists["or"]["end"]),
    }
    for width, name in (("wide", "month"), ("abbreviated", "month-short")):
        months = names.months["format"][width]
        patterns |= {f"{name}.{number}": months[number] for number in range(1, 13)}
    rules = {name: whole_number_rule(rule) for name, rule in locale.plural_form.rules.items()}
    plural = "; ".join(f"{name}: {rule}" for name, rule in sorted(rules.items()) if rule)
    return patterns | {"plural": plural}


def _pattern(pattern: str) -> str:
    """`{d} de {MMMM}` of CLDR's `d 'de' MMMM`."""
    return _FIELDS.sub(lambda match: match[1] if match[2] is None else f"{{{match[0]}}}", pattern)


def _pair(pattern: str) -> str:
    return pattern.replace("{0}", "{first}").replace("{1}", "{last}")


def whole_number_rule(rule: object) -> str:
    """Reduce a plural rule of CLDR to whole numbers; "" if none of them satisfies it."""
    kept = []
    for alternative in str(rule).split(" or "):
        relations = alternative.split(" and ")
        if all(_holds_for_0(relation) for relation in relations if relation[0] in _FRACTIONS):
            whole = [relation for relation in relations if relation[0] not in _FRACTIONS]
            kept.append(" and ".join(f"n{relation[1:]}" for relation in whole))
    return " or ".join(kept)


def _holds_for_0(relation: str) -> bool:
    holds_0 = re.search(r" in 0\b", relation) is not None  # ranges begin with their lowest number
    return holds_0 is not (" not in " in relation)


if __name__ == "__main__":
    main()
