"""The ledger's rows in the `Licenses` table: the exact BODYs that were, and will be, signed."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from keyferry_protocol.envelope import MAX_PAE
from keyferry_service.adapters.items_dynamodb import Item, from_item, members, plain, to_item
from keyferry_service.domain.ledger import response_in
from keyferry_service.domain.license import LedgerEntry

ANSWER, RENEWAL = "answer#", "renewal#"
FOR_A_REPORT = ("pk", "issued_at", "body", "body_zlib")


def entry_to_item(number: str, entry: LedgerEntry) -> Item:
    """The row of the answer to a request."""
    return _item(number, answer_name(entry.request_sha256), entry)


def renewal_to_item(number: str, entry: LedgerEntry) -> Item:
    """The row of a renewal: a seat may have several of the same request."""
    return _item(number, renewal_name(entry.seat, response_in(entry).serial), entry)


def answer_name(request_sha256: str) -> str:
    """The sort key of the answer to a request."""
    return f"{ANSWER}{request_sha256}"


def renewal_name(seat: int, serial: int | str = "") -> str:
    """The sort key of a renewal or, without a serial, the beginning of a seat's renewals."""
    return f"{RENEWAL}{seat}#{serial}"


def entry_from_item(item: Item) -> LedgerEntry:
    """The entry of a row in either form: release 0.9 wrote the BODY as it is."""
    return from_item(LedgerEntry, item, body=_body(plain(item)))


def kind_in(item: Item) -> str | None:
    """The kind of the response that a row records, and nothing more; None if it cannot be read."""
    try:
        kind = json.loads(_body(plain(item)))["kind"]
    except (zlib.error, ValueError, KeyError, TypeError, RecursionError):
        return None
    return kind if isinstance(kind, str) else None


def _body(row: Mapping[str, Any]) -> bytes:
    return row["body"] if "body" in row else _decompress(row["body_zlib"])


def _item(number: str, name: str, entry: LedgerEntry) -> Item:
    """The row of an entry. Its BODY is compressed, because one with more than 1 KiB costs double.

    A release that writes another form follows one that reads it (docs/operations/upgrade.md).
    """
    row = members(entry) | {"body_zlib": zlib.compress(entry.body)}
    del row["body"]
    return to_item({"pk": number, "sk": name, **row})


def _decompress(data: bytes) -> bytes:
    """A BODY that could be signed; a row of 400 KB could hold 400 MB. Raises zlib.error."""
    reader = zlib.decompressobj()
    body = reader.decompress(data, MAX_PAE)
    if not reader.eof:
        raise zlib.error("This is no BODY that could be signed.")
    return body
