"""Makes a request file (docs/format.md, "Request") and stores it until its response arrives."""

from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import NamedTuple

from keyferry.deactivate import deactivate, finish_deactivation
from keyferry.dongle.signer import DongleSigner, signer_for
from keyferry.installation import Installation
from keyferry.license_message import license_message
from keyferry.own_seat import seat_to_replace
from keyferry.request_keys import RequestKeys, no_key, request_keys, store_keys
from keyferry.request_options import RequestOptions, StateFacts, is_same_request, request_body
from keyferry.store.clock_file import read_clock, write_clock
from keyferry.store.directory import refuse_unsafe
from keyferry.store.folder import (
    DEACTIVATE,
    DEVICE_KEY,
    INSTALLED,
    PENDING,
    Folder,
    LicenseState,
    is_deactivating,
    key_folder,
    pending_request,
)
from keyferry.store.lock import Lock
from keyferry.store.own_folders import own_folders, shared_folder
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.activation import activation_key
from keyferry_protocol.algorithms import self_test
from keyferry_protocol.components import ComponentHashes
from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope, seal
from keyferry_protocol.errors import (
    KeyferryError,
    NotActivated,
    StateBusy,
    StateDamaged,
    StateNotReadable,
    StateNotWritable,
)
from keyferry_protocol.request import Dongle, Request, parse_request
from keyferry_protocol.response import BoundTo, Response, parse_response


class PendingRequest(NamedTuple):
    """A request that is waiting for its response: its file, contents, and license folder.

    `replaced` is the request whose place it took, whose response will not install here.
    """

    data: bytes
    request: Request
    folder: Folder
    replaced: Request | None = None

    @property
    def replaced_id(self) -> str:
        """The id of the request whose place it took, or ""."""
        return "" if self.replaced is None else self.replaced.id


def create_request(options: RequestOptions, installation: Installation) -> PendingRequest:
    """Make the request, or return the same one if it is pending. Raises a KeyferryError."""
    refuse_unsafe(installation.state_dirs)
    if options.kind != "deactivate":
        for alg in installation.keys.require:
            self_test(alg)  # nobody makes a trip for a response that could not be checked here
    # Before the lock: it may prompt for a PIN.
    signer = _dongle_signer(options, _with_own_folders(installation, options))
    with ExitStack() as locks:
        locks.enter_context(Lock(installation.state_dirs.user))
        is_new = options.kind == "activate"
        is_for_all = (
            is_new
            and options.protection != "personal"
            and _lock(installation.state_dirs.site, locks)
        )
        # Now: another computer that shares a directory may have made the first folder meanwhile.
        installation = replace(_with_own_folders(installation, options), dongle=signer)
        state_dirs = installation.state_dirs
        if is_new:
            folder = _activation_folder(options, state_dirs, is_for_all)
            finish_deactivation(folder, state_dirs)
            if options.replaces_seat is None:
                seat = seat_to_replace(options.number, options.protection, installation)
                options = options._replace(replaces_seat=seat)
            keys = request_keys(options, options.protection, folder)
            return _sign_and_store(options, folder, keys, folder, installation)
        source = find_license(options, state_dirs)
        holder = key_folder(source, state_dirs)
        if options.kind == "update":
            return _update(options, source, holder, installation, locks)
        return _deactivate(options, source, holder, installation, locks)


def own_seat(number: str, protection: str, installation: Installation) -> int | None:
    """The seat that an activation here will replace, unless it names another one."""
    options = RequestOptions(number, "activate", protection=protection)
    return seat_to_replace(number, protection, _with_own_folders(installation, options))


def chosen_name(number: str, roots: Iterable[StateDir]) -> str | None:
    """The computer's name in its requests as it was chosen; None if it never was."""
    for folder in [Folder(root, number) for root in roots]:
        with suppress(StateNotReadable):
            name = folder.state(ignore_damage=True).machine_name
            if name is not None:
                return name
    return None


def find_pending(number: str, state_dirs: StateDirs) -> PendingRequest | None:
    """A license's request that is waiting for a response, or its deactivation for a receipt."""
    folders = [Folder(root, number) for root in state_dirs]
    for folder in folders:
        if pending_request(folder, state_dirs, ignore_damage=True) is not None:
            return _read_pending(folder, PENDING)
    for folder in folders:
        if folder.request(DEACTIVATE, ignore_damage=True) is not None:
            return _read_pending(folder, DEACTIVATE)
    return None


