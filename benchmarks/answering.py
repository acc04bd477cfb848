"""Time request bytes to response bytes without AWS, compared with the cryptography alone.

The floor is what no implementation in Python can avoid: the cryptography, strict JSON in and out,
base64 and the hash of the request. No goal can be below it.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import partial
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from benchmarks.measure import Row, call_timer, interleave, ratio_row, time_row
from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope, pae
from keyferry_protocol.keys import MlDsa65Signer, Signer
from keyferry_protocol.strict_json import parse_json
from keyferry_service.adapters.signers import seal_response
from keyferry_service.domain.allocate import Grant
from keyferry_service.domain.decide import decide
from keyferry_service.domain.ledger import response_to
from keyferry_service.domain.proof import read_request, refuse_unproven
from keyferry_service.domain.refusals import Refusal
from keyferry_service.domain.request_context import Snapshot
from tests.support.builders import (
    ACTIVATION,
    LAB_07,
    SERVICE_KEY,
    VENDOR,
    a_license,
    a_request_file,
)
from tests.support.samples import NOW

ROUNDS = 60
REPEATS = 50  # in each round


def rows() -> list[Row]:
    file, snapshot = a_request_file(LAB_07), Snapshot(license=a_license())
    signers: dict[str, list[Signer]] = {
        "Ed25519": [VENDOR],
        "hybrid": [VENDOR, MlDsa65Signer.generate()],
    }
    calls: dict[str, Callable[[], object]] = {}
    for name, signing in signers.items():
        response = answer(file, snapshot, signing)
        calls[f"{name} answer"] = partial(answer, file, snapshot, signing)
        calls[f"{name} crypto"] = crypto(file, response, signing)
    calls["Ed25519 floor"] = floor(file, answer(file, snapshot, [VENDOR]), [VENDOR])
    samples = interleave({name: call_timer(call, REPEATS) for name, call in calls.items()}, ROUNDS)
    baseline = samples["Ed25519 crypto"]
    return [
        ratio_row("request to response / crypto alone", samples["Ed25519 answer"], baseline, 1.5),
        ratio_row(
            "the same, with ML-DSA-65 too",
            samples["hybrid answer"],
            samples["hybrid crypto"],
            1.5,
        ),
        ratio_row(
            "the floor with Ed25519 / crypto alone", samples["Ed25519 floor"], baseline, None
        ),
        time_row("request to response", samples["Ed25519 answer"]),
        time_row("its floor", samples["Ed25519 floor"]),
        time_row("its crypto alone", baseline),
    ]


def answer(file: bytes, snapshot: Snapshot, signers: list[Signer]) -> bytes:
    """What process_request does between its AWS calls."""
    request = read_request(file)
    assert not isinstance(request, Refusal)
    assert refuse_unproven(request, snapshot.license) is None
    grant = decide(request, snapshot, [SERVICE_KEY], NOW)
    assert isinstance(grant, Grant)
    return seal_response(response_to(request, grant, NOW).to_bytes(), signers)


def crypto(file: bytes, response: bytes, signers: list[Signer]) -> Callable[[], None]:
    """The cryptography of one answer: verify two proofs, hash the request, sign the response."""
    envelope = open_envelope(file, REQUEST)
    signed = envelope.pae
    message = pae(RESPONSE, open_envelope(response, RESPONSE).body)
    publics = [LAB_07.device.public, ACTIVATION.public]
    proofs = [
        (public, signature.sig)
        for public, signature in zip(publics, envelope.signatures, strict=True)
    ]

    def run() -> None:
        for public, signature in proofs:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)
        sha256(signed).digest()
        for signer in signers:
            signer.sign(message)

    return run


def floor(file: bytes, response: bytes, signers: list[Signer]) -> Callable[[], None]:
    """The cryptography, and reading and writing the two files with no check of what they say."""
    run_crypto = crypto(file, response, signers)
    sealed = open_envelope(response, RESPONSE)
    body = json.loads(sealed.body)
    signatures = [signature.sig for signature in sealed.signatures]

    def run() -> None:
        request = parse_json(file)
        assert isinstance(request, dict)
        for signature in request["signatures"]:
            b64decode(signature["sig"])
        parse_json(b64decode(request["payload"]))
        run_crypto()
        payload = b64encode(json.dumps(body).encode())
        signed = [{"keyid": "", "sig": b64encode(sig).decode()} for sig in signatures]
        json.dumps({"payloadType": RESPONSE, "payload": payload.decode(), "signatures": signed})

    return run
