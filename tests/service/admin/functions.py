"""Lambda, with as much of process_request as the administrator invokes, in this process."""

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from keyferry_protocol.keys import Signer
from keyferry_service.adapters.probe_lambda import parse_probe, reply_to_probe
from keyferry_service.adapters.signers import Signers


def refusal(code: str) -> ClientError:
    """What KMS says to whom it refuses a signature."""
    return ClientError({"Error": {"Code": code, "Message": "No."}}, "Sign")


class Functions:
    """The service signs with the PEM files of a folder, and in KMS with the keys in `in_kms`."""

    def __init__(self, pem_folder: Path) -> None:
        self.pem_folder = pem_folder
        self.in_kms: dict[str, Signer | ClientError] = {}
        self._signers = Signers(lambda arn, *_: _KmsSigner(self.in_kms, arn), pem_folder)

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        assert FunctionName == "keyferry-process-request"
        key = parse_probe(json.loads(Payload))
        assert key is not None
        return {"Payload": BytesIO(json.dumps(reply_to_probe(self._signers, key)).encode())}


class _KmsSigner:
    alg = keyid = "unused"
    public = b""

    def __init__(self, in_kms: Mapping[str, Signer | ClientError], arn: str) -> None:
        self._in_kms = in_kms
        self._arn = arn

    def sign(self, message: bytes) -> bytes:
        signer = self._in_kms[self._arn]
        if isinstance(signer, ClientError):
            raise signer
        return signer.sign(message)
