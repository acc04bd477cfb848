"""Says what to do when AWS refuses a call or cannot be reached."""

from botocore import exceptions as aws

from keyferry_admin.errors import (
    AdminError,
    AwsFailure,
    AwsUnreachable,
    ExpiredCredentials,
    NoCredentials,
    NoLicenseIndex,
    NoRegion,
    NoSuchProfile,
    RefusedCredentials,
)

_BY_TYPE: dict[type[aws.BotoCoreError], type[AdminError]] = {
    aws.NoRegionError: NoRegion,
    aws.ProfileNotFound: NoSuchProfile,
    aws.NoCredentialsError: NoCredentials,
    aws.PartialCredentialsError: NoCredentials,
    aws.CredentialRetrievalError: NoCredentials,
    aws.SSOError: ExpiredCredentials,
    aws.TokenRetrievalError: ExpiredCredentials,
    aws.ConnectionError: AwsUnreachable,
    aws.HTTPClientError: AwsUnreachable,
}
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-errors-common.html, and S3's names
_BY_CODE = {
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "RequestExpired"), ExpiredCredentials
    ),
    **dict.fromkeys(
        (
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "IncompleteSignature",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "InvalidAccessKeyId",
            "AuthFailure",
        ),
        RefusedCredentials,
    ),
}


def explain(error: aws.BotoCoreError | aws.ClientError) -> AdminError:
    """The error of ours for what AWS's library raised: the same sentence, and the next step."""
    if isinstance(error, aws.ClientError):
        code = error.response["Error"]["Code"]
        if (error.operation_name, code) == ("Scan", "ValidationException"):
            return NoLicenseIndex("The license table has no index of licenses to read")
        kind: type[AdminError] = _BY_CODE.get(code, AwsFailure)
    else:
        kind = next((_BY_TYPE[t] for t in type(error).__mro__ if t in _BY_TYPE), AwsFailure)
    return kind(str(error).rstrip("."))
