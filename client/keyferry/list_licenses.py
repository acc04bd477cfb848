"""Lists every license on this computer and its status, in the order they are tried."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from keyferry.installation import Installation
from keyferry.journey import (
    ACTIVATION_WAITING,
    ACTIVE,
    UPDATE_WAITING,
    Journey,
    LicenseFiles,
    WaitingFile,
    journey_of,
)
from keyferry.license import License
from keyferry.load_license import newest_license
from keyferry.store.directory import read_regular, refuse_unsafe
from keyferry.store.folder import DEACTIVATE, Folder, LicenseState, pending_request
from keyferry.store.order import in_trying_order
from keyferry.store.state_dirs import StateDirs
from keyferry_protocol.envelope import MAX_FILE, REQUEST, RESPONSE, open_envelope
from keyferry_protocol.errors import Deactivated, KeyferryError, Pending
from keyferry_protocol.request import Request, parse_request
from keyferry_protocol.response import Response, parse_response


class Row(NamedTuple):
    """One license. `state` is `active`, `pending`, or the code of the error that prevents its use.

    `request` is waiting for a response. `response` is installed, whether or not it is valid.
    """

    number: str
    state: str
    product: str
    license: License | None
    response: Response | None
    journey: Journey
    error: KeyferryError | None

    @property
    def request(self) -> Request | None:
        """The activation or update that is waiting for its response."""
        waiting = (file.request for file in self.journey.waiting)
        return next((request for request in waiting if request.kind != "deactivate"), None)

    @property
    def protection(self) -> str:
        """The protection as installed, else as requested; "" if neither can be read."""
        if self.response is not None:
            return self.response.bound_to.protection
        return "" if self.request is None else self.request.protection


def list_licenses(installation: Installation) -> list[Row]:
    """Every license here, each with its status for its own product. Raises StateNotReadable."""
    refuse_unsafe(installation.state_dirs)
    rows = [_row(number, installation) for number in in_trying_order(installation.state_dirs)]
    return [row for row in rows if row is not None]


def _row(number: str, installation: Installation) -> Row | None:
    folders = [Folder(root, number) for root in installation.state_dirs]
    waiting = tuple(_waiting(folders, installation.state_dirs))
    responses = filter(None, map(_read_response, folders))
    response = max(responses, key=lambda response: response.serial, default=None)
    product = _product(response, waiting, installation.product)
    license: License | None = None
    error: KeyferryError | None = None
    try:
        license = newest_license(number, replace(installation, product=product))
    except KeyferryError as refusal:
        error = refusal
    states = [folder.state(ignore_damage=True) for folder in folders]
    has_ended = any(s.ended for s in states) or any(folder.has(DEACTIVATE) for folder in folders)
    response = response if license is None else license.response
    files = LicenseFiles(license is not None, has_ended, response, waiting, _void(states, waiting))
    journey = journey_of(files)
    if license is not None:
        state = ACTIVE
    elif error is not None and not (isinstance(error, Deactivated | Pending) and waiting):
        state = error.code
    elif journey.step in (ACTIVATION_WAITING, UPDATE_WAITING):
        state, error = "pending", None
    elif has_ended:
        state = "deactivated"
    else:
        return None
    return Row(number, state, product, license, response, journey, error)


def _waiting(folders: list[Folder], state_dirs: StateDirs) -> Iterator[WaitingFile]:
    """The requests that wait in each folder. Only the one made last has a known file."""
    for folder in folders:
        path = folder.state(ignore_damage=True).request_path
        request = pending_request(folder, state_dirs, ignore_damage=True)
        if request is not None:
            yield WaitingFile(request, path)
        deactivation = folder.request(DEACTIVATE, ignore_damage=True)
        if deactivation is not None:
            yield WaitingFile(deactivation, path if request is None else "")


def _void(states: list[LicenseState], waiting: tuple[WaitingFile, ...]) -> str:
    """Where a request file lies whose response will not install here; "" if there is none."""
    expected = [file.request.id for file in waiting]
    for state in states:
        with suppress(OSError, KeyferryError):  # it was deleted, or its USB drive is not plugged in
            data = read_regular(state.void_path, MAX_FILE[REQUEST] + 1)
            if parse_request(data).id not in expected:
                return state.void_path
    return ""


def _read_response(folder: Folder) -> Response | None:
    """The installed response, if it can be read. Does not verify its signatures."""
    data = folder.installed_bytes()
    try:
        return None if data is None else parse_response(open_envelope(data, RESPONSE))
    except KeyferryError:
        return None


def _product(response: Response | None, waiting: tuple[WaitingFile, ...], product: str) -> str:
    if response is not None:
        return response.license.product
    return next((file.request.product.name for file in waiting), product)
