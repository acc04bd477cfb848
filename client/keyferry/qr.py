"""A request as a link in a QR code: a phone's own camera opens the page with it filled in."""

from binascii import b2a_base64
from io import BytesIO
from typing import TYPE_CHECKING

from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.text_form import to_text_form

if TYPE_CHECKING:
    from segno import QRCode

MAX_VERSION = 22  # phones misread larger codes off a screen
MARGIN = 4  # modules: the white border that a camera needs to find the code
MODULE = 4  # pixels
_LIGHT, _UPPER, _LOWER, _DARK = "█", "▀", "▄", " "


class TooLong(KeyferryError):
    """A request whose link needs a larger QR code than phones read off a screen."""

    code = "too-long"


def request_link(page_url: str, data: bytes) -> str:
    """The URL that opens the page with this request file filled in."""
    packed = b2a_base64(to_text_form(data), newline=False).decode("ascii")
    slash = "" if "/" in page_url.partition("://")[2] else "/"
    return f"{page_url}{slash}#r={packed.translate(_URL_SAFE).rstrip('=')}"


_URL_SAFE = str.maketrans("+/", "-_")


def qr_svg(link: str) -> str:
    """The QR code as SVG, black on white whatever the page's colors. Raises TooLong."""
    svg = BytesIO()
    _code(link).save(svg, kind="svg", scale=MODULE, border=MARGIN, light="#fff", xmldecl=False)
    return svg.getvalue().decode("utf-8")


def qr_lines(link: str) -> list[str]:
    """The QR code in half blocks, two rows of modules per line. Raises TooLong.

    Blocks are the light modules, since terminals show light text on a dark background.
    """
    rows = [[bool(dark) for dark in row] for row in _code(link).matrix_iter(border=MARGIN)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))  # each line takes two rows
    block = {
        (False, False): _LIGHT,
        (False, True): _UPPER,
        (True, False): _LOWER,
        (True, True): _DARK,
    }
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return ["".join(block[pair] for pair in zip(*two, strict=True)) for two in pairs]


def qr_version(link: str) -> int:
    """The version of the QR code: 17 + 4 x version modules per side. Raises TooLong."""
    return _version(_code(link))


def _code(link: str) -> "QRCode":
    import segno  # imported here, because `load` does not need it

    try:
        code = segno.make_qr(link, error="l", mode="byte")
    except segno.DataOverflowError as error:
        raise TooLong from error
    if _version(code) > MAX_VERSION:
        raise TooLong
    return code


def _version(code: "QRCode") -> int:
    assert isinstance(code.version, int), "only a Micro QR code has no number"
    return code.version
