"""Says why a file cannot be written, and what can be done about it."""

import errno

from keyferry_protocol.errors import StateNotWritable

_REASONS = {
    errno.EROFS: "read-only",
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.ENOLCK: "no-locks",
}


def reason_of(error: OSError) -> str:
    """The reason that has a next step of its own in the catalog; "" for any other."""
    return _REASONS.get(error.errno or 0, "")


def not_writable(path: str, error: OSError) -> StateNotWritable:
    """The error of a state file or directory that could not be written."""
    return StateNotWritable(f"{path}: {error.strerror}.", path=path, reason=reason_of(error))
