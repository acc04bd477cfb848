"""What a vendor ships beside the application: the pinned keys, and `vendor.json` next to them."""

import os
import re
from typing import NamedTuple

from keyferry.store.state_dirs import StateDirs, roots
from keyferry_protocol.components import PROTECTIONS
from keyferry_protocol.errors import BadJson, BadKeySet
from keyferry_protocol.keys import KeySet
from keyferry_protocol.strict_json import InvalidMember, JsonObject, parse_json

_ID = re.compile("[a-z0-9-]{1,32}")


class Vendor(NamedTuple):
    """`vendor.json`: `id` names the state folders, the rest fills sentences."""

    id: str
    product: str = ""
    page_url: str = ""
    name: str = ""
    support: str = ""
    protections: tuple[str, ...] = PROTECTIONS  # what its customers choose from


def read_keys(path: str | os.PathLike[str]) -> KeySet:
    """The key set of a file. Raises BadKeySet or UnsupportedVersion."""
    try:
        with open(path, "rb") as file:
            return KeySet.from_json(file.read())
    except OSError as error:
        raise BadKeySet(f"{os.fspath(path)}: {error.strerror}.") from error


def read_vendor(keys_path: str | os.PathLike[str]) -> Vendor | None:
    """The `vendor.json` beside the keys, None if there is none. Raises BadKeySet."""
    path = os.path.join(os.path.dirname(os.fspath(keys_path)), "vendor.json")
    try:
        with open(path, "rb") as file:
            record = JsonObject(parse_json(file.read()))
        texts = {n: record.text(n, str) for n in ("product", "page_url", "name") if n in record}
        return Vendor(
            record.text("id", vendor_id),
            support=_support(record),
            protections=_protections(record),
            **texts,
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadKeySet(f"{path}: {error.strerror}.") from error
    except (BadJson, InvalidMember) as error:
        raise BadKeySet(f"{path}: {error}") from error


def _support(record: JsonObject) -> str:
    """Where customers ask: the mail address, or else the web address."""
    if "support" not in record or record.is_null("support"):
        return ""
    support = record.json_object("support")
    told = [
        support.text(n, str) for n in ("email", "url") if n in support and not support.is_null(n)
    ]
    return told[0] if told else ""


def _protections(record: JsonObject) -> tuple[str, ...]:
    """Those that the vendor offers, in the format's order; all where it says nothing."""
    if "protections" not in record:
        return PROTECTIONS
    named = record.texts("protections", str)
    known = tuple(protection for protection in PROTECTIONS if protection in named)
    if not known or len(known) != len(named):
        raise InvalidMember(
            record.path_of("protections"), f"is not one or more of {', '.join(PROTECTIONS)}"
        )
    return known


def vendor_id(text: str) -> str:
    """The text itself if it may name a vendor's folders; ValueError otherwise."""
    if not _ID.fullmatch(text):
        raise ValueError("is not 1 to 32 of a-z, 0-9 and -")
    return text


def resolve(
    keys: "KeySet | str | os.PathLike[str]",
    state_dir: str | os.PathLike[str] | None,
    vendor: str | None,
) -> tuple[KeySet, StateDirs]:
    """The pinned keys and the state folders that a library call means."""
    if isinstance(keys, KeySet):
        return keys, roots(vendor and vendor_id(vendor), state_dir)
    if state_dir is None and vendor is None:
        beside = read_vendor(keys)
        vendor = beside and beside.id
    return read_keys(keys), roots(vendor and vendor_id(vendor), state_dir)
