"""One license's folder in a state directory, and the files in it (docs/format.md, "State")."""

from contextlib import suppress
from typing import NamedTuple

from keyferry.store.directory import open_directory
from keyferry.store.files import damaged, erase, has, read, read_json, write, write_json
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.encoding import b64, free_text, unb64
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import (
    CannotVerify,
    KeyferryError,
    StateDamaged,
    StateNotReadable,
    UnreadableRequest,
    UnsupportedVersion,
    WrongType,
)
from keyferry_protocol.keys import Ed25519Signer
from keyferry_protocol.messages import message
from keyferry_protocol.request import Request, decode_device_key, parse_request
from keyferry_protocol.response import parse_response
from keyferry_protocol.strict_json import InvalidMember, JsonObject

DEVICE_KEY = "device.key"
LOAD_KEY = "load.key"
DEVICE_PUBLIC = "device.public"
KEYS = (LOAD_KEY, DEVICE_KEY, DEVICE_PUBLIC)  # in the order in which a deactivation erases them
PENDING = "pending.request"
DEACTIVATE = "deactivate.request"
INSTALLED = "installed.response"
STATE = "state.json"
_PATHS = ("request_path", "void_path")  # members of `state.json` that are only shown to people
FILES = (INSTALLED, PENDING, DEACTIVATE, *KEYS, STATE)


class LicenseState(NamedTuple):
    """A license's `state.json`: the highest serial seen, and whether it was deactivated here."""

    max_serial: int = 0
    ended: bool = False
    request_path: str = ""  # where the last request file was saved; shown to people
    void_path: str = ""  # where a request file was saved whose response is no longer expected
    machine_name: str | None = None  # chosen for this computer; "" withholds it, None is its own

    def without_request(self) -> "LicenseState":
        """The state once the request is canceled or another one takes its place."""
        return self._replace(request_path="", void_path=self.request_path or self.void_path)

    def saved_at(self, path: str) -> "LicenseState":
        """The state once a request file was saved; it may take the place of a void one."""
        void_path = "" if self.void_path == path else self.void_path
        return self._replace(request_path=path, void_path=void_path)


