"""What is looked at before a screen is left: one sentence for each fault, and the ways on."""

import os
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from zlib import crc32

from keyferry.doctor.diagnostics import Finding
from keyferry.list_licenses import ACTIVE
from keyferry.wizard.computer import Computer
from keyferry_protocol.activation import (
    CODE_SYMBOLS,
    parse_activation_code,
    parse_license_number,
    show_license_number,
)
from keyferry_protocol.encoding import free_text
from keyferry_protocol.errors import WrongActivationCode, WrongLicenseNumber
from keyferry_protocol.messages import message

_GROUP = 6
_GROUPS = CODE_SYMBOLS // _GROUP
_CODE_SEPARATORS = re.compile(r"[ \t\r\n.\-_/]+")
_MAX_SEAT_DIGITS = 9


class Fault(NamedTuple):
    """What is wrong with one answer; `ways` are buttons that lead on from it."""

    text: str
    ways: tuple[str, ...] = ()


Answers = Mapping[str, str]
Check = Callable[[str, Answers, Computer], Fault | None]


def anything(text: str, answers: Answers, computer: Computer) -> Fault | None:
    return None


def one_of(*values: str) -> Check:
    def check(text: str, answers: Answers, computer: Computer) -> Fault | None:
        return None if text in values else Fault(message("wizard.choose-one"))

    return check


def number(text: str, answers: Answers, computer: Computer) -> Fault | None:
    """A license number that is not in use here already."""
    try:
        digits = parse_license_number(text)
    except WrongLicenseNumber as error:
        return Fault(str(error))
    row = computer.row(digits)
    shown = show_license_number(digits)
    if row is not None and row.state == ACTIVE:
        ways = (f"begin:update:{digits}", f"begin:deactivate:{digits}")
        return Fault(message("wizard.number.active", number=shown), ways)
    if row is not None and row.request is not None and answers.get("anyway") != digits:
        ways = (f"begin:activate:{digits}", f"anyway:{digits}")
        return Fault(message("wizard.number.waits", number=shown), ways)
    return None


def code(text: str, answers: Answers, computer: Computer) -> Fault | None:
    """An activation code of the license number; a fault names its group or its letter."""
    try:
        parse_activation_code(text, parse_license_number(answers.get("number", "")))
    except WrongActivationCode as error:
        return Fault(_group_fault(text) or _code_fault(text, str(error)))
    except WrongLicenseNumber as error:  # not reached in order, only by going back and forth
        return Fault(str(error))
    return None


def _code_fault(text: str, detail: str) -> str:
    is_whole = len(_CODE_SEPARATORS.sub("", text)) == CODE_SYMBOLS and _plain(text)
    return message("wizard.code.swapped") if is_whole else detail


def _group_fault(text: str) -> str:
    """Which group is too short or too long, as typed or else counted by sixes."""
    symbols = _CODE_SEPARATORS.sub("", text)
    if not _plain(text) or len(symbols) == CODE_SYMBOLS or not symbols:
        return ""
    groups = [group for group in _CODE_SEPARATORS.split(text) if group]
    if len(groups) == 1:
        groups = [symbols[start : start + _GROUP] for start in range(0, len(symbols), _GROUP)]
    lengths = [len(group) for group in groups] + [0] * (_GROUPS - len(groups))
    for position, length in enumerate(lengths[:_GROUPS], 1):
        if length != _GROUP:
            ordinal = message(f"wizard.code.group-{position}")
            return message("wizard.code.group", ordinal=ordinal, n=length)
    return ""


def _plain(text: str) -> bool:
    """Whether it has nothing but what a code may hold; another symbol is the fault to tell."""
    symbols = _CODE_SEPARATORS.sub("", text)
    return symbols.isascii() and symbols.isalnum() and "U" not in symbols.upper()


def token(text: str, answers: Answers, computer: Computer) -> Fault | None:
    if text in [dongle.serial for dongle in computer.dongles]:
        return None
    return Fault(computer.no_dongle or message("wizard.choose-one"))


def seat(text: str, answers: Answers, computer: Computer) -> Fault | None:
    digits = text.strip()
    right = not digits or (digits.isascii() and digits.isdigit() and int(digits[:20]) > 0)
    return (
        None if right and len(digits) <= _MAX_SEAT_DIGITS else Fault(message("wizard.seat.wrong"))
    )


def folder(text: str, answers: Answers, computer: Computer) -> Fault | None:
    """A folder that is there, by its whole path; the file's name is never the caller's."""
    if os.path.isabs(text) and "\0" not in text and os.path.isdir(text):
        return None
    return Fault(message("terminal.usage.no-folder", path=text.replace("\0", "")))


def computer_name(text: str, answers: Answers, computer: Computer) -> Fault | None:
    try:
        free_text(text)
    except ValueError as error:
        return Fault(message("wizard.name.wrong", what=error))
    return None


def consent(text: str, answers: Answers, computer: Computer) -> Fault | None:
    """Every warning was read: the marks of those to go on with, apart by spaces."""
    missing = [warning for warning in computer.warnings if mark_of(warning) not in text.split()]
    return Fault(message("wizard.consent.missing")) if missing else None


def mark_of(finding: Finding) -> str:
    """A finding by its sentence: consent to one is none to another."""
    return f"{finding.name}-{crc32(finding.text.encode()):08x}"


def response(text: str, answers: Answers, computer: Computer) -> Fault | None:
    if answers.get("upload") or (text and os.path.isfile(text)):
        return None
    if not text:
        return Fault(message("wizard.response.none"))
    return Fault(message("wizard.response.gone", path=text))
