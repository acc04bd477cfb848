"""Makes a request file (docs/format.md, "Request") and stores it until its response arrives."""

from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import NamedTuple

from keyferry.deactivate import deactivate, finish_deactivation
from keyferry.dongle.signer import DongleSigner, signer_for
from keyferry.installation import Installation
from keyferry.license_message import license_message
from keyferry.request_options import RequestOptions, is_same_request, request_body
from keyferry.store.clock_file import read_clock, write_clock
from keyferry.store.directory import refuse_unsafe
from keyferry.store.folder import (
    DEACTIVATE,
    DEVICE_KEY,
    INSTALLED,
    LOAD_KEY,
    PENDING,
    Folder,
    is_deactivating,
)
from keyferry.store.lock import Lock
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.activation import activation_key
from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope, seal
from keyferry_protocol.errors import KeyferryError, NotActivated, StateBusy, StateNotWritable
from keyferry_protocol.keys import Ed25519Signer, Signer
from keyferry_protocol.request import Dongle, Request, parse_request
from keyferry_protocol.response import BoundTo, parse_response


class PendingRequest(NamedTuple):
    """A request that is waiting for its response: its file, contents, and license folder."""

    data: bytes
    request: Request
    folder: Folder


def create_request(options: RequestOptions, installation: Installation) -> PendingRequest:
    """Make the request, or return the same one if it is pending. Raises a KeyferryError."""
    state_dirs = installation.state_dirs
    refuse_unsafe(state_dirs)
    signer = _dongle_signer(options, installation)  # before the lock: it may prompt for a PIN
    installation = replace(installation, dongle=signer)
    with ExitStack() as locks:
        locks.enter_context(Lock(state_dirs.user))
        if options.kind == "activate":
            shared = options.protection != "personal" and _lock(state_dirs.site, locks)
            folder = Folder(state_dirs.site if shared else state_dirs.user, options.number)
            finish_deactivation(folder, state_dirs)
            return _sign_and_store(options, options.protection, folder, installation)
        source = find_license(options, state_dirs)
        if options.kind == "update":
            folder = source
            if source.root.shared and not _lock(state_dirs.site, locks):
                folder = _copy_for_user(source, state_dirs)
            finish_deactivation(folder, state_dirs)
            return _sign_and_store(options, _protection(source), folder, installation)
        original = _site_original(source, state_dirs)
        if source.root.shared or original:
            locks.enter_context(Lock(state_dirs.site))
        for folder in filter(None, (original, source)):
            finish_deactivation(folder, state_dirs)
        if not source.has(DEVICE_KEY) and source.has(DEACTIVATE):
            return _read_pending(source, DEACTIVATE)  # the same file until its receipt arrives
        pending = _sign_and_store(options, _protection(source), source, installation)
        if original:
            finish_deactivation(original, state_dirs)
        return pending


def find_pending(number: str, state_dirs: StateDirs) -> PendingRequest | None:
    """A license's request that is waiting for a response, or its deactivation for a receipt."""
    for name in (PENDING, DEACTIVATE):
        for folder in (Folder(root, number) for root in state_dirs):
            if folder.request(name, ignore_damage=True) is not None:
                return _read_pending(folder, name)
    return None


def find_license(options: RequestOptions, state_dirs: StateDirs) -> Folder:
    """The folder of the license to update or deactivate. Raises NotActivated, StateNotReadable."""
    folders = [Folder(root, options.number) for root in state_dirs]
    for folder in folders:
        if folder.holds_license() or (folder.has(DEVICE_KEY) and folder.has(PENDING)):
            return folder
    for folder in folders:
        if options.kind == "deactivate" and folder.has(DEACTIVATE):
            return folder
    refuse_unsafe(state_dirs)
    text = license_message("errors.not-activated.not-active", options.number)
    raise NotActivated(text, license_number=options.number)


def remember_path(pending: PendingRequest, path: str) -> None:
    """Record where the file was saved, to tell people. Skipped if the folder cannot be written."""
    with suppress(StateBusy, StateNotWritable), Lock(pending.folder.root):
        state = pending.folder.state(ignore_damage=True)
        pending.folder.write_state(state._replace(request_path=path))


def _dongle_signer(options: RequestOptions, installation: Installation) -> DongleSigner | None:
    """The dongle that signs: the license's own, any dongle for an activation, or None."""
    if options.kind == "activate":
        is_for_dongle = options.protection == "dongle"
        return signer_for(installation.dongle, None) if is_for_dongle else None
    source = find_license(options, installation.state_dirs)
    named = None if is_deactivating(source, installation.state_dirs) else _dongle(source)
    return None if named is None else signer_for(installation.dongle, named)


