"""Finds the seat that this computer had, where the service would no longer recognize it."""

from contextlib import suppress

from keyferry.installation import Installation
from keyferry.store.folder import DEACTIVATE, Folder, key_folder
from keyferry.store.state_dirs import StateDirs
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.keys import KeySet
from keyferry_protocol.matching import anchor_hashes
from keyferry_protocol.response import Response, verify_response


def seat_to_replace(number: str, protection: str, installation: Installation) -> int | None:
    """The seat that an activation should name in `replaces_seat`, or None.

    It is that of the newest response here, if its device key is gone and its parts do not lead the
    service to the seat: it would take another one, and the customer would have lost this one. The
    installation's folders of the license are this computer's own.
    """
    if protection == "dongle":
        return None  # the service finds the seat by the token
    dirs = installation.state_dirs
    responses = [_response(Folder(root, number), dirs, installation.keys) for root in dirs]
    newest = max(filter(None, responses), key=lambda response: response.serial, default=None)
    if newest is None or newest.bound_to.protection != protection:
        return None
    return None if _leads_to_its_seat(newest, installation) else newest.seat


def _response(folder: Folder, state_dirs: StateDirs, keys: KeySet) -> Response | None:
    """The genuine response of a license that was not deactivated, and whose device key is gone."""
    with suppress(KeyferryError):
        response = verify_response(folder.installed_bytes() or b"", keys)
        holder = key_folder(folder, state_dirs)
        has_key = holder.access_to(response.bound_to.device_key) in ("owner", "administrator")
        has_ended = folder.state(ignore_damage=True).ended or holder.has(DEACTIVATE)
        if not (response.is_receipt or has_key or has_ended):
            return response
    return None


def _leads_to_its_seat(response: Response, installation: Installation) -> bool:
    """Whether the service finds the seat by an anchor of this machine."""
    number, bound_to = response.license.number, response.bound_to
    is_same = installation.machine.match(number, bound_to).same
    return is_same and bool(anchor_hashes(bound_to.components))
