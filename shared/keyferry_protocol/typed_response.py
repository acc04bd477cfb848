"""A response as a person or a scanner types it (docs/format.md, "Lines and codes")."""

import re
from contextlib import suppress
from hashlib import sha256

from keyferry_protocol.envelope import MAX_FILE, RESPONSE
from keyferry_protocol.errors import WrongLine
from keyferry_protocol.messages import message
from keyferry_protocol.response_text import packed_length
from keyferry_protocol.symbols import ALPHABET, typed_symbols
from keyferry_protocol.typed_text import decode_text, plain_separators

LINE_SYMBOLS = 28
CHECK_SYMBOLS = 2
MAX_LINES = 30  # more are not offered to be typed
_GROUP = 4
_VALUES = {symbol: value for value, symbol in enumerate(ALPHABET)}
_NUMBER = re.compile(r"[\s.:)#-]*([0-9OoIiLl]{1,2})(?![^\s.:)-])[\s.:)-]*(.*)", re.S)

# Where keyboards have QWERTY, QWERTZ, or AZERTY, these letters are at the same place.
LETTERS = "BCDEFGHJKNPRSTVX"
CODE_BYTES = 566  # of the text form: with 10 more, version 19 of a QR code at level L
MAX_CODES = 36
_CODE_HEAD, _CODE_CHECK = 6, 4
_FROM_LETTERS = str.maketrans(LETTERS, "0123456789ABCDEF")
_TO_LETTERS = str.maketrans("0123456789abcdef", LETTERS)
_IS_CODES = re.compile(f"[{LETTERS}]{{{2 * (_CODE_HEAD + _CODE_CHECK + 1)},}}")


def to_lines(packed: bytes) -> list[str]:
    """A text form as numbered lines: seven groups of four symbols, and two check symbols."""
    symbols = _symbols_of(packed)
    count = len(symbols)
    rows = [symbols[at : at + LINE_SYMBOLS] for at in range(0, count, LINE_SYMBOLS)]
    return [_show(number, row) for number, row in enumerate(rows, 1)]


