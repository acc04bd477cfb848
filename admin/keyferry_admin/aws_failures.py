"""Says what to do when AWS refuses a call or cannot be reached."""

import re

from botocore import exceptions as aws

from keyferry_admin.errors import AdminError
from keyferry_admin.errors.stack import (
    BUSY_CODES,
    AwsBusy,
    AwsFailure,
    AwsUnreachable,
    ExpiredCredentials,
    MissingRight,
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
    **dict.fromkeys(BUSY_CODES, AwsBusy),
}

_DENIED = ("AccessDenied", "AccessDeniedException", "403")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_RIGHT = re.compile(r"perform: (?P<right>[\w:-]+)(?: on resource: \"?(?P<resource>[^\s\"]+))?")
_KINDS = {
    "cloudformation": "stack",
    "dynamodb": "table",
    "events": "event bus",
    "kms": "key",
    "lambda": "function",
    "s3": "bucket",
    "sqs": "queue",
}
_TYPE = re.compile(r"^(event-bus|function|key|stack|table)[:/]")


def explain(error: aws.BotoCoreError | aws.ClientError) -> AdminError:
    """The error of ours for what AWS's library raised: the same sentence, and the next step."""
    if isinstance(error, aws.ClientError):
        code = error.response["Error"]["Code"]
        if (error.operation_name, code) == ("Scan", "ValidationException"):
            return NoLicenseIndex("The license table has no index of licenses to read")
        if code in _DENIED:
            return _missing_right(error)
        kind: type[AdminError] = _BY_CODE.get(code, AwsFailure)
    else:
        kind = next((_BY_TYPE[t] for t in type(error).__mro__ if t in _BY_TYPE), AwsFailure)
    return kind(str(error).rstrip("."))


def _missing_right(error: aws.ClientError) -> MissingRight:
    """The right and the resource as AWS names them; of a HEAD, S3 names neither."""
    named = _RIGHT.search(error.response["Error"].get("Message", ""))
    right = named["right"] if named else error.operation_name
    resource = (named and named["resource"]) or ""
    kind = _KINDS.get(right.partition(":")[0], "")
    name = _TYPE.sub("", resource.split(":", 5)[-1]) if resource.startswith("arn:") else ""
    on = f" ({' '.join(each for each in (kind, name) if each)})" if kind else ""
    title = f"Your AWS credentials do not have the right {right}{on}"
    return MissingRight(title, right=right, kind=kind, resource=resource)
