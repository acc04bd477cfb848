"""The page's vendor.json is also beside the keys on the offline machine."""

import json
from pathlib import Path
from typing import Any

import pytest

from keyferry.vendor import Vendor, read_vendor
from keyferry_protocol import messages
from keyferry_protocol.errors import BadKeySet
from keyferry_protocol.messages import message, use_language, use_own_sentences

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
        *({"id": "x", "license_configuration": bad} for bad in ("", " ", "{a}", "a\nb", 5, [])),
        {"id": "x", "license_configuration": {"en": 5}},
    ],
)
def test_an_invalid_vendor_file_is_refused(tmp_path: Path, members: Any) -> None:
    with pytest.raises(BadKeySet):
        _read(tmp_path, members)


def test_an_application_needs_no_vendor_file(tmp_path: Path) -> None:
    assert read_vendor(tmp_path / "keys.json") is None


@pytest.mark.parametrize(
    ("name", "english", "german"),
    [
        ("License Center", "License Center", "License Center"),
        ({"en": "License Center", "de": "Lizenzen"}, "License Center", "Lizenzen"),
        ({"en": "License Center"}, "License Center", "License Center"),
        ({"de": "Lizenzen"}, "License Configuration", "Lizenzen"),
        (None, "License Configuration", "License Configuration"),
    ],
)
def test_errors_and_the_wizard_say_the_vendors_name_of_license_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: Any, english: str, german: str
) -> None:
    (tmp_path / "catalog" / "de").mkdir(parents=True)
    (tmp_path / "catalog" / "en").symlink_to(Path(messages.FOLDER) / "en")
    monkeypatch.setattr(messages, "FOLDER", str(tmp_path / "catalog"))
    vendor = _read(tmp_path, {"id": "x", "license_configuration": name})
    assert vendor is not None
    for language, expected in (("en", english), ("de", german)):
        with use_language(language):
            step = "errors.machine-not-identified.next-step"
            assert f"the check in {expected} (" in message(step, **vendor.names())
            with use_own_sentences(vendor.own_sentences()):
                assert message("wizard.list.title") == expected
