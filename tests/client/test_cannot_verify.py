"""A computer whose cryptography lacks or forbids an algorithm: told as that, never as a forgery."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import asymmetric
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.hashes import SHA256

from keyferry import KeyferryError, KeySet, Machine, verify_response, verify_signature
from keyferry.doctor.cryptography import cryptography
from keyferry.dongle.signer import Token
from keyferry.vendor import Vendor
from keyferry.wizard import save_locations
from keyferry.wizard.computer import Computer
from keyferry_protocol import algorithms
from keyferry_protocol.algorithms import ECDSA_P256, ED25519, ML_DSA_65, self_test
from keyferry_protocol.errors import CannotVerify, NotGenuine
from tests.support.offline import KEYS, LAB_07, LAB_09, VENDOR, VENDOR_PQ, Room, key_set
from tests.support.samples import NUMBER, PRODUCT
from tests.support.terminal import Shell

FIPS = UnsupportedAlgorithm("ed25519 is not supported by this version of OpenSSL.")
HYBRID = key_set(VENDOR, VENDOR_PQ)
Break = Callable[[pytest.MonkeyPatch], object]


def forbids(error: BaseException) -> Break:
    """Neither a public nor a private key of Ed25519 can be made."""

    def breaks(patch: pytest.MonkeyPatch) -> None:
        refuses = mock.Mock(side_effect=error)
        patch.setattr(ed25519.Ed25519PublicKey, "from_public_bytes", refuses)
        patch.setattr(ed25519.Ed25519PrivateKey, "from_private_bytes", refuses)

    return breaks


def cannot_check(error: Exception) -> Break:
    """Keys can be made, and every check fails with this error."""

    def breaks(patch: pytest.MonkeyPatch) -> None:
        key = mock.Mock(**{"verify.side_effect": error})
        patch.setattr(ed25519.Ed25519PublicKey, "from_public_bytes", mock.Mock(return_value=key))

    return breaks


def is_missing(module: str) -> Break:
    """The library is too old to have the module, or it cannot be imported."""

    def breaks(patch: pytest.MonkeyPatch) -> None:
        patch.delattr(asymmetric, module, raising=False)
        patch.setitem(sys.modules, f"cryptography.hazmat.primitives.asymmetric.{module}", None)

    return breaks


class PanicException(BaseException):
    """What a broken installation of `cryptography` raises where its parts do not fit together."""


WAYS = [
    pytest.param(forbids(PanicException("Python API call failed")), id="the library panics"),
    pytest.param(forbids(FIPS), id="FIPS mode forbids Ed25519"),
    pytest.param(forbids(InternalError("Unknown OpenSSL error.", [])), id="OpenSSL fails"),
    pytest.param(forbids(ValueError("An Ed25519 public key is 32 bytes long")), id="no provider"),
    pytest.param(forbids(RuntimeError("legacy provider failed to load")), id="provider fails"),
    pytest.param(cannot_check(FIPS), id="keys are read, checks are forbidden"),
    pytest.param(cannot_check(InvalidSignature()), id="every signature is called invalid"),
    pytest.param(is_missing("ed25519"), id="the library has no Ed25519"),
]
WAYS_PQ = [
    pytest.param(is_missing("mldsa"), id="the library has no ML-DSA"),
    pytest.param(
        lambda patch: patch.setattr(
            mldsa.MLDSA65PublicKey,
            "from_public_bytes",
            mock.Mock(side_effect=UnsupportedAlgorithm("ML-DSA-65 is not supported.")),
        ),
        id="OpenSSL has no ML-DSA",
    ),
]


def error_of(act: Callable[[], object]) -> KeyferryError:
    with pytest.raises(KeyferryError) as excinfo:
        act()
    return excinfo.value


def assert_cannot_verify(error: KeyferryError, alg: str) -> None:
    assert error.code == "cannot-verify"
    assert error.exit == 1
    assert alg in str(error)
    assert error.facts["alg"] == alg
    assert error.next_step.startswith("Nothing is wrong with your files.")


@pytest.mark.parametrize("breaks", WAYS)
def test_request_install_verify_and_load_say_what_this_computer_cannot_do(
    room: Room, breaks: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = room.answer(room.request())
    room.install(update)
    newer = room.answer(room.request("update"))
    before = room.files()
    breaks(monkeypatch)
    for act in (
        lambda: room.request("update"),
        lambda: room.request("activate"),
        lambda: room.install(newer),
        lambda: room.load(),
        lambda: verify_response(newer, KEYS),
    ):
        assert_cannot_verify(error_of(act), ED25519)
    assert room.files() == before


@pytest.mark.parametrize("breaks", WAYS_PQ)
def test_a_hybrid_key_set_needs_both_algorithms(
    room: Room, breaks: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.keys, room.signers = HYBRID, (VENDOR, VENDOR_PQ)
    response = room.answer(room.request())
    room.install(response)
    breaks(monkeypatch)
    for act in (lambda: room.request("update"), lambda: room.install(response), room.load):
        assert_cannot_verify(error_of(act), ML_DSA_65)
    room.keys = KEYS
    assert room.load().check(), "an application that requires only Ed25519 does not care"


@pytest.mark.parametrize("breaks", WAYS_PQ)
def test_a_forged_or_stripped_file_is_still_a_forgery(
    room: Room, breaks: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripped = room.answer(room.request())  # signed with Ed25519 alone
    breaks(monkeypatch)
    with pytest.raises(NotGenuine):
        verify_response(stripped, HYBRID)


def test_a_deactivation_needs_no_signature_of_the_vendor(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.keys, room.signers = HYBRID, (VENDOR, VENDOR_PQ)
    room.activate()
    is_missing("mldsa")(monkeypatch)
    assert room.request("deactivate")


def test_a_dongle_whose_algorithm_is_missing_is_not_called_absent(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ec.derive_private_key(7, ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    public = b"\4" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    room.dongle = Token(public, "YubiKey", "1", lambda data: key.sign(data, ec.ECDSA(SHA256())))
    room.activate("dongle")
    monkeypatch.setattr(
        ec.EllipticCurvePublicKey,
        "from_encoded_point",
        mock.Mock(side_effect=UnsupportedAlgorithm("Curve secp256r1 is not supported")),
    )
    assert_cannot_verify(error_of(room.load), ECDSA_P256)


@pytest.mark.parametrize("machine", [LAB_07, LAB_09], ids=["the same", "another"])
@pytest.mark.parametrize("breaks", WAYS)
def test_the_doctor_says_it_first(
    shell: Shell, breaks: Break, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.room.activate()
    shell.room.request("update")
    shell.room.machine = machine
    breaks(monkeypatch)
    printed = shell("doctor")
    assert printed.exit == 0
    first, second, *_ = printed.out.splitlines()
    assert "Ed25519" in first
    assert "Nothing is wrong with your files." in second + printed.out.splitlines()[-1]
    checks = shell("doctor", "--json").json["checks"]
    assert (checks[0]["name"], checks[0]["code"]) == ("signing", "cannot-verify")
    assert not [check for check in checks if "damaged" in check]


def test_the_doctor_repairs_nothing_that_it_cannot_judge(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.room.activate()
    before = shell.room.files()
    forbids(FIPS)(monkeypatch)
    printed = shell("doctor", "--repair")
    assert printed.exit == 1
    assert "(cannot-verify)" in printed.err
    assert shell.room.files() == before


@pytest.mark.parametrize("command", ["check", "status", "list", "install", "verify", "request"])
def test_each_command_ends_with_1_and_no_traceback(
    shell: Shell, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("request", NUMBER)
    (request,) = shell.room.state.parent.glob("*.request")
    file = shell.carried(request.name)
    shell("install", str(file))
    forbids(FIPS)(monkeypatch)
    arguments = {"install": (str(file),), "verify": (str(file),), "request": (NUMBER,)}
    printed = shell(command, *arguments.get(command, ()), "--json")
    if command != "list":
        assert printed.exit == 1
    assert "cannot-verify" in printed.out
    assert "not-genuine" not in printed.out


def test_the_wizard_says_so_where_it_looks_for_response_files(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "answer.response").write_bytes(room.answer(room.request()))
    monkeypatch.setattr(save_locations, "response_folders", lambda: [str(tmp_path)])
    computer = Computer(room.installation, Vendor(id="acme"))
    assert len(computer.response_files("")) == 1
    forbids(FIPS)(monkeypatch)
    with pytest.raises(CannotVerify):
        computer.response_files("")


@pytest.mark.parametrize(
    ("switch", "breaks", "words"),
    [
        pytest.param("1\n", forbids(FIPS), "FIPS mode is on and does not allow Ed25519", id="FIPS"),
        pytest.param("0\n", forbids(FIPS), "ask the administrator", id="FIPS off"),
        pytest.param("0\n", is_missing("ed25519"), "missing or too old", id="an old library"),
    ],
)
def test_the_next_step_depends_on_the_cause(
    switch: str,
    breaks: Break,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "fips_enabled"
    file.write_text(switch)
    monkeypatch.setattr(algorithms, "_FIPS_MODE", str(file))
    breaks(monkeypatch)
    assert words in error_of(lambda: self_test(ED25519)).next_step


@pytest.mark.parametrize("breaks", WAYS)
def test_the_public_function_never_raises(breaks: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    signature = VENDOR.sign(b"message")
    assert verify_signature(ED25519, VENDOR.public, b"message", signature)
    breaks(monkeypatch)
    assert not verify_signature(ED25519, VENDOR.public, b"message", signature)


def raises(error: Exception) -> Callable[..., object]:
    return mock.Mock(side_effect=error)


@pytest.mark.parametrize(
    "breaks",
    [
        pytest.param(
            lambda patch: patch.setattr(
                ed25519.Ed25519PrivateKey,
                "from_private_bytes",
                lambda seed: mock.Mock(spec_set=["sign"]),
            ),
            id="a library from before version 40",
        ),
        pytest.param(
            lambda patch: patch.setattr(
                algorithms, "sha256", raises(ValueError("[digital envelope routines] unsupported"))
            ),
            id="an OpenSSL without any provider",
        ),
    ],
)
def test_what_else_an_old_or_broken_library_does(
    room: Room, breaks: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.activate()
    breaks(monkeypatch)
    assert error_of(room.load).code == "cannot-verify"
    assert error_of(lambda: room.request("update")).code == "cannot-verify"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's configuration")
def test_a_computer_whose_openssl_allows_nothing(room: Room, tmp_path: Path) -> None:
    room.activate()
    (tmp_path / "keys.json").write_bytes(room.keys.to_json())
    configuration = tmp_path / "openssl.cnf"
    configuration.write_text(
        "openssl_conf = init\n[init]\nalg_section = algorithms\n"
        "[algorithms]\ndefault_properties = fips=yes\n"
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "OPENSSL_CONF": str(configuration), "PYTHONPATH": paths}
    options = ["--keys", str(tmp_path / "keys.json"), "--state-dir", str(room.state)]
    command = [sys.executable, "-m", "keyferry", "check", *options, "--product", room.product]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert "(cannot-verify)" in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize("alg", [ED25519, ML_DSA_65, ECDSA_P256])
def test_a_computer_that_has_the_algorithm_passes_the_test(alg: str) -> None:
    assert cryptography([alg], PRODUCT) == []


def test_key_sets_and_files_are_read_without_the_library(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, data = HYBRID.to_json(), room.answer(room.request())
    for module in ("ed25519", "mldsa", "ec"):
        is_missing(module)(monkeypatch)
    assert KeySet.from_json(document) == HYBRID
    with pytest.raises(CannotVerify):
        verify_response(data, KEYS)
