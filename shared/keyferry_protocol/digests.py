"""SHA-256 and HMAC-SHA256 (RFC 2104).

`hashlib` and `hmac` load the system's OpenSSL beside the one in `cryptography`, which takes a tenth
of the time in which an application loads its license. Python itself has the function, too.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:
        from _sha2 import sha256  # as the standard library's `random` does
    except ImportError:
        try:
            from _sha256 import sha256  # before Python 3.12
        except ImportError:  # a Python that was built to have only OpenSSL's
            from hashlib import sha256

__all__ = ["hmac_sha256", "sha256"]

_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """The HMAC of a message under a key of at most 64 bytes."""
    assert len(key) <= _BLOCK
    padded = key.ljust(_BLOCK, b"\0")
    inner = sha256(padded.translate(_INNER) + message).digest()
    return sha256(padded.translate(_OUTER) + inner).digest()
