"""Hypothesis strategies: every value that a file can hold, and JSON of every shape."""

from typing import Any

from hypothesis import strategies as st

from keyferry_protocol.algorithms import ED25519
from keyferry_protocol.components import (
    COMPONENTS_BY_PROTECTION,
    ENVIRONMENTS,
    LICENSABLE_ENVIRONMENTS,
    PROTECTIONS,
)
from keyferry_protocol.encoding import b64, parse_time
from keyferry_protocol.keys import Ed25519Signer, PinnedKey
from keyferry_protocol.request import KINDS, Dongle, HashedMachine, Product, RequestBody
from keyferry_protocol.response import RESPONSE_KINDS, BoundTo, LicenseTerms, ResponseBody
from tests.support.valid_files import VENDOR, VENDOR_PQ, pinned

FIRST, LAST = parse_time("0001-01-01T00:00:00Z"), parse_time("9999-12-31T23:59:59Z")
SIGNERS = [Ed25519Signer(bytes([n]) * 32) for n in range(1, 5)]

numbers = st.text("0123456789", min_size=12, max_size=12)
times = st.integers(FIRST, LAST)
counts = st.integers(0, 2**53 - 1)
hexes = st.binary(min_size=32, max_size=32).map(bytes.hex)
keyids = st.binary(min_size=8, max_size=8).map(bytes.hex)
signers = st.sampled_from(SIGNERS)
_not_controls = st.characters(
    exclude_categories=("Cc", "Cs", "Zl", "Zp"),
    exclude_characters="\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
)
_usual = st.sampled_from([" ", "-", '"', "\\", "é", "a"])
free_texts = st.text(_not_controls, max_size=64) | st.text(_usual, max_size=64)
names = free_texts.filter(bool)

# Any text, as Python has it and JSON can name it: lone surrogates too.
_odd = st.sampled_from(["\ud800", "\udfff", "\u202e", "\u2028", "\0", " ", '"', "\\", "é"])
texts = st.text() | st.lists(_odd | st.characters(), max_size=20).map("".join)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)
)
# What Keyferry's own JSON may hold.
strict_texts = st.text(st.characters(exclude_categories=["Cs"]))
strict_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | strict_texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(strict_texts, inner, max_size=4),
    max_leaves=12,
)

_hashes = st.binary(min_size=16, max_size=16).map(b64)


@st.composite
def component_sets(draw: st.DrawFn, protection: str) -> dict[str, tuple[str, ...]]:
    """Any set of component hashes that the protection allows; none twice."""
    sets: dict[str, tuple[str, ...]] = {}
    drawn: set[str] = set()
    for component in COMPONENTS_BY_PROTECTION[protection]:
        hashes = draw(st.sets(_hashes, max_size=component.max_hashes)) - drawn
        drawn |= hashes
        if hashes:
            sets[component.name] = tuple(sorted(hashes))
    return sets


@st.composite
def dongles(draw: st.DrawFn) -> Dongle:
    return Dongle(ED25519, draw(signers).public, draw(free_texts), draw(free_texts))


@st.composite
def request_bodies(draw: st.DrawFn) -> RequestBody:
    kind, protection = draw(st.sampled_from(KINDS)), draw(st.sampled_from(PROTECTIONS))
    replaces_seat = draw(st.none() | st.integers(1, 2**53 - 1)) if kind == "activate" else None
    may_choose = kind == "activate" and replaces_seat is None
    return RequestBody(
        id=draw(st.binary(min_size=16, max_size=16)).hex(),
        kind=kind,
        created_at=draw(times),
        license_number=draw(numbers),
        product=Product(draw(names), draw(free_texts)),
        protection=protection,
        device_key=draw(signers).public,
        load_key=None if protection == "dongle" else draw(signers).public,
        machine=HashedMachine(
            draw(free_texts),
            draw(free_texts),
            draw(st.sampled_from(ENVIRONMENTS)),
            draw(component_sets(protection)),
        ),
        dongle=draw(dongles()) if protection == "dongle" else None,
        replaces_seat=replaces_seat,
        choose_seat=may_choose and draw(st.booleans()),
        last_serial=draw(counts),
        trusts=tuple(draw(st.lists(keyids, max_size=16, unique=True))),
        client=draw(free_texts),
    )


@st.composite
def environment_lists(draw: st.DrawFn) -> tuple[str, ...]:
    others = draw(st.sets(st.sampled_from(LICENSABLE_ENVIRONMENTS)))
    return tuple(draw(st.permutations(sorted(others | {"physical"}))))


@st.composite
def response_bodies(draw: st.DrawFn) -> ResponseBody:
    kind, protection = draw(st.sampled_from(RESPONSE_KINDS)), draw(st.sampled_from(PROTECTIONS))
    is_receipt, issued_at = kind == "deactivate", draw(times)
    feature = st.text("abcdefghijklmnopqrstuvwxyz0123456789_.-", min_size=1, max_size=40)
    limits: st.SearchStrategy[Any] = st.just(True) | st.integers(1, 2**53 - 1)
    return ResponseBody(
        request_sha256=draw(hexes),
        kind=kind,
        serial=draw(st.integers(1, 2**53 - 1)),
        seat=draw(st.integers(1, 2**53 - 1)),
        issued_at=issued_at,
        license=LicenseTerms(
            number=draw(numbers),
            licensee=draw(free_texts),
            product=draw(names),
            edition=draw(free_texts),
            features={} if is_receipt else draw(st.dictionaries(feature, limits, max_size=8)),
            environments=draw(environment_lists()),
            trial=draw(st.booleans()),
            valid_from=draw(times),
            valid_until=issued_at if is_receipt else draw(st.none() | times),
            maintenance_until=draw(st.none() | times),
        ),
        bound_to=BoundTo(
            protection,
            draw(signers).public,
            None if protection == "dongle" else draw(signers).public,
            draw(component_sets(protection)),
            draw(dongles()) if protection == "dongle" else None,
        ),
        check_in_by=draw(st.none() | times),
        grace_days=draw(counts),
    )


@st.composite
def pinned_keys(draw: st.DrawFn) -> tuple[PinnedKey, ...]:
    """Trusted keys of both algorithms, and others that are trusted or not."""
    others = draw(st.lists(signers, unique=True))
    keys = [pinned(VENDOR), pinned(VENDOR_PQ)]
    keys += [pinned(signer, trusted=draw(st.booleans())) for signer in others]
    return tuple(draw(st.permutations(keys)))
