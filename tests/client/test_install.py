"""What a response must be to be installed, and what each refusal leaves as it was."""

import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import keyferry_protocol.response
from keyferry import KeyferryError, KeySet, parse_request, verify_response
from keyferry.store.folder import DEACTIVATE, PENDING
from keyferry_protocol.envelope import RESPONSE, Envelope, open_envelope, seal
from keyferry_protocol.keys import Ed25519Signer
from keyferry_protocol.response import BoundTo
from tests.support.offline import LAB_07, LAB_09, OTHER, VENDOR, VENDOR_PQ, Room, key_set
from tests.support.samples import DAY, NOW, NUMBER
from tests.support.terminal import Shell


def refused(room: Room, data: bytes) -> str:
    """The code with which an install is refused; nothing may change by it."""
    before = room.files()
    with pytest.raises(KeyferryError) as excinfo:
        room.install(data)
    assert room.files() == before
    assert excinfo.value.title
    assert excinfo.value.next_step
    return excinfo.value.code


def test_a_license_works_after_request_response_and_install(room: Room) -> None:
    installed = room.install(room.answer(room.request()))
    assert installed.kind == "activate"
    assert installed.license is not None
    assert installed.license.check("threads").value == 16
    assert not room.folder().has(PENDING)


def test_a_response_refused_before_it_is_stored_changes_nothing(room: Room) -> None:
    room.activate()
    request = room.request("update")
    good = room.answer(request)
    assert refused(room, request) == "wrong-type"
    assert refused(room, good[:-9]) == "unreadable-response"
    assert refused(room, b"") == "unreadable-response"
    forged = Room(room.state, signers=(Ed25519Signer(b"x" * 32),), serial=1).answer(request)
    assert refused(room, forged) == "not-genuine"
    assert refused(room, room.answer(request, product="Example Viewer")) == "wrong-product"
    assert refused(room, room.answer(request, number=OTHER)) == "wrong-machine"
    assert refused(room, room.answer(request, request_sha256="0" * 64)) == "not-requested"
    room.keys = key_set(VENDOR, revoked=(NUMBER,))
    assert refused(room, good) == "license-revoked"
    room.keys = key_set(VENDOR)
    room.machine = LAB_09
    assert refused(room, good) == "wrong-machine"
    room.machine = LAB_07
    assert room.install(good).license is not None


def test_a_response_that_names_another_device_key_is_for_another_machine(room: Room) -> None:
    request = room.request()
    bound_to = replace(_bound_to(room, request), device_key=Ed25519Signer(b"k" * 32).public)
    assert refused(room, room.answer(request, bound_to=bound_to)) == "wrong-machine"


def test_a_receipt_that_names_another_device_key_is_for_another_machine(room: Room) -> None:
    room.activate()
    request = room.request("deactivate")
    bound_to = replace(_bound_to(room, request), device_key=Ed25519Signer(b"k" * 32).public)
    assert refused(room, room.answer(request, bound_to=bound_to)) == "wrong-machine"


def _bound_to(room: Room, request: bytes) -> BoundTo:
    bound_to = verify_response(room.answer(request), room.keys).bound_to
    room.serial -= 1
    return bound_to


def test_without_a_pending_request_another_machines_file_is_reported_as_such(
    room: Room, tmp_path: Path
) -> None:
    elsewhere = Room(tmp_path / "elsewhere", machine=LAB_09)
    file = elsewhere.answer(elsewhere.request())
    assert refused(room, file) == "wrong-machine"
    same_machine = Room(tmp_path / "another folder")
    assert refused(room, same_machine.answer(same_machine.request())) == "not-requested"


def test_a_response_refused_after_it_is_stored_stays_stored(room: Room) -> None:
    response = room.answer(room.request(), valid_until=NOW)
    with pytest.raises(KeyferryError) as excinfo:
        room.install(response)
    assert excinfo.value.code == "expired"
    assert room.folder().installed_bytes() == response
    assert room.folder().state().max_serial == 1
    assert not room.folder().has(PENDING)


def test_the_same_response_with_new_signatures_replaces_the_file(room: Room) -> None:
    first = room.activate()
    body = open_envelope(first, RESPONSE).body
    room.keys = key_set(VENDOR, VENDOR_PQ)
    with pytest.raises(KeyferryError, match="ML-DSA-65"):
        room.load()
    signed_anew = seal(RESPONSE, body, [VENDOR, VENDOR_PQ])
    assert room.install(signed_anew).license is not None
    assert room.folder().installed_bytes() == signed_anew
    assert room.load().check()


def test_the_same_file_can_be_installed_again(room: Room) -> None:
    response = room.activate()
    before = room.files()
    assert room.install(response).license is not None
    assert room.files() == before


