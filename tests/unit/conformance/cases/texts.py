"""Base64, times and free texts; license numbers and activation codes."""

from collections.abc import Iterator

from tests.unit.conformance.cases.files import Vector
from tests.unit.conformance.cases.keys import (
    ALPHABET,
    CODE,
    NUMBER,
    activation_code,
    activation_seed,
    b64,
    check_symbol,
    ed25519_of,
)

GOOD_BASE64 = [
    ("no bytes", "", b""),
    ("one byte", "TQ==", b"M"),
    ("two bytes", "TWE=", b"Ma"),
    ("three bytes", "TWFu", b"Man"),
    ("plus and slash", "++//", b"\xfb\xef\xff"),
]
URL_SAFE = [
    ("minus and underscore", "--__", b"\xfb\xef\xff"),
    ("URL-safe with padding", "_w==", b"\xff"),
]
BAD_BASE64 = [
    ("no padding", "TQ"),
    ("half the padding", "TQ="),
    ("too much padding", "TWFu===="),
    ("padding inside", "TQ==TQ=="),
    ("padding alone", "===="),
    ("a last symbol with bits left over, two bytes", "TWF="),
    ("a last symbol with bits left over, one byte", "TR=="),
    ("one symbol too many", "TWFuT"),
    ("white space inside", "TW Fu"),
    ("a line feed at the end", "TWFu\n"),
    ("white space before", " TWFu"),
    ("a symbol outside the alphabet", "TWF!"),
    ("a letter of another script", "TWF\u0443"),
    ("two alphabets in one text", "+-//"),
    ("URL-safe without padding", "_w"),
    ("URL-safe with bits left over", "_x=="),
]

GOOD_TIMES = [
    ("1970-01-01T00:00:00Z", 0),
    ("2026-11-24T09:47:00Z", 1795513620),
    ("2028-02-29T23:59:59Z", 1835481599),
    ("2000-02-29T00:00:00Z", 951782400),
    ("0001-01-01T00:00:00Z", -62135596800),
    ("9999-12-31T23:59:59Z", 253402300799),
]
BAD_TIMES = [
    ("the year 0000", "0000-01-01T00:00:00Z"),
    ("30 February", "2026-02-30T00:00:00Z"),
    ("29 February of a common year", "2026-02-29T00:00:00Z"),
    ("29 February 1900", "1900-02-29T00:00:00Z"),
    ("31 April", "2026-04-31T00:00:00Z"),
    ("month 13", "2026-13-01T00:00:00Z"),
    ("month 0", "2026-00-01T00:00:00Z"),
    ("day 0", "2026-01-00T00:00:00Z"),
    ("hour 24", "2026-01-01T24:00:00Z"),
    ("minute 60", "2026-01-01T00:60:00Z"),
    ("a leap second", "2016-12-31T23:59:60Z"),
    ("lower case", "2026-11-24t09:47:00z"),
    ("an offset", "2026-11-24T09:47:00+00:00"),
    ("a fraction", "2026-11-24T09:47:00.0Z"),
    ("no seconds", "2026-11-24T09:47Z"),
    ("no zone", "2026-11-24T09:47:00"),
    ("a space in place of T", "2026-11-24 09:47:00Z"),
    ("the basic format", "20261124T094700Z"),
    ("a five-digit year", "12026-11-24T09:47:00Z"),
    ("a date alone", "2026-11-24"),
    ("a sign in place of a digit", "2026-+1-24T09:47:00Z"),
    ("a space in place of a digit", "2026-11- 4T09:47:00Z"),
    ("a line feed at the end", "2026-11-24T09:47:00Z\n"),
    ("digits of another script", "\u0662\u0660\u0662\u0666-11-24T09:47:00Z"),
    ("nothing", ""),
]

GOOD_TEXTS = [
    ("nothing", ""),
    ("64 letters", "x" * 64),
    ("64 code points beyond the BMP", "\U0001f600" * 64),
    ("other scripts", "Pl\u00e4tze \u5ea7\u5e2d \u0645\u0642\u0639\u062f"),
    ("a zero-width joiner", "a\u200db"),
    ("a no-break space", "a\u00a0b"),
    ("a left-to-right mark, no control that overrides", "a\u200eb"),
    ("characters beside the refused ones", "\u0020\u007e\u00a0\u2027\u202f\u2065\u206a"),
    ("a byte-order mark inside", "a\ufeffb"),
]
BAD_TEXTS = [
    ("65 letters", "x" * 65),
    ("65 code points beyond the BMP", "\U0001f600" * 65),
    *(
        (f"U+{code:04X}", f"a{chr(code)}b")
        for code in (0x00, 0x09, 0x0A, 0x0D, 0x1B, 0x1F, 0x7F, 0x80, 0x85, 0x9F)
    ),
    *(
        (f"U+{code:04X}", f"a{chr(code)}b")
        for code in (0x2028, 0x2029, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E)
    ),
    *((f"U+{code:04X}", f"a{chr(code)}b") for code in (0x2066, 0x2067, 0x2068, 0x2069)),
]


def base64_vectors() -> Iterator[Vector]:
    for name, text, data in GOOD_BASE64:
        expect = {"ok": True, "hex": data.hex()}
        yield {"name": name, "input": text, "url_safe_too": False, "expect": expect}
        yield {"name": f"{name}, in payload", "input": text, "url_safe_too": True, "expect": expect}
    for name, text, data in URL_SAFE:
        expect = {"ok": True, "hex": data.hex()}
        yield {"name": f"{name}, in payload", "input": text, "url_safe_too": True, "expect": expect}
        yield {"name": name, "input": text, "url_safe_too": False, "expect": {"ok": False}}
    for name, text in BAD_BASE64:
        for too in (False, True):
            where = ", in payload" if too else ""
            yield {
                "name": name + where,
                "input": text,
                "url_safe_too": too,
                "expect": {"ok": False},
            }


