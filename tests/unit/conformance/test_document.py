"""The lists of docs/format.md are the lists of the code."""

import re
from pathlib import Path

import pytest

from keyferry.machine import instance_disks, linux_environment, makers, placeholders
from keyferry.machine.placeholders import is_placeholder
from keyferry_protocol import errors
from keyferry_protocol.algorithms import ALGORITHMS, RESPONSE_ALGORITHMS
from keyferry_protocol.components import COMPONENTS
from keyferry_protocol.errors import KeyferryError
from keyferry_service.domain.refusals import RefusalCode

pytestmark = pytest.mark.conformance

DOCUMENT = (Path(__file__).parents[3] / "docs" / "format.md").read_text()


def _after(mark: str) -> str:
    """The paragraph, table or block that follows a mark of the document."""
    text = DOCUMENT.split(f"<!-- {mark} -->\n")[1]
    if text.startswith("```"):
        return text.split("```")[1].strip("\n")
    return text.split("\n\n")[0]


def _family(error: type[KeyferryError]) -> set[type[KeyferryError]]:
    members = {error}
    return members.union(*(_family(child) for child in error.__subclasses__()))


def test_every_code_and_exit_of_the_client_is_listed() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", _after("codes"), re.MULTILINE)
    listed = {code: int(exit) for code, exit in rows}
    assert len(listed) == len(rows)
    family = {e for e in _family(KeyferryError) if e.__module__ == errors.__name__}
    family -= {
        KeyferryError,
        errors.NotAuthentic,
    }  # the base class, and the code of the service alone
    assert listed == {error.code: error.exit for error in family}


def test_refusals_are_listed_in_their_order() -> None:
    listed = re.findall(r"^\d+\. `([a-z-]+)`$", _after("refusals"), re.MULTILINE)
    assert listed == [code.value for code in RefusalCode]


def test_every_listed_placeholder_is_recognized() -> None:
    listed = _after("placeholders").splitlines()
    assert listed == sorted(set(listed))
    for value in listed:
        assert is_placeholder(value), value
        assert is_placeholder(f" {value.upper()} "), value
    for value in ("", "0.0.0", "----", "aaaa", " . 0 "):
        assert is_placeholder(value), value
    for value in ("PF3K11QX", "d0bf9c112233", "4c4c4544-0042-3510-8051-b7c04f4d3732", "default"):
        assert not is_placeholder(value), value


def test_the_client_knows_no_placeholder_that_is_not_listed() -> None:
    source = Path(placeholders.__file__).read_text()
    known = re.findall(r'^        "(.*)",$', source, re.MULTILINE)
    assert set(known) - {""} == set(_after("placeholders").splitlines())


@pytest.mark.parametrize(
    ("mark", "known"),
    [
        ("shared addresses", placeholders.SHARED_ADDRESSES),
        ("instance disks", instance_disks.MODELS),
        ("sandboxes", linux_environment.SANDBOXES),
        ("hypervisors", makers.HYPERVISORS),
        ("clouds", makers.CLOUDS),
    ],
)
def test_what_the_machine_readers_know_is_listed(mark: str, known: tuple[str, ...]) -> None:
    assert list(known) == sorted(set(known))
    assert _after(mark).splitlines() == list(known)


def test_what_is_trimmed_is_listed() -> None:
    page = (Path(__file__).parents[3] / "docs" / "components.md").read_text()
    rule = " ".join(page.split("- **Trimmed** means")[1].split("(C#")[0].split())
    trimmed: set[int] = set()
    for first, last in re.findall(r"U\+([0-9A-F]{4})(?: to U\+([0-9A-F]{4}))?", rule):
        trimmed |= set(range(int(first, 16), int(last or first, 16) + 1))
    assert trimmed == {point for point in range(0x110000) if not chr(point).strip()}


def test_the_components_are_listed() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (\d) \| (yes|no) \| 1(?: to (\d))? \|", DOCUMENT, re.M)
    listed = [(name, int(w), anchor == "yes", int(most or 1)) for name, w, anchor, most in rows]
    assert listed == [(c.name, c.weight, c.anchor, c.max_hashes) for c in COMPONENTS.values()]


def test_the_algorithms_are_listed() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| .*?([\d,]+) bytes \| .* \| (.*) \|$", DOCUMENT, re.M)
    listed = [
        (name, int(size.replace(",", "")), "service" in users, "token" in users)
        for name, size, users in rows
    ]
    assert listed == [
        (a.name, a.public_bytes, a.name in RESPONSE_ALGORITHMS, a.for_dongles)
        for a in ALGORITHMS.values()
    ]
