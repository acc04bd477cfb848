"""One license's folder in a state directory, and the files in it (docs/format.md, "State")."""

import os
from contextlib import suppress
from typing import NamedTuple

from keyferry.store.files import damaged, erase, read, read_json, write, write_json
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.encoding import b64, unb64
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import (
    KeyferryError,
    StateDamaged,
    UnreadableRequest,
    UnsupportedVersion,
    WrongType,
)
from keyferry_protocol.keys import Ed25519Signer
from keyferry_protocol.messages import message
from keyferry_protocol.request import Request, parse_request
from keyferry_protocol.response import parse_response
from keyferry_protocol.strict_json import InvalidMember, JsonObject

DEVICE_KEY = "device.key"
LOAD_KEY = "load.key"
PENDING = "pending.request"
DEACTIVATE = "deactivate.request"
INSTALLED = "installed.response"
STATE = "state.json"
FILES = (DEVICE_KEY, LOAD_KEY, PENDING, DEACTIVATE, INSTALLED, STATE)


class LicenseState(NamedTuple):
    """A license's `state.json`: the highest serial seen, and whether it was deactivated here."""

    max_serial: int = 0
    ended: bool = False
    request_path: str = ""  # where the last request file was saved; shown to people


class Folder(NamedTuple):
    """One license in one of the two state directories. A writer must hold that directory's lock.

    With `ignore_damage`, a damaged file counts as missing, for callers that replace it.
    """

    root: StateDir
    number: str

    def path(self, name: str) -> str:
        return os.path.join(self.root.path, self.number, name)

    def has(self, name: str) -> bool:
        return os.path.exists(self.path(name))

    def write(self, name: str, data: bytes) -> None:
        write(self.path(name), data, self.root.shared)

    def erase(self, name: str) -> None:
        erase(self.path(name))

    def discard(self) -> None:
        """Remove the folder itself, if it is empty."""
        with suppress(OSError):
            os.rmdir(os.path.join(self.root.path, self.number))

    def device_key(self, ignore_damage: bool = False) -> Ed25519Signer | None:
        """The key that signs this license's requests. Raises StateDamaged."""
        return self._key(DEVICE_KEY, ignore_damage)

    def load_key(self, ignore_damage: bool = False) -> Ed25519Signer | None:
        """The key that proves at load that this state is the machine's own. Raises StateDamaged."""
        return self._key(LOAD_KEY, ignore_damage)

    def write_key(self, name: str, key: Ed25519Signer) -> None:
        self.write(name, b64(key.seed).encode("ascii"))

    def _key(self, name: str, ignore_damage: bool) -> Ed25519Signer | None:
        data = read(self.path(name))
        if data is None:
            return None
        try:
            return parse_key(data)
        except ValueError as error:
            if ignore_damage:
                return None
            raise damaged(self.path(name), message("errors.state-damaged.no-key")) from error

    def request(self, name: str, ignore_damage: bool = False) -> Request | None:
        """The request that is stored under `PENDING` or `DEACTIVATE`. Raises StateDamaged."""
        data = read(self.path(name))
        if data is None:
            return None
        try:
            return parse_request(data)
        except (UnreadableRequest, UnsupportedVersion, WrongType) as error:
            if ignore_damage:
                return None
            raise damaged(self.path(name), str(error)) from error

    def installed_bytes(self) -> bytes | None:
        """The installed response file, unparsed. Raises StateDamaged if it cannot be read."""
        return read(self.path(INSTALLED))

    def holds_license(self) -> bool:
        """Whether a response other than a receipt is installed here, even a damaged one."""
        data = self.installed_bytes()
        if data is None:
            return False
        try:
            return not parse_response(open_envelope(data, RESPONSE)).is_receipt
        except KeyferryError:
            return True

    def state(self, ignore_damage: bool = False) -> LicenseState:
        """The contents of `state.json`; defaults if there is no such file. Raises StateDamaged."""
        path = self.path(STATE)
        try:
            members = read_json(path)
            return LicenseState() if members is None else _parse_state(members, path)
        except StateDamaged:
            if ignore_damage:
                return LicenseState()
            raise

    def write_state(self, state: LicenseState) -> None:
        members: dict[str, object] = {"state": 1, **state._asdict()}
        # On Linux, a folder name may be invalid text, but JSON must be valid. It is only shown.
        text = state.request_path.encode("utf-8", "ignore").decode()
        if not text or text != state.request_path:
            del members["request_path"]
        write_json(self.path(STATE), members, self.root.shared)


def is_deactivating(folder: Folder, state_dirs: StateDirs) -> bool:
    """Whether a deactivation was started here but not finished. The license has ended already.

    The request may be stored in the other state directory, if a user had a copy of the site's
    license.
    """
    for root in state_dirs:
        request = Folder(root, folder.number).request(DEACTIVATE)
        if request is not None:
            key = folder.device_key(ignore_damage=True)
            if key is not None and key.public == request.device_key:
                return True
    return False


def parse_key(data: bytes) -> Ed25519Signer:
    """Parse the bytes of a `device.key` or `load.key`. Raises ValueError."""
    return Ed25519Signer(unb64(data.decode("ascii")))


def _parse_state(members: JsonObject, path: str) -> LicenseState:
    try:
        if members.integer("state", 1) != 1:
            raise InvalidMember("state", message("format.later-version"))
        request_path = members.text("request_path", str) if "request_path" in members else ""
        max_serial, ended = members.integer("max_serial", 0), members.boolean("ended")
        return LicenseState(max_serial, ended, request_path)
    except InvalidMember as error:
        raise damaged(path, str(error)) from error
