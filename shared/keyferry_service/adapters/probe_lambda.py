"""Whether the service can sign with a key: process_request is invoked to sign a probe with it."""

import json
from pathlib import PurePath
from typing import Any

from botocore.exceptions import ClientError

from keyferry_protocol.encoding import b64, unb64
from keyferry_protocol.keys import keyid
from keyferry_service.adapters.signers import Signers
from keyferry_service.domain.signing_keys import PROBE, KeyStatus, SigningKey

NO_PEM_KEY, FUNCTION_FAILED = "NoPemKey", "FunctionFailed"  # other codes are those of KMS


class ProbeFailed(Exception):
    """The service could not sign with the key."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)


def request_probe(functions: Any, function: str, key: SigningKey) -> bytes:
    """Have process_request sign the probe, and return its signature. Raises ProbeFailed.

    `functions` is a client of Lambda.
    """
    place = {"kms_arn": key.kms_arn} if key.kms_arn is not None else {"pem": key.pem}
    event = {"probe": {"alg": key.alg, "public": b64(key.public), **place}}
    reply = functions.invoke(FunctionName=function, Payload=json.dumps(event))
    match json.loads(reply["Payload"].read()):
        case {"signature": str(signature)}:
            return unb64(signature)
        case {"error": str(code), "detail": str(detail)}:
            raise ProbeFailed(code, detail)
        case other:
            raise ProbeFailed(FUNCTION_FAILED, json.dumps(other))


def parse_probe(event: object) -> SigningKey | None:
    """The key of an event that `request_probe` made; None for any other event."""
    match event:
        case {"probe": {"alg": str(alg), "public": str(text), "kms_arn": str(arn)}}:
            return _active(alg, unb64(text), kms_arn=arn)
        case {"probe": {"alg": str(alg), "public": str(text), "pem": str(name)}} if (
            PurePath(name).name == name  # a file of the folder, never one elsewhere
        ):
            return _active(alg, unb64(text), pem=name)
    return None


def reply_to_probe(signers: Signers, key: SigningKey) -> dict[str, str]:
    """Sign the probe, and nothing else, with this key. An error of the key is a reply, too."""
    try:
        (signer,) = signers.of([key])
        return {"signature": b64(signer.sign(PROBE))}
    except ClientError as error:
        return {"error": error.response["Error"]["Code"], "detail": str(error)}
    except (OSError, ValueError, TypeError) as error:  # of a PEM file
        return {"error": NO_PEM_KEY, "detail": str(error)}


def _active(
    alg: str, public: bytes, kms_arn: str | None = None, pem: str | None = None
) -> SigningKey:
    return SigningKey(keyid(alg, public), alg, public, KeyStatus.ACTIVE, kms_arn, pem)
