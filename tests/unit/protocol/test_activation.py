"""License numbers and activation codes: typing errors are caught offline."""

import pytest

from keyferry_protocol.activation import (
    activation_key,
    new_activation_code,
    parse_activation_code,
    parse_license_number,
    show_activation_code,
    show_license_number,
)
from keyferry_protocol.errors import WrongActivationCode, WrongLicenseNumber
from tests.support.samples import NUMBER

CODE = new_activation_code(NUMBER, lambda count: bytes(range(count)))
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@pytest.mark.parametrize("text", ["015.120.020.093", " 015 120\t020-093\r\n", "015_120/020.093"])
def test_a_number_is_read_with_any_separators(text: str) -> None:
    assert parse_license_number(text) == NUMBER
    assert show_license_number(NUMBER) == "015.120.020.093"


@pytest.mark.parametrize(
    "text", ["", "01512002009", "0151200200933", "O15120020093", "٠15120020093", "015,120,020,093"]
)
def test_text_that_is_not_a_license_number_is_refused(text: str) -> None:
    with pytest.raises(WrongLicenseNumber):
        parse_license_number(text)


def test_a_code_is_shown_in_five_groups_and_read_back_however_it_is_typed() -> None:
    shown = show_activation_code(CODE)
    assert [len(group) for group in shown.split("-")] == [6] * 5
    assert shown == shown.lower()
    for typed in (shown, shown.upper(), CODE, shown.replace("-", " "), shown.replace("1", "l")):
        assert parse_activation_code(typed, NUMBER) == CODE
    assert parse_activation_code(CODE.replace("0", "o").replace("1", "I"), NUMBER) == CODE


def test_every_wrong_symbol_in_code_or_number_is_caught() -> None:
    for place in range(30):
        for symbol in ALPHABET.replace(CODE[place], ""):
            with pytest.raises(WrongActivationCode):
                parse_activation_code(CODE[:place] + symbol + CODE[place + 1 :], NUMBER)
    for place in range(12):
        for digit in "0123456789".replace(NUMBER[place], ""):
            with pytest.raises(WrongActivationCode):
                parse_activation_code(CODE, NUMBER[:place] + digit + NUMBER[place + 1 :])


def test_every_swap_of_neighbors_in_code_or_number_is_caught() -> None:
    def swapped(text: str, place: int) -> str:
        return text[:place] + text[place + 1] + text[place] + text[place + 2 :]

    for place in range(29):
        if CODE[place] != CODE[place + 1]:
            with pytest.raises(WrongActivationCode):
                parse_activation_code(swapped(CODE, place), NUMBER)
    for place in range(11):
        if NUMBER[place] != NUMBER[place + 1]:
            with pytest.raises(WrongActivationCode):
                parse_activation_code(CODE, swapped(NUMBER, place))


@pytest.mark.parametrize("symbol", ["U", "u", "*", "ı", "ﬁ", "Å", "٣"])
def test_a_symbol_outside_the_alphabet_is_named(symbol: str) -> None:
    with pytest.raises(WrongActivationCode, match="no letter"):
        parse_activation_code(symbol + CODE[1:], NUMBER)


def test_new_codes_always_pass_their_own_check() -> None:
    for number in range(0, 10**12, 99_999_999_977):
        text = f"{number:012}"
        for _ in range(40):
            assert parse_activation_code(new_activation_code(text), text)


def test_code_and_number_derive_one_key() -> None:
    key = activation_key(CODE, NUMBER)
    assert key.public == activation_key(CODE, NUMBER).public
    assert key.public != activation_key(CODE, "015120020094").public


def test_the_derived_key_is_hkdf_sha256() -> None:
    import hashlib
    import hmac

    prk = hmac.digest(NUMBER.encode(), CODE.encode(), hashlib.sha256)
    assert activation_key(CODE, NUMBER).seed == hmac.digest(
        prk, b"keyferry activation v1\x01", hashlib.sha256
    )