def test_the_original_restores_a_damaged_installed_file(room: Room) -> None:
    response = room.activate()
    path = Path(room.folder().path("installed.response"))
    path.write_bytes(response[:200])
    with pytest.raises(KeyferryError):
        room.load()
    assert room.install(response).license is not None
    assert room.load().check()


def test_an_update_replaces_the_installed_response(room: Room) -> None:
    first = room.activate()
    request = room.request("update")
    assert parse_request(request).last_serial == 1
    room.install(room.answer(request, features={"solver": True, "threads": 32}))
    assert room.load().check("threads").value == 32
    assert refused(room, first) == "not-requested"


# What is installed already, and what comes too late


def test_the_installed_response_brought_again_is_told_as_that(room: Room) -> None:
    response = room.activate()
    request = room.request("update")
    before = room.files()
    installed = room.install(response)
    assert (installed.already, installed.license is not None) == (True, True)
    assert room.files() == before, "neither the request nor its note is touched"
    assert room.install(room.answer(request)).already is False


def test_a_response_whose_install_was_cut_off_answers_its_request(room: Room) -> None:
    request = room.request()
    response = room.answer(request)
    room.folder().write("installed.response", response)
    assert room.install(response).already is False
    assert not room.folder().has(PENDING)


def test_an_older_response_ends_the_waiting_of_the_request_that_it_answers(room: Room) -> None:
    room.serial = 5
    room.activate()
    answer = room.answer(room.request("update"), serial=2)
    before = room.files()
    with pytest.raises(KeyferryError) as excinfo:
        room.install(answer)
    assert excinfo.value.code == "older-response"
    del before["site/015120020093/pending.request"]
    assert room.files() == before


def test_the_same_response_ends_no_deactivation(room: Room) -> None:
    response = room.activate()
    kept = room.files()
    request = room.request("deactivate")
    room.folder().write("installed.response", response)
    with pytest.raises(KeyferryError) as excinfo:
        room.install(response)
    assert excinfo.value.code == "deactivated"
    assert room.folder().state().ended
    for name in ("load.key", "device.key", "device.public"):  # a copy of the keys changes nothing
        room.folder().write(name, kept[f"site/{NUMBER}/{name}"])
    with pytest.raises(KeyferryError):
        room.install(response)
    assert room.folder().state().ended
    assert room.folder().request(DEACTIVATE) == parse_request(request)


def test_a_personal_license_is_kept_with_its_user_only(room: Room) -> None:
    room.activate("personal")
    folder = room.folder(shared=False)
    for name in ("device.key", "installed.response", "state.json"):
        assert Path(folder.path(name)).stat().st_mode & 0o777 == 0o600
    assert not room.folder().has("installed.response")


def test_a_machine_license_is_readable_by_all_but_its_device_key(room: Room) -> None:
    room.activate()
    for name in ("load.key", "device.public", "installed.response", "state.json"):
        assert Path(room.folder().path(name)).stat().st_mode & 0o777 == 0o644
    assert Path(room.folder().path("device.key")).stat().st_mode & 0o777 == 0o600


def test_a_machine_license_is_readable_by_all_whatever_the_umask(tmp_path: Path) -> None:
    room = Room(tmp_path / "new" / "state")
    before = os.umask(0o077)
    try:
        room.activate()
    finally:
        os.umask(before)
    path = Path(room.folder().path("load.key"))
    assert path.stat().st_mode & 0o777 == 0o644
    for folder in (path.parent, path.parent.parent):
        assert folder.stat().st_mode & 0o777 == 0o755, folder
    assert Path(room.state_dirs.user.path).stat().st_mode & 0o777 == 0o700


# Deactivation


def test_a_license_ends_before_its_deactivation_request_can_leave(room: Room) -> None:
    room.activate()
    request = room.request("deactivate")
    assert not room.folder().has("installed.response")
    for name in ("load.key", "device.key", "device.public"):
        assert not room.folder().has(name)
    assert room.folder().state().ended
    assert room.request("deactivate") == request
    room.now += 400 * DAY
    assert room.request("deactivate") == request
    room.now -= 400 * DAY
    installed = room.install(room.answer(request))
    assert installed == ("deactivate", None, False)
    assert not room.folder().has(DEACTIVATE)
    with pytest.raises(KeyferryError) as excinfo:
        room.request("deactivate")
    assert excinfo.value.code == "not-activated"


def test_an_unexpected_receipt_is_not_installed(room: Room) -> None:
    room.activate()
    receipt = room.answer(room.request("deactivate"))
    room.install(receipt)
    room.request()
    assert room.install(receipt).kind == "deactivate", "the very same again is no error"
    room.install(room.answer(room.request()))
    assert refused(room, receipt) == "not-requested"


def test_a_receipt_after_a_new_activation_only_removes_the_request(room: Room) -> None:
    room.activate()
    receipt = room.answer(room.request("deactivate"))
    response = room.activate()
    room.install(receipt)
    assert room.folder().installed_bytes() == response
    assert room.load().check()
    assert not room.folder().has(DEACTIVATE)


