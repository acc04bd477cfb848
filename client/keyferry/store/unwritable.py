"""Says why a file cannot be written, and what can be done about it."""

import errno

from keyferry_protocol.errors import StateNotWritable

_CASES = {
    errno.EROFS: "read-only",
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.ENOLCK: "no-locks",
}


def case_of(error: OSError) -> str:
    """The case that has a next step of its own in the catalog; "" for any other."""
    return _CASES.get(error.errno or 0, "")


def not_writable(path: str, error: OSError) -> StateNotWritable:
    """The error of a state file or directory that could not be written."""
    return StateNotWritable(f"{path}: {error.strerror}.", case=case_of(error), path=path)
