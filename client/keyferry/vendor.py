"""Reads what a vendor ships with the application: the pinned keys and `vendor.json`."""

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from keyferry_protocol.components import PROTECTIONS
from keyferry_protocol.errors import BadJson, BadKeySet
from keyferry_protocol.keys import KeySet
from keyferry_protocol.messages import ENGLISH, OwnSentences, language_in_use, message
from keyferry_protocol.messages.formats import comma_list
from keyferry_protocol.strict_json import InvalidMember, JsonObject, parse_json, text_matching

_ID = re.compile("[a-z0-9-]{1,32}")
_DIALOG_NAME = text_matching(r"(?=.*\S)[^{}\x00-\x1f\x7f-\x9f\u2028\u2029]{1,64}", "dialog-name")


class Vendor(NamedTuple):
    """`vendor.json`: `id` names the state directories, the rest is shown to people."""

    id: str
    product: str = ""
    page_url: str = ""
    name: str = ""
    support: str = ""
    protections: tuple[str, ...] = PROTECTIONS  # offered to customers
    license_configuration: Mapping[str, str] = {}  # its name by language; "" for every language

    def own_sentences(self) -> OwnSentences:
        """The catalog's sentence that says the vendor's name of License Configuration instead."""
        name = self._license_configuration()
        if not name:
            return {}
        return {language_in_use(): {"neutral": {"license_configuration": name}}}

    def _license_configuration(self) -> str:
        names = self.license_configuration
        return names.get(language_in_use()) or names.get("", "") or names.get(ENGLISH, "")

    def names(self, product: str = "") -> dict[str, str]:
        """The names to fill into error messages; by default, the vendor's own product."""
        names = {
            "product": product or self.product,
            "vendor": self.name,
            "support": self.support or self.name,
        }
        dialog = self._license_configuration()
        return names | {"license_configuration": dialog} if dialog else names


def read_keys(path: str | os.PathLike[str]) -> KeySet:
    """Read the key set in a file. Raises BadKeySet or UnsupportedVersion."""
    return KeySet.from_json(read_key_file(path))


def read_key_file(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a `keys.json`. Raises BadKeySet if the file cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        detail = message("errors.bad-key-set.unread", path=os.fspath(path), why=error.strerror)
        raise BadKeySet(detail) from error


def read_vendor(keys_path: str | os.PathLike[str]) -> Vendor | None:
    """Read the `vendor.json` next to the keys; None if there is none. Raises BadKeySet."""
    path = os.path.join(os.path.dirname(os.fspath(keys_path)), "vendor.json")
    try:
        with open(path, "rb") as file:
            record = JsonObject(parse_json(file.read()))
        texts = {n: record.text(n, str) for n in ("product", "page_url", "name") if n in record}
        return Vendor(
            record.text("id", vendor_id),
            support=_support(record),
            protections=_protections(record),
            license_configuration=_license_configuration(record),
            **texts,
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadKeySet(
            message("errors.bad-key-set.unread", path=path, why=error.strerror)
        ) from error
    except (BadJson, InvalidMember) as error:
        raise BadKeySet(message("errors.bad-key-set.file", path=path, why=error)) from error


def _support(record: JsonObject) -> str:
    """Where customers get help: the email address, or else the web address."""
    if "support" not in record or record.is_null("support"):
        return ""
    support = record.json_object("support")
    addresses = [
        support.text(n, str) for n in ("email", "url") if n in support and not support.is_null(n)
    ]
    return addresses[0] if addresses else ""


def _protections(record: JsonObject) -> tuple[str, ...]:
    """The protections that the vendor offers, in the format's order; all by default."""
    if "protections" not in record:
        return PROTECTIONS
    offered = record.texts("protections", str)
    known = tuple(protection for protection in PROTECTIONS if protection in offered)
    if not known or len(known) != len(offered):
        raise InvalidMember(
            record.path_of("protections"), message("format.some-of", values=comma_list(PROTECTIONS))
        )
    return known


def _license_configuration(record: JsonObject) -> Mapping[str, str]:
    """The vendor's name of License Configuration by language, or under "" for every language."""
    name = "license_configuration"
    if name not in record or record.is_null(name):
        return {}
    if isinstance(record.value(name), str):
        return {"": record.text(name, _DIALOG_NAME)}
    names = record.json_object(name)
    return {language: names.text(language, _DIALOG_NAME) for language in names.names()}


def vendor_id(text: str) -> str:
    """Return the text if it is a valid vendor id. Raises ValueError otherwise."""
    if not _ID.fullmatch(text):
        raise ValueError(message("format.vendor-id"))
    return text