def test_a_deactivated_license_can_be_activated_again_with_a_new_key(room: Room) -> None:
    first = parse_request(room.request())
    room.activate()
    room.request("deactivate")
    again = parse_request(room.request())
    assert again.device_key != first.device_key
    room.install(room.answer(room.request()))
    assert room.load().check()


def test_a_response_from_before_the_deactivation_no_longer_fits(room: Room) -> None:
    room.activate()
    update = room.answer(room.request("update"))
    room.request("deactivate")
    assert refused(room, update) == "not-requested"


def test_a_request_whose_response_never_came_can_be_deactivated(room: Room) -> None:
    room.request()
    assert parse_request(room.request("deactivate")).kind == "deactivate"
    assert not room.folder().has(PENDING)


@pytest.mark.parametrize("kind", ["update", "deactivate"])
def test_without_a_license_there_is_nothing_to_update_or_deactivate(room: Room, kind: str) -> None:
    with pytest.raises(KeyferryError) as excinfo:
        room.request(kind)
    assert excinfo.value.code == "not-activated"


def test_a_copy_of_the_installed_file_ends_with_its_deactivation(room: Room) -> None:
    response = room.activate()
    room.request("deactivate")
    room.folder().write("installed.response", response)
    with pytest.raises(KeyferryError) as excinfo:
        room.load()
    assert excinfo.value.code == "deactivated"


# A site's folder that this user may not write


def forbid_site(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write everywhere, so opening for writing fails instead."""
    real: Callable[..., int] = os.open

    def opened(path: str, flags: int, *mode: int, dir_fd: int | None = None) -> int:
        folder = "" if dir_fd is None else os.readlink(f"/proc/self/fd/{dir_fd}")
        in_site = os.path.join(folder, path).startswith(room.state_dirs.site.path)
        if in_site and flags & (os.O_WRONLY | os.O_RDWR):
            raise PermissionError(13, "Permission denied", path)
        return real(path, flags, *mode, dir_fd=dir_fd)

    monkeypatch.setattr("os.open", opened)


def test_without_a_writable_site_folder_the_license_is_the_users(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid_site(room, monkeypatch)
    room.activate()
    assert room.folder(shared=False).has("installed.response")
    assert room.load().check()


def test_a_plain_user_updates_a_sites_license_in_the_users_own_folder(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.activate()
    forbid_site(room, monkeypatch)
    request = room.request("update")
    assert room.request("update") == request
    room.install(room.answer(request))
    assert room.load().serial == 2
    before = room.files()
    with pytest.raises(KeyferryError) as excinfo:
        room.request("deactivate")
    assert excinfo.value.code == "state-not-writable"
    assert room.files() == before


def test_a_deactivation_ends_the_sites_license_and_a_users_copy_of_it(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.activate()
    with monkeypatch.context() as forbidden:
        forbid_site(room, forbidden)
        room.install(room.answer(room.request("update")))
    request = room.request("deactivate")
    assert not any(name.endswith(("device.key", ".response")) for name in room.files())
    room.install(room.answer(request))
    with pytest.raises(KeyferryError) as excinfo:
        room.load()
    assert excinfo.value.code == "deactivated"
    assert not any(name.endswith(".request") for name in room.files())


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The BODY of each verification of signatures, in order."""
    bodies: list[bytes] = []
    verify = keyferry_protocol.response.verify_signatures

    def note(envelope: Envelope, keys: KeySet) -> None:
        bodies.append(envelope.body)
        verify(envelope, keys)

    monkeypatch.setattr(keyferry_protocol.response, "verify_signatures", note)
    return bodies


def test_the_library_verifies_a_response_once(room: Room, verified: list[bytes]) -> None:
    response = room.activate()
    assert verified == [open_envelope(response, RESPONSE).body]


@pytest.mark.parametrize("source", ["answer.response", "carried", "carried.zip"])
def test_the_command_verifies_a_response_once_wherever_it_is(
    shell: Shell, verified: list[bytes], source: str
) -> None:
    shell("request", NUMBER)
    (request,) = Path().glob("*.request")
    file = shell.carried(request.name)
    Path("carried").mkdir()
    (Path("carried") / file.name).write_bytes(file.read_bytes())
    with zipfile.ZipFile("carried.zip", "w") as archive:
        archive.write(file)
    assert shell("install", source).exit == 0
    assert verified == [open_envelope(file.read_bytes(), RESPONSE).body]


def test_an_update_does_not_verify_the_response_that_it_replaces(
    shell: Shell, verified: list[bytes]
) -> None:
    shell.room.activate()
    shell("update", NUMBER)
    (request,) = Path().glob("*.request")
    file = shell.carried(request.name)
    verified.clear()
    assert shell("install", str(file)).exit == 0
    assert verified == [open_envelope(file.read_bytes(), RESPONSE).body]
