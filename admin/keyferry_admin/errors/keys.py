"""Signing keys that cannot be used, or cannot change as they were to."""

from keyferry_admin.errors import AdminError


class KeyExists(AdminError):
    """This signing key is registered already."""

    code = "key-exists"
    next_step = "`keyferry-admin keys list` shows it."


class BadKey(AdminError):
    """A signing key that cannot be read or has the wrong algorithm."""

    code = "bad-key"


class KeyNotUsable(AdminError):
    """The service cannot sign with this key, so that it would stop every response."""

    code = "key-not-usable"


class NoActiveKey(AdminError):
    """No key signs, so a key set could not verify any response."""

    code = "no-active-key"
    next_step = "Make one first: keyferry-admin keys create --alg Ed25519"


class NoSuchKey(AdminError):
    """There is no signing key with this id."""

    code = "no-such-key"
    next_step = "`keyferry-admin keys list` shows every key."


class LastActiveKey(AdminError):
    """The only active key of its algorithm cannot stop signing."""

    code = "last-active-key"


class KeyCompromised(AdminError):
    """The status of a compromised key cannot change."""

    code = "key-compromised"
    next_step = "`keyferry-admin keys list` shows which keys sign."


class KeysChanged(AdminError):
    """Someone else changed the keys at the same moment."""

    code = "keys-changed"
    next_step = "Nothing was written. Check `keyferry-admin keys list`, then run it again."


class LinksNotWritten(AdminError):
    """The file of links cannot be written."""

    code = "links-not-written"
    next_step = "Choose another file with --output and run the command again; it continues."
