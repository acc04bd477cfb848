"""What is inspected before it passes the door: files as they were listed, and what is in them."""

from typing import NamedTuple

from keyferry_protocol.request import Request
from keyferry_protocol.response import Response

Contents = Request | Response


class Inspected(NamedTuple):
    """A file that was parsed and not verified: `original` as it is, `data` after the repairs."""

    original: bytes
    data: bytes
    contents: Contents
    repairs: tuple[str, ...]


class ListedFile(NamedTuple):
    """A name in a folder or archive. `data` is the content as far as a file of ours is long.

    `sha256` is that of the whole file, "" if it was not read. `obstacle` says why it was not, or
    what is wrong with an archive.
    """

    name: str
    size: int = 0
    sha256: str = ""
    data: bytes = b""
    obstacle: str = ""
    is_zip: bool = False  # its files follow
