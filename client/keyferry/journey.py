"""Where a license stands between this computer and the vendor's page. Pure: from what is stored.

The list, the status, their `--json`, and the wizard all show this one result.
"""

from typing import NamedTuple

from keyferry_protocol.request import Request
from keyferry_protocol.response import Response

ACTIVE = "active"  # the product may be used, and nothing is waiting
NOT_USABLE = "not-usable"  # an error prevents its use, and nothing is waiting
DEACTIVATED = "deactivated"  # its receipt was installed, or it is not known to wait for one
ACTIVATION_WAITING = "activation-waiting"
UPDATE_WAITING = "update-waiting"
DEACTIVATION_WAITING = "deactivation-waiting"  # the seat is taken until its file is handed in

_STEPS = {
    "activate": ACTIVATION_WAITING,
    "update": UPDATE_WAITING,
    "deactivate": DEACTIVATION_WAITING,
}


class WaitingFile(NamedTuple):
    """A request that is waiting for its response. `path` is where its file was saved, or ""."""

    request: Request
    path: str


class LicenseFiles(NamedTuple):
    """What is stored of one license, in both state directories.

    `waiting` are the requests that were not answered as far as is known, and `void_path` is where a
    request file lies whose response will not install here, or "".
    """

    is_usable: bool
    has_ended: bool
    response: Response | None
    waiting: tuple[WaitingFile, ...]
    void_path: str


class Journey(NamedTuple):
    """The step that a license is at, the files that are waiting, and the seat it has, if known.

    Of several waiting files, a deactivation comes first, because it frees the seat.
    """

    step: str
    waiting: tuple[WaitingFile, ...]
    void_path: str
    seat: int | None


def journey_of(files: LicenseFiles) -> Journey:
    """The journey of a license with these files."""
    response = files.response
    answered = None if response is None else response.request_sha256
    # One that was answered is here only if the install was interrupted.
    waiting = [file for file in files.waiting if file.request.sha256 != answered]
    waiting.sort(key=lambda file: file.request.kind != "deactivate")
    seat = None if response is None or response.is_receipt else response.seat
    return Journey(_step(files, waiting), tuple(waiting), files.void_path, seat)


def _step(files: LicenseFiles, waiting: list[WaitingFile]) -> str:
    """A request for a license to use comes before a deactivation that has been handed out."""
    kinds = [file.request.kind for file in waiting]
    if files.is_usable and "deactivate" in kinds:
        kinds.remove("deactivate")
    if kinds:
        return _STEPS[kinds[-1]]
    if files.is_usable:
        return ACTIVE
    return DEACTIVATED if files.has_ended else NOT_USABLE
