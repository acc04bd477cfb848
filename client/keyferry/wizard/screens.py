"""The screens as data: the fields, their checks, the action, and the buttons of each.

Messages are found by id: `wizard.ID.title` and `wizard.ID.text` are a screen's, `wizard.FIELD` and
`wizard.FIELD.hint` a field's, `wizard.ID.PRESS` or `wizard.press.PRESS` a button's.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from zlib import crc32

from keyferry.doctor.finding import Finding
from keyferry.journey import ACTIVE
from keyferry.times import as_local, local_time
from keyferry.wizard import checks
from keyferry.wizard.answers import Answers
from keyferry.wizard.checks import Fault
from keyferry.wizard.computer import Computer
from keyferry.wizard.state import BROWSE, LIST, TYPED
from keyferry.wizard.typed import LINES, SCAN, read_typed
from keyferry_protocol.activation import parse_license_number, show_license_number
from keyferry_protocol.encoding import escape_controls
from keyferry_protocol.errors import WrongLicenseNumber
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import clock_time
from keyferry_protocol.response import Response

Check = Callable[[str, Answers, Computer], Fault | None]


class Option(NamedTuple):
    """One option of a choice."""

    value: str
    label: str
    hint: str = ""


class Field(NamedTuple):
    """One question.

    `kind` is `text`, `pin`, `choice`, `folder`, `file`, `line`, `scan` or `consent`.
    """

    name: str
    kind: str
    default: Callable[[Answers, Computer], str] = lambda answers, computer: ""
    options: Callable[[Answers, Computer], tuple[Option, ...]] = lambda answers, computer: ()
    check: Check = lambda text, answers, computer: None
    is_shown: Callable[[Answers, Computer], bool] = lambda answers, computer: True


class Screen(NamedTuple):
    """One screen; `action` is what Next performs before the next screen."""

    fields: tuple[Field, ...] = ()
    buttons: tuple[str, ...] = ("next", "back", "cancel")
    action: str = ""


def _choice(name: str, *values: str) -> Field:
    def options(answers: Answers, computer: Computer) -> tuple[Option, ...]:
        return tuple(
            Option(value, message(f"wizard.{name}.{value}", user=computer.user)) for value in values
        )

    def check(text: str, answers: Answers, computer: Computer) -> Fault | None:
        return None if text in values else Fault(message("wizard.choose-one"))

    return Field(name, "choice", lambda answers, computer: values[0], options, check)


def _ways_to_send(answers: Answers, computer: Computer) -> tuple[Option, ...]:
    return tuple(Option(way, message(f"wizard.how.{way}")) for way in computer.ways_to_send)


def _has_ways(answers: Answers, computer: Computer) -> bool:
    return len(computer.ways_to_send) > 1


_HOW = Field("how", "choice", lambda answers, computer: "save", _ways_to_send, is_shown=_has_ways)


def _locations(answers: Answers, computer: Computer) -> tuple[Option, ...]:
    return tuple(Option(location.path, location.label) for location in computer.save_locations)


def _response_files(answers: Answers, computer: Computer) -> tuple[Option, ...]:
    """The response files that a request here is waiting for, or only the selected license's."""
    now = computer.installation.clock()
    places: dict[str, list[Response]] = {}
    for file in computer.response_files(answers.get("license", "")):
        places.setdefault(file.path, []).append(file.response)
    return tuple(
        Option(path, _place_of(escape_controls(path), responses, now))
        for path, responses in places.items()
    )


def _place_of(path: str, responses: list[Response], now: int) -> str:
    """A file, or an archive with several, which are installed together."""
    if len(responses) > 1:
        return message("wizard.response.several", path=path, n=len(responses))
    return message("wizard.response.found", path=path, moment=_moment(responses[0], now))


def _moment(response: Response, now: int) -> str:
    """When the response was issued; only the time of day if that was today."""
    issued, today = as_local(response.issued_at), as_local(now)
    is_today = issued.date() == today.date()
    return clock_time(issued) if is_today else local_time(response.issued_at)


def _warnings(answers: Answers, computer: Computer) -> tuple[Option, ...]:
    return tuple(
        Option(mark_of(finding), finding.text, finding.next_step) for finding in computer.warnings
    )


def _best_location(answers: Answers, computer: Computer) -> str:
    return computer.best_location


def _computer_name(answers: Answers, computer: Computer) -> str:
    return computer.name(answers)


def _dongles(answers: Answers, computer: Computer) -> tuple[Option, ...]:
    return tuple(Option(dongle.serial, str(dongle)) for dongle in computer.dongles)


def _needs_pin(answers: Answers, computer: Computer) -> bool:
    return computer.needs_pin(answers)


def _has_warnings(answers: Answers, computer: Computer) -> bool:
    return bool(computer.warnings)


def _needs_pin_for_update(answers: Answers, computer: Computer) -> bool:
    """An activation asks for the PIN on a screen of its own."""
    return answers.get("goal") == "update" and computer.needs_pin(answers)


