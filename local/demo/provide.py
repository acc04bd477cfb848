"""Provides the local stack with signing keys and a demonstration license.

Each step looks at what is there and adds what is missing, so that a start finishes whatever an
earlier one began, and restores what was deleted.
"""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from keyferry_admin.errors.keys import KeyExists
from keyferry_admin.stack import Stack, signing_key_output
from keyferry_admin.use_cases import keys
from keyferry_admin.use_cases.change_license import change
from keyferry_protocol.activation import (
    activation_key,
    new_activation_code,
    parse_activation_code,
    show_activation_code,
)
from keyferry_protocol.algorithms import RESPONSE_ALGORITHMS
from keyferry_protocol.components import LICENSABLE_ENVIRONMENTS
from keyferry_protocol.errors import KeyferryError
from keyferry_service.domain.license import LicenseRecord
from keyferry_service.domain.signing_keys import KeyStatus
from local.files import read, write

ACTIVE = KeyStatus.ACTIVE
NUMBER = "015120020093"


def provide(
    stack: Stack, folder: Path, vendor: Mapping[str, Any], outputs: Mapping[str, str]
) -> None:
    """Provide the stack, whose template has these outputs, and what its users need in `run`."""
    run, pem = folder / "run", folder / "pem"
    run.mkdir(exist_ok=True)
    pem.mkdir(mode=0o700, exist_ok=True)
    stack.signing_keys.take_over()
    for alg in RESPONSE_ALGORITHMS:
        if arn := outputs.get(signing_key_output(alg)):
            with suppress(KeyExists):
                keys.register(stack.signing_keys, keys.key_in_kms(stack.kms, alg, arn))
        else:  # the embedded cloud's KMS lacks this algorithm
            _provide_pem(stack, alg, pem / f"{alg.lower()}.pem")
    _provide_license(stack, run / "license.json", vendor["product"])
    write(run / "keys.json", keys.export(stack.signing_keys, stack.licenses).to_json())
    write(run / "vendor.json", json.dumps(vendor))


def _provide_pem(stack: Stack, alg: str, file: Path) -> None:
    created = keys.key_in_pem(alg, file)
    with suppress(KeyExists):
        keys.register(stack.signing_keys, created)
        for key in stack.signing_keys.all():  # whose file was deleted
            if key.pem == file.name and key.keyid != created.keyid and key.status is ACTIVE:
                keys.retire(stack.signing_keys, key.keyid)


def _provide_license(stack: Stack, file: Path, product: str) -> None:
    """Write the activation code first, because the service stores only its public key."""
    code = _activation_code(file)
    document = {"number": NUMBER, "activation_code": show_activation_code(code), "product": product}
    write(file, json.dumps(document))
    public = activation_key(code, NUMBER).public
    license = stack.licenses.get(NUMBER)
    if license is None:
        license = LicenseRecord(
            NUMBER,
            public,
            product,
            int(time.time()),
            licensee="Nordhaven Pilot Plant",
            edition="Professional",
            features={"solver": True, "threads": 16},
            environments=LICENSABLE_ENVIRONMENTS,
            moves_per_year=1000,
        )
        stack.licenses.create(license)
    elif license.activation_public != public:
        change(stack.licenses, NUMBER, lambda old: replace(old, activation_public=public))


def _activation_code(file: Path) -> str:
    """The code in the file; a new one if it was not written whole."""
    with suppress(ValueError, KeyError, TypeError, KeyferryError):
        return parse_activation_code(json.loads(read(file))["activation_code"], NUMBER)
    return new_activation_code(NUMBER)
