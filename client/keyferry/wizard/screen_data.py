"""What a screen shows besides its messages: facts, files, and folders of this computer."""

import os
from collections.abc import Callable, Mapping
from typing import NamedTuple

from keyferry.list_licenses import Row
from keyferry.qr import request_link
from keyferry.times import local_time, long_date, seconds
from keyferry.views.clock_warning import clock_warning
from keyferry.views.features import feature_list
from keyferry.views.license_status import details, end_date, long_status
from keyferry.wizard.answers import Answers
from keyferry.wizard.computer import Computer
from keyferry.wizard.save_locations import subfolders
from keyferry.wizard.typed import read_typed
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import escape_controls
from keyferry_protocol.messages import message
from keyferry_protocol.response import Response

Facts = tuple[tuple[str, str], ...]
Line = tuple[str, str, str, str, str]  # number in digits, as shown, product, status, ends


class ScreenData(NamedTuple):
    """The data of a screen. `words` fill its sentences; `is_success` marks a success."""

    words: Mapping[str, str] = {}
    title: str = ""
    text: tuple[str, ...] = ()
    facts: Facts = ()
    inside: Facts = ()  # of the request file, collapsed
    rows: tuple[Line, ...] = ()
    chosen: str = ""
    details: tuple[str, ...] = ()  # about the chosen license
    buttons: tuple[str, ...] = ()
    folders: tuple[tuple[str, str], ...] = ()  # path and label of each folder that can be opened
    link: str = ""  # to the vendor's page, with the request filled in
    is_drawn: bool = False  # whether the link is drawn as a QR code
    copy: str = ""
    is_success: bool = False
    focus: str = ""  # the field to go on with, if not the first
    status: str = ""  # announced when it changes


def screen_data(screen: str, answers: Answers, computer: Computer) -> ScreenData:
    """The data of one screen."""
    look_up = _SCREENS.get(screen)
    return ScreenData() if look_up is None else look_up(answers, computer)


def _list(answers: Answers, computer: Computer) -> ScreenData:
    rows = tuple(
        (row.number, show_license_number(row.number), row.product, long_status(row), end_date(row))
        for row in computer.rows
    )
    numbers = [row.number for row in computer.rows]
    number = answers.get("license", "")
    chosen = number if number in numbers else next(iter(numbers), "")
    row = computer.row(chosen)
    if row is None:
        return ScreenData(text=(message("terminal.none"),))
    return ScreenData(rows=rows, chosen=chosen, details=tuple(details(row, computer.page)))


def _browse(answers: Answers, computer: Computer) -> ScreenData:
    at = answers["at"]
    parent = os.path.dirname(at)
    above = [] if parent == at else [(parent, message("wizard.browse.up"))]
    below = [(os.path.join(at, name), escape_controls(name)) for name in subfolders(at)]
    folders = [(place.path, place.label) for place in computer.save_locations] + above + below
    return ScreenData(words={"path": escape_controls(at)}, folders=tuple(folders))


def _dongle(answers: Answers, computer: Computer) -> ScreenData:
    return ScreenData(text=() if computer.dongles else (computer.no_dongle,))


def _send(answers: Answers, computer: Computer) -> ScreenData:
    lines = [line.strip() for line in computer.request_preview(answers)]
    pairs = [line.partition("  ") for line in lines[1:]]
    inside = tuple((label, text.strip()) for label, _, text in pairs)
    is_new = answers["goal"] == "install" and not answers.get("seat", "").strip()
    seat = computer.own_seat(answers) if is_new else None
    text = () if seat is None else (message("wizard.send.own-seat", n=seat),)
    return ScreenData(inside=inside, text=text)


def _saved(answers: Answers, computer: Computer) -> ScreenData:
    number = answers.get("written") or answers["license"]
    pending = computer.pending(number)
    row = computer.row(number)
    path = answers.get("path") or (_saved_path(row) if row is not None else "")
    words = {"number": show_license_number(number), "path": path}
    if pending is None:
        return ScreenData(words)
    kind = pending.request.kind
    next_step = message(f"wizard.saved.{kind}", **words)
    known = path if os.path.isfile(path) else ""
    unknown = () if known else (message("wizard.saved.unknown"),)
    facts = [(message("wizard.fact.file"), known)] if known else []
    return ScreenData(words, text=(*unknown, next_step), facts=tuple(facts), is_success=bool(known))


def _saved_path(row: Row) -> str:
    """Where the file of the waiting request was saved last; "" if that is not known."""
    return next((file.path for file in row.journey.waiting if file.path), "")


def _qr(answers: Answers, computer: Computer) -> ScreenData:
    pending = computer.pending(answers["written"])
    if pending is None:
        return ScreenData(text=(message("wizard.again.gone"),))
    file = (message("wizard.fact.file"), f"{pending.request.file_stem}.request")
    return ScreenData(facts=(file,), link=request_link(computer.page, pending.data), is_drawn=True)


def _online(answers: Answers, computer: Computer) -> ScreenData:
    pending = computer.pending(answers["written"])
    if pending is None:
        return ScreenData(text=(message("wizard.again.gone"),))
    return ScreenData(link=request_link(computer.page, pending.data))


def _response(answers: Answers, computer: Computer) -> ScreenData:
    number = answers.get("license", "")
    pending = computer.pending(number) if answers["goal"] != "install" else None
    kind = "any" if pending is None else pending.request.kind
    title = message(f"wizard.response.{kind}")
    nothing = message("wizard.response.nothing", page=computer.page)
    text = () if computer.response_files(number) else (nothing,)
    return ScreenData({"number": show_license_number(number)} if number else {}, title, text)