def find_license(options: RequestOptions, state_dirs: StateDirs) -> Folder:
    """The folder of the license to update or deactivate. Raises NotActivated, StateNotReadable."""
    folders = [Folder(root, options.number) for root in state_dirs]
    for folder in folders:
        if folder.holds_license() or pending_request(folder, state_dirs, ignore_damage=True):
            return folder
    for folder in folders:
        if options.kind == "deactivate" and folder.has(DEACTIVATE):
            return folder
    refuse_unsafe(state_dirs)
    path = shared_folder(state_dirs, options.number)
    name = "not-active" if path is None else "another-computer"
    text = license_message(f"errors.not-activated.{name}", options.number, path=path)
    raise NotActivated(text, license_number=options.number)


def remember_path(pending: PendingRequest, path: str) -> None:
    """Record where the file was saved, to tell people. Skipped if the folder cannot be written."""
    with suppress(StateBusy, StateNotWritable), Lock(pending.folder.root):
        state = pending.folder.state(ignore_damage=True)
        pending.folder.write_state(state.saved_at(path))


def _with_own_folders(installation: Installation, options: RequestOptions) -> Installation:
    """A copy that uses only this computer's own folders of the license."""
    is_new = options.kind == "activate"
    hashes = installation.machine.hashes
    dirs = own_folders(installation.state_dirs, hashes, options.number, is_new)
    return replace(installation, state_dirs=dirs)


def _dongle_signer(options: RequestOptions, installation: Installation) -> DongleSigner | None:
    """The dongle that signs: the license's own, any dongle for an activation, or None."""
    if options.kind == "activate":
        is_for_dongle = options.protection == "dongle"
        return signer_for(installation.dongle, None) if is_for_dongle else None
    source = find_license(options, installation.state_dirs)
    is_ending = is_deactivating(key_folder(source, installation.state_dirs))
    named = None if is_ending else _dongle(source)
    return None if named is None else signer_for(installation.dongle, named)


def _activation_folder(options: RequestOptions, state_dirs: StateDirs, is_for_all: bool) -> Folder:
    """Where an activation is stored: for one user, or for all if this user may write there.

    Raises StateNotReadable if all users have this license, and only its administrator its key.
    """
    site = Folder(state_dirs.site, options.number)
    if options.protection == "machine":
        site.device_key(ignore_damage=True)
    return site if is_for_all else Folder(state_dirs.user, options.number)


def _update(
    options: RequestOptions,
    source: Folder,
    holder: Folder,
    installation: Installation,
    locks: ExitStack,
) -> PendingRequest:
    """Make an update. A user who may not sign or write for all gets it in the user's own folder.

    The keys stay where they are, so a deactivation ends what every user has of this license.
    """
    state_dirs = installation.state_dirs
    is_writable = not holder.root.shared or _lock(state_dirs.site, locks)
    if is_deactivating(holder):
        if is_writable:
            finish_deactivation(holder, state_dirs)
        raise no_key(options.number)
    keys = request_keys(options, _protection(source), holder)
    own = Folder(state_dirs.user, options.number)
    folder = holder if is_writable and keys.device is not None else own
    return _sign_and_store(options, source, keys, folder, installation)


def _deactivate(
    options: RequestOptions,
    source: Folder,
    holder: Folder,
    installation: Installation,
    locks: ExitStack,
) -> PendingRequest:
    """Make a deactivation, or return the one that waits for its receipt."""
    holder.device_key(ignore_damage=True)  # a user who may not read it cannot free the seat
    if holder.root.shared:
        locks.enter_context(Lock(installation.state_dirs.site))
    finish_deactivation(holder, installation.state_dirs)
    if holder.has(DEACTIVATE) and not holder.has(DEVICE_KEY):
        return _read_pending(holder, DEACTIVATE)
    keys = request_keys(options, _protection(source), holder)
    return _sign_and_store(options, source, keys, holder, installation)


