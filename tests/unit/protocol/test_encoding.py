"""Base64, times and free texts: one form each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyferry_protocol.encoding import (
    b64,
    escape_controls,
    format_time,
    free_text,
    parse_time,
    unb64,
    unb64_any,
)


@given(st.binary(max_size=80))
def test_base64_round_trips(data: bytes) -> None:
    assert unb64(b64(data)) == unb64_any(b64(data)) == data
    assert unb64_any(b64(data).replace("+", "-").replace("/", "_")) == data


@pytest.mark.parametrize(
    "text",
    ["YQ", "YQ=", "YR==", "YQ==\n", " YQ==", "Y Q==", "YQ==YQ==", "é", "YQ===", "=", "A", "-_-_"],
)
def test_base64_has_one_form(text: str) -> None:
    with pytest.raises(ValueError, match="base64"):
        unb64(text)


def test_the_two_alphabets_of_base64_cannot_be_mixed() -> None:
    assert unb64_any("-_-_") == unb64("+/+/")
    for text in ("-/-/", "+_+_", "-_-"):
        with pytest.raises(ValueError, match="base64"):
            unb64_any(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-24T09:47:00Z", 1795513620),
        ("2028-02-29T23:59:59Z", 1835481599),
        ("0001-01-01T00:00:00Z", -62135596800),
        ("9999-12-31T23:59:59Z", 253402300799),
    ],
)
def test_times_are_seconds_and_back(text: str, seconds: int) -> None:
    assert parse_time(text) == seconds
    assert isinstance(parse_time(text), int)
    assert format_time(seconds) == text


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T00:00:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "2026-11-24t09:47:00Z",
        "2026-11-24T09:47:00z",
        "2026-11-24T09:47:00",
        "2026-11-24 09:47:00Z",
        "2026-11-24T09:47:00+00:00",
        "2026-11-24T09:47:00.0Z",
        "2026-11-24T09:47:00Z\n",
        "٢026-11-24T09:47:00Z",
        "2026-13-01T00:00:00Z",
        "2026-11-24T09:60:00Z",
        "",
    ],
)
def test_a_time_has_one_form_and_is_real(text: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        parse_time(text)


def test_free_text_is_at_most_64_code_points_without_controls() -> None:
    assert free_text("é" * 64) == "é" * 64
    assert free_text("") == ""
    assert free_text("\u200f\u00a0") == "\u200f\u00a0"
    for text in (
        "x" * 65,
        "\U0001f600" * 65,
        *(f"a{c}" for c in "\n\x00\x1f\x7f\x85\x9f\u2028\u2029"),
    ):
        with pytest.raises(ValueError, match=r"is longer|control"):
            free_text(text)
    for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A)):
        with pytest.raises(ValueError, match="control"):
            free_text(chr(code))
    with pytest.raises(ValueError, match="Unicode"):
        free_text("M\udcfcller")  # "Müller" in Latin-1, typed where UTF-8 was expected


def test_each_control_in_a_text_is_shown_as_a_replacement_character() -> None:
    assert escape_controls("LAB-07\u200f é") == "LAB-07\u200f é"
    assert escape_controls("a\x1b[2J\u202eb\n") == "a\ufffd[2J\ufffdb\ufffd"
