"""The keys in their own table, their copies among the licenses, and release 0.9 beside them."""

from dataclasses import replace
from typing import Any

import pytest

from keyferry_service.adapters.retries import ConditionFailed
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey
from tests.support.builders import SERVICE_KEY, a_key
from tests.support.tables import put_key

ACTIVE, RETIRED, COMPROMISED = KeyStatus


@pytest.fixture
def keys(dynamodb: Any) -> SigningKeys:
    return SigningKeys(dynamodb, "Keys", "Licenses")


@pytest.fixture
def release_0_9(dynamodb: Any) -> SigningKeys:
    """What it reads: the license table, and no other."""
    return SigningKeys(dynamodb, "Licenses", "Licenses")


def another(name: str, status: KeyStatus = ACTIVE) -> SigningKey:
    key = a_key(name)
    return SigningKey(key.keyid, key.alg, key.public, status, pem=f"{name}.pem")


NEW, OLD = another("new"), another("old", RETIRED)


def by_id(*keys: SigningKey) -> tuple[SigningKey, ...]:
    return tuple(sorted(keys, key=lambda key: key.keyid))


def test_they_are_read_again_after_a_minute(dynamodb: Any, keys: SigningKeys) -> None:
    keys.add(SERVICE_KEY)
    assert keys.current(now=1000) == (SERVICE_KEY,)
    retired = replace(SERVICE_KEY, status=RETIRED)
    put_key(dynamodb, "Keys", retired)
    assert keys.current(now=1060) == (SERVICE_KEY,)
    assert keys.current(now=1061) == (retired,)


def test_what_release_0_9_left_among_the_licenses_signs_until_it_is_copied(
    dynamodb: Any, keys: SigningKeys
) -> None:
    put_key(dynamodb, "Licenses", SERVICE_KEY)
    put_key(dynamodb, "Licenses", OLD)
    assert keys.all() == keys.among_licenses_alone() == by_id(SERVICE_KEY, OLD)
    assert keys.take_over() == 2
    assert keys.among_licenses_alone() == ()
    assert keys.all() == by_id(SERVICE_KEY, OLD)
    assert keys.take_over() == 0


def test_the_first_write_copies_all_keys_at_once(
    dynamodb: Any, keys: SigningKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One key alone in the new table would stop the others."""
    put_key(dynamodb, "Licenses", SERVICE_KEY)
    put_key(dynamodb, "Licenses", OLD)
    real, states = dynamodb.transact_write_items, []

    def transact(**call: Any) -> None:
        real(**call)
        states.append(keys.all())

    monkeypatch.setattr(dynamodb, "transact_write_items", transact)
    keys.add(NEW)
    assert states == [by_id(SERVICE_KEY, OLD), by_id(SERVICE_KEY, OLD, NEW)]


def test_a_key_that_is_written_among_the_licenses_later_never_signs(
    dynamodb: Any, keys: SigningKeys
) -> None:
    keys.add(SERVICE_KEY)
    put_key(dynamodb, "Licenses", NEW)
    assert keys.all() == (SERVICE_KEY,)
    assert keys.among_licenses_alone() == (NEW,)
    keys.add(NEW)  # only whoever may write keys can make it one
    assert keys.all() == by_id(SERVICE_KEY, NEW)


def test_every_write_is_there_for_a_stack_that_goes_back(
    keys: SigningKeys, release_0_9: SigningKeys
) -> None:
    keys.add(SERVICE_KEY)
    keys.add(NEW)
    moved = replace(NEW, pem="elsewhere.pem")
    keys.move(moved)
    keys.end(SERVICE_KEY, RETIRED, moved)
    assert release_0_9.all() == keys.all() == by_id(replace(SERVICE_KEY, status=RETIRED), moved)
    keys.end(SERVICE_KEY, COMPROMISED, moved)
    assert release_0_9.all() == keys.all()


@pytest.mark.parametrize("ended", [RETIRED, COMPROMISED])
def test_a_key_that_release_0_9_ends_has_ended(
    dynamodb: Any, keys: SigningKeys, ended: KeyStatus
) -> None:
    keys.add(SERVICE_KEY)
    put_key(dynamodb, "Licenses", replace(SERVICE_KEY, status=ended))
    assert keys.all() == (replace(SERVICE_KEY, status=ended),)
    put_key(dynamodb, "Licenses", SERVICE_KEY)
    put_key(dynamodb, "Keys", replace(SERVICE_KEY, status=ended))
    assert keys.all() == (replace(SERVICE_KEY, status=ended),)


@pytest.mark.parametrize("table", ["Keys", "Licenses"])
def test_a_compromised_key_never_comes_back(dynamodb: Any, keys: SigningKeys, table: str) -> None:
    keys.add(SERVICE_KEY)
    keys.add(NEW)
    put_key(dynamodb, table, replace(SERVICE_KEY, status=COMPROMISED))
    for write in (
        lambda: keys.move(SERVICE_KEY),
        lambda: keys.end(SERVICE_KEY, RETIRED, NEW),
        lambda: keys.add(SERVICE_KEY),
    ):
        with pytest.raises(ConditionFailed):
            write()
    assert replace(SERVICE_KEY, status=COMPROMISED) in keys.all()
