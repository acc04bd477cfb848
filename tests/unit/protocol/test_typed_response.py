"""Lines that a person types and codes that a scanner types: what is wrong is noticed and named."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyferry_protocol.errors import UnreadableResponse, UnsupportedVersion, WrongLine
from keyferry_protocol.symbols import ALPHABET
from keyferry_protocol.typed_response import (
    CODE_BYTES,
    LETTERS,
    MAX_LINES,
    TypedResponse,
    _check,
    _is_line,
    looks_typed,
    to_codes,
    to_lines,
)


def a_text_form(size: int = 192) -> bytes:
    """Bytes of a text form, whose content matters to nobody here."""
    return b"\x01\x02" + size.to_bytes(2, "big") + random.Random(size).randbytes(size - 4)


LINES = to_lines(a_text_form())


def typed(*rows: str) -> TypedResponse:
    response = TypedResponse()
    for row in rows:
        response.add(row)
    return response


def symbols_of(line: str) -> str:
    return line.partition("  ")[2].replace(" ", "")


def fault(response: TypedResponse, row: str, number: int | None = None) -> str:
    with pytest.raises(WrongLine) as raised:
        response.add(row, number)
    return str(raised.value)


# What the lines look like


def test_a_line_has_seven_groups_of_four_symbols_and_two_that_check_it() -> None:
    assert len(LINES) == 11
    assert [len(group) for group in LINES[0].split()] == [1, 4, 4, 4, 4, 4, 4, 4, 2]
    assert [line.split()[0] for line in LINES] == [str(n) for n in range(1, 12)]


@given(st.integers(8, 500))
def test_lines_become_the_same_bytes_whatever_their_number(size: int) -> None:
    packed = a_text_form(size)
    assert typed(*to_lines(packed)).packed() == packed


# What is noticed: a code of distance 3, so any two wrong symbols are


def test_any_one_or_two_wrong_symbols_are_noticed_in_the_line_or_its_number() -> None:
    """Check symbols are linear over GF(32): what a mistake does to them depends on it alone.

    One wrong symbol stays unseen if it changes them by nothing, two if both change them alike.
    So it is enough that all 32 x 31 single mistakes change them, and each in its own way: those of
    the number's two symbols, of the 28, and of the two that check.
    """
    changes = set()
    for place, value in itertools.product(range(-2, 30), range(1, 32)):
        values = dict.fromkeys(range(-2, 30), 0) | {place: value}
        data = "".join(ALPHABET[values[place]] for place in range(28))
        check = _check(values[-2] << 5 | values[-1], data)
        first, second = map(ALPHABET.index, check)
        changes.add((first ^ values[28], second ^ values[29]))
    assert len(changes) == 32 * 31
    assert (0, 0) not in changes


@given(st.text(ALPHABET, min_size=28, max_size=28), st.text(ALPHABET, min_size=28, max_size=28))
def test_check_symbols_are_linear(one: str, other: str) -> None:
    def add(left: str, right: str) -> str:
        pairs = zip(left, right, strict=True)
        return "".join(ALPHABET[ALPHABET.index(a) ^ ALPHABET.index(b)] for a, b in pairs)

    assert _check(5 ^ 9, add(one, other)) == add(_check(5, one), _check(9, other))


def test_every_swap_of_two_symbols_and_of_two_lines_is_noticed() -> None:
    """Both are two wrong symbols at most; shown on real lines nonetheless."""
    for number, line in enumerate(LINES, 1):
        symbols = symbols_of(line)
        assert _is_line(symbols, number)
        for at, other in itertools.combinations(range(len(symbols)), 2):
            swapped = list(symbols)
            swapped[at], swapped[other] = swapped[other], swapped[at]
            assert _is_line("".join(swapped), number) == (swapped == list(symbols))
        for elsewhere in range(1, MAX_LINES + 1):
            assert _is_line(symbols, elsewhere) == (elsewhere == number)


def test_a_wrong_line_is_named_and_not_taken() -> None:
    response = typed(*LINES)
    wrong = LINES[3].replace(symbols_of(LINES[3])[5], "*", 1)
    assert fault(response, wrong) == "There is a typo in line 4."
    assert fault(TypedResponse(), symbols_of(LINES[3]), number=5) == "There is a typo in line 5."
    assert fault(TypedResponse(), LINES[0][:-1]) == "There is a typo in line 1."
    assert fault(TypedResponse(), LINES[0] + "0") == "There is a typo in line 1."
    assert fault(TypedResponse(), "4") == "A line starts with its number, then a space."
    assert fault(TypedResponse(), "hello world") == "A line starts with its number, then a space."
    assert fault(TypedResponse(), "") == "A line starts with its number, then a space."
    assert response.packed() == a_text_form()


@pytest.mark.parametrize("at", range(11))
def test_a_missing_line_is_named_the_last_one_too(at: int) -> None:
    response = typed(*LINES[:at], *LINES[at + 1 :])
    assert response.missing == at + 1
    with pytest.raises(WrongLine, match=f"^Line {at + 1} is missing"):
        response.packed()


def test_a_line_of_another_response_does_not_fit_if_its_place_or_length_does_not() -> None:
    longer = to_lines(a_text_form(230))
    assert fault(typed(*LINES), longer[12]) == "There is a typo in line 13."
    short = to_lines(a_text_form(180))[10]
    assert fault(typed(*LINES), short) == "There is a typo in line 11."


def test_what_was_typed_before_the_first_line_and_does_not_fit_is_asked_for_again() -> None:
    beyond, short = to_lines(a_text_form(230))[12], to_lines(a_text_form(180))[10]
    assert typed(beyond, *LINES).packed() == a_text_form()
    assert typed(short, *LINES[:10]).missing == 11
    assert typed(short, *LINES).packed() == a_text_form()


def test_bits_that_fill_the_last_symbol_are_zero() -> None:
    packed = a_text_form(9)  # 72 bits: 15 symbols, 3 bits to fill
    (line,) = to_lines(packed)
    symbols = symbols_of(line)[:15]
    other = symbols[:-1] + ALPHABET[ALPHABET.index(symbols[-1]) | 1]
    assert other != symbols
    with pytest.raises(WrongLine, match="line 1"):
        typed(f"1 {other} {_check(1, other)}").packed()


def test_a_first_line_says_at_once_that_the_rest_is_nothing_to_type() -> None:
    for start, error in ((b"\x02\x02", UnsupportedVersion), (b"\x01\x01", UnreadableResponse)):
        response = TypedResponse()
        with pytest.raises(error):
            response.add(to_lines(start + a_text_form()[2:])[0])
        assert response.missing == 1


# Reading is forgiving


@pytest.mark.parametrize(
    "change",
    [
        str.lower,
        lambda line: line.replace(" ", ""),
        lambda line: line.replace(" ", "-"),
        lambda line: line.replace("  ", " \u2013 "),
        lambda line: f"  {line}\t",
        lambda line: line.replace("0", "o").replace("1", "l"),
        lambda line: line.replace("0", "O").replace("1", "I"),
        lambda line: line.replace("  ", ": ", 1),
        lambda line: line.replace("  ", ".) ", 1),
        lambda line: line.replace(" ", "\u00a0"),
    ],
)
def test_lines_are_read_as_people_write_them(change: "type[str]") -> None:
    rows = [change(line) for line in LINES]
    assert typed(*rows).packed() == a_text_form()
    response = TypedResponse()
    for number, row in enumerate(rows, 1):  # a field of its own for each
        response.add(row, number)
    assert response.packed() == a_text_form()


@given(st.permutations(LINES), st.lists(st.sampled_from(LINES)))
def test_lines_may_come_in_any_order_and_twice(lines: list[str], more: list[str]) -> None:
    assert typed(*lines, *more).packed() == a_text_form()


@given(st.text() | st.text(ALPHABET + " ", min_size=20, max_size=40))
def test_any_text_at_all_is_a_line_or_a_typed_error(text: str) -> None:
    response = TypedResponse()
    for number in (None, 1, 30):
        try:
            response.add(text, number)
        except (WrongLine, UnreadableResponse, UnsupportedVersion):
            continue
        assert response.missing is not None or response.packed()


# Codes that a scanner types

LONG = a_text_form(3510)
CODES = to_codes(LONG)


def test_a_hybrid_response_needs_seven_codes_of_version_19() -> None:
    import segno

    assert len(CODES) == 7
    for code in (*CODES, *to_codes(a_text_form(CODE_BYTES))):
        assert set(code) <= set(LETTERS)
        qr = segno.make_qr(code, error="l")
        assert (qr.mode, int(qr.version) <= 19) == ("alphanumeric", True)


def test_codes_hold_only_letters_that_qwerty_qwertz_and_azerty_have_at_one_place() -> None:
    rows = {
        "QWERTY": ("QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM"),
        "QWERTZ": ("QWERTZUIOP", "ASDFGHJKL", "YXCVBNM"),
        "AZERTY": ("AZERTYUIOP", "QSDFGHJKLM", "WXCVBN"),
    }
    places = [
        {key: (r, at) for r, row in enumerate(layout) for at, key in enumerate(row)}
        for layout in rows.values()
    ]
    for letter in LETTERS:
        assert len({place[letter] for place in places}) == 1


@given(st.permutations(CODES), st.lists(st.sampled_from(CODES)))
def test_codes_may_come_in_any_order_and_twice(codes: list[str], more: list[str]) -> None:
    response = TypedResponse()
    for n, code in enumerate(codes, 1):
        response.add(code.lower())
        assert (response.scanned, response.codes) == (n, 7)
    for code in more:
        response.add(code)
    assert response.packed() == LONG


def test_a_scanner_that_types_no_line_break_is_understood() -> None:
    assert typed("".join(CODES)).packed() == LONG
    assert typed("\r\n".join(CODES)).packed() == LONG


def test_codes_that_are_missing_are_counted() -> None:
    with pytest.raises(WrongLine, match=r"^2 of 7 codes received\. "):
        typed(CODES[4], CODES[1]).packed()


def test_a_lost_key_press_and_another_responses_code_are_noticed() -> None:
    code = CODES[0]
    for at in range(0, len(code), 7):
        cut = code[:at] + code[at + 1 :]
        assert fault(TypedResponse(), cut) == "This code was not scanned correctly. Scan it again."
    other = to_codes(a_text_form(3511))[1]
    assert fault(typed(code), other).startswith("This code belongs to another response.")


def test_a_scanner_of_another_layout_is_told_so() -> None:
    with pytest.raises(WrongLine) as raised:
        TypedResponse().add(CODES[0].translate(str.maketrans("BCDKN", "ХЙЦУК")))
    assert "keyboard layout" in raised.value.next_step


# Whether something is typed at all


@pytest.mark.parametrize(
    ("data", "is_typed"),
    [
        pytest.param("\n".join(LINES).encode(), True, id="lines"),
        pytest.param("\r\n\r\n".join(LINES).encode("utf-16"), True, id="from Notepad"),
        pytest.param(b"1 wrong", True, id="a wrong line"),
        pytest.param(CODES[0].encode(), True, id="a code"),
        pytest.param(b'{"payloadType":"x"}', False, id="a file"),
        pytest.param(b"", False, id="nothing"),
        pytest.param(b"\x89PNG", False, id="a picture"),
        pytest.param(b"Subject: your license", False, id="an email"),
    ],
)
def test_lines_are_told_from_files(data: bytes, is_typed: bool) -> None:
    assert looks_typed(data) is is_typed
