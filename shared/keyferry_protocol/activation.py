"""License numbers, activation codes, and the key that both sides derive from a code."""

import hmac
import secrets
from collections.abc import Callable

from keyferry_protocol.errors import WrongActivationCode, WrongLicenseNumber
from keyferry_protocol.keys import Ed25519Signer
from keyferry_protocol.messages import message
from keyferry_protocol.symbols import ALPHABET, typed_symbols, without_separators
from keyferry_protocol.typed_text import show_symbol

NUMBER_DIGITS = 12
CODE_SYMBOLS = 30
_CHECK_MODULUS = 37


def parse_license_number(text: str) -> str:
    """Return the 12 digits of a typed license number. Raises WrongLicenseNumber."""
    digits = without_separators(text)
    for position, symbol in enumerate(digits, 1):
        if symbol not in "0123456789":
            raise WrongLicenseNumber(_wrong_symbol("wrong-license-number", symbol, position))
    if len(digits) != NUMBER_DIGITS:
        raise WrongLicenseNumber(message("errors.wrong-license-number.length", n=len(digits)))
    return digits


def show_license_number(number: str) -> str:
    """Format the 12 digits of a license number as `015.120.020.093`."""
    return ".".join(number[start : start + 3] for start in range(0, 12, 3))


def new_activation_code(
    number: str, random_bytes: Callable[[int], bytes] = secrets.token_bytes
) -> str:
    """Generate a code for this license number: 29 random symbols (145 bits) and a check symbol."""
    while True:
        # 256 is a multiple of 32, so each byte's low five bits are uniform.
        symbols = "".join(ALPHABET[byte & 31] for byte in random_bytes(CODE_SYMBOLS - 1))
        check = _check(number + symbols)
        if check < len(ALPHABET):
            return symbols + ALPHABET[check]


def show_activation_code(code: str) -> str:
    """Format a code as letters and screens show it: five groups of six lower-case symbols."""
    return "-".join(code[start : start + 6] for start in range(0, CODE_SYMBOLS, 6)).lower()


def parse_activation_code(text: str, number: str) -> str:
    """Return the 30 upper-case symbols of a typed code. Raises WrongActivationCode."""
    code = typed_symbols(text)
    for position, symbol in enumerate(code, 1):
        if symbol not in ALPHABET:
            raise WrongActivationCode(_wrong_symbol("wrong-activation-code", symbol, position))
    if len(code) != CODE_SYMBOLS:
        raise WrongActivationCode(message("errors.wrong-activation-code.length", n=len(code)))
    if _check(number + code[:-1]) != ALPHABET.index(code[-1]):
        raise WrongActivationCode(message("errors.wrong-activation-code.swapped"))
    return code


def activation_key(code: str, number: str) -> Ed25519Signer:
    """Derive the key that proves knowledge of the code, with HKDF-SHA256 (RFC 5869).

    One block of it is two calls of HMAC, which no mode of a computer's OpenSSL forbids.
    """
    extracted = hmac.digest(number.encode(), code.encode("ascii"), "sha256")
    return Ed25519Signer(hmac.digest(extracted, b"keyferry activation v1\x01", "sha256"))


def _wrong_symbol(code: str, symbol: str, position: int) -> str:
    """Name a wrong symbol; one that may look like a right one, or like nothing, by its place."""
    if symbol.isascii() and symbol.isprintable():
        return message(f"errors.{code}.symbol", symbol=symbol)
    return message(f"errors.{code}.symbol-at", symbol=show_symbol(symbol), n=position)


def _check(symbols: str) -> int:
    value = 0
    for symbol in symbols:
        value = (value * 32 + ALPHABET.index(symbol)) % _CHECK_MODULUS
    return value
