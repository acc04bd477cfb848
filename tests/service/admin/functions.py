"""Lambda, with as much of process_request as the administrator invokes, in this process."""

import json
import time
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from keyferry_admin.stack import Stack
from keyferry_protocol.keys import Signer
from keyferry_service.adapters.probe_lambda import parse_probe, reply_to_probe
from keyferry_service.adapters.renewals_lambda import parse_renewals, reply_to_renewals
from keyferry_service.adapters.signers import Signers
from keyferry_service.use_cases.renew import Renew
from tests.support.inline import InlineExecutor


def refusal(code: str) -> ClientError:
    """What KMS says to whom it refuses a signature."""
    return ClientError({"Error": {"Code": code, "Message": "No."}}, "Sign")


class Functions:
    """The service signs with the PEM files of a folder, and in KMS with the keys in `in_kms`."""

    def __init__(self, pem_folder: Path) -> None:
        self.pem_folder = pem_folder
        self.in_kms: dict[str, Signer | ClientError] = {}
        self.before_each: Callable[[Any], None] = lambda event: None
        self._signers = Signers(lambda arn, *_: _KmsSigner(self.in_kms, arn), pem_folder)

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        assert FunctionName == "keyferry-process-request"
        event = json.loads(Payload)
        self.before_each(event)
        try:
            reply = self._handle(event)
        except Exception as error:  # as Lambda tells of one, whatever it is
            reply = {"errorType": type(error).__name__, "errorMessage": str(error)}
        return {"Payload": BytesIO(json.dumps(reply).encode())}

    def _handle(self, event: Any) -> dict[str, Any]:
        key, order = parse_probe(event), parse_renewals(event)
        if order is not None:
            return reply_to_renewals(self._renew().renew(order, _Deadline()))
        assert key is not None
        return reply_to_probe(self._signers, key)

    def _renew(self) -> Renew:
        stack = Stack("keyferry")
        return Renew(stack.decisions, stack.signing_keys, self._signers, time, InlineExecutor())


class _Deadline:
    """All the time that a function has."""

    def get_remaining_time_in_millis(self) -> int:
        return 20_000


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
