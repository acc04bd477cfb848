"""Checks the text of a field, with one sentence per fault. Pure, except that it reads folders."""

import os
import re
from typing import NamedTuple

from keyferry_protocol.activation import CODE_SYMBOLS, parse_activation_code, parse_license_number
from keyferry_protocol.encoding import free_text
from keyferry_protocol.errors import WrongActivationCode, WrongLicenseNumber
from keyferry_protocol.messages import message
from keyferry_protocol.typed_text import plain_separators

_GROUP = 6
_GROUPS = CODE_SYMBOLS // _GROUP
_CODE_SEPARATORS = re.compile(r"[ \t\r\n.\-_/]+")
_SEAT = re.compile("0*[1-9][0-9]{0,8}")


class Fault(NamedTuple):
    """What is wrong with one answer; `buttons` offer ways to proceed."""

    text: str
    buttons: tuple[str, ...] = ()


def check_code(text: str, license_number: str) -> Fault | None:
    """An activation code of this license number; a fault names the group or the symbol."""
    text = plain_separators(text)
    try:
        parse_activation_code(text, parse_license_number(license_number))
    except WrongActivationCode as error:
        return Fault(_group_fault(text) or _code_fault(text, str(error)))
    except WrongLicenseNumber as error:  # only possible after Back changed the number
        return Fault(str(error))
    return None


def check_seat(text: str) -> Fault | None:
    """A seat number from 1, or nothing."""
    try:
        parse_seat(text)
    except ValueError:
        return Fault(message("wizard.seat.wrong"))
    return None


def parse_seat(text: str) -> int | None:
    """The seat number in a field, None if it is empty. Raises ValueError."""
    digits = plain_separators(text).strip()
    if not digits:
        return None
    if _SEAT.fullmatch(digits) is None:
        raise ValueError(digits)
    return int(digits)


def check_folder(text: str) -> Fault | None:
    """The full path of an existing folder; the file name is never part of it."""
    if os.path.isabs(text) and "\0" not in text and os.path.isdir(text):
        return None
    return Fault(message("terminal.usage.no-folder", path=text.replace("\0", "")))


def check_computer_name(text: str) -> Fault | None:
    """A name that a request may contain."""
    try:
        free_text(text)
    except ValueError as error:
        return Fault(message("wizard.name.wrong", what=error))
    return None


def check_response(path: str, is_uploaded: bool) -> Fault | None:
    """A response file that was uploaded, or the path of an existing one."""
    if is_uploaded or (path and os.path.exists(path)):
        return None
    if not path:
        return Fault(message("wizard.response.none"))
    return Fault(message("wizard.response.gone", path=path))


def _code_fault(text: str, detail: str) -> str:
    is_whole = len(_CODE_SEPARATORS.sub("", text)) == CODE_SYMBOLS and _is_plain(text)
    return message("wizard.code.swapped") if is_whole else detail


def _group_fault(text: str) -> str:
    """Which group is too short or too long; without separators, groups of six are counted."""
    symbols = _CODE_SEPARATORS.sub("", text)
    if not _is_plain(text) or len(symbols) == CODE_SYMBOLS or not symbols:
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


def _is_plain(text: str) -> bool:
    """Whether a code may contain every symbol; if not, that symbol is the fault to report."""
    symbols = _CODE_SEPARATORS.sub("", text)
    return symbols.isascii() and symbols.isalnum() and "U" not in symbols.upper()
