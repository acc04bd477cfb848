"""What the wizard does, by the name that a screen gives it: each as the command of that name."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from keyferry.cli.read_files import read_one, read_response
from keyferry.cli.save_file import is_taken, save
from keyferry.dongle.find import FoundToken, find_dongle
from keyferry.dongle.signer import FindDongle
from keyferry.install import install
from keyferry.load_license import find_license
from keyferry.manage import cancel, move, remove
from keyferry.qr import TooLong, qr_version, request_link
from keyferry.request import PendingRequest, make, remember_path
from keyferry.times import long_date
from keyferry.wizard.answers import Answers
from keyferry.wizard.computer import Computer
from keyferry.wizard.error_text import problem_of
from keyferry.wizard.flow import Problem, State, done, refused
from keyferry_protocol.errors import (
    CheckInOverdue,
    ClockRolledBack,
    DongleMissing,
    DonglePin,
    Expired,
    KeyferryError,
    MaintenanceEnded,
    NotYetValid,
)
from keyferry_protocol.messages import message
from keyferry_protocol.response import Response

# What `install` raises after the response was stored: something was changed all the same.
STORED = (CheckInOverdue, ClockRolledBack, Expired, MaintenanceEnded, NotYetValid)


class Done(NamedTuple):
    """What is known now, and what was in the way after some of it was done."""

    learned: Mapping[str, str]
    problem: Problem | None = None


def do(state: State, computer: Computer) -> State:
    """Do the deed of a state, and go on from it."""
    if state.answers.get("pin"):
        _take_dongle(state.answers, computer)
    try:
        learned, problem = _DEEDS[state.deed](state.answers, computer)
    except KeyferryError as error:
        learned = {"made": "yes"} if isinstance(error, STORED) else {}
        if isinstance(error, DongleMissing | DonglePin) and _asked_for_dongle(state):
            state = state._replace(screen="dongle")  # where it is looked for, by its PIN
        return refused(state, problem_of(error, computer), learned)
    except OSError as error:
        return refused(state, Problem(f"{error.filename or ''}: {error.strerror}"), {})
    return done(state, learned, computer) if problem is None else refused(state, problem, learned)


def _asked_for_dongle(state: State) -> bool:
    return state.deed == "make" and "token" in state.answers


def _take_dongle(answers: Answers, computer: Computer) -> FindDongle:
    """Let the wizard's dongle be the one chosen, by its PIN; it is kept in memory alone."""
    serial = answers.get("token")

    def choose(found: Sequence[FoundToken]) -> FoundToken:
        for token in found:
            if serial in (None, token.serial):
                return token
        raise DongleMissing(message("wizard.token.none"))  # pulled; no other one gets its PIN

    computer.settings.dongle = finder = find_dongle(
        answers.get("pin") or None, computer.settings.pkcs11_module, choose
    )
    return finder


def _open(answers: Answers, computer: Computer) -> Done:
    """Open the dongle while its PIN can be typed again: each later try would count as one more."""
    _take_dongle(answers, computer)(None)
    return Done({})


def _make(answers: Answers, computer: Computer) -> Done:
    """Make the request, then save its file: once it is made, the license waits for its response."""
    seen = computer.settings.seen(answers.get("name"))
    made = make(computer.wish(answers), computer.settings.where, seen)
    return _hand_out(made, answers, computer)


def _save(answers: Answers, computer: Computer) -> Done:
    made = computer.waiting(answers["license"])
    if made is None:  # answered or cancelled meanwhile, in another window
        return Done({}, Problem(message("wizard.again.gone")))
    return _hand_out(made, answers, computer)


def _too_long(made: PendingRequest, computer: Computer) -> Problem | None:
    try:
        qr_version(request_link(computer.page, made.data))
    except TooLong as error:
        return problem_of(error, computer)
    return None


def _hand_out(made: PendingRequest, answers: Answers, computer: Computer) -> Done:
    learned = {"made": "yes", "written": made.request.license_number}
    if answers.get("how") == "qr":
        return Done(learned, _too_long(made, computer))
    if answers.get("how", "save") != "save":
        return Done(learned)
    folder = answers["folder"]
    try:
        if is_taken(made, folder):
            return Done(learned, Problem(message("wizard.folder.taken"), "folder"))
        path = os.path.abspath(save(made, folder).path)
    except OSError as error:
        text = message("wizard.folder.fails", path=folder, what=error.strerror)
        return Done(learned, Problem(text, "folder"))
    remember_path(made, path)
    return Done({**learned, "path": path})


def _install(answers: Answers, computer: Computer) -> Done:
    """Install what was chosen, then load the license as the application will."""
    upload = answers.get("upload", "")
    data = upload.encode("latin-1") if upload else read_one(answers["response"])
    settings = computer.settings
    response = read_response(data, settings.keys)
    number = response.license.number
    row = computer.row(number)
    license = install(
        response,
        data,
        settings.where,
        settings.keys,
        settings.product,
        settings.seen(),
        settings.dongle,
        settings.now,
    ).license
    if license is not None:
        find_license(
            settings.product,
            settings.keys,
            settings.where,
            settings.seen(),
            settings.now,
            dongle=settings.dongle,
        )
    learned = {"made": "yes", "written": number}
    if license is not None and row is not None and row.response is not None:
        learned["before"] = _end(row.response)
    return Done(learned)


def _end(response: Response) -> str:
    until = response.license.valid_until
    return "" if until is None or response.is_receipt else long_date(until)


def _cancel(answers: Answers, computer: Computer) -> Done:
    cancel(answers["license"], computer.settings.where)
    return Done({})


def _remove(answers: Answers, computer: Computer) -> Done:
    remove(answers["license"], computer.settings.where)
    return Done({"license": ""})


def _up(answers: Answers, computer: Computer) -> Done:
    move(answers["license"], -1, computer.settings.where)
    return Done({})


def _down(answers: Answers, computer: Computer) -> Done:
    move(answers["license"], 1, computer.settings.where)
    return Done({})


_DEEDS: Mapping[str, Callable[[Answers, Computer], Done]] = {
    "open": _open,
    "make": _make,
    "save": _save,
    "install": _install,
    "cancel": _cancel,
    "remove": _remove,
    "up": _up,
    "down": _down,
}
