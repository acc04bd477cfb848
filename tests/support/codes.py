"""Reads QR codes as a phone would: from pixels."""

from base64 import b64decode, b64encode
from collections.abc import Sequence

import zxingcpp
from playwright.sync_api import Page

_PIXELS = """async (png) => {
  const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const context = new OffscreenCanvas(image.width, image.height).getContext('2d');
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  let grey = '';
  for (let at = 0; at < data.length; at += 4) grey += String.fromCharCode(data[at]);
  return [image.width, btoa(grey)];
}"""
_BLOCKS = {"█": (255, 255), "▀": (255, 0), "▄": (0, 255), " ": (0, 0)}  # upper, lower half
_PIXELS_A_MODULE = 4


def read_screen(page: Page) -> str:
    """The text of the one QR code on the page as it is on the screen."""
    (text,) = read_all(page, page.screenshot())
    return text


def read_all(page: Page, screenshot: bytes) -> list[str]:
    """The texts of all QR codes on a screenshot, which this page unpacks."""
    width, grey = page.evaluate(_PIXELS, b64encode(screenshot).decode())
    return _read_all(b64decode(grey), width)


def read_blocks(lines: Sequence[str]) -> str:
    """The text of a QR code drawn in half blocks, light on a dark terminal."""
    pixels = b""
    for line in lines:
        for half in (0, 1):
            row = b"".join(bytes((_BLOCKS[block][half],)) * _PIXELS_A_MODULE for block in line)
            pixels += row * _PIXELS_A_MODULE
    (text,) = _read_all(pixels, len(lines[0]) * _PIXELS_A_MODULE)
    return text


def _read_all(grey: bytes, width: int) -> list[str]:
    picture = memoryview(grey).cast("B", (len(grey) // width, width))
    return [str(code.text) for code in zxingcpp.read_barcodes(picture, try_invert=False)]
