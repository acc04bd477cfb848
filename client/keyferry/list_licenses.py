"""Every license on this computer and how it stands, in trying order."""

from collections.abc import Callable
from typing import NamedTuple

from keyferry.dongle.signer import AnyDongle
from keyferry.license import License
from keyferry.load_license import admit, examine
from keyferry.machine.current_machine import CurrentMachine
from keyferry.store.state import DEACTIVATE, PENDING, Folder, in_trying_order
from keyferry.store.state_dirs import StateDirs
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import Deactivated, KeyferryError
from keyferry_protocol.keys import KeySet
from keyferry_protocol.request import Request
from keyferry_protocol.response import Response, parse_response

ACTIVE = "active"


class Row(NamedTuple):
    """One license: `state` is `active`, `pending`, or the code of the error that stands in its way.

    `request` is what waits for a response, `response` what is installed, whether or not it holds.
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
        """As installed, else as requested; "" where nothing of it can be read."""
        if self.response is not None:
            return self.response.bound_to.protection
        return "" if self.request is None else self.request.protection


def survey(
    where: StateDirs,
    keys: KeySet,
    product: str,
    seen: CurrentMachine,
    clock: Callable[[], int],
    dongle: AnyDongle,
) -> list[Row]:
    """How every license here stands for this product; another product's counts for that one."""
    rows = []
    for number in in_trying_order(where):
        folders = [Folder(root, number) for root in where]
        found = [_row(folder, where, keys, product, seen, clock, dongle) for folder in folders]
        known = [row for row in found if row is not None]
        if known:
            rows.append(min(known, key=_rank))
    return rows


def _rank(row: Row) -> int:
    """Of the same license in both folders the one that works is shown, then one that is there."""
    return {ACTIVE: 0, "pending": 2, "deactivated": 3}.get(row.state, 1)


def _row(
    folder: Folder,
    where: StateDirs,
    keys: KeySet,
    product: str,
    seen: CurrentMachine,
    clock: Callable[[], int],
    dongle: AnyDongle,
) -> Row | None:
    request = folder.request(PENDING, repair=True)
    response = _installed(folder)
    path = folder.standing(repair=True).request_path
    name = _product_name(response, request, product)
    license: License | None = None
    error: KeyferryError | None = None
    if response is not None or folder.installed() is not None:
        try:
            examined = examine(folder, where, keys, name, seen, dongle)
            license = admit(examined, where, clock, None, dongle)
        except KeyferryError as found:
            error = found
    if license is not None:
        state = ACTIVE
    elif error is not None and not (isinstance(error, Deactivated) and request is not None):
        state = error.code
    elif request is not None:
        state, error = "pending", None
    elif folder.has(DEACTIVATE) or folder.standing(repair=True).ended:
        state = "deactivated"
    else:
        return None
    if response is not None and request is not None and response.request_sha256 == request.sha256:
        request = None  # answered; only a crash left it here
    return Row(folder.number, state, name, license, response, request, path, error)


def _installed(folder: Folder) -> Response | None:
    """What is installed, as far as it can be read; whether it is genuine is not asked here."""
    data = folder.installed()
    try:
        return None if data is None else parse_response(open_envelope(data, RESPONSE))
    except KeyferryError:
        return None


def _product_name(response: Response | None, request: Request | None, product: str) -> str:
    if response is not None:
        return response.license.product
    return product if request is None else request.product.name
