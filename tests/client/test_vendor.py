"""The page's vendor.json is also beside the keys on the offline machine."""

import json
from pathlib import Path
from typing import Any

import pytest

from keyferry.vendor import Vendor, read_vendor
from keyferry_protocol.errors import BadKeySet

PAGES_OWN = Path(__file__).parents[2] / "static-site" / "vendor.json"


def _read(folder: Path, members: Any) -> Vendor | None:
    (folder / "vendor.json").write_text(json.dumps(members))
    return read_vendor(folder / "keys.json")


def test_the_pages_vendor_file_is_read_unchanged() -> None:
    vendor = read_vendor(PAGES_OWN.with_name("keys.json"))
    assert vendor is not None
    assert vendor.id == "example"
    assert vendor.support == "licensing@example.com"


@pytest.mark.parametrize(
    ("support", "expected"),
    [
        ({"email": "a@example.com", "url": "https://example.com"}, "a@example.com"),
        ({"email": None, "url": "https://example.com", "hours": None}, "https://example.com"),
        ({"email": None, "url": None}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_support_is_the_email_address_or_else_the_web_address(
    tmp_path: Path, support: Any, expected: str
) -> None:
    assert _read(tmp_path, {"id": "x", "support": support}) == Vendor("x", support=expected)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"id": "Example"},
        {"id": "x" * 33},
        {"id": ""},
        {"id": "x", "product": 1},
        {"id": "x", "support": "a@example.com"},
        {"id": "x", "support": {"email": 1}},
    ],
)
def test_an_invalid_vendor_file_is_refused(tmp_path: Path, members: Any) -> None:
    with pytest.raises(BadKeySet):
        _read(tmp_path, members)


def test_an_application_needs_no_vendor_file(tmp_path: Path) -> None:
    assert read_vendor(tmp_path / "keys.json") is None
