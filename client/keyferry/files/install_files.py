"""Installs every response of a folder or archive that fits here, and reports on each of them."""

from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from keyferry.checks import check_product
from keyferry.dongle.signer import signer_for
from keyferry.files.read_responses import Collection, ResponseFile
from keyferry.install import (
    AFTER_STORING,
    Installed,
    highest_serial,
    install,
    is_expected,
    older_response,
)
from keyferry.installation import Installation
from keyferry.request import find_pending
from keyferry.store.folder import Folder
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import KeyferryError, NotRequested, OlderResponse, WrongProduct
from keyferry_protocol.messages import message
from keyferry_protocol.response import Response, parse_response

INSTALLED, ALREADY, OLDER, FAILED = "installed", "already", "older", "failed"
OTHER_PRODUCT, NOT_OURS, NOT_GENUINE = "other-product", "not-ours", "not-genuine"
_OURS = (INSTALLED, ALREADY, OLDER, FAILED)


class FileReport(NamedTuple):
    """What became of one file. `file` is None for one that is not genuine.

    An `error` beside `installed` is about the license's dates or the clock. `previous` is the
    response that it took the place of. `computer` is the computer's name in the request that was
    answered, "" if it withheld it.
    """

    name: str
    outcome: str
    file: ResponseFile | None = None
    installed: Installed | None = None
    error: KeyferryError | None = None
    previous: Response | None = None
    computer: str | None = None


def install_file(file: ResponseFile, installation: Installation) -> FileReport:
    """Install one response file, whether or not it seems to fit here."""
    previous = _response_before(file, installation)
    computer = _name_in_request(file, installation)
    try:
        installed = install(file.response, file.data, installation)
    except KeyferryError as error:
        return FileReport(file.name, _outcome_of(error), file, error=error)
    outcome = ALREADY if installed.already else INSTALLED
    return FileReport(file.name, outcome, file, installed, None, previous, computer)


def install_files(collection: Collection, installation: Installation) -> list[FileReport]:
    """Install every file of a collection that fits here, the lowest serial first.

    Raises the error of a collection without any genuine response.
    """
    collection.check()
    files = sorted(
        _each_once(collection.responses), key=lambda file: (file.response.serial, file.name)
    )
    fitting = [file for file in files if is_expected(file.response, installation.state_dirs)]
    if not fitting:
        fitting = files if len(files) == 1 else _for_plugged_dongles(files, installation)
    reports = [
        install_file(file, installation) if file in fitting else _pass_over(file, installation)
        for file in files
    ]
    reports += [FileReport(name, NOT_GENUINE, error=why) for name, why in collection.failures]
    return reports


def worst_error(reports: Iterable[FileReport], path: str) -> KeyferryError | None:
    """The error to end with, of the newest file of each license; None if every one is installed.

    A file of another computer or product counts only if there is no file of this one.
    """
    files = [report for report in reports if report.file is not None]
    newest = {
        one.file.response.license.number: one
        for one in files
        if one.file is not None and one.outcome in _OURS
    }
    errors = [report.error for report in newest.values() if report.error is not None]
    if newest:
        return max(errors, key=lambda error: error.exit, default=None)
    errors = [report.error for report in files if report.error is not None]
    if errors and (len(files) == 1 or all(one.outcome == OTHER_PRODUCT for one in files)):
        return errors[0]
    return NotRequested(message("terminal.none-fits", n=len(files), path=path))


def _response_before(file: ResponseFile, installation: Installation) -> Response | None:
    """The response that is installed for the same license, unless it is a receipt.

    Its signatures are not verified again, which takes long: what was installed once is only shown.
    """
    for root in installation.state_dirs:
        with suppress(KeyferryError):  # one that is damaged says nothing
            data = Folder(root, file.response.license.number).installed_bytes()
            if data:
                before = parse_response(open_envelope(data, RESPONSE))
                return None if before.is_receipt else before
    return None


def _name_in_request(file: ResponseFile, installation: Installation) -> str | None:
    """The computer's name in the waiting request that a response answers."""
    with suppress(KeyferryError):  # one that is damaged says nothing
        waiting = find_pending(file.response.license.number, installation.state_dirs)
        if waiting is not None and waiting.request.sha256 == file.response.request_sha256:
            return waiting.request.machine.name
    return None


def _outcome_of(error: KeyferryError) -> str:
    if isinstance(error, AFTER_STORING):
        return INSTALLED
    if isinstance(error, OlderResponse):
        return OLDER
    return OTHER_PRODUCT if isinstance(error, WrongProduct) else FAILED


def _pass_over(file: ResponseFile, installation: Installation) -> FileReport:
    """The report of a file that no request here is waiting for."""
    try:
        check_product(file.response, installation.product)
    except WrongProduct as error:
        return FileReport(file.name, OTHER_PRODUCT, file, error=error)
    highest = highest_serial(file.response, installation.state_dirs)
    if highest is None or file.response.serial > highest:
        return FileReport(file.name, NOT_OURS, file)
    return FileReport(file.name, OLDER, file, error=older_response(file.response, highest))


def _each_once(files: list[ResponseFile]) -> Iterable[ResponseFile]:
    """Of copies, such as a file and the archive it came in, only the first."""
    return {file.response.envelope.sha256: file for file in reversed(files)}.values()


def _for_plugged_dongles(
    files: list[ResponseFile], installation: Installation
) -> list[ResponseFile]:
    """The newest response for each plugged-in dongle, which needs no request on this machine."""
    newest: dict[str, ResponseFile] = {}
    for file in files:
        named = file.response.bound_to.dongle
        if named and not file.response.is_receipt and signer_for(installation.dongle, named):
            newest[file.response.license.number] = file
    return list(newest.values())