def to_codes(packed: bytes) -> list[str]:
    """A text form as the letters of QR codes, which a handheld scanner types."""
    count = -(-len(packed) // CODE_BYTES)
    size = -(-len(packed) // count)
    mark = sha256(packed).digest()[:2]
    codes = []
    for number in range(1, count + 1):
        part = packed[(number - 1) * size : number * size]
        code = mark + bytes((number, count)) + len(part).to_bytes(2, "big") + part
        code += sha256(code).digest()[:_CODE_CHECK]
        codes.append(code.hex().translate(_TO_LETTERS))
    return codes


class TypedResponse:
    """Collects lines and codes as they are typed: in any order, some twice, some wrong."""

    def __init__(self) -> None:
        self._lines: dict[int, str] = {}
        self._parts: dict[int, bytes] = {}
        self._mark = b""
        self.codes = 0  # how many there are; 0 as long as none was scanned
        self._last_symbols = LINE_SYMBOLS  # of the last line
        self.length: int | None = None  # how many lines there are, as the first one says

    @property
    def scanned(self) -> int:
        """How many codes have been added."""
        return len(self._parts)

    @property
    def line_count(self) -> int:
        """How many lines have been added."""
        return len(self._lines)

    @property
    def missing(self) -> int | None:
        """The number of the first missing line; None if all lines or all codes have been added."""
        if self.codes and self.scanned == self.codes:
            return None
        expected = self.length or max(self._lines, default=0) + 1
        return next((n for n in range(1, expected + 1) if n not in self._lines), None)

    def add(self, text: str, number: int | None = None) -> None:
        """Add one line, or scanned codes; `number` counts for a line that starts with no number.

        Raises WrongLine, or for the first line UnreadableResponse if it belongs to no response,
        and UnsupportedVersion if it belongs to a later text form.
        """
        letters = "".join(text.split()).upper()
        if _IS_CODES.fullmatch(letters):
            self._add_codes(letters)
        elif number is None:
            self._add_line(*_numbered(text))
        else:
            symbols = typed_symbols(text)
            if not _is_line(symbols, number):
                with suppress(WrongLine):  # it may be typed with its number, or be another one
                    shown, rest = _numbered(text)
                    if _is_line(rest, shown):
                        number, symbols = shown, rest
            self._add_line(number, symbols)

    def packed(self) -> bytes:
        """The text form. Raises WrongLine for a line or code that is missing or does not fit."""
        if self.codes and self.missing is not None and not self._lines:
            values = {"n": self.scanned, "of": self.codes}
            raise WrongLine(message("errors.wrong-line.codes-missing", **values))
        if self.missing is not None:
            raise _wrong("missing", self.missing)
        if self.codes and self.scanned == self.codes:
            return b"".join(self._parts[n] for n in range(1, self.codes + 1))
        symbols = "".join(self._lines[n] for n in sorted(self._lines))
        packed = _bytes_of(symbols)
        if _symbols_of(packed) != symbols:
            raise _wrong("typo", max(self._lines))
        return packed

    def _add_line(self, number: int, symbols: str) -> None:
        if not _is_line(symbols, number):
            raise _wrong("typo", number)
        symbols = symbols[:-CHECK_SYMBOLS]
        if number == 1:
            full, last = divmod(-(-8 * packed_length(_bytes_of(symbols)) // 5), LINE_SYMBOLS)
            self.length = full + (last > 0)
            self._last_symbols = last or LINE_SYMBOLS
            # What was typed before and does not fit is of another response; it is asked for again.
            self._lines = {n: line for n, line in self._lines.items() if self._fits(n, line)}
        if self.length is not None and not self._fits(number, symbols):
            raise _wrong("typo", number)
        self._lines[number] = symbols

    def _fits(self, number: int, symbols: str) -> bool:
        """Whether a line has as many symbols as the first line says."""
        assert self.length is not None, "the first line is known"
        expected = self._last_symbols if number == self.length else LINE_SYMBOLS
        return number <= self.length and len(symbols) == expected

    def _add_codes(self, letters: str) -> None:
        data = bytes.fromhex(letters.translate(_FROM_LETTERS)[: len(letters) & ~1])
        while data:
            end = _CODE_HEAD + int.from_bytes(data[4:_CODE_HEAD], "big")
            code, check, data = data[:end], data[end : end + _CODE_CHECK], data[end + _CODE_CHECK :]
            if len(check) < _CODE_CHECK or sha256(code).digest()[:_CODE_CHECK] != check:
                raise WrongLine(message("errors.wrong-line.code"))
            mark, number, count = code[:2], code[2], code[3]
            if self.codes and (mark, count) != (self._mark, self.codes):
                raise WrongLine(message("errors.wrong-line.another-code"))
            if not 1 <= number <= count <= MAX_CODES:
                raise WrongLine(message("errors.wrong-line.code"))
            self._mark, self.codes = mark, count
            self._parts[number] = code[_CODE_HEAD:]


def typed_rows(text: str) -> list[str]:
    """The rows of a typed text that are not empty."""
    return [row for row in text.splitlines() if row.strip()]


def looks_typed(data: bytes) -> bool:
    """Whether this text begins with a numbered line or a scanned code, however wrong."""
    if len(data) > 4 * MAX_FILE[RESPONSE]:
        return False
    first = decode_text(data).lstrip().partition("\n")[0]
    match = _NUMBER.fullmatch(plain_separators(first).strip())
    symbols = typed_symbols(match[2]) if match else ""
    return len(symbols) > CHECK_SYMBOLS or bool(_IS_CODES.fullmatch(first.strip().upper()))


def _show(number: int, symbols: str) -> str:
    groups = [symbols[at : at + _GROUP] for at in range(0, len(symbols), _GROUP)]
    return f"{number}  {' '.join(groups)}  {_check(number, symbols)}"


def _is_line(symbols: str, number: int) -> bool:
    if not 1 <= number <= MAX_LINES:
        return False
    if not CHECK_SYMBOLS < len(symbols) <= LINE_SYMBOLS + CHECK_SYMBOLS:
        return False
    if not set(symbols) <= _VALUES.keys():
        return False
    return _check(number, symbols[:-CHECK_SYMBOLS]) == symbols[-CHECK_SYMBOLS:]


def _check(number: int, symbols: str) -> str:
    """Two check symbols: a Reed-Solomon code over GF(32) with x^5 + x^2 + 1, distance 3.

    The first is the sum of all values, the second the sum of each times 2 to the power of its
    place, so any two wrong symbols show; a swap, or another line's number, is two at most.
    """
    total = weighted = 0
    values = (number >> 5, number & 31, *(_VALUES[symbol] for symbol in symbols))
    for value in reversed(values):
        total ^= value
        weighted = (weighted << 1 ^ (0b100101 if weighted & 16 else 0)) ^ value
    return ALPHABET[total] + ALPHABET[weighted]


def _symbols_of(packed: bytes) -> str:
    """Five bits a symbol, the highest first; the last one is filled up with zeros."""
    count = -(-8 * len(packed) // 5)
    bits = int.from_bytes(packed, "big") << (5 * count - 8 * len(packed))
    return "".join(ALPHABET[bits >> 5 * at & 31] for at in reversed(range(count)))


def _bytes_of(symbols: str) -> bytes:
    """The whole bytes in these symbols."""
    bits = 0
    for symbol in symbols:
        bits = bits << 5 | _VALUES[symbol]
    return (bits >> 5 * len(symbols) % 8).to_bytes(5 * len(symbols) // 8, "big")


def _numbered(text: str) -> tuple[int, str]:
    """The number of a line and its symbols. Raises WrongLine where there is no number."""
    match = _NUMBER.fullmatch(plain_separators(text).strip())
    if match and match[2]:
        return int(typed_symbols(match[1])), typed_symbols(match[2])
    symbols = typed_symbols(text)
    for digits in (1, 2):  # without a space behind its number
        start = symbols[:digits]
        if start.isdecimal() and _is_line(symbols[digits:], int(start)):
            return int(start), symbols[digits:]
    raise WrongLine(message("errors.wrong-line.no-number"))


def _wrong(name: str, number: int) -> WrongLine:
    return WrongLine(message(f"errors.wrong-line.{name}", n=number), line=number)
