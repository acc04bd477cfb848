"""Numbers and codes as mail programs, word processors, and keyboards change them."""

import json
import sys
import unicodedata
from pathlib import Path

import pytest

from keyferry_protocol.activation import parse_activation_code, parse_license_number
from keyferry_protocol.errors import WrongActivationCode, WrongLicenseNumber
from keyferry_protocol.typed_text import decode_text, plain_separators, show_symbol
from tests.support.samples import CODE, NUMBER

CASES = json.loads(Path(__file__).parents[2].joinpath("support/typed_codes.json").read_text())


def each(kind: str) -> list[object]:
    return [pytest.param(case["text"], id=case["name"]) for case in CASES[kind]]


@pytest.mark.parametrize("separator", each("separators") + each("unseen"))
def test_what_can_only_be_a_separator_is_dropped(separator: str) -> None:
    for code in (
        CODE.replace("-", separator),
        separator + CODE + separator,
        separator.join(CODE),
        CODE.replace("-", f" {separator}-"),
    ):
        assert parse_activation_code(code, NUMBER) == CODE.replace("-", "").upper()
    shown = CASES["number"]
    for number in (shown.replace(".", separator), separator + shown, separator.join(shown)):
        assert parse_license_number(number) == NUMBER


@pytest.mark.parametrize("symbol", each("refused"))
def test_a_look_alike_is_refused_by_its_position_in_words_that_can_be_seen(symbol: str) -> None:
    code_point = f"U+{ord(symbol):04X}"
    for code in (CODE[:9] + symbol + CODE[10:], CODE[:9].replace("-", "\u2013") + symbol):
        with pytest.raises(WrongActivationCode) as refused:
            parse_activation_code(code, NUMBER)
        assert "character 9" in str(refused.value)  # without counting separators
        assert code_point in str(refused.value)
        assert str(refused.value).isprintable()
    with pytest.raises(WrongLicenseNumber) as wrong:
        parse_license_number(f"015.120.020.0{symbol}3")
    assert "character 11" in str(wrong.value)
    assert code_point in str(wrong.value)


def test_every_dash_space_and_format_character_of_unicode_is_a_separator() -> None:
    categories = {"Cf": "", "Zs": " ", "Zl": " ", "Zp": " ", "Pd": "-"}
    for symbol in map(chr, range(sys.maxunicode + 1)):
        category = unicodedata.category(symbol)
        if category in categories and symbol != "\u00ad":  # a hyphen, which is no format
            assert plain_separators(symbol) == categories[category], show_symbol(symbol)
        elif category in {"Nd", "Nl", "No", "Lu", "Ll", "Sc"}:
            assert plain_separators(symbol) == symbol, show_symbol(symbol)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r\n\r\n\n", "\t \r\n"])
def test_a_text_is_decoded_however_it_was_saved(encoding: str, end: str) -> None:
    for text in (CODE + end, f"{CODE} \u2013 für Zoë{end}"):
        assert decode_text(text.encode(encoding)) == text


def test_big_endian_text_with_a_mark_and_text_of_old_windows_are_decoded() -> None:
    assert decode_text(b"\xfe\xff" + CODE.encode("utf-16-be")) == CODE
    assert decode_text(CODE.replace("-", "\u2013").encode("cp1252")) == CODE.replace("-", "\u2013")


def test_any_bytes_are_decoded() -> None:
    for data in (
        b"",
        b"\0",
        b"\0\0",
        b"a\0",
        b"\xff\xfe",
        b"\xff\xfea",
        b"\x81\x8d",
        b"\xfe\xff\xd8",
    ):
        assert isinstance(decode_text(data), str)
