"""A computer of a test: real requests, responses and state, signed with keys of its own."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from tempfile import TemporaryDirectory
from typing import Self

from keyferry.api import install_response, make_request
from keyferry.dongle.signer import DongleSigner
from keyferry.installation import Installation
from keyferry.machine.current_machine import known_machine
from keyferry.store.state_dirs import find_state_dirs
from keyferry.throwaway import MARK, begin, end
from keyferry.times import Moment, as_datetime, seconds
from keyferry_protocol.activation import new_activation_code
from keyferry_protocol.components import Machine
from keyferry_protocol.envelope import RESPONSE, seal
from keyferry_protocol.keys import Ed25519Signer, KeySet, PinnedKey, keyid
from keyferry_protocol.request import Dongle, Request, parse_request
from keyferry_protocol.response import BoundTo, LicenseTerms, ResponseBody

_DAY_S = 86400
_NUMBER = "000000000000"


class OfflineComputer:
    """A computer without a license, in a `with` block; the methods change what it has.

    While the block runs, `load` and the others called with `keys` see this computer: its folder,
    machine, dongle, and clock, whatever else is passed to them. The clock stands still until
    `pass_days`. It starts at `now`, which is the present if it is omitted.
    """

    def __init__(self, now: Moment = None) -> None:
        self._now = int(time.time()) if now is None else seconds(now)
        self._signer = Ed25519Signer.generate()
        self.keys: KeySet = _marked(self._signer)
        self.machine = _new_machine()
        self._token = Ed25519Signer.generate()
        self._is_plugged = True
        self._pulls = 0
        self._serial = 0
        self._folder: TemporaryDirectory[str] | None = None
        self._product = ""
        self._ends: int | None = None
        self._check_in_by: int | None = None
        self._grace_days = 0

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="keyferry-test-")
        begin(self.keys, self._installation)
        return self

    def __exit__(self, *error: object) -> None:
        end(self.keys)
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def now(self) -> datetime:
        """The time on this computer's clock."""
        return as_datetime(self._now)

    def activate(
        self,
        product: str,
        *,
        features: Mapping[str, bool | int] | None = None,
        edition: str = "",
        licensee: str = "Test",
        protection: str = "machine",
        environments: Sequence[str] = ("physical",),
        days: int | None = 365,
        lease_days: int | None = None,
        grace_days: int = 14,
        maintenance_days: int | None = None,
        trial: bool = False,
    ) -> None:
        """Activate a license here, in the place of an earlier one.

        It begins now and ends after `days`, or never for None. `lease_days` and `maintenance_days`
        count from now too. `protection="dongle"` binds it to this computer's dongle.
        """
        self._ends = self._later(days)
        self._check_in_by, self._grace_days = self._later(lease_days), grace_days
        self._product = product
        code = new_activation_code(_NUMBER, os.urandom)
        request = make_request(
            _NUMBER,
            code,
            keys=self.keys,
            product=product,
            protection=protection,
        )
        terms = LicenseTerms(
            number=_NUMBER,
            licensee=licensee,
            product=product,
            edition=edition,
            features=features or {},
            environments=tuple(environments),
            trial=trial,
            valid_from=self._now,
            valid_until=self._ends,
            maintenance_until=self._later(maintenance_days),
        )
        install_response(self._answer(parse_request(request), terms), self.keys, product=product)

    def expire(self) -> None:
        """Let the clock go to the end of the license. Raises ValueError if it has none."""
        if self._ends is None:
            raise ValueError("This license does not end: activate it with days.")
        self._now = max(self._now, self._ends)

    def miss_check_in(self) -> None:
        """Let the clock go past the lease and its grace. Raises ValueError without a lease."""
        if self._check_in_by is None:
            raise ValueError("This license needs no check-in: activate it with lease_days.")
        self._now = max(self._now, self._check_in_by + self._grace_days * _DAY_S)

    def pass_days(self, days: float) -> None:
        """Let the clock go on by some days; a negative number sets it back."""
        self._now += int(days * _DAY_S)

    def pull_dongle(self) -> None:
        """Unplug the dongle. A license that is loaded notices, and stays so when it is back."""
        self._is_plugged = False
        self._pulls += 1

    def plug_in_dongle(self) -> None:
        """Plug the dongle in again."""
        self._is_plugged = True

    def replace_machine(self) -> None:
        """Become another machine, as where somebody copies the state folder."""
        self.machine = _new_machine()

    def change_environment(self, environment: str) -> None:
        """Become a `virtual` machine, a `container`, or `physical` again."""
        machine = self.machine
        self.machine = Machine(machine.name, machine.os, environment, machine.components)

    def deactivate(self) -> None:
        """Deactivate the license, as `keyferry deactivate` does."""
        make_request(_NUMBER, keys=self.keys, product=self._product, kind="deactivate")

    def _later(self, days: int | None) -> int | None:
        return None if days is None else self._now + days * _DAY_S

    def _installation(self, product: str) -> Installation:
        assert self._folder is not None
        return Installation(
            state_dirs=find_state_dirs(None, self._folder.name),
            keys=self.keys,
            product=product,
            machine=known_machine(self.machine),
            clock=lambda: self._now,
            dongle=self._dongle_finder(),
        )

    def _dongle_finder(self) -> Callable[[Dongle | None], DongleSigner | None]:
        """Finds the dongle until it is pulled; with that, a real one's session has ended."""
        pulls = self._pulls
        dongle = DongleSigner(self._token.public, "Test dongle", "1", self._token.sign)
        return lambda named: dongle if self._is_plugged and pulls == self._pulls else None

    def _answer(self, request: Request, terms: LicenseTerms) -> bytes:
        self._serial += 1
        body = ResponseBody(
            request_sha256=request.sha256,
            kind=request.kind,
            serial=self._serial,
            seat=1,
            issued_at=self._now,
            license=terms,
            bound_to=BoundTo(
                request.protection,
                request.device_key,
                request.load_key,
                request.machine.components,
                request.dongle,
            ),
            check_in_by=self._check_in_by,
            grace_days=self._grace_days,
        )
        return seal(RESPONSE, body.to_bytes(), [self._signer])


def _marked(signer: Ed25519Signer) -> KeySet:
    """A key set that trusts this key, and that every copy of it says is a test's."""
    trusted = PinnedKey(signer.keyid, signer.alg, signer.public, trusted=True)
    mark = PinnedKey(keyid(signer.alg, MARK), signer.alg, MARK, trusted=False)
    return KeySet((signer.alg,), (trusted, mark))


def _new_machine() -> Machine:
    """A machine of parts that no other has."""
    part = os.urandom(16).hex()
    uuid = "-".join((part[:8], part[8:12], part[12:16], part[16:20], part[20:]))
    components = {
        "smbios_uuid": [uuid],
        "mac": [f"00{part[:10]}"],
        "disk_serial": [part],
        "user": ["test"],
    }
    return Machine("test-computer", "Test", "physical", components)
