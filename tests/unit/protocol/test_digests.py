"""SHA-256 and HMAC-SHA256 are those of the standard library, and do not load OpenSSL for it."""

import hashlib
import hmac
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyferry_protocol.digests import hmac_sha256, sha256


@given(st.binary(max_size=300))
def test_sha256_is_that_of_the_standard_library(data: bytes) -> None:
    assert sha256(data).digest() == hashlib.sha256(data).digest()


@given(st.binary(max_size=64), st.binary(max_size=300))
def test_an_hmac_is_that_of_the_standard_library(key: bytes, data: bytes) -> None:
    assert hmac_sha256(key, data) == hmac.digest(key, data, "sha256")


def test_rfc_4231_test_case_2() -> None:
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hmac_sha256(b"Jefe", b"what do ya want for nothing?").hex() == expected


def test_a_longer_key_is_an_error() -> None:
    with pytest.raises(AssertionError):
        hmac_sha256(bytes(65), b"")


def test_the_systems_openssl_is_not_loaded_to_load_a_license() -> None:
    code = "import keyferry.load_license, sys; assert '_hashlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_python_that_has_only_openssls_function_uses_that() -> None:
    code = (
        "import sys; sys.modules['_sha2'] = sys.modules['_sha256'] = None\n"
        "from keyferry_protocol.digests import hmac_sha256, sha256\n"
        "assert sha256 is __import__('hashlib').sha256\n"
        "print(hmac_sha256(b'k', b'm').hex())"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == hmac.digest(b"k", b"m", "sha256").hex()