class Folder(NamedTuple):
    """One license in one of the two state directories. A writer must hold that directory's lock.

    With `ignore_damage`, a damaged file counts as missing, for callers that replace it.
    """

    root: StateDir
    number: str

    def path(self, name: str) -> str:
        """The path of a file, as shown to people."""
        return self.root.path_of(self.name(name))

    def name(self, name: str) -> str:
        """The name of a file in the state directory."""
        return f"{self.root.folder_of(self.number)}/{name}"

    def has(self, name: str) -> bool:
        return has(self.root, self.name(name))

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None if it is missing. Raises StateDamaged."""
        return read(self.root, self.name(name))

    def write(self, name: str, data: bytes) -> None:
        write(self.root, self.name(name), data)

    def erase(self, name: str) -> None:
        erase(self.root, self.name(name))

    def damaged(self, name: str, reason: str) -> StateDamaged:
        """The error that names a damaged file and says why."""
        return damaged(self.root, self.name(name), reason)

    def discard(self) -> None:
        """Remove the folder itself, if it is empty."""
        with suppress(OSError), open_directory(self.root, to_write=True) as directory:
            directory.remove_directory(self.root.folder_of(self.number))

    def device_key(self, ignore_damage: bool = False) -> Ed25519Signer | None:
        """The key that signs this license's requests.

        Raises StateDamaged, and StateNotReadable for a user who may not read it.
        """
        return self._key(DEVICE_KEY, ignore_damage)

    def device_public(self, ignore_damage: bool = False) -> bytes | None:
        """The public half of the device key, which every user of the license may read.

        If its file is missing, it is derived from the device key. Raises StateDamaged.
        """
        data = self.read(DEVICE_PUBLIC)
        if data is None:
            with suppress(StateNotReadable):
                key = self.device_key(ignore_damage)
                return None if key is None else key.public
            return None
        try:
            return decode_device_key(data.decode("ascii"))
        except ValueError as error:
            if ignore_damage:
                return None
            raise self.damaged(DEVICE_PUBLIC, message("errors.state-damaged.no-key")) from error

    def access_to(self, device_key: bytes) -> str:
        """Who may sign with the device key of this public half.

        `owner` is this user, `administrator` another, `nobody` if the key is gone or damaged, and
        `other-key` if the folder belongs to another device key.
        """
        public = self.device_public(ignore_damage=True)
        if public != device_key:
            return "nobody" if public is None else "other-key"
        try:
            return "nobody" if self.device_key(ignore_damage=True) is None else "owner"
        except StateNotReadable:
            return "administrator"
        except CannotVerify:  # it was read
            return "owner"

    def load_key(self, ignore_damage: bool = False) -> Ed25519Signer | None:
        """The key that proves at load that this state is the machine's own. Raises StateDamaged."""
        return self._key(LOAD_KEY, ignore_damage)

    def write_key(self, name: str, key: Ed25519Signer) -> None:
        self.write(name, b64(key.seed).encode("ascii"))

    def write_device_public(self, public: bytes) -> None:
        self.write(DEVICE_PUBLIC, b64(public).encode("ascii"))

    def _key(self, name: str, ignore_damage: bool) -> Ed25519Signer | None:
        data = self.read(name)
        if data is None:
            return None
        try:
            return parse_key(data)
        except ValueError as error:
            if ignore_damage:
                return None
            raise self.damaged(name, message("errors.state-damaged.no-key")) from error

    def request(self, name: str, ignore_damage: bool = False) -> Request | None:
        """The request that is stored under `PENDING` or `DEACTIVATE`. Raises StateDamaged."""
        data = self.read(name)
        if data is None:
            return None
        try:
            return parse_request(data)
        except (UnreadableRequest, UnsupportedVersion, WrongType) as error:
            if ignore_damage:
                return None
            raise self.damaged(name, str(error)) from error

    def installed_bytes(self) -> bytes | None:
        """The installed response file, unparsed. Raises StateDamaged if it cannot be read."""
        return self.read(INSTALLED)

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
        try:
            members = read_json(self.root, self.name(STATE))
            return LicenseState() if members is None else self._parse_state(members)
        except StateDamaged:
            if ignore_damage:
                return LicenseState()
            raise

    def write_state(self, state: LicenseState) -> None:
        members: dict[str, object] = {"state": 1, **state._asdict()}
        if state.machine_name is None:
            del members["machine_name"]
        for name in _PATHS:
            # On Linux, a folder name may be invalid text, but JSON must be valid.
            path = members[name]
            assert isinstance(path, str)
            if not path or path.encode("utf-8", "ignore").decode() != path:
                del members[name]
        write_json(self.root, self.name(STATE), members)

    def _parse_state(self, members: JsonObject) -> LicenseState:
        try:
            if members.integer("state", 1) != 1:
                raise InvalidMember("state", message("format.later-version"))
            paths = [members.text(name, str) if name in members else "" for name in _PATHS]
            state = LicenseState(members.integer("max_serial", 0), members.boolean("ended"), *paths)
            if "machine_name" in members:
                state = state._replace(machine_name=members.text("machine_name", free_text))
            return state
        except InvalidMember as error:
            raise self.damaged(STATE, str(error)) from error


def key_folder(folder: Folder, state_dirs: StateDirs) -> Folder:
    """The folder that holds the keys of a license: its own, or the site's for a user's without.

    The load key is never copied, so a deactivation of the site's license ends every user's.
    """
    site = Folder(state_dirs.site, folder.number)
    return folder if folder.has(LOAD_KEY) or not site.has(LOAD_KEY) else site


def pending_request(
    folder: Folder, state_dirs: StateDirs, ignore_damage: bool = False
) -> Request | None:
    """The request that waits in a folder for its response. Raises StateDamaged.

    Once its keys are gone, it waits no longer.
    """
    request = folder.request(PENDING, ignore_damage)
    if request is None:
        return None
    for holder in (folder, Folder(state_dirs.site, folder.number)):
        load_key = holder.load_key(ignore_damage=True)
        has_load_key = load_key is not None and load_key.public == request.load_key
        if holder.device_public(ignore_damage=True) == request.device_key and (
            has_load_key or request.load_key is None
        ):
            return request
    return None


def is_deactivating(folder: Folder) -> bool:
    """Whether a deactivation was started here but not finished. The license has ended already."""
    request = folder.request(DEACTIVATE)
    return request is not None and folder.device_public(ignore_damage=True) == request.device_key


def parse_key(data: bytes) -> Ed25519Signer:
    """Parse the bytes of a `device.key` or `load.key`. Raises ValueError."""
    return Ed25519Signer(unb64(data.decode("ascii")))
