"""Two keys: who installs a license may give its seat back, whoever runs it may ask for its terms.

Alice and Bob are plain users of a computer on which root installed a license for everyone.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from keyferry import KeyferryError, Token, parse_request, verify_request
from keyferry.manage import cancel
from keyferry.request import find_pending
from keyferry.store.clock_file import read_clock
from keyferry.store.folder import DEACTIVATE, DEVICE_KEY, DEVICE_PUBLIC, LOAD_KEY, PENDING
from keyferry_protocol.envelope import REQUEST, seal
from keyferry_protocol.keys import Ed25519Signer
from tests.support.offline import Room
from tests.support.other_users import ALICE, BOB, UserRoom, as_root, open_folder, run_as
from tests.support.samples import DAY, NUMBER

pytestmark = as_root


@dataclass
class Account:
    """A plain user of the room's computer. Each action runs in a process of theirs."""

    room: Room
    uid: int
    home: Path

    @property
    def own(self) -> UserRoom:
        site = Path(self.room.state_dirs.site.path)
        room = self.room
        return UserRoom(self.home / "state", now=room.now, dongle=room.dongle, site=site)

    def request(self, kind: str, protection: str = "machine") -> bytes:
        """The bytes of a request file, or the code of the error."""
        return run_as(self.uid, lambda: self.own.request(kind, protection=protection))

    def install(self, data: bytes) -> bytes:
        """`ok`, or the code of the error."""
        return run_as(self.uid, lambda: self.own.install(data) and "ok")

    def load(self) -> bytes:
        """The serial of the license, or the code of the error."""
        return run_as(self.uid, lambda: str(self.own.load().serial))

    def files(self) -> set[str]:
        folder = self.home / "state" / NUMBER
        return {path.name for path in folder.iterdir()} if folder.exists() else set()


def account(room: Room, uid: int) -> Account:
    home = room.state.parent / str(uid)
    home.mkdir(mode=0o700)
    os.chown(home, uid, uid)
    return Account(room, uid, home)


@pytest.fixture
def computer() -> Iterator[Room]:
    """Root installed a license for everyone."""
    with open_folder() as folder:
        room = Room(folder / "state")
        room.activate()
        yield room


@pytest.fixture
def alice(computer: Room) -> Account:
    return account(computer, ALICE)


@pytest.fixture
def bob(computer: Room) -> Account:
    return account(computer, BOB)


# What any local account could do: copy the site's keys, and give the seat back


@pytest.mark.attack
def test_no_other_account_can_copy_the_keys_and_give_the_seat_back(
    computer: Room, bob: Account
) -> None:
    stolen = Room(bob.home / "stolen")
    kept = Path(computer.folder().path(""))
    copied = stolen.state / "site" / NUMBER

    def release() -> bytes:
        copied.mkdir(parents=True)
        for file in kept.iterdir():
            if os.access(file, os.R_OK):
                shutil.copy(file, copied)
        return stolen.request("deactivate")

    assert run_as(BOB, release) == b"not-activated"


@pytest.mark.attack
@pytest.mark.parametrize("kind", ["activate", "deactivate"])
def test_with_the_load_key_nothing_is_taken_and_nothing_given_back(
    computer: Room, kind: str
) -> None:
    activation = Ed25519Signer(b"a" * 32)
    update = parse_request(computer.request("update"))
    load_key = computer.folder().load_key()
    assert load_key is not None
    taken = replace(update, kind=kind)
    signers = [load_key, activation] if kind == "activate" else [load_key]
    forged = seal(REQUEST, taken.to_bytes(), signers)
    with pytest.raises(KeyferryError) as excinfo:
        verify_request(forged, activation.public)
    assert excinfo.value.code == "not-authentic"


@pytest.mark.parametrize("kind", ["activate", "deactivate"])
def test_a_plain_user_is_sent_to_the_administrator(alice: Account, kind: str) -> None:
    before = alice.room.files()
    assert alice.request(kind) == b"state-not-readable"
    assert alice.room.files() == before
    assert alice.files() == set()


def test_only_the_owner_reads_the_device_key_and_everyone_the_rest(computer: Room) -> None:
    folder = Path(computer.folder().path(""))
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == {
        "device.key": 0o600,
        "device.public": 0o644,
        "load.key": 0o644,
        "installed.response": 0o644,
        "state.json": 0o644,
    }


# What a plain user still does


def test_a_plain_user_runs_the_application(alice: Account) -> None:
    assert alice.load() == b"1"


def test_a_plain_user_asks_for_the_current_terms_with_the_load_key(alice: Account) -> None:
    data = alice.request("update")
    request = verify_request(data, None)
    assert request.is_by_load_key
    assert (request.kind, request.last_serial) == ("update", 0)
    assert alice.request("update") == data, "the same file while it waits"
    assert alice.files() == {"pending.request"}


def test_what_an_update_brings_is_kept_in_the_users_own_directory(
    alice: Account, bob: Account
) -> None:
    site = alice.room.files()
    assert alice.install(alice.room.answer(alice.request("update"))) == b"ok"
    assert alice.room.files() == site
    assert alice.files() == {"installed.response", "state.json"}
    assert (alice.load(), bob.load()) == (b"2", b"1")


def test_the_newest_response_of_the_two_directories_counts(alice: Account) -> None:
    alice.install(alice.room.answer(alice.request("update")))
    room = alice.room
    room.install(room.answer(room.request("update")))
    assert alice.load() == b"3"
    assert alice.install(room.answer(alice.request("update"))) == b"ok"
    assert alice.load() == b"4"


