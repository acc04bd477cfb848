"""Time what an application pays when it starts: `load` and `check` in a new process."""

import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import cryptolens
from benchmarks.measure import Row, interleave, process_timer, ratio_row, time_row
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
IMPORT_ED25519 = "from cryptography.hazmat.primitives.asymmetric import ed25519"
# What `cryptography` itself imports before it verifies an ML-DSA-65 signature.
IMPORT_BOTH = f"""{IMPORT_ED25519}, mldsa
from cryptography.hazmat.backends.openssl.backend import backend
assert backend.mldsa_supported()"""
# Without `machine=`, load() reads this machine. A container shows too little to hold a license, so
# the script reads it for the time that takes, and loads with a recorded machine.
LOAD = """
from keyferry import Machine, load, this_machine
this_machine()
assert load({product!r}, {keys!r}, state_dir={state!r}, machine={machine}).check().ok
"""


def rows() -> list[Row]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    ed25519: list[Signer] = [Ed25519Signer.generate()]
    hybrid: list[Signer] = [Ed25519Signer.generate(), MlDsa65Signer.generate()]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scripts = {
            "hundred": installed(folder / "hundred", ed25519, others=99),
            "last": installed(folder / "last", ed25519, others=99, other_product="Another"),
            "import": IMPORT_ED25519,
            "one": installed(folder / "one", ed25519),
            "hybrid": installed(folder / "hybrid", hybrid),
            "import both": IMPORT_BOTH,
            "empty": "",
        }
        timers = {name: process_timer(code, environment) for name, code in scripts.items()}
        theirs = cryptolens.installed(folder / "license.skm", NOW)
        timers["Cryptolens"] = process_timer(theirs, environment, cryptolens.PYTHON)
        samples = interleave(timers, ROUNDS)
    one, baseline = samples["one"], samples["import"]
    return [
        ratio_row("load + check / import ed25519", one, baseline, 1.8),
        ratio_row("the same, Ed25519 and ML-DSA-65 required", samples["hybrid"], baseline, 2.0),
        ratio_row("load + check / Cryptolens' SDK", one, samples["Cryptolens"], 1.0),
        ratio_row("100 licenses on this machine / one", samples["hundred"], one, 2.0),
        ratio_row("the same, 99 of another product first", samples["last"], one, 2.0),
        time_row("load + check, new process", one),
        time_row("Cryptolens' SDK verifies its license file, new process", samples["Cryptolens"]),
        time_row("import ed25519, new process", baseline),
        time_row("import ed25519 and ML-DSA-65, new process", samples["import both"]),
        time_row("empty process", samples["empty"]),
    ]


def installed(
    folder: Path, signers: list[Signer], others: int = 0, other_product: str = PRODUCT
) -> str:
    """Install a license that these signers signed, and return the code that loads it.

    The numbers of the `others` follow its own, or precede it where they are of another product.
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
    """Request, answer and install a license, as a customer and a vendor do."""
    code = new_activation_code(number)
    installation: Any = {"keys": keys, "product": product, "machine": machine, "state_dir": state}
    request = verify_request(
        make_request(number, code, **installation), activation_key(code, number).public
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
            environments=("physical",),
            trial=False,
            valid_from=request.created_at,
            valid_until=None,
            maintenance_until=None,
        ),
        bound_to=BoundTo(
            "machine", request.device_key, request.load_key, request.machine.components, None
        ),
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