def time_vectors() -> Iterator[Vector]:
    for text, seconds in GOOD_TIMES:
        yield {"name": text, "input": text, "expect": {"ok": True, "seconds": seconds}}
    for name, text in BAD_TIMES:
        yield {"name": name, "input": text, "expect": {"ok": False}}


def free_text_vectors() -> Iterator[Vector]:
    for name, text in GOOD_TEXTS:
        yield {"name": name, "input": text, "expect": {"ok": True}}
    for name, text in BAD_TEXTS:
        yield {"name": name, "input": text, "expect": {"ok": False}}


def license_number_vectors() -> Iterator[Vector]:
    for name, text in [
        ("bare", NUMBER),
        ("as shown", "015.120.020.093"),
        ("every separator", " 0\t1\r5\n1.2-0_0/20093 "),
        ("all zeros", "000-000-000-000"),
        ("no-break spaces", "015\u00a0120\u00a0020\u00a0093"),
        ("an en dash and a byte-order mark", "\ufeff015120\u2013020093"),
        ("full-width full stops", "015\uff0e120\uff0e020\uff0e093"),
    ]:
        digits = "".join(c for c in text if c in "0123456789")
        shown = ".".join(digits[i : i + 3] for i in (0, 3, 6, 9))
        yield {
            "name": name,
            "input": text,
            "expect": {"ok": True, "number": digits, "shown": shown},
        }
    for name, text in [
        ("nothing", ""),
        ("separators alone", ".-_/"),
        ("11 digits", "01512002009"),
        ("13 digits", "0151200200930"),
        ("a letter", "01512002009O"),
        ("a comma", "015,120,020,093"),
        ("digits of another script", "\u0660" * 12),
        ("full-width digits", "\uff10" * 12),
        ("a sign", "+015120020093"),
        ("a backslash", "015\\120\\020\\093"),
    ]:
        yield {"name": name, "input": text, "expect": {"code": "wrong-license-number"}}


def _good_code(name: str, number: str, text: str, code: str) -> Vector:
    seed = activation_seed(code, number)
    key = ed25519_of(seed)
    shown = "-".join(code[i : i + 6] for i in range(0, 30, 6)).lower()
    facts = {"symbols": code, "shown": shown, "seed": seed.hex()}
    key_facts = {"public": b64(key.public), "keyid": key.keyid}
    return {
        "name": name,
        "number": number,
        "input": text,
        "expect": {"ok": True} | facts | key_facts,
    }


def activation_code_vectors() -> Iterator[Vector]:
    shown = "m9s346-q3d25v-t4f5v3-7e3s3e-28jt9v"
    yield _good_code("as shown", NUMBER, shown, CODE)
    yield _good_code("bare, upper case", NUMBER, CODE, CODE)
    yield _good_code("every separator", NUMBER, f" {shown}\t\r\n._/".replace("-", "_"), CODE)
    for name, separator in [
        ("en dashes", "\u2013"),
        ("non-breaking hyphens", "\u2011"),
        ("soft hyphens", "\u00ad"),
        ("no-break spaces", "\u00a0"),
    ]:
        yield _good_code(name, NUMBER, shown.replace("-", separator), CODE)
    yield _good_code("characters unseen", NUMBER, f"\ufeff{shown}\u200b\u202c\u2060", CODE)
    for number in ("000000000000", "999999999999", "123456789012"):
        code = activation_code(number, number)
        yield _good_code(f"a code of {number}", number, code, code)
    folded = next(
        code
        for code in (activation_code(NUMBER, f"folded {i}") for i in range(1000))
        if "0" in code and "1" in code
    )
    for letter, digit in (("O", "0"), ("o", "0"), ("I", "1"), ("i", "1"), ("L", "1"), ("l", "1")):
        text = folded.replace(digit, letter)
        yield _good_code(f"{letter} for {digit}", NUMBER, text, folded)

    def bad(name: str, text: str, number: str = NUMBER) -> Vector:
        expect = {"code": "wrong-activation-code"}
        return {"name": name, "number": number, "input": text, "expect": expect}

    yield bad("nothing", "")
    yield bad("29 symbols", CODE[:-1])
    yield bad("31 symbols", CODE + "0")
    yield bad("U", "U" + CODE[1:])
    yield bad("u", "u" + CODE[1:])
    yield bad("a symbol of mod 37 alone", CODE[:-1] + "*")
    yield bad("a dotless i", CODE.replace("J", "\u0131"))
    yield bad("a long s for S", CODE.replace("S", "\u017f"))
    yield bad("full-width digits", CODE.replace("3", "\uff13"))
    yield bad("a Cyrillic es for C", shown.replace("t", "\u0441"))
    yield bad("another number", CODE, "015120020094")
    yield bad("two neighbours of the number swapped", CODE, "015120020039")
    for place in (0, 7, 15, 28, 29):
        wrong = ALPHABET[(ALPHABET.index(CODE[place]) + 1) % 32]
        yield bad(f"symbol {place + 1} is wrong", CODE[:place] + wrong + CODE[place + 1 :])
    for place in (0, 13, 28):
        swapped = CODE[:place] + CODE[place + 1] + CODE[place] + CODE[place + 2 :]
        yield bad(f"symbols {place + 1} and {place + 2} are swapped", swapped)
    beyond = next(
        symbols
        for symbols in (CODE[:28] + last for last in ALPHABET)
        if check_symbol(NUMBER, symbols) >= 32
    )
    for value in (check_symbol(NUMBER, beyond) - 32, 31):
        yield bad(f"a check value of 32 or more, written as {value}", beyond + ALPHABET[value])