def _lock(root: StateDir, locks: ExitStack) -> bool:
    """Lock a state directory for the rest of the call; False if this user may not write."""
    try:
        locks.enter_context(Lock(root))
    except StateNotWritable:
        return False
    return True


def _site_original(source: Folder, state_dirs: StateDirs) -> Folder | None:
    """The site's folder that a user's folder copies. They share a seat, which ends in both."""
    site = Folder(state_dirs.site, source.number)
    key, other = source.device_key(ignore_damage=True), site.device_key(ignore_damage=True)
    same = key is not None and other is not None and key.public == other.public
    return site if same and not source.root.shared else None


def _copy_for_user(source: Folder, state_dirs: StateDirs) -> Folder:
    """Copy the site's folder for a user who cannot write to it, to store that user's update."""
    own = Folder(state_dirs.user, source.number)
    key, load_key = source.device_key(), source.load_key()
    if key is not None and load_key is not None:
        own.write_key(DEVICE_KEY, key)
        own.write_key(LOAD_KEY, load_key)
        own.write_state(source.state())
    return own


def _protection(folder: Folder) -> str:
    """The protection of a license as installed, else as requested. Raises StateDamaged."""
    binding = _binding(folder)
    return "machine" if binding is None else binding.protection


def _dongle(folder: Folder) -> Dongle | None:
    binding = _binding(folder)
    return None if binding is None else binding.dongle


def _binding(folder: Folder) -> BoundTo | Request | None:
    data = folder.installed_bytes()
    if data is None:
        return folder.request(PENDING)
    try:
        return parse_response(open_envelope(data, RESPONSE)).bound_to
    except KeyferryError as error:
        raise folder.damaged(INSTALLED, str(error)) from error


def _sign_and_store(
    options: RequestOptions, protection: str, folder: Folder, installation: Installation
) -> PendingRequest:
    """Sign the request and store it, or return the same one if it is pending."""
    key, load_key = _keys(options, protection, folder)
    state = folder.state(ignore_damage=True)
    body = request_body(options, installation, protection, key, load_key, state.max_serial)
    now = body.created_at
    activation = None if options.code is None else activation_key(options.code, options.number)
    name = DEACTIVATE if options.kind == "deactivate" else PENDING
    pending = folder.request(name, ignore_damage=True)
    if pending is not None and is_same_request(body, pending, activation, now):
        return _read_pending(folder, name)
    signers: list[Signer] = [key]
    signers += [] if activation is None else [activation]
    signers += [installation.dongle] if isinstance(installation.dongle, DongleSigner) else []
    data = seal(REQUEST, body.to_bytes(), signers)
    request = parse_request(data)  # never write a file that the service cannot read
    user = installation.state_dirs.user
    clock = read_clock(user, ignore_damage=True).advanced_to(now)
    if pending is not None:
        clock = clock.without_note(pending.sha256)
    write_clock(user, clock.with_note(request.sha256))
    if not folder.has(DEVICE_KEY) or folder.device_key(ignore_damage=True) is None:
        folder.write_key(DEVICE_KEY, key)
    if load_key is not None and folder.load_key(ignore_damage=True) is None:
        folder.write_key(LOAD_KEY, load_key)
    if state.request_path:
        folder.write_state(state._replace(request_path=""))
    if name == DEACTIVATE:
        deactivate(folder, installation.state_dirs, data)
    else:
        folder.write(PENDING, data)
    return PendingRequest(data, request, folder)


def _read_pending(folder: Folder, name: str) -> PendingRequest:
    data = folder.read(name) or b""
    return PendingRequest(data, parse_request(data), folder)


def _keys(
    options: RequestOptions, protection: str, folder: Folder
) -> tuple[Ed25519Signer, Ed25519Signer | None]:
    """The device key and the load key of this license on this machine; a dongle has no load key.

    Only an activation or a dongle may create one. Raises NotActivated.
    """
    may_make = options.kind == "activate" or protection == "dongle"
    key = folder.device_key(ignore_damage=may_make)
    load_key = None if protection == "dongle" else folder.load_key(ignore_damage=may_make)
    if not may_make and (key is None or load_key is None):
        raise NotActivated(license_message("errors.not-activated.no-key", options.number))
    key = key or Ed25519Signer.generate()
    if protection != "dongle" and load_key is None:
        load_key = Ed25519Signer.generate()
    return key, load_key