def _lock(root: StateDir, locks: ExitStack) -> bool:
    """Lock a state directory for the rest of the call; False if this user may not write."""
    try:
        locks.enter_context(Lock(root))
    except StateNotWritable:
        return False
    return True


def _protection(folder: Folder) -> str:
    """The protection of a license as installed, else as requested. Raises StateDamaged."""
    binding = _binding(folder)
    return "machine" if binding is None else binding.protection


def _product(folder: Folder) -> str | None:
    """The product of a license as installed, else as requested. Raises StateDamaged."""
    response = _installed(folder)
    if response is not None:
        return response.license.product
    request = folder.request(PENDING)
    return None if request is None else request.product.name


def _dongle(folder: Folder) -> Dongle | None:
    binding = _binding(folder)
    return None if binding is None else binding.dongle


def _binding(folder: Folder) -> BoundTo | Request | None:
    response = _installed(folder)
    return folder.request(PENDING) if response is None else response.bound_to


def _installed(folder: Folder) -> Response | None:
    """The installed response; its signatures are not verified. Raises StateDamaged."""
    data = folder.installed_bytes()
    if data is None:
        return None
    try:
        return parse_response(open_envelope(data, RESPONSE))
    except KeyferryError as error:
        raise folder.damaged(INSTALLED, str(error)) from error


def _recorded_components(number: str, state_dirs: StateDirs) -> ComponentHashes:
    """The components of the newest installed response, which a request keeps if not all fit."""
    responses = []
    for root in state_dirs:
        with suppress(StateDamaged):
            responses.append(_installed(Folder(root, number)))
    newest = max(filter(None, responses), key=lambda response: response.serial, default=None)
    return {} if newest is None else newest.bound_to.components


def _sign_and_store(
    options: RequestOptions,
    source: Folder,
    keys: RequestKeys,
    folder: Folder,
    installation: Installation,
) -> PendingRequest:
    """Sign the request and store it, or return the same one if it is pending.

    Unless it activates, it is about the license in `source`.
    """
    state_dirs = installation.state_dirs
    state = named = folder.state(ignore_damage=True)
    if options.machine_name is None:
        known = chosen_name(options.number, (folder.root, *state_dirs))
        options = options._replace(machine_name=known)
    else:
        named = state._replace(machine_name=options.machine_name)
    is_new = options.kind == "activate"
    facts = StateFacts(
        product=(None if is_new else _product(source)) or installation.product,
        protection=options.protection if is_new else _protection(source),
        device_key=keys.public,
        load_key=None if keys.load is None else keys.load.public,
        last_serial=state.max_serial,
        recorded=_recorded_components(options.number, state_dirs),
    )
    body = request_body(options, facts, installation)
    now = body.created_at
    activation = None if options.code is None else activation_key(options.code, options.number)
    name = DEACTIVATE if options.kind == "deactivate" else PENDING
    stored = folder.request(name, ignore_damage=True)
    if stored is not None and is_same_request(body, stored, options, activation):
        _write_state(folder, state, named)
        return _read_pending(folder, name)
    signers = keys.signers
    signers += [] if activation is None else [activation]
    signers += [installation.dongle] if isinstance(installation.dongle, DongleSigner) else []
    data = seal(REQUEST, body.to_bytes(), signers)
    request = parse_request(data)  # never write a file that the service cannot read
    clock = read_clock(state_dirs.user, ignore_damage=True).advanced_to(now)
    if stored is not None:
        clock = clock.without_note(stored.sha256)
    write_clock(state_dirs.user, clock.with_note(request.sha256))
    if folder == keys.holder or not keys.holder.has(DEVICE_KEY):
        store_keys(keys, folder)
    later = named._replace(request_path="") if stored is None else named.without_request()
    _write_state(folder, state, later)
    if name == DEACTIVATE:
        deactivate(folder, state_dirs, data)
    else:
        folder.write(PENDING, data)
    return PendingRequest(data, request, folder, stored)


def _write_state(folder: Folder, state: LicenseState, later: LicenseState) -> None:
    if later != state:
        folder.write_state(later)


def _read_pending(folder: Folder, name: str) -> PendingRequest:
    data = folder.read(name) or b""
    return PendingRequest(data, parse_request(data), folder)
