"""A signing key whose private half never leaves KMS."""

from typing import TYPE_CHECKING

from keyferry_protocol.keys import ED25519, ML_DSA_65

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_kms.literals import SigningAlgorithmSpecType

_ALGORITHMS: "dict[str, SigningAlgorithmSpecType]" = {
    ED25519: "ED25519_SHA_512",
    ML_DSA_65: "ML_DSA_SHAKE_256",
}


class KmsSigner:
    """Signs the message itself (RAW): at most 4,096 bytes, the limit of KMS."""

    def __init__(self, kms: "KMSClient", arn: str, alg: str, public: bytes, keyid: str) -> None:
        self._kms = kms
        self._arn = arn
        self.alg = alg
        self.public = public
        self.keyid = keyid

    def sign(self, message: bytes) -> bytes:
        reply = self._kms.sign(
            KeyId=self._arn,
            Message=message,
            MessageType="RAW",
            SigningAlgorithm=_ALGORITHMS[self.alg],
        )
        return reply["Signature"]
