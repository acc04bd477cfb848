"""Explains why this computer is not the one of a response, and names the command that helps."""

from keyferry.license_message import license_message
from keyferry.machine.current_machine import CurrentMachine
from keyferry.machine.differences import broken_rule, differing_parts, match_facts
from keyferry_protocol.errors import WrongMachine
from keyferry_protocol.matching import MIN_WEIGHT, hardware_weight, is_identifiable
from keyferry_protocol.messages.formats import and_list
from keyferry_protocol.response import Response


def not_recognized(
    response: Response, machine: CurrentMachine, access: str, is_own: bool = True
) -> WrongMachine:
    """The error of a response whose machine or user is not this one.

    `access` is this user's to the response's device key (`Folder.access_to`). `is_own` is False for
    a file that was brought here and answers nothing of this computer.
    """
    number, bound_to = response.license.number, response.bound_to
    match = machine.match(number, bound_to)
    current = machine.hashes(number, bound_to.protection)
    if match.rule == "user":
        detail = license_message("errors.wrong-machine.user", number)
    else:
        parts = differing_parts(bound_to.components, current, match)
        computer = machine.machine().name
        name = "alike" if not parts else "differs" if computer else "differs-unnamed"
        detail = license_message(
            f"errors.wrong-machine.{name}",
            number,
            computer=computer,
            parts=and_list(parts),
            result=broken_rule(match),
        )
    if match.rule in ("user", "recorded"):
        case = match.rule
    else:
        case = "changed" if match.have_hardware else "elsewhere"
    if not is_own:
        case = "file-user" if match.rule == "user" else "file"
    facts = {"license_number": number, "match": match_facts(match)}
    return WrongMachine(detail, case=case, **facts, **_remedy(response, machine, access, is_own))


def no_load_key(
    response: Response, machine: CurrentMachine, access: str, is_missing: bool
) -> WrongMachine:
    """The error of a response whose load key is missing here, or is another one."""
    number = response.license.number
    key = "key-missing" if is_missing else "key-differs"
    detail = license_message(f"errors.wrong-machine.{key}", number)
    match = match_facts(machine.match(number, response.bound_to)) | {"rule": "key"}
    facts = {"license_number": number, "match": match}
    remedy = _remedy(response, machine, access, is_own=True)
    return WrongMachine(detail, case="key", **facts, **remedy)


def _remedy(
    response: Response, machine: CurrentMachine, access: str, is_own: bool
) -> dict[str, object]:
    """The command that binds the license to this computer, and the moves that it uses.

    `remedy` is `update` (`free-update` if it uses no move), `administrator` (an update by whoever
    may read the device key), `request` (of the same seat), `own-seat` (beside another computer that
    may share this folder), or `none` where the service would refuse each of them. Whoever brought
    another computer's file to one with a seat of its own needs none.
    """
    if not is_own and access == "other-key":
        return {}
    number, bound_to = response.license.number, response.bound_to
    current = machine.hashes(number, bound_to.protection)
    allows_guests = not {"virtual", "container"}.isdisjoint(response.license.environments)
    has_enough = hardware_weight(current) >= MIN_WEIGHT or allows_guests
    if not is_identifiable(current, bound_to.protection) or not has_enough:
        return {"remedy": "none"}
    personal = " --protection personal" if bound_to.protection == "personal" else ""
    match = machine.match(number, bound_to)
    if is_own and not match.have:
        return {"remedy": "own-seat", "command": f"keyferry request {number}{personal}"}
    if access in ("owner", "administrator"):
        moves = 0 if match.same else 1
        name = access if access == "administrator" else "update" if moves else "free-update"
        return {"remedy": name, "command": f"keyferry update {number}", "moves": moves}
    command = f"keyferry request {number}{personal} --replaces-seat {response.seat}"
    return {"remedy": "request", "command": command, "moves": 1}
