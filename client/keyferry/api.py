"""The functions that an application calls: each opens an installation and runs one use case."""

import os
from datetime import date, datetime

from keyferry.dongle.signer import AnyDongle
from keyferry.installation import Installation
from keyferry.license import License
from keyferry.load_license import load_license
from keyferry.machine.current_machine import known_machine
from keyferry.machine.this import current_machine
from keyferry.store.own_folders import choose_folders
from keyferry.store.state_dirs import find_state_dirs
from keyferry.throwaway import is_throwaway, throwaway_installation
from keyferry.times import Moment, clock_at, release_seconds
from keyferry.vendor import read_keys, read_vendor, vendor_id
from keyferry_protocol.components import Machine
from keyferry_protocol.keys import KeySet

TYPE_CHECKING = False  # importing typing for it would cost time
if TYPE_CHECKING:
    from keyferry.install import Installed


def load(
    product: str,
    keys: KeySet | str | os.PathLike[str],
    state_dir: str | os.PathLike[str] | None = None,
    machine: Machine | None = None,
    now: Moment = None,
    released: int | float | str | date | datetime | None = None,
    dongle: AnyDongle = None,
    vendor: str | None = None,
) -> License:
    """Return the first license on this computer that allows this product to run.

    `keys` is a KeySet, or the path of `keys.json` with `vendor.json` next to it. Licenses are
    stored in `state_dir`, or in the directories for the vendor's id. `released` is the release
    date of this version of the product. `dongle` is a Token, or a function that finds one when a
    license needs it (`keyferry.dongle.find`).

    Raises the KeyferryError that explains why no license allows it.
    """
    installation = open_installation(product, keys, state_dir, machine, now, dongle, vendor)
    return load_license(installation, None if released is None else release_seconds(released))


def make_request(
    license_number: str,
    activation_code: str | None = None,
    *,
    keys: KeySet | str | os.PathLike[str],
    product: str,
    product_version: str = "",
    kind: str = "activate",
    protection: str = "machine",
    machine: Machine | None = None,
    state_dir: str | os.PathLike[str] | None = None,
    now: Moment = None,
    replaces_seat: int | None = None,
    choose_seat: bool = True,
    dongle: AnyDongle = None,
    vendor: str | None = None,
) -> bytes:
    """Make a request and return the bytes of its file; the license then waits for the response.

    Only `activate` takes an activation code, `replaces_seat` and a protection; the other kinds
    keep the protection that is installed. `choose_seat` lets the person on the page name the seat
    to replace, if none is left. `deactivate` ends the license here before this returns.
    """
    from keyferry.request import create_request
    from keyferry.request_options import RequestOptions
    from keyferry_protocol.activation import parse_activation_code, parse_license_number

    installation = open_installation(product, keys, state_dir, machine, now, dongle, vendor)
    number = parse_license_number(license_number)
    code = parse_activation_code(activation_code or "", number) if kind == "activate" else None
    options = RequestOptions(
        number, kind, product_version, protection, replaces_seat, choose_seat, code
    )
    return create_request(options, installation).data


def install_response(
    data: bytes,
    keys: KeySet | str | os.PathLike[str],
    *,
    product: str,
    state_dir: str | os.PathLike[str] | None = None,
    machine: Machine | None = None,
    now: Moment = None,
    dongle: AnyDongle = None,
    vendor: str | None = None,
) -> "Installed":
    """Install a response file. A file that fails a check changes nothing here.

    A file that lost no byte on its way is repaired first (`keyferry_protocol.repair`).
    An error about the license's dates or the clock is raised after the response was stored.
    """
    from keyferry.install import install
    from keyferry_protocol.envelope import RESPONSE
    from keyferry_protocol.repair import repair_file
    from keyferry_protocol.response import verify_response

    installation = open_installation(product, keys, state_dir, machine, now, dongle, vendor)
    data = repair_file(data, RESPONSE).data
    return install(verify_response(data, installation.keys), data, installation)


def open_installation(
    product: str,
    keys: KeySet | str | os.PathLike[str],
    state_dir: str | os.PathLike[str] | None,
    machine: Machine | None,
    now: Moment,
    dongle: AnyDongle,
    vendor: str | None,
) -> Installation:
    """The installation that the arguments of a public function describe. Raises BadKeySet."""
    if isinstance(keys, KeySet):
        key_set = keys
    else:
        if state_dir is None and vendor is None:
            beside = read_vendor(keys)
            vendor = beside and beside.id
        key_set = read_keys(keys)
    if is_throwaway(key_set):
        return throwaway_installation(key_set, product)
    current = current_machine() if machine is None else known_machine(machine)
    state_dirs = find_state_dirs(vendor and vendor_id(vendor), state_dir)
    return Installation(
        state_dirs=choose_folders(state_dirs, current.hashes),
        keys=key_set,
        product=product,
        machine=current,
        clock=clock_at(now),
        dongle=dongle,
    )
