"""The ledger's rows in the `Licenses` table: the exact BODYs that were, and will be, signed."""

import zlib

from keyferry_service.adapters.items_dynamodb import Item, from_item, plain
from keyferry_service.domain.license import LedgerEntry


def entry_from_item(item: Item) -> LedgerEntry:
    """The entry of a row, whose BODY may be compressed."""
    row = plain(item)
    body = row["body"] if "body" in row else zlib.decompress(row["body_zlib"])
    return from_item(LedgerEntry, item, body=body)
