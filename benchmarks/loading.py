"""What an application pays at its start: `load` and `check` in a fresh process."""

import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, fresh, in_turns, ratio, time_ms
from keyferry import Machine, install_response, make_request
from keyferry_protocol.activation import activation_key, new_activation_code
from keyferry_protocol.envelope import RESPONSE, seal
from keyferry_protocol.keys import Ed25519Signer, KeySet, MlDsa65Signer, PinnedKey, Signer
from keyferry_protocol.request import verify_request
from keyferry_protocol.response import BoundTo, LicenseTerms, ResponseBody

NUMBER = "015120020093"
PRODUCT = "Example Modeler"
NOW = 1_795_513_620
ROUNDS = 40
MACHINE = """Machine("LAB-07", "Debian GNU/Linux 12", "physical", {
    "smbios_uuid": ["4c4c4544-0042-3510-8054-b4c04f564433"], "board_serial": ["CNFCW0015G00AB"],
    "mac": ["b4c04f5644aa"], "os_id": ["8f2b9d3e6a51"], "disk_serial": ["S4EWNX0R512345"]})"""
BARE = "from cryptography.hazmat.primitives.asymmetric import ed25519"
# This machine is read as well, as it is without `machine=`, though a container shows too little.
LOAD = """
from keyferry import Machine, load, this_machine
this_machine()
assert load({product!r}, {keys!r}, state_dir={state!r}, machine={machine}).check().ok
"""


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
        classic = script(Path(folder) / "classic", [Ed25519Signer.generate()])
        hybrid = script(
            Path(folder) / "hybrid", [Ed25519Signer.generate(), MlDsa65Signer.generate()]
        )
        hundred = script(Path(folder) / "hundred", [Ed25519Signer.generate()], others=99)
        last = script(
            Path(folder) / "last", [Ed25519Signer.generate()], others=99, other_product="Another"
        )
        things = {
            "hundred": fresh(hundred, environment),
            "last": fresh(last, environment),
            "bare": fresh(BARE, environment),
            "classic": fresh(classic, environment),
            "hybrid": fresh(hybrid, environment),
            "nothing": fresh("", environment),
        }
        taken = in_turns(things, ROUNDS)
    return [
        ratio("load + check / import ed25519", taken["classic"], taken["bare"], 2.0),
        ratio("the same, Ed25519 and ML-DSA-65 required", taken["hybrid"], taken["bare"], 2.0),
        ratio("100 licenses here / one", taken["hundred"], taken["classic"], 2.0),
        ratio("the same, 99 of another product first", taken["last"], taken["classic"], 2.0),
        time_ms("load + check, fresh process", taken["classic"]),
        time_ms("import ed25519, fresh process", taken["bare"]),
        time_ms("empty process", taken["nothing"]),
    ]


def script(
    folder: Path, signers: list[Signer], others: int = 0, other_product: str = PRODUCT
) -> str:
    """Install a license that these signers signed, and give the code that loads it.

    The `others` have numbers after it, or before it where they are of another product.
    """
    pinned = [PinnedKey(signer.keyid, signer.alg, signer.public, True) for signer in signers]
    keys = KeySet(tuple(signer.alg for signer in signers), tuple(pinned))
    folder.mkdir()
    (folder / "keys.json").write_bytes(keys.to_json())
    machine: Machine = eval(MACHINE, {"Machine": Machine})
    state = folder / "state"
    step = 1 if other_product == PRODUCT else -1
    activate(NUMBER, PRODUCT, keys, signers, machine, state)
    for n in range(1, others + 1):
        number = f"{int(NUMBER) + step * n:012}"
        activate(number, other_product, keys, signers, machine, state)
    return LOAD.format(
        product=PRODUCT, keys=str(folder / "keys.json"), state=str(state), machine=MACHINE
    )


def activate(
    number: str, product: str, keys: KeySet, signers: list[Signer], machine: Machine, state: Path
) -> None:
    """Ask, answer and install, as a customer and a vendor would."""
    code = new_activation_code(number)
    place: Any = {"keys": keys, "product": product, "machine": machine, "state_dir": state}
    request = verify_request(
        make_request(number, code, **place), activation_key(code, number).public
    )
    response = ResponseBody(
        request_sha256=request.sha256,
        kind="activate",
        serial=1,
        seat=1,
        issued_at=request.created_at,
        license=LicenseTerms(
            number=number,
            licensee="Nordhaven Pilot Plant",
            product=product,
            edition="Professional",
            features={"solver": True, "threads": 16},
            trial=False,
            valid_from=request.created_at,
            valid_until=None,
            maintenance_until=None,
        ),
        bound_to=BoundTo("machine", request.device_key, request.machine.components, None),
        check_in_by=None,
        grace_days=14,
    )
    install_response(
        seal(RESPONSE, response.to_bytes(), signers),
        keys,
        product=product,
        machine=machine,
        state_dir=state,
    )
