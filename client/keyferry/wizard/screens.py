"""The screens as data: which fields each asks, what it does and offers. Its words are named by id.

`wizard.ID.title` and `wizard.ID.text` are a screen's words, `wizard.FIELD` and `wizard.FIELD.hint`
a field's, `wizard.ID.PRESS` or `wizard.press.PRESS` a button's.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from keyferry.times import as_local, local_time
from keyferry.wizard import checks
from keyferry.wizard.computer import Computer
from keyferry_protocol.encoding import escape_controls
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import clock_time
from keyferry_protocol.response import Response

Answers = Mapping[str, str]
LIST, BROWSE = "list", "browse"


class Option(NamedTuple):
    """One of the answers to choose from."""

    value: str
    label: str
    hint: str = ""


class Field(NamedTuple):
    """One question; `kind` is `text`, `pin`, `choice`, `folder`, `file` or `consent`."""

    name: str
    kind: str
    default: Callable[[Answers, Computer], str] = lambda answers, computer: ""
    options: Callable[[Answers, Computer], tuple[Option, ...]] = lambda answers, computer: ()
    check: checks.Check = checks.anything
    is_there: Callable[[Answers, Computer], bool] = lambda answers, computer: True


class Screen(NamedTuple):
    """One screen; `deed` is what Next does before the next screen comes."""

    fields: tuple[Field, ...] = ()
    buttons: tuple[str, ...] = ("next", "back", "cancel")
    deed: str = ""


def _choice(name: str, *values: str) -> Field:
    def options(answers: Answers, computer: Computer) -> tuple[Option, ...]:
        return tuple(
            Option(value, message(f"wizard.{name}.{value}", user=computer.user)) for value in values
        )

    check = checks.one_of(*values)
    return Field(name, "choice", lambda answers, computer: values[0], options, check)


def _ways_to_send(answers: Answers, computer: Computer) -> tuple[Option, ...]:
    return tuple(Option(way, message(f"wizard.how.{way}")) for way in computer.ways_to_send)


def _has_ways(answers: Answers, computer: Computer) -> bool:
    return len(computer.ways_to_send) > 1


_HOW = Field("how", "choice", lambda answers, computer: "save", _ways_to_send, is_there=_has_ways)


def _places(answers: Answers, computer: Computer) -> tuple[Option, ...]:
    return tuple(Option(place.path, place.label) for place in computer.places)


def _found(answers: Answers, computer: Computer) -> tuple[Option, ...]:
    """The response files here that a request waits for; of one license where one was chosen."""
    now = computer.settings.now()
    return tuple(
        Option(
            path,
            message(
                "wizard.response.found", path=escape_controls(path), moment=_moment(response, now)
            ),
        )
        for response, _, path in computer.found(answers.get("license", ""))
    )


def _moment(response: Response, now: int) -> str:
    """When it was made: by the time alone if that was today."""
    made, today = as_local(response.issued_at), as_local(now)
    is_today = made.date() == today.date()
    return clock_time(made) if is_today else local_time(response.issued_at)


def _warnings(answers: Answers, computer: Computer) -> tuple[Option, ...]:
    return tuple(
        Option(checks.mark_of(finding), finding.text, finding.next_step)
        for finding in computer.warnings
    )


def _best_place(answers: Answers, computer: Computer) -> str:
    return computer.best_place


def _computer_name(answers: Answers, computer: Computer) -> str:
    return computer.name


def _dongles(answers: Answers, computer: Computer) -> tuple[Option, ...]:
    return tuple(Option(dongle.serial, str(dongle)) for dongle in computer.dongles)


def _wants_pin(answers: Answers, computer: Computer) -> bool:
    return computer.wants_pin(answers)


def _has_warnings(answers: Answers, computer: Computer) -> bool:
    return bool(computer.warnings)


def _wants_pin_for_update(answers: Answers, computer: Computer) -> bool:
    """An installation asked for it on a screen of its own."""
    return answers.get("goal") == "update" and computer.wants_pin(answers)


_PIN = Field("pin", "pin", is_there=_wants_pin)
_FOLDER = Field("folder", "folder", _best_place, _places, checks.folder)
_NAME = Field("name", "text", _computer_name, check=checks.computer_name)

SCREENS: Mapping[str, Screen] = {
    LIST: Screen(buttons=()),
    BROWSE: Screen(buttons=("take", "back")),
    "what": Screen((_choice("what", "install", "response", "lost"),)),
    "lost": Screen((Field("seat", "text", check=checks.seat),)),
    "number": Screen((Field("number", "text", check=checks.number),)),
    "protection": Screen((_choice("protection", "machine", "dongle"),)),
    "dongle": Screen(
        (
            Field("token", "choice", options=_dongles, check=checks.token),
            _PIN,
        ),
        buttons=("next", "look", "back", "cancel"),
        deed="open",
    ),
    "code": Screen((Field("code", "text", check=checks.code),)),
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
                check=checks.consent,
                is_there=_has_warnings,
            ),
            Field("pin", "pin", is_there=_wants_pin_for_update),
        ),
        deed="make",
    ),
    "again": Screen(
        (_HOW, _FOLDER),
        buttons=("next", "finish"),
        deed="save",
    ),
    "saved": Screen(buttons=("finish", "again")),
    "qr": Screen(buttons=("finish", "again")),
    "online": Screen(buttons=("begin:activate", "again", "finish")),
    "response": Screen(
        (Field("response", "file", options=_found, check=checks.response), _PIN),
        buttons=("next", "look", "back", "cancel"),
        deed="install",
    ),
    "active": Screen(buttons=("finish",)),
    "update": Screen(),
    "deactivate": Screen((_FOLDER, _PIN), buttons=("next", "cancel"), deed="make"),
    "cancel": Screen(buttons=("next", "cancel"), deed="cancel"),
    "remove": Screen(buttons=("next", "cancel"), deed="remove"),
    "move": Screen(buttons=("begin:deactivate", "finish")),
    "properties": Screen(buttons=("finish",)),
}
FIRST_FOCUS = {"deactivate": "cancel", "cancel": "cancel", "remove": "cancel"}
