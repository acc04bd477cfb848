"""The wizard's actions, by the names that screens use. Each works like the command of its name."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from keyferry.dongle.find import find_dongle
from keyferry.dongle.plugged import PluggedDongle
from keyferry.dongle.signer import FindDongle
from keyferry.files.install_files import FileReport, install_file, install_files, worst_error
from keyferry.files.install_report import report_lines
from keyferry.files.read_responses import (
    is_collection,
    parse_response_file,
    read_archive,
    read_collection,
    read_response,
)
from keyferry.files.save_request import check_can_save, is_taken, save_request
from keyferry.files.typed import unpack
from keyferry.install import AFTER_STORING
from keyferry.load_license import load_license
from keyferry.manage import cancel, move, remove
from keyferry.qr import TooLong, qr_version, request_link
from keyferry.request import PendingRequest, create_request, remember_path
from keyferry.times import long_date
from keyferry.views.features import feature_changes
from keyferry.views.repair_note import repair_note
from keyferry.wizard.answers import Answers
from keyferry.wizard.computer import Computer
from keyferry.wizard.error_text import problem_of
from keyferry.wizard.state import Outcome, Problem, State
from keyferry.wizard.typed import read_typed
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.errors import (
    CannotSave,
    DongleMissing,
    DonglePin,
    KeyferryError,
    NotSaved,
)
from keyferry_protocol.messages import message


def perform(state: State, computer: Computer) -> Outcome:
    """Perform the action of a state; an error becomes the problem of the outcome."""
    if state.answers.get("pin"):
        _use_chosen_dongle(state.answers, computer)
    try:
        return _ACTIONS[state.action](state.answers, computer)
    except KeyferryError as error:
        problem = problem_of(error, computer.vendor.names(computer.product))
        learned = {"made": "yes"} if isinstance(error, AFTER_STORING) else {}
        if isinstance(error, DongleMissing | DonglePin) and _chose_dongle(state):
            return Outcome(learned, problem, screen="dongle")  # where its PIN can be typed again
        return Outcome(learned, problem)
    except OSError as error:
        return Outcome({}, Problem(f"{error.filename or ''}: {error.strerror}"))


def _chose_dongle(state: State) -> bool:
    return state.action == "make" and "token" in state.answers


def _use_chosen_dongle(answers: Answers, computer: Computer) -> FindDongle:
    """Let the installation use the chosen dongle with its PIN. Both stay in memory."""
    serial = answers.get("token")

    def choose(dongles: Sequence[PluggedDongle]) -> PluggedDongle:
        for dongle in dongles:
            if serial in (None, dongle.serial):
                return dongle
        raise DongleMissing(message("wizard.token.none"))  # unplugged: no other gets its PIN

    finder = find_dongle(answers.get("pin") or None, computer.pkcs11_module, choose)
    computer.installation = replace(computer.installation, dongle=finder)
    return finder


def _open(answers: Answers, computer: Computer) -> Outcome:
    """Open the dongle on this screen, where the user can correct a wrong PIN."""
    _use_chosen_dongle(answers, computer)(None)
    return Outcome()


def _make(answers: Answers, computer: Computer) -> Outcome:
    """Make the request, then save its file; from then on the license waits for its response."""
    options = computer.request_options(answers)
    if "folder" in answers:
        try:
            check_can_save(answers["folder"])
        except CannotSave as error:
            return Outcome({}, _unsaved("fails", error))
    pending = create_request(options, computer.installation)
    return _deliver(pending, answers, computer)


def _save(answers: Answers, computer: Computer) -> Outcome:
    pending = computer.pending(answers["license"])
    if pending is None:  # answered or canceled in another window in the meantime
        return Outcome({}, Problem(message("wizard.again.gone")))
    return _deliver(pending, answers, computer)


def _too_long(pending: PendingRequest, computer: Computer) -> Problem | None:
    try:
        qr_version(request_link(computer.page, pending.data))
    except TooLong as error:
        return problem_of(error, computer.vendor.names(computer.product))
    return None


def _deliver(pending: PendingRequest, answers: Answers, computer: Computer) -> Outcome:
    learned = {"made": "yes", "written": pending.request.license_number}
    if answers.get("how") == "qr":
        return Outcome(learned, _too_long(pending, computer))
    if answers.get("how", "save") != "save":
        return Outcome(learned)
    folder = answers["folder"]
    try:
        if is_taken(pending, folder):
            return Outcome(learned, Problem(message("wizard.folder.taken"), "folder"))
        path = os.path.abspath(save_request(pending, folder).path)
    except NotSaved as error:
        is_ended = pending.request.kind == "deactivate"
        return Outcome(learned, _unsaved("fails-after-end" if is_ended else "fails", error))
    remember_path(pending, path)
    return Outcome({**learned, "path": path})


def _unsaved(name: str, error: CannotSave | NotSaved) -> Problem:
    facts = error.facts
    return Problem(
        message(f"wizard.folder.{name}", path=facts["path"], what=facts["why"]), "folder"
    )


def _install(answers: Answers, computer: Computer) -> Outcome:
    """Install the chosen file, or all that fit in a folder or archive, then load the license."""
    reports = _reports(answers, computer)
    error = worst_error(reports, answers.get("response") or message("wizard.upload.label"))
    if error is not None:
        raise error
    done = [one for one in reports if one.file is not None and one.installed is not None]
    newest = done[-1]
    assert newest.file is not None
    assert newest.installed is not None
    number = newest.file.response.license.number
    if newest.installed.license is not None:
        load_license(computer.installation)
    learned = {"made": "yes", "written": number}
    if newest.installed.already:
        learned["already"] = "yes"
    if newest.file.repairs:
        learned["repaired"] = repair_note(newest.file.repairs)
    if newest.installed.license is not None and newest.previous is not None:
        before, after = newest.previous.license, newest.file.response.license
        until = before.valid_until
        learned["before"] = message("wizard.never") if until is None else long_date(until)
        learned["changes"] = "\n".join(feature_changes(before.features, after.features))
    learned["report"] = "\n".join(report_lines(one for one in reports if one is not newest))
    return Outcome(learned)


def _reports(answers: Answers, computer: Computer) -> list[FileReport]:
    """What became of the file that was chosen or uploaded, or of each in a folder or archive."""
    installation = computer.installation
    upload, path = answers.get("upload", ""), answers.get("response", "")
    collection = None
    if answers.get("typed"):
        data = unpack(read_typed(answers).response, installation.state_dirs)
        return [install_file(parse_response_file(data, installation.keys), installation)]
    if upload:
        data = upload.encode("latin-1")
        collection = read_archive(data, installation.keys, message("wizard.upload.label"))
        if collection is None:
            return [install_file(parse_response_file(data, installation.keys), installation)]
    elif is_collection(path):
        collection = read_collection(path, installation.keys)
    else:
        return [install_file(read_response(path, installation.keys), installation)]
    return install_files(collection, installation)


def _cancel(answers: Answers, computer: Computer) -> Outcome:
    number = answers["license"]
    cancel(number, computer.own_state_dirs(number))
    return Outcome()


def _remove(answers: Answers, computer: Computer) -> Outcome:
    number = answers["license"]
    kept = remove(number, computer.installation.state_dirs)
    if kept:
        shown = show_license_number(number)
        return Outcome({}, Problem(message(f"terminal.remove-keeps.{kept}", number=shown)))
    return Outcome({"license": ""})


def _up(answers: Answers, computer: Computer) -> Outcome:
    move(answers["license"], -1, computer.installation.state_dirs)
    return Outcome()


def _down(answers: Answers, computer: Computer) -> Outcome:
    move(answers["license"], 1, computer.installation.state_dirs)
    return Outcome()


_ACTIONS: Mapping[str, Callable[[Answers, Computer], Outcome]] = {
    "open": _open,
    "make": _make,
    "save": _save,
    "install": _install,
    "cancel": _cancel,
    "remove": _remove,
    "up": _up,
    "down": _down,
}
