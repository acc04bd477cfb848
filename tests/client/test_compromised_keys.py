"""A signing key that leaked.

Tested elsewhere: what the desk does about a compromised key, and that every live seat is signed
again (tests/stack/test_keys.py); a stripped signature of a hybrid (docs/vectors,
tests/unit/conformance/test_vectors.py).
"""

from pathlib import Path

import pytest

from keyferry_protocol.envelope import RESPONSE, open_envelope, seal
from keyferry_protocol.errors import KeyCompromised, KeyferryError, NotGenuine
from keyferry_protocol.keys import Ed25519Signer, KeySet, PinnedKey, Signer
from keyferry_protocol.response import verify_response
from tests.support.builders import a_key
from tests.support.offline import VENDOR as ROOM_VENDOR
from tests.support.offline import key_set
from tests.support.samples import NUMBER
from tests.support.terminal import Shell

pytestmark = pytest.mark.attack

NEXT = Ed25519Signer(b"n" * 32)
EVE = a_key("eve")


def pinned(signer: Signer, trusted: bool = True) -> PinnedKey:
    return PinnedKey(signer.keyid, signer.alg, signer.public, trusted)


AFTER = KeySet(("Ed25519",), (pinned(ROOM_VENDOR, trusted=False), pinned(NEXT)))


@pytest.fixture
def requested(shell: Shell) -> str:
    shell("request", NUMBER)
    (name,) = [path.name for path in Path().glob("*.request")]
    return name


def use(shell: Shell, keys: KeySet) -> None:
    """The application's next version, with other keys beside it."""
    Path("vendor/keys.json").write_bytes(keys.to_json())


def test_a_signature_by_a_compromised_key_is_refused_as_such(shell: Shell, requested: str) -> None:
    shell.carried(requested)  # signed as an attacker with the key would
    use(shell, AFTER)
    before = shell.room.files()
    for command in (("install",), ("verify", "--keys", "vendor/keys.json")):
        printed = shell(command[0], "answer.response", *command[1:])
        assert printed.exit == 7
        assert "(key-compromised)" in printed.err
    assert shell.room.files() == before


def test_an_installed_license_of_a_compromised_key_stops_until_it_is_signed_again(
    shell: Shell, requested: str
) -> None:
    genuine = shell.carried(requested)
    assert shell("install", str(genuine)).exit == 0
    use(shell, AFTER)
    assert shell("check").exit == 7
    body = open_envelope(genuine.read_bytes(), RESPONSE).body
    genuine.write_bytes(seal(RESPONSE, body, [ROOM_VENDOR, NEXT]))
    assert shell("install", str(genuine)).exit == 0
    assert shell("check").exit == 0


@pytest.mark.parametrize(
    ("signers", "error"),
    [
        pytest.param((ROOM_VENDOR,), KeyCompromised, id="the compromised key alone"),
        pytest.param((ROOM_VENDOR, EVE), KeyCompromised, id="and an unknown one"),
        pytest.param((EVE,), NotGenuine, id="an unknown key"),
        pytest.param((EVE, EVE, EVE), NotGenuine, id="an unknown key three times"),
        pytest.param((), NotGenuine, id="nobody"),
    ],
)
def test_no_set_of_keys_replaces_a_trusted_one(
    shell: Shell, requested: str, signers: tuple[Signer, ...], error: type[KeyferryError]
) -> None:
    shell.room.signers = signers
    shell.carried(requested)
    with pytest.raises(error):
        verify_response(Path("answer.response").read_bytes(), AFTER)


def test_a_signature_by_another_key_under_a_trusted_keyid_does_not_count(
    shell: Shell, requested: str
) -> None:
    shell.room.signers = (EVE,)
    file = shell.carried(requested)
    file.write_bytes(file.read_bytes().replace(EVE.keyid.encode(), NEXT.keyid.encode()))
    with pytest.raises(NotGenuine):
        verify_response(file.read_bytes(), AFTER)
    with pytest.raises(NotGenuine):
        verify_response(file.read_bytes(), key_set(ROOM_VENDOR, NEXT))
