"""Request bytes to response bytes without AWS, beside the bare cryptography that this needs."""

from collections.abc import Callable
from functools import partial
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from benchmarks.measure import Row, in_turns, ratio, repeated, time_ms
from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope, pae
from keyferry_protocol.keys import MlDsa65Signer, Signer
from keyferry_service.adapters.signers import seal_response
from keyferry_service.domain.allocate import Grant
from keyferry_service.domain.ledger import response_to
from keyferry_service.domain.refusals import Refusal
from keyferry_service.domain.request_context import Snapshot
from keyferry_service.domain.verify_and_decide import read_request, verify_and_decide
from tests.support.builders import (
    ACTIVATION,
    LAB_07,
    NOW,
    SERVICE_KEY,
    VENDOR,
    a_license,
    a_request_file,
)

ROUNDS = 60
TIMES = 50  # in each round


def rows() -> list[Row]:
    data, found = a_request_file(LAB_07), Snapshot(license=a_license())
    quantum = MlDsa65Signer.generate()
    things: dict[str, Callable[[], float]] = {}
    signing: dict[str, list[Signer]] = {"Ed25519": [VENDOR], "both": [VENDOR, quantum]}
    for name, signers in signing.items():
        body = open_envelope(answer(data, found, signers), RESPONSE).body
        things[name] = repeated(partial(answer, data, found, signers), TIMES)
        things[f"{name}, bare"] = repeated(bare(data, body, signers), TIMES)
    taken = in_turns(things, ROUNDS)
    return [
        ratio("request to response / bare crypto", taken["Ed25519"], taken["Ed25519, bare"], 1.5),
        ratio("the same, with ML-DSA-65 too", taken["both"], taken["both, bare"], 1.5),
        time_ms("request to response", taken["Ed25519"]),
        time_ms("its bare crypto", taken["Ed25519, bare"]),
    ]


def answer(data: bytes, found: Snapshot, signers: list[Signer]) -> bytes:
    """What process_request does between its AWS calls."""
    request = read_request(data)
    assert not isinstance(request, Refusal)
    grant = verify_and_decide(request, found, [SERVICE_KEY], NOW)
    assert isinstance(grant, Grant)
    return seal_response(response_to(request, grant, NOW).to_bytes(), signers)


def bare(data: bytes, response_body: bytes, signers: list[Signer]) -> Callable[[], object]:
    """Two proofs verified, the request's hash, the response signed: nobody can do with less."""
    envelope = open_envelope(data, REQUEST)
    signed, message = envelope.pae, pae(RESPONSE, response_body)
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
