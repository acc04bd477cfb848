"""Dates, lists, and plurals in each language of the page, as CLDR has them."""

import importlib.util
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType

import pytest

from keyferry_protocol import messages
from keyferry_protocol.messages import languages, message, use_language
from keyferry_protocol.messages.formats import (
    and_list,
    clock_time,
    comma_list,
    date_and_time,
    decimal,
    long_date,
    or_list,
    semicolon_list,
    short_date,
)

SCRIPT = Path(__file__).parents[3] / "docs" / "make_formats.py"
DAY = date(2027, 9, 3)
COUNTED = {c: c for c in ("zero", "one", "two", "few", "many", "other")}


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_formats", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def ten(generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The formats of all ten languages, and a sentence with a form for each plural."""
    for language in generator.PATTERNS:
        (tmp_path / language).mkdir()
        (tmp_path / language / "formats.json").write_text(generator.text(language), "utf-8")
        (tmp_path / language / "page.json").write_text(json.dumps({"counted": COUNTED}), "utf-8")
    monkeypatch.setattr(messages, "FOLDER", str(tmp_path))


@pytest.mark.parametrize("language", sorted(languages()))
def test_the_committed_formats_match_cldr(generator: ModuleType, language: str) -> None:
    path = Path(messages.FOLDER, language, "formats.json")
    assert path.read_text("utf-8") == generator.text(language), "make formats"


def test_english_dates_and_times() -> None:
    moment = datetime(2026, 11, 4, 9, 5, tzinfo=UTC)
    assert long_date(DAY) == "3 September 2027"
    assert short_date(DAY) == "3 Sep 2027"
    assert clock_time(moment) == "09:05"
    assert date_and_time(moment) == "4 November 2026, 09:05"
    assert date_and_time(moment, "+01:00") == "4 November 2026, 09:05 +01:00"
    assert decimal(1234.56, 1) == "1234.6"


@pytest.mark.parametrize(
    ("join", "texts"),
    [
        (comma_list, ["", "a", "a, b", "a, b, c"]),
        (semicolon_list, ["", "a", "a; b", "a; b; c"]),
        (and_list, ["", "a", "a and b", "a, b and c"]),
        (or_list, ["", "a", "a or b", "a, b or c"]),
    ],
)
def test_english_lists(join: Callable[[str], str], texts: list[str]) -> None:
    assert [join("abc"[:count]) for count in range(4)] == texts


@pytest.mark.usefixtures("ten")
@pytest.mark.parametrize(
    ("language", "long", "short", "listed"),
    [
        ("de", "3. September 2027", "3. Sept. 2027", "a, b oder c"),
        ("es", "3 de septiembre de 2027", "3 sept 2027", "a, b o c"),
        ("ja", "2027年9月3日", "2027年9月3日", "a、b、またはc"),
        ("zh-CN", "2027年9月3日", "2027年9月3日", "a、b或c"),
        ("ar", "3 سبتمبر 2027", "3 سبتمبر 2027", "a وb أو c"),
    ],
)
def test_other_languages_have_their_own_order(
    language: str, long: str, short: str, listed: str
) -> None:
    with use_language(language):
        assert (long_date(DAY), short_date(DAY), or_list("abc")) == (long, short, listed)


@pytest.mark.usefixtures("ten")
@pytest.mark.parametrize(
    ("language", "categories"),
    [
        ("en", {0: "other", 1: "one", 2: "other", 21: "other"}),
        ("fr", {0: "one", 1: "one", 2: "other", 1_000_000: "many", 1_000_001: "other"}),
        ("pt", {0: "one", 1: "one", 2: "other"}),
        ("ja", {0: "other", 1: "other"}),
        (
            "ar",
            {
                **{0: "zero", 1: "one", 2: "two", 3: "few", 10: "few", 11: "many", 99: "many"},
                **{100: "other", 102: "other", 103: "few", 111: "many"},
            },
        ),
    ],
)
def test_a_number_chooses_the_form(language: str, categories: dict[int, str]) -> None:
    with use_language(language):
        assert {n: message("page.counted", n=n) for n in categories} == categories


@pytest.mark.parametrize(
    ("rule", "whole"),
    [
        ("i in 1 and v in 0", "n in 1"),
        ("e in 0 and i not in 0 and v in 0 or e not in 0..5", "n not in 0"),
        (
            "v in 0 and i mod 10 in 2..4 and i mod 100 not in 12..14",
            "n mod 10 in 2..4 and n mod 100 not in 12..14",
        ),
        ("v not in 0", ""),
    ],
)
def test_plural_rules_are_reduced_to_whole_numbers(
    generator: ModuleType, rule: str, whole: str
) -> None:
    assert generator.whole_number_rule(rule) == whole
