"""An offline room for tests: a vendor who answers, a machine, a state folder and a clock."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from keyferry import (
    Installed,
    KeySet,
    License,
    Machine,
    install_response,
    load,
    make_request,
    parse_request,
    verify_response,
)
from keyferry.api import open_installation
from keyferry.dongle.signer import AnyDongle
from keyferry.installation import Installation
from keyferry.load_license import load_license
from keyferry.store.folder import Folder
from keyferry.store.state_dirs import StateDirs, find_state_dirs
from keyferry_protocol.envelope import RESPONSE, seal
from keyferry_protocol.keys import Ed25519Signer, MlDsa65Signer, PinnedKey, Signer
from keyferry_protocol.response import BoundTo, LicenseTerms, ResponseBody
from tests.support.samples import CODE, DAY, NOW, NUMBER, PRODUCT

END = 1_827_619_199  # 2027-11-30T23:59:59Z
OTHER = "015120099042"
VENDOR = Ed25519Signer(b"v" * 32)
VENDOR_PQ = MlDsa65Signer(b"q" * 32)

LAB_07 = Machine(
    "LAB-07",
    "Windows 11 Pro 23H2",
    "physical",
    {
        "tpm_key": ["aa" * 32],
        "smbios_uuid": ["4c4c4544-0042-3510-8051-b7c04f4d3732"],
        "board_serial": ["PF3K11QX"],
        "mac": ["d0bf9c112233", "d0bf9c445566"],
        "os_id": ["3d1219c7c4c5404aaa1f6d2a48adfda4"],
        "disk_serial": ["S5GXNX0T1", "S5GXNX0T2", "S5GXNX0T3"],
        "user": ["S-1-5-21-1001"],
    },
)
LAB_09 = Machine(
    "LAB-09",
    "Windows 11 Pro 23H2",
    "physical",
    {name: [f"another {value}" for value in values] for name, values in LAB_07.components.items()},
)


def key_set(*signers: Signer, revoked: tuple[str, ...] = ()) -> KeySet:
    """A key set that requires every algorithm of these signers."""
    pinned = tuple(PinnedKey(s.keyid, s.alg, s.public, True) for s in signers)
    return KeySet(tuple(dict.fromkeys(s.alg for s in signers)), pinned, frozenset(revoked))


KEYS = key_set(VENDOR)


@dataclass
class Room:
    """One computer with its state, to be asked as an application or a person would."""

    state: Path
    machine: Machine = LAB_07
    now: int = NOW
    keys: KeySet = KEYS
    product: str = PRODUCT
    dongle: AnyDongle = None
    signers: tuple[Signer, ...] = (VENDOR,)
    serial: int = field(default=0)

    @property
    def state_dirs(self) -> StateDirs:
        return find_state_dirs(None, self.state)

    @property
    def installation(self) -> Installation:
        return open_installation(
            self.product, self.keys, self.state, self.machine, self.now, self.dongle, vendor=None
        )

    def folder(self, number: str = NUMBER, shared: bool = True) -> Folder:
        return Folder(self.state_dirs.site if shared else self.state_dirs.user, number)

    def request(self, kind: str = "activate", **options: Any) -> bytes:
        """Make a request as the library does."""
        code = options.pop("code", CODE if kind == "activate" else None)
        return make_request(
            options.pop("number", NUMBER),
            code,
            keys=self.keys,
            product=self.product,
            kind=kind,
            machine=self.machine,
            state_dir=self.state,
            now=self.now,
            dongle=self.dongle,
            **options,
        )

    def answer(self, data: bytes, **changes: Any) -> bytes:
        """Sign the vendor's response to a request; `changes` are of the response or its terms."""
        request = parse_request(data)
        self.serial += 1
        is_receipt = request.kind == "deactivate"
        issued_at = changes.get("issued_at", self.now)
        terms = LicenseTerms(
            number=request.license_number,
            licensee="Nordhaven Pilot Plant",
            product=PRODUCT,
            edition="Professional",
            features={} if is_receipt else {"solver": True, "threads": 16},
            environments=("physical",),
            trial=False,
            valid_from=NOW - DAY,
            valid_until=issued_at if is_receipt else END,
            maintenance_until=None,
        )
        of_terms = {n: changes.pop(n) for n in list(changes) if hasattr(terms, n)}
        body = ResponseBody(
            request_sha256=request.sha256,
            kind=request.kind,
            serial=self.serial,
            seat=1,
            issued_at=issued_at,
            license=replace(terms, **of_terms),
            bound_to=BoundTo(
                request.protection,
                request.device_key,
                request.load_key,
                request.machine.components,
                request.dongle,
            ),
            check_in_by=None,
            grace_days=14,
        )
        return seal(RESPONSE, replace(body, **changes).to_bytes(), self.signers)

    def renewal(self, response: bytes, **changes: Any) -> bytes:
        """Sign today's terms for the seat of a response, as the vendor does without a request."""
        self.serial += 1
        answered = verify_response(response, self.keys)
        body = ResponseBody(**{f.name: getattr(answered, f.name) for f in fields(ResponseBody)})
        of_terms = {n: changes.pop(n) for n in list(changes) if hasattr(body.license, n)}
        renewed = {
            "kind": "renewal",
            "serial": self.serial,
            "issued_at": self.now,
            "license": replace(body.license, **of_terms),
        }
        return seal(RESPONSE, replace(body, **{**renewed, **changes}).to_bytes(), self.signers)

    def install(self, data: bytes) -> Installed:
        return install_response(
            data,
            self.keys,
            product=self.product,
            state_dir=self.state,
            machine=self.machine,
            now=self.now,
            dongle=self.dongle,
        )

    def activate(self, protection: str = "machine", **changes: Any) -> bytes:
        """Request, answer, install; the response's bytes."""
        response = self.answer(self.request(protection=protection), **changes)
        self.install(response)
        return response

    def load(self, **options: Any) -> License:
        return load(
            self.product,
            self.keys,
            state_dir=self.state,
            machine=self.machine,
            now=self.now,
            dongle=self.dongle,
            **options,
        )

    def load_with_clock(self, clock: Callable[[], int]) -> License:
        """Load as an application that stays open while its computer's clock goes on."""
        return load_license(replace(self.installation, clock=clock))

    def files(self) -> dict[str, bytes]:
        """Every file of the state; the lock, which holds nothing, left out."""
        paths = (path for path in self.state.rglob("*") if path.is_file())
        return {
            str(path.relative_to(self.state)): path.read_bytes()
            for path in paths
            if path.name != "lock" and not path.name.endswith(".new")
        }
