"""A signing key whose private half never leaves KMS."""

from typing import TYPE_CHECKING, cast

from keyferry_protocol.algorithms import RESPONSE_ALGORITHMS

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_kms.literals import SigningAlgorithmSpecType


class KmsSigner:
    """Signs the message itself (RAW): at most 4,096 bytes, the limit of KMS."""

    def __init__(self, kms: "KMSClient", arn: str, alg: str, public: bytes, keyid: str) -> None:
        self._kms = kms
        self._arn = arn
        name = RESPONSE_ALGORITHMS[alg].kms_signing_algorithm
        self._signing_algorithm = cast("SigningAlgorithmSpecType", name)
        self.alg = alg
        self.public = public
        self.keyid = keyid

    def sign(self, message: bytes) -> bytes:
        reply = self._kms.sign(
            KeyId=self._arn,
            Message=message,
            MessageType="RAW",
            SigningAlgorithm=self._signing_algorithm,
        )
        return reply["Signature"]
