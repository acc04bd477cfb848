"""Makes the file that leaves the room (docs/format.md, "Request")."""

import os
from contextlib import ExitStack, suppress
from typing import NamedTuple

from keyferry.checks import holds_license, license_message
from keyferry.deactivate import deactivate, finish_deactivation
from keyferry.dongle.signer import AnyDongle, Token, token_for
from keyferry.load_license import clock_of, is_deactivating
from keyferry.machine.current_machine import CurrentMachine
from keyferry.request_options import RequestOptions, fresh_body, is_same
from keyferry.store.lock import Lock
from keyferry.store.state import (
    DEACTIVATE,
    DEVICE_KEY,
    INSTALLED,
    PENDING,
    Folder,
    damaged,
    read,
    read_clock,
    write_clock,
)
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry.times import Moment
from keyferry.vendor import resolve
from keyferry_protocol.activation import (
    activation_key,
    parse_activation_code,
    parse_license_number,
)
from keyferry_protocol.components import Machine
from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope, seal
from keyferry_protocol.errors import (
    KeyferryError,
    NotActivated,
    StateBusy,
    StateNotWritable,
)
from keyferry_protocol.keys import Ed25519Signer, KeySet, Signer
from keyferry_protocol.request import (
    Dongle,
    Product,
    Request,
    parse_request,
)
from keyferry_protocol.response import BoundTo, parse_response


class PendingRequest(NamedTuple):
    """A request as it waits now: its file, what it says, and where its license's state lies."""

    data: bytes
    request: Request
    folder: Folder


def make_request(
    license_number: str,
    activation_code: str | None = None,
    *,
    keys: KeySet | str | os.PathLike[str],
    product: str,
    product_version: str = "",
    kind: str = "activate",
    protection: str = "machine",
    machine: Machine | None = None,
    state_dir: str | os.PathLike[str] | None = None,
    now: Moment = None,
    replaces_seat: int | None = None,
    dongle: AnyDongle = None,
    vendor: str | None = None,
) -> bytes:
    """The bytes of a request file; its license waits for the response from now on.

    Only `activate` takes an activation code, `replaces_seat` and a protection; the others keep the
    one that is installed. `deactivate` ends the license here before this returns.
    """
    pinned, where = resolve(keys, state_dir, vendor)
    number = parse_license_number(license_number)
    code = None
    if kind == "activate":
        code = parse_activation_code(activation_code or "", number)
    wish = RequestOptions(
        number=number,
        kind=kind,
        product=Product(product, product_version),
        protection=protection,
        replaces_seat=replaces_seat,
        code=code,
        dongle=dongle,
        trusts=pinned.trusts(),
        now=clock_of(now)(),
    )
    return make(wish, where, CurrentMachine(machine)).data


def make(wish: RequestOptions, where: StateDirs, seen: CurrentMachine) -> PendingRequest:
    """Make the request, or find the same one waiting already. Raises a KeyferryError."""
    wish = wish._replace(dongle=_token(wish, where))  # before the lock: it may want its PIN typed
    with ExitStack() as locks:
        locks.enter_context(Lock(where.user))
        if wish.kind == "activate":
            shared = wish.protection != "personal" and _lock(where.site, locks)
            folder = Folder(where.site if shared else where.user, wish.number)
            finish_deactivation(folder, where)
            return _wait(wish, wish.protection, folder, where, seen)
        source = find(wish, where)
        if wish.kind == "update":
            folder = source
            if source.root.shared and not _lock(where.site, locks):
                folder = _copy_for_user(source, where)
            finish_deactivation(folder, where)
            return _wait(wish, _protection(source), folder, where, seen)
        twin = _twin(source, where)
        if source.root.shared or twin:
            locks.enter_context(Lock(where.site))
        for folder in filter(None, (twin, source)):
            finish_deactivation(folder, where)
        if not source.has(DEVICE_KEY) and source.has(DEACTIVATE):
            return _waiting(source, DEACTIVATE)  # handed out again until its receipt comes
        made = _wait(wish, _protection(source), source, where, seen)
        if twin:
            finish_deactivation(twin, where)
        return made


def waiting(number: str, where: StateDirs) -> PendingRequest | None:
    """The request file that waits here for its response, or a deactivation's for its receipt."""
    for name in (PENDING, DEACTIVATE):
        for folder in (Folder(root, number) for root in where):
            if folder.request(name, repair=True) is not None:
                return _waiting(folder, name)
    return None


def remember_path(made: PendingRequest, path: str) -> None:
    """Note for people where the file was saved, unless somebody is in the way."""
    with suppress(StateBusy, StateNotWritable), Lock(made.folder.root):
        standing = made.folder.standing(repair=True)
        made.folder.write_standing(standing._replace(request_path=path))


