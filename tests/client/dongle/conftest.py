"""USB dongles in software: SoftHSM's tokens, used like real ones."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pkcs11
import pytest
from cryptography.x509 import load_der_x509_certificate
from pkcs11 import Attribute, CertificateType, KeyType, MechanismFlag, ObjectClass

from keyferry.dongle import pkcs11 as tokens_pkcs11
from keyferry.dongle.find import find_dongles
from keyferry.dongle.plugged import PluggedDongle
from tests.support.offline import Room
from tests.support.terminal import Shell, shell_in

PIN = "482916"
P256 = bytes.fromhex("06082a8648ce3d030107")
PLACES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)


@dataclass(frozen=True)
class Dongles:
    """The dongles of one test: in the computer, or in the drawer beside it."""

    folder: Path
    module: str

    @property
    def computer(self) -> Path:
        return self.folder / "computer"

    @property
    def drawer(self) -> Path:
        return self.folder / "drawer"

    def new(self, label: str = "Keyferry", key: bool = True) -> PluggedDongle:
        """A new dongle, plugged in, with a key unless `key` is False."""
        before = {token.serial for token in self.plugged()}
        self._utility("--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN)
        self.restart()
        (blank,) = [token for token in self.plugged() if token.serial not in before]
        if key:
            tokens_pkcs11.make_key(blank, PIN)
        return self.look(blank)

    def plugged(self) -> list[PluggedDongle]:
        return find_dongles(self.module)

    def look(self, token: PluggedDongle) -> PluggedDongle:
        """The current state of the same dongle."""
        return next(other for other in self.plugged() if other.serial == token.serial)

    def pull(self, token: PluggedDongle) -> None:
        shutil.move(self._place(token, self.computer), self.drawer)

    def plug(self, token: PluggedDongle) -> None:
        shutil.move(self._place(token, self.drawer), self.computer)

    def restart(self) -> None:
        """Reset, so that the next call finds what a new process would find."""
        pkcs11.lib(self.module).reinitialize()
        tokens_pkcs11._sessions.clear()

    def _utility(self, *arguments: str) -> None:
        subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True)

    def _place(self, token: PluggedDongle, folder: Path) -> Path:
        return next(
            path for path in folder.iterdir() if path.name.replace("-", "").endswith(token.serial)
        )


def key_of_another_program(
    dongles: Dongles, token: PluggedDongle, label: str, curve: bytes = P256, **private: bool
) -> None:
    """A key as a card's own tools make it, under their label."""
    card = next(
        slot.get_token()
        for slot in pkcs11.lib(dongles.module).get_slots(token_present=True)
        if slot.slot_id == token.slot
    )
    with card.open(rw=True, user_pin=PIN) as session:
        domain = session.create_domain_parameters(
            KeyType.EC, {Attribute.EC_PARAMS: curve}, local=True
        )
        domain.generate_keypair(
            store=True,
            label=label,
            id=label.encode(),
            capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
            public_template={Attribute.PRIVATE: False},
            private_template={Attribute[name]: value for name, value in private.items()},
        )


def attest(dongles: Dongles, token: PluggedDongle, *certificates: tuple[str, bytes]) -> None:
    """Put certificates into the token under these labels, as Yubico's module shows a YubiKey's.

    Each has the id of the token's first key; the module makes up those of keys when it is asked.
    """
    card = next(
        slot.get_token()
        for slot in pkcs11.lib(dongles.module).get_slots(token_present=True)
        if slot.slot_id == token.slot
    )
    with card.open(rw=True, user_pin=PIN) as session:
        keys = session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY})
        (key_id,) = [key[Attribute.ID] for key in keys]
        for label, der in certificates:
            session.create_object(
                {
                    Attribute.CLASS: ObjectClass.CERTIFICATE,
                    Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
                    Attribute.TOKEN: True,
                    Attribute.LABEL: label,
                    Attribute.ID: key_id,
                    Attribute.SUBJECT: load_der_x509_certificate(der).subject.public_bytes(),
                    Attribute.VALUE: der,
                }
            )


@pytest.fixture
def dongles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dongles:
    module = next((path for path in PLACES if os.path.exists(path)), None)
    assert module, "The dongle tests need SoftHSM. Debian: apt install softhsm2"
    new_dongles = Dongles(tmp_path / "dongles", module)
    for folder in (new_dongles.computer, new_dongles.drawer):
        folder.mkdir(parents=True)
    settings = new_dongles.folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {new_dongles.computer}\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(settings))
    new_dongles.restart()
    return new_dongles


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "state")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dongles: Dongles) -> Iterator[Shell]:
    """The command line, with the dongles' module and PIN in the environment."""
    with shell_in(tmp_path, monkeypatch) as new_shell:
        monkeypatch.setenv("KEYFERRY_PKCS11_MODULE", dongles.module)
        monkeypatch.setenv("KEYFERRY_DONGLE_PIN", PIN)
        yield new_shell