def _check_number(text: str, answers: Answers, computer: Computer) -> Fault | None:
    """A license number that is not in use here already."""
    try:
        digits = parse_license_number(text)
    except WrongLicenseNumber as error:
        return Fault(str(error))
    row = computer.row(digits)
    shown = show_license_number(digits)
    if row is not None and row.state == ACTIVE:
        buttons = (f"begin:update:{digits}", f"begin:deactivate:{digits}")
        return Fault(message("wizard.number.active", number=shown), buttons)
    if row is not None and row.request is not None and answers.get("anyway") != digits:
        goal = "activate" if row.request.kind == "activate" else "install-update"
        buttons = (f"begin:{goal}:{digits}", f"anyway:{digits}")
        return Fault(message("wizard.number.waits", number=shown), buttons)
    return None


def _check_dongle(text: str, answers: Answers, computer: Computer) -> Fault | None:
    """The serial number of a dongle that is plugged in."""
    if text in [dongle.serial for dongle in computer.dongles]:
        return None
    return Fault(computer.no_dongle or message("wizard.choose-one"))


def _check_consent(text: str, answers: Answers, computer: Computer) -> Fault | None:
    """The marks of the accepted warnings, separated by spaces. Every warning needs its mark."""
    missing = [warning for warning in computer.warnings if mark_of(warning) not in text.split()]
    return Fault(message("wizard.consent.missing")) if missing else None


def _check_typed(name: str) -> Check:
    def check(text: str, answers: Answers, computer: Computer) -> Fault | None:
        fault = read_typed(answers).faults_and_gap.get(name)
        return None if fault is None else Fault(fault)

    return check


def _is_line_shown(number: int) -> Callable[[Answers, Computer], bool]:
    return lambda answers, computer: number <= read_typed(answers).lines


def mark_of(finding: Finding) -> str:
    """Identify a finding by its sentence, so consent to one is not consent to another."""
    return f"{finding.name}-{crc32(finding.text.encode()):08x}"


_PIN = Field("pin", "pin", is_shown=_needs_pin)
_FOLDER = Field(
    "folder",
    "folder",
    _best_location,
    _locations,
    lambda text, answers, computer: checks.check_folder(text),
)
_NAME = Field(
    "name",
    "text",
    _computer_name,
    check=lambda text, answers, computer: checks.check_computer_name(text),
)
_SEAT = Field("seat", "text", check=lambda text, answers, computer: checks.check_seat(text))
_CODE = Field(
    "code",
    "text",
    check=lambda text, answers, computer: checks.check_code(text, answers.get("number", "")),
)
_RESPONSE = Field(
    "response",
    "file",
    options=_response_files,
    check=lambda text, answers, computer: checks.check_response(
        text, is_uploaded=bool(answers.get("upload"))
    ),
)

_LINES = tuple(
    Field(name, "line", check=_check_typed(name), is_shown=_is_line_shown(number))
    for number, name in enumerate(LINES, 1)
)

SCREENS: Mapping[str, Screen] = {
    LIST: Screen(buttons=()),
    BROWSE: Screen(buttons=("take", "back")),
    "what": Screen((_choice("what", "install", "response", "lost"),)),
    "lost": Screen((_SEAT,)),
    "number": Screen((Field("number", "text", check=_check_number),)),
    "protection": Screen((_choice("protection", "machine", "dongle"),)),
    "dongle": Screen(
        (
            Field("token", "choice", options=_dongles, check=_check_dongle),
            _PIN,
        ),
        buttons=("next", "look", "back", "cancel"),
        action="open",
    ),
    "code": Screen((_CODE,)),
    "who": Screen((_choice("who", "machine", "personal"),)),
    "send": Screen(
        (
            _HOW,
            _FOLDER,
            _NAME,
            Field(
                "consent",
                "consent",
                options=_warnings,
                check=_check_consent,
                is_shown=_has_warnings,
            ),
            Field("pin", "pin", is_shown=_needs_pin_for_update),
        ),
        action="make",
    ),
    "again": Screen(
        (_HOW, _FOLDER),
        buttons=("next", "finish"),
        action="save",
    ),
    "saved": Screen(buttons=("finish", "again")),
    "qr": Screen(buttons=("finish", "again")),
    "online": Screen(buttons=("begin:activate", "again", "finish")),
    "response": Screen(
        (_RESPONSE, _PIN),
        buttons=("next", "look", "type", "back", "cancel"),
        action="install",
    ),
    TYPED: Screen(
        (*_LINES, Field(SCAN, "scan", check=_check_typed(SCAN)), _PIN),
        action="install",
    ),
    "active": Screen(buttons=("finish",)),
    "update": Screen(),
    "deactivate": Screen((_FOLDER, _PIN), buttons=("next", "cancel"), action="make"),
    "cancel": Screen(buttons=("next", "cancel"), action="cancel"),
    "remove": Screen(buttons=("next", "cancel"), action="remove"),
    "move": Screen(buttons=("begin:deactivate", "finish")),
    "properties": Screen(buttons=("finish",)),
}
FIRST_FOCUS = {"deactivate": "cancel", "cancel": "cancel", "remove": "cancel"}
