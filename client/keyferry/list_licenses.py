"""Lists every license on this computer and its status, in the order they are tried."""

from dataclasses import replace
from typing import NamedTuple

from keyferry.installation import Installation
from keyferry.license import License
from keyferry.load_license import newest_license
from keyferry.store.directory import refuse_unsafe
from keyferry.store.folder import DEACTIVATE, Folder, pending_request
from keyferry.store.order import in_trying_order
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import Deactivated, KeyferryError, Pending
from keyferry_protocol.request import Request
from keyferry_protocol.response import Response, parse_response

ACTIVE = "active"


class Row(NamedTuple):
    """One license. `state` is `active`, `pending`, or the code of the error that prevents its use.

    `request` is waiting for a response. `response` is installed, whether or not it is valid.
    """

    number: str
    state: str
    product: str
    license: License | None
    response: Response | None
    request: Request | None
    request_path: str
    error: KeyferryError | None

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
    states = [folder.state(ignore_damage=True) for folder in folders]
    requests = [pending_request(f, installation.state_dirs, ignore_damage=True) for f in folders]
    request = next(filter(None, requests), None)
    responses = filter(None, map(_read_response, folders))
    response = max(responses, key=lambda response: response.serial, default=None)
    product = _product(response, request, installation.product)
    license: License | None = None
    error: KeyferryError | None = None
    try:
        license = newest_license(number, replace(installation, product=product))
    except KeyferryError as refusal:
        error = refusal
    if license is not None:
        state, response = ACTIVE, license.response
    elif error is not None and not (isinstance(error, Deactivated | Pending) and request):
        state = error.code
    elif request is not None:
        state, error = "pending", None
    elif any(s.ended for s in states) or any(folder.has(DEACTIVATE) for folder in folders):
        state = "deactivated"
    else:
        return None
    if response is not None and request is not None and response.request_sha256 == request.sha256:
        request = None  # it was answered, and only a crash left it here
    path = next(filter(None, (state.request_path for state in states)), "")
    return Row(number, state, product, license, response, request, path, error)


def _read_response(folder: Folder) -> Response | None:
    """The installed response, if it can be read. Does not verify its signatures."""
    data = folder.installed_bytes()
    try:
        return None if data is None else parse_response(open_envelope(data, RESPONSE))
    except KeyferryError:
        return None


def _product(response: Response | None, request: Request | None, product: str) -> str:
    if response is not None:
        return response.license.product
    return product if request is None else request.product.name