def _typed(answers: Answers, computer: Computer) -> ScreenData:
    typed = read_typed(answers)
    return ScreenData(focus=typed.next_field, status=typed.received)


def _active(answers: Answers, computer: Computer) -> ScreenData:
    number = answers["written"]
    row = computer.row(number)
    words = {"number": show_license_number(number)}
    if row is None or row.license is None or row.response is None:
        title, repaired = message("wizard.active.receipt", **words), tuple(_repaired(answers))
        return ScreenData(words, title, repaired, is_success=True)
    text = [message("wizard.active.already" if "already" in answers else "wizard.active.done")]
    text += _repaired(answers)
    if row.request is not None:
        text.append(message("terminal.still-waits", moment=local_time(row.request.created_at)))
    text += answers.get("changes", "").splitlines()
    text += answers.get("report", "").splitlines()
    license = row.license
    if license.check_in_by is not None and license.is_in_grace:
        date, days = long_date(seconds(license.check_in_by)), license.days_left
        text.insert(0, message("terminal.grace", date=date, product=license.product, n=days))
    warning = clock_warning(row.response, computer.installation.clock())
    if warning and "already" not in answers:
        text.insert(0, warning)
    facts = _terms(row.response, answers.get("before", ""))
    return ScreenData(words, text=tuple(text), facts=facts, is_success=True)


def _repaired(answers: Answers) -> list[str]:
    return [answers["repaired"]] if "repaired" in answers else []


def _number(answers: Answers, computer: Computer) -> ScreenData:
    return ScreenData({"number": show_license_number(answers["license"])})


def _update(answers: Answers, computer: Computer) -> ScreenData:
    row = computer.row(answers["license"])
    facts = () if row is None or row.response is None else _terms(row.response)
    return _number(answers, computer)._replace(facts=facts)


def _remove(answers: Answers, computer: Computer) -> ScreenData:
    row = computer.row(answers["license"])
    is_installed = row is not None and row.response is not None and not row.response.is_receipt
    text = (message("wizard.remove.seat"),) if is_installed else ()
    return _number(answers, computer)._replace(text=text)


def _properties(answers: Answers, computer: Computer) -> ScreenData:
    number = answers["license"]
    row = computer.row(number)
    if row is None:
        return ScreenData({"number": show_license_number(number)})
    facts = (
        (message("terminal.list-license"), show_license_number(number)),
        (message("terminal.list-product"), row.product),
        (message("terminal.list-status"), long_status(row)),
        *(_terms(row.response) if row.response is not None else ()),
        *(_binding(row, row.response, computer) if row.response is not None else ()),
        *_paths(row, computer),
    )
    copy = "\n".join(message("wizard.copy-line", label=label, text=text) for label, text in facts)
    return ScreenData({"number": show_license_number(number)}, facts=facts, copy=copy)


def _terms(response: Response, before: str = "") -> Facts:
    """The terms, with the end date `before` the update if the update changed it."""
    terms = response.license
    until = terms.valid_until
    end = message("wizard.never") if until is None else long_date(until)
    facts = {
        "licensee": terms.licensee,
        "edition": " ".join(filter(None, (terms.product, terms.edition))),
        "features": feature_list(terms.features),
        "starts": long_date(terms.valid_from),
        "ends": end if before in ("", end) else message("wizard.before", until=end, before=before),
        "updates": "" if terms.maintenance_until is None else long_date(terms.maintenance_until),
        "seat": "" if response.is_receipt else str(response.seat),
        "check-in": "" if response.check_in_by is None else long_date(response.check_in_by),
    }
    return tuple((message(f"wizard.fact.{name}"), text) for name, text in facts.items() if text)


def _binding(row: Row, response: Response, computer: Computer) -> Facts:
    bound_to = response.bound_to
    facts = [
        ("protection", message(f"inspect.protection.{bound_to.protection}")),
        ("serial", str(response.serial)),
    ]
    if bound_to.dongle is not None:
        facts.append(("dongle", f"{bound_to.dongle.model} {bound_to.dongle.serial}"))
    else:
        match = computer.installation.machine.match(row.number, bound_to)
        facts.append(("match", message("wizard.points", have=match.have, of=match.of)))
    return tuple((message(f"wizard.fact.{name}"), text) for name, text in facts)


def _paths(row: Row, computer: Computer) -> Facts:
    folders = [os.path.join(root.path, row.number) for root in computer.installation.state_dirs]
    facts = [("folder", folder) for folder in folders if os.path.isdir(folder)]
    for file in row.journey.waiting:
        facts.append(("made", local_time(file.request.created_at)))
        if os.path.isfile(file.path):
            facts.append(("file", file.path))
    return tuple((message(f"wizard.fact.{name}"), text) for name, text in facts)


_SCREENS: Mapping[str, Callable[[Answers, Computer], ScreenData]] = {
    "list": _list,
    "browse": _browse,
    "dongle": _dongle,
    "send": _send,
    "saved": _saved,
    "qr": _qr,
    "online": _online,
    "response": _response,
    "typed": _typed,
    "active": _active,
    "update": _update,
    "deactivate": _number,
    "cancel": _number,
    "remove": _remove,
    "move": _number,
    "properties": _properties,
}
