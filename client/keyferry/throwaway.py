"""Recognizes the throwaway key sets of `keyferry.testing`, and refuses them outside of their test.

Each has a key more than it needs, the mark: a point of the curve that is a hash, so that nobody has
its private key, with the status `compromised`. It proves nothing, and every copy of the key set has
it. Nothing here weakens a key set without the mark, and no environment variable is read.
"""

from collections.abc import Callable

from keyferry.installation import Installation
from keyferry_protocol.errors import BadKeySet, KeyferryError
from keyferry_protocol.keys import KeySet
from keyferry_protocol.messages import message

# SHA-256 of "keyferry.testing: a key set of a test 2"
MARK = bytes.fromhex("69bec6e90d5ecca427fbf5f684f3fe46c331db27d15233ef4e3657cb077d2d48")

# The installations of the tests that are running, by the trusted key ids of their key sets.
_running: dict[tuple[str, ...], Callable[[str], Installation]] = {}


class MissingExtra(KeyferryError, ImportError):
    """`keyferry.testing` is imported where its extra is not installed, or in a bundle."""

    code = "missing-extra"


def is_throwaway(keys: KeySet) -> bool:
    """Whether a test made this key set."""
    return any(key.public == MARK for key in keys.keys)


def refuse_throwaway(keys: KeySet) -> KeySet:
    """Return the key set. Raises BadKeySet for a throwaway one."""
    if is_throwaway(keys):
        raise BadKeySet(message("errors.bad-key-set.throwaway"), case="throwaway")
    return keys


def throwaway_installation(keys: KeySet, product: str) -> Installation:
    """The installation of the test that made this key set. Raises BadKeySet if none is running."""
    find = _running.get(keys.trusts())
    if find is None:
        refuse_throwaway(keys)
        raise AssertionError("a key set without the mark")
    return find(product)


def begin(keys: KeySet, find: Callable[[str], Installation]) -> None:
    """Let a test's own key set be used, with the installation that `find` returns for a product."""
    _running[keys.trusts()] = find


def end(keys: KeySet) -> None:
    """Refuse the key set of a test from now on."""
    _running.pop(keys.trusts(), None)
