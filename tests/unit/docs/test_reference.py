"""`make docs` describes each public name of the client, and no other."""

import re
from pathlib import Path

import keyferry
from keyferry import testing

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def test_every_public_name_is_in_the_reference() -> None:
    pages = "\n".join(page.read_text() for page in REFERENCE.glob("*.md"))
    described = re.findall(r"^::: keyferry\.(\w+)$", pages, re.MULTILINE)
    assert sorted(described) == sorted(keyferry.__all__)


def test_what_is_for_tests_is_there_too() -> None:
    page = (REFERENCE / "testing.md").read_text()
    assert [name for name in testing.__all__ if name not in page] == []
    assert "::: keyferry.testing.OfflineComputer" in page  # the others are fixtures