def test_if_the_newest_does_not_pass_the_other_counts(alice: Account) -> None:
    room = alice.room
    room.now += 1
    data = room.answer(alice.request("update"), valid_until=room.now)
    assert alice.install(data) == b"expired"
    assert alice.load() == b"1"


def test_a_plain_user_may_have_a_license_of_their_own(alice: Account) -> None:
    request = alice.request("activate", "personal")
    assert parse_request(request).protection == "personal"
    assert alice.install(alice.room.answer(request)) == b"ok"
    assert {"device.key", "device.public", "load.key"} <= alice.files()
    assert parse_request(alice.request("deactivate")).protection == "personal"
    assert alice.load() == b"1", "the site's license stays"


def test_a_plain_user_repairs_their_own_clock(alice: Account) -> None:
    room = alice.room
    room.now += 40 * DAY
    assert alice.load() == b"1"
    room.now -= 40 * DAY
    assert alice.load() == b"clock-rolled-back"
    assert alice.install(room.answer(alice.request("update"))) == b"ok"
    assert alice.load() == b"2"
    assert read_clock(alice.own.state_dirs.user).mark == room.now


def test_a_plain_user_says_the_name_that_the_administrator_chose_last(alice: Account) -> None:
    site = alice.room.folder()

    def name_after(chosen: str) -> str:
        site.write_state(site.state()._replace(machine_name=chosen))
        return parse_request(alice.request("update")).machine.name

    assert [name_after("Pump 3"), name_after("")] == ["Pump 3", ""]


def test_a_plain_user_cancels_their_own_request_only(alice: Account) -> None:
    room = alice.room
    room.request("update")

    def cancel_it() -> str:
        cancel(NUMBER, alice.own.state_dirs)
        return "canceled"

    assert run_as(ALICE, cancel_it) == b"state-not-writable"
    alice.request("update")
    assert run_as(ALICE, cancel_it) == b"canceled"
    assert alice.files() == {"state.json"}, "where the file lies that is void now"
    assert room.folder().has(PENDING)


def test_a_dongles_license_is_updated_by_its_administrator(alice: Account) -> None:
    key = Ed25519Signer(b"t" * 32)
    alice.room.dongle = Token(key.public, "SoftToken", "1", key.sign)
    alice.room.activate("dongle")
    assert alice.request("update") == b"state-not-readable"
    assert alice.load() == b"2"


def test_a_plain_user_installs_a_renewal_in_their_own_directory(alice: Account) -> None:
    installed = alice.room.folder().installed_bytes() or b""
    assert alice.install(alice.room.renewal(installed)) == b"ok"
    assert alice.files() == {"installed.response", "state.json"}
    assert alice.load() == b"2"


# The seat ends for all


def test_a_deactivation_ends_what_every_user_has(alice: Account) -> None:
    alice.install(alice.room.answer(alice.request("update")))
    alice.room.request("deactivate")
    assert alice.load() == b"deactivated"


def test_a_deactivation_that_was_cut_off_ends_it_too(alice: Account) -> None:
    room = alice.room
    alice.install(room.answer(alice.request("update")))
    kept = room.files()
    deactivation = room.request("deactivate")
    for name, data in kept.items():
        if name.startswith("site"):
            (room.state / name).write_bytes(data)
    room.folder().write(DEACTIVATE, deactivation)
    assert alice.load() == b"deactivated"
    assert alice.request("update") == b"not-activated"
    assert (
        alice.install(room.renewal(kept[f"site/{NUMBER}/installed.response"])) == b"not-requested"
    )


def test_a_request_whose_keys_are_gone_waits_no_longer(alice: Account) -> None:
    room = alice.room
    request = alice.request("update")
    room.request("deactivate")
    room.activate()
    waiting = find_pending(NUMBER, alice.own.state_dirs)
    assert waiting is not None
    assert waiting.request.kind == "deactivate"
    assert alice.install(room.answer(request)) == b"not-requested"
    assert parse_request(alice.request("update")).device_key != parse_request(request).device_key


# Files that are lost


def test_a_missing_device_public_is_made_from_the_device_key(computer: Room) -> None:
    folder = computer.folder()
    before = folder.device_public()
    folder.erase(DEVICE_PUBLIC)
    assert folder.device_public() == before
    computer.request("update")
    assert folder.has(DEVICE_PUBLIC)


def test_a_lost_load_key_is_made_anew_by_the_next_update(computer: Room) -> None:
    computer.folder().erase(LOAD_KEY)
    with pytest.raises(KeyferryError) as excinfo:
        computer.load()
    assert excinfo.value.code == "wrong-machine"
    computer.install(computer.answer(computer.request("update")))
    assert computer.load().serial == 2


@pytest.mark.parametrize("name", [DEVICE_KEY, LOAD_KEY, DEVICE_PUBLIC])
def test_a_key_file_that_holds_no_key_is_damaged(computer: Room, name: str) -> None:
    folder = computer.folder()
    folder.write(name, b"no key")
    read = {
        DEVICE_KEY: folder.device_key,
        LOAD_KEY: folder.load_key,
        DEVICE_PUBLIC: folder.device_public,
    }[name]
    with pytest.raises(KeyferryError) as excinfo:
        read()
    assert excinfo.value.code == "state-damaged"


def test_canceling_keeps_both_keys(computer: Room) -> None:
    before = parse_request(computer.request("update"))
    cancel(NUMBER, computer.state_dirs)
    after = parse_request(computer.request("update"))
    assert (after.device_key, after.load_key) == (before.device_key, before.load_key)
