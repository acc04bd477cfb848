"""`load` and `install_response` agree with every vector of loading and installing."""

import fcntl
import json
import os
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from keyferry import KeySet, License, Machine, Token, install_response
from keyferry.api import open_installation
from keyferry.load_license import load_license
from keyferry.store import lock
from keyferry.times import release_seconds, seconds
from keyferry_protocol import algorithms
from keyferry_protocol.encoding import format_time
from keyferry_protocol.errors import CannotVerify, DonglePin, KeyferryError
from tests.support import vectors

pytestmark = pytest.mark.conformance

Vector = dict[str, Any]


@pytest.mark.parametrize("vector", vectors.cases("load"))
def test_a_license_loads_or_says_why_not(vector: Vector, tmp_path: Path) -> None:
    offline = Offline(vector, tmp_path)
    verdict: Vector
    with offline.circumstances():
        try:
            license = offline.load()
        except KeyferryError as error:
            verdict = {"code": error.code}
        else:
            verdict = _facts(license)
            if "questions" in vector:
                verdict["questions"] = [offline.ask(license, q) for q in vector["questions"]]
    assert verdict | {"after": offline.changes()} == vector["expect"]


@pytest.mark.parametrize("vector", vectors.cases("install"))
def test_a_response_installs_or_says_why_not(vector: Vector, tmp_path: Path) -> None:
    offline = Offline(vector, tmp_path)
    verdict: Vector
    with offline.circumstances():
        try:
            installed = offline.install(b64decode(vector["file"]))
        except KeyferryError as error:
            verdict = {"code": error.code}
        else:
            verdict = {"ok": True, "kind": installed.kind, "already": installed.already}
    assert verdict | {"after": offline.changes()} == vector["expect"]


def _facts(license: License) -> Vector:
    result = license.check()
    assert result
    return {
        "ok": True,
        "number": license.number,
        "serial": license.serial,
        "reason": result.reason,
        "expires": None if license.expires is None else format_time(seconds(license.expires)),
    }


class Offline:
    """The machine of a vector, its state in a folder of its own."""

    def __init__(self, vector: Vector, folder: Path) -> None:
        self.vector, self.folder = vector, folder
        self.now = _moment(vector["now"])
        self.token = _token(vector.get("token"))
        for name, text in vector["state"].items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b64decode(text))

    def load(self) -> License:
        released = self.vector.get("released")
        if released and "T" not in released:
            assert release_seconds(date.fromisoformat(released)) == release_seconds(released)
        return load_license(self._installation(), released and release_seconds(released))

    def ask(self, license: License, question: Vector) -> Vector:
        self.now = _moment(question["now"])
        if "token" in question:
            self.token = _token(question["token"])
        result = license.check(question["feature"])
        return {"ok": True, "value": result.value} if result else {"code": result.code}

    def install(self, data: bytes) -> Any:
        here = self._installation()
        return install_response(
            data,
            here.keys,
            product=here.product,
            state_dir=self.folder,
            machine=here.machine.machine(),
            now=self.now,
            dongle=self.token,
        )

    def _installation(self) -> Any:
        facts = self.vector["machine"]
        machine = Machine("", "Linux", facts["environment"], facts["components"])
        here = open_installation(
            self.vector["product"],
            KeySet.from_json(b64decode(self.vector["key_set"])),
            self.folder,
            machine,
            self.now,
            lambda named: self.token,
            vendor=None,
        )
        here.machine.machine()
        return replace(here, clock=lambda: self.now)

    @contextmanager
    def circumstances(self) -> Iterator[None]:
        """What a state folder cannot say: rights, locks of others, algorithms that are lacking."""
        with ExitStack() as stack:
            for name, mode in self.vector.get("modes", {}).items():
                (self.folder / name).chmod(int(mode, 8))
            for name in self.vector.get("locked", []):
                (self.folder / name).mkdir(exist_ok=True)
                file = stack.enter_context(open(self.folder / name / "lock", "wb"))
                os.chmod(file.name, 0o600)
                fcntl.flock(file, fcntl.LOCK_EX)
            stack.enter_context(mock.patch.object(lock.Lock.__init__, "__defaults__", (0.0,)))
            for name in self.vector.get("lacks", []):
                lacking = mock.Mock(side_effect=CannotVerify)
                known = algorithms.ALGORITHMS[name]
                changed = {name: replace(known, verify=lacking)}
                stack.enter_context(mock.patch.dict(algorithms.ALGORITHMS, changed))
            yield

    def changes(self) -> Vector:
        """The files that are other than before; of JSON only the members that format.md lists."""
        names = {
            str(path.relative_to(self.folder)): path
            for path in self.folder.rglob("*")
            if path.is_file() and path.name != "lock"
        }
        before = {name: b64decode(text) for name, text in self.vector["state"].items()}
        after = {name: path.read_bytes() for name, path in names.items()}
        changed = [n for n in before.keys() | after.keys() if before.get(n) != after.get(n)]
        return {name: _shown(name, after.get(name)) for name in changed}


def _shown(name: str, data: bytes | None) -> Any:
    if data is None:
        return None
    if not name.endswith(".json"):
        return vectors.b64(data)
    members = json.loads(data)
    listed = ("state", "max_serial", "ended", "mark", "lowered", "at_request")
    return {member: members[member] for member in listed if member in members}


def _moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _token(token: Vector | None) -> Token | None:
    if token is None:
        return None
    return Token(b64decode(token["public"]), "YubiKey 5", "12345678", _sign(token))


def _sign(token: Vector) -> Callable[[bytes], bytes]:
    private = b64decode(token["private"])

    def refuses(message: bytes) -> bytes:
        raise DonglePin

    if token.get("pin") == "wrong":
        return refuses
    if token["alg"] == "Ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(private).sign
    key = ec.derive_private_key(int.from_bytes(private, "big"), ec.SECP256R1())
    return lambda message: key.sign(message, ec.ECDSA(hashes.SHA256()))
