"""A license that is signed as Cryptolens signs it, and code that verifies it with their SDK.

Their license is base64 of JSON, signed with RSA-2048 (PKCS #1 v1.5, SHA-256). An application for a
computer without internet keeps the answer of their service in a file. The code verifies only that:
it does not look at the computer, as `load` does.
"""

import json
from base64 import b64encode
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv-bench/bin/python"
# As their manual says, for a computer without internet.
LOAD = """
from licensing.models import LicenseKey
with open({file!r}) as file:
    license = LicenseKey.load_from_string({key!r}, file.read())
assert license is not None and license.f1
"""


def installed(file: Path, now: int) -> str:
    """Write a license that lasts, and return the code that loads it."""
    private = generate_private_key(65537, 2048)
    license = {
        "ProductId": 3349,
        "ID": 4,
        "Key": "GEBNC-WZZJD-VJIHG-GCMVD",
        "Created": now,
        "Expires": now + 365 * 86_400,
        "Period": 365,
        **{f"F{number}": True for number in range(1, 9)},
        "Notes": None,
        "Block": False,
        "GlobalId": 1,
        "Customer": {"Id": 1, "Name": "Nordhaven Pilot Plant", "Email": None, "CompanyName": ""},
        "ActivatedMachines": [{"Mid": "8f2b9d3e6a51", "IP": "", "Time": now}],
        "TrialActivation": False,
        "MaxNoOfMachines": 1,
        "AllowedMachines": "",
        "DataObjects": [],
        "SignDate": now,
    }
    signed = json.dumps(license).encode()
    signature = private.sign(signed, PKCS1v15(), SHA256())
    answer = {
        "licenseKey": b64encode(signed).decode(),
        "signature": b64encode(signature).decode(),
        "result": 0,
        "message": "",
    }
    file.write_text(json.dumps(answer))
    public = private.public_key().public_numbers()
    members = {"Modulus": public.n.to_bytes(256), "Exponent": public.e.to_bytes(3)}
    inside = "".join(
        f"<{name}>{b64encode(value).decode()}</{name}>" for name, value in members.items()
    )
    return LOAD.format(file=str(file), key=f"<RSAKeyValue>{inside}</RSAKeyValue>")