def _token(wish: RequestOptions, where: StateDirs) -> Token | None:
    """The dongle that signs: the one of the license, a free one for an activation. None: none."""
    if wish.kind == "activate":
        return token_for(wish.dongle, None) if wish.protection == "dongle" else None
    source = find(wish, where)
    named = None if is_deactivating(source, where) else _dongle(source)
    return None if named is None else token_for(wish.dongle, named)


def _lock(root: StateDir, locks: ExitStack) -> bool:
    """Lock a root for the rest of the call; False where this user may not write."""
    try:
        locks.enter_context(Lock(root))
    except StateNotWritable:
        return False
    return True


def find(wish: RequestOptions, where: StateDirs) -> Folder:
    """The license that an update or deactivation means. Raises NotActivated."""
    folders = [Folder(root, wish.number) for root in where]
    for folder in folders:
        if holds_license(folder) or (folder.has(DEVICE_KEY) and folder.has(PENDING)):
            return folder
    for folder in folders:
        if wish.kind == "deactivate" and folder.has(DEACTIVATE):
            return folder
    raise NotActivated(
        license_message("errors.not-activated.not-active", wish.number), license_number=wish.number
    )


def _twin(source: Folder, where: StateDirs) -> Folder | None:
    """The site's folder behind a user's copy of it: the same seat, which ends in both."""
    site = Folder(where.site, source.number)
    key, other = source.device_key(repair=True), site.device_key(repair=True)
    same = key is not None and other is not None and key.public == other.public
    return site if same and not source.root.shared else None


def _copy_for_user(source: Folder, where: StateDirs) -> Folder:
    """An update by a user who may not write the site's folder waits in the user's own."""
    own = Folder(where.user, source.number)
    key = source.device_key()
    if key is not None:
        own.write_device_key(key)
        own.write_standing(source.standing())
    return own


def _protection(folder: Folder) -> str:
    """How the license is protected here: as installed, else as requested. Raises StateDamaged."""
    said = _binding(folder)
    return "machine" if said is None else said.protection


def _dongle(folder: Folder) -> Dongle | None:
    said = _binding(folder)
    return None if said is None else said.dongle


def _binding(folder: Folder) -> BoundTo | Request | None:
    data = folder.installed()
    if data is None:
        return folder.request(PENDING)
    try:
        return parse_response(open_envelope(data, RESPONSE)).bound_to
    except KeyferryError as error:
        raise damaged(folder.path(INSTALLED), str(error)) from error


def _wait(
    wish: RequestOptions, protection: str, folder: Folder, where: StateDirs, seen: CurrentMachine
) -> PendingRequest:
    """Sign the request and let it wait, or find the same one waiting."""
    key = _device_key(wish, protection, folder)
    standing = folder.standing(repair=True)
    body = fresh_body(wish, protection, key, standing.max_serial, seen)
    activation = None if wish.code is None else activation_key(wish.code, wish.number)
    name = DEACTIVATE if wish.kind == "deactivate" else PENDING
    waiting = folder.request(name, repair=True)
    if waiting is not None and is_same(body, waiting, activation, wish.now):
        return _waiting(folder, name)
    signers: list[Signer] = [key]
    signers += [] if activation is None else [activation]
    signers += [wish.dongle] if isinstance(wish.dongle, Token) else []
    data = seal(REQUEST, body.to_bytes(), signers)
    request = parse_request(data)  # what the service would not read is never written
    clock = read_clock(where.user, repair=True).seen(wish.now)
    if waiting is not None:
        clock = clock.forgotten(waiting.sha256)
    write_clock(where.user, clock.noted(request.sha256))
    if not folder.has(DEVICE_KEY) or folder.device_key(repair=True) is None:
        folder.write_device_key(key)
    if standing.request_path:
        folder.write_standing(standing._replace(request_path=""))
    if name == DEACTIVATE:
        deactivate(folder, where, data)
    else:
        folder.write(PENDING, data)
    return PendingRequest(data, request, folder)


def _waiting(folder: Folder, name: str) -> PendingRequest:
    data = read(folder.path(name)) or b""
    return PendingRequest(data, parse_request(data), folder)


def _device_key(wish: RequestOptions, protection: str, folder: Folder) -> Ed25519Signer:
    """The key of this license on this machine; an activation, or a dongle, may make it."""
    may_make = wish.kind == "activate" or protection == "dongle"
    key = folder.device_key(repair=may_make)
    if key is not None:
        return key
    if not may_make:
        raise NotActivated(license_message("errors.not-activated.no-key", wish.number))
    return Ed25519Signer.generate()
