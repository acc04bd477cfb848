"""Request and response files in their two buckets, and presigned access for browsers."""

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.config import Config
from botocore.exceptions import ClientError

from keyferry_protocol.envelope import MAX_FILE, REQUEST
from keyferry_service.domain.ticket import DOWNLOAD_URL_S
from keyferry_service.domain.upload import Upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONTENT_TYPE = "application/octet-stream"
ZIP_TYPE = "application/zip"
# Folders of the out bucket. S3 tells of what is new in the first one only.
RESPONSES = "responses"
RENEWALS = "renewals"
UPLOAD_FORM_S = 120
PUT_TRIES = 3
# Presigned URLs name the bucket's host in its region: the page's Content-Security-Policy knows no
# other.
PRESIGNING = Config(
    signature_version="s3v4",
    s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
)
_NOT_FOUND = ("NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed")  # the last: a delete marker
_DEFLATED = "deflated"  # x-amz-meta-deflated
# S3 takes 2 KB of metadata of an object with all its names:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
_MAX_DEFLATED = 1400  # bytes, before base64
_CONDITION = "keyferry_if_none_match"  # where a call's parameter waits until it becomes a header


class FileGone(Exception):
    """An object version no longer exists."""


class PublishedFile(NamedTuple):
    """A response or refusal. `deflated` is the response's BODY packed against its request's."""

    data: bytes
    deflated: bytes | None


class Files:
    """Reads and writes files. A client that presigns must be configured with PRESIGNING."""

    def __init__(self, s3: "S3Client", in_bucket: str, out_bucket: str) -> None:
        # Lambda may bring a boto3 from before S3's conditional writes, which refuses the parameter.
        s3.meta.events.register("before-parameter-build.s3.PutObject", _take_condition)
        s3.meta.events.register("before-call.s3.PutObject", _send_condition)
        self._s3 = s3
        self._in_bucket = in_bucket
        self._out_bucket = out_bucket

    def presign_upload(self, ticket_id: str) -> dict[str, Any]:
        """A presigned POST: the URL and form fields that upload one small file for this ticket."""
        fields = {"Content-Type": CONTENT_TYPE, "success_action_status": "201"}
        conditions: list[Any] = [{name: value} for name, value in fields.items()]
        conditions.append(["content-length-range", 1, MAX_FILE[REQUEST]])
        return self._s3.generate_presigned_post(
            self._in_bucket,
            _uploaded_key(ticket_id),
            Fields=fields,
            Conditions=conditions,
            ExpiresIn=UPLOAD_FORM_S,
        )

    def store_upload(self, ticket_id: str, data: bytes) -> bool:
        """Put the object that the presigned POST would put. False if there is one already."""
        return self._put_once(self._in_bucket, _uploaded_key(ticket_id), data)

    def uploaded_at(self, ticket_id: str) -> int | None:
        """When the ticket's request file arrived, in seconds since 1970; None if it did not."""
        try:
            head = self._s3.head_object(Bucket=self._in_bucket, Key=_uploaded_key(ticket_id))
        except ClientError as error:
            _raise_unless_not_found(error)
            return None
        return int(head["LastModified"].timestamp())

    def uploads(self, beginning: str) -> list[Upload]:
        """The files that came on the tickets whose ids begin so, the first version first."""
        pages = self._s3.get_paginator("list_object_versions").paginate(
            Bucket=self._in_bucket, Prefix=_uploaded_key(beginning)
        )
        uploads = [
            Upload(
                version["Key"].removeprefix(_uploaded_key("")),
                version["Key"],
                version["VersionId"],
                int(version["LastModified"].timestamp()),
            )
            for page in pages
            for version in page.get("Versions", [])
        ]
        return uploads[::-1]  # S3 lists the latest version of a key first

    def read(self, ticket_id: str, version_id: str) -> bytes:
        """The request file, at most one byte more than it may have. Raises FileGone."""
        try:
            reply = self._s3.get_object(
                Bucket=self._in_bucket, Key=_uploaded_key(ticket_id), VersionId=version_id
            )
            return reply["Body"].read(MAX_FILE[REQUEST] + 1)
        except ClientError as error:
            _raise_unless_not_found(error)
            raise FileGone("The object version is gone.") from error

    def publish(
        self, ticket_id: str, file_name: str, data: bytes, deflated: bytes | None = None
    ) -> None:
        """Put a response or refusal, unless the ticket has one already.

        What only the request could give, `deflated`, is kept with it, so that nobody reads the
        request again; one that is too long to be kept so is left out.
        """
        metadata = {}
        if deflated is not None and len(deflated) <= _MAX_DEFLATED:
            metadata[_DEFLATED] = b64encode(deflated).decode()
        key = _published_key(ticket_id, file_name)
        self._put_once(self._out_bucket, key, data, metadata)

    def read_published(self, ticket_id: str, file_name: str) -> PublishedFile | None:
        """The response or refusal that the ticket has; None if it has none."""
        key = _published_key(ticket_id, file_name)
        try:
            reply = self._s3.get_object(Bucket=self._out_bucket, Key=key)
        except ClientError as error:
            _raise_unless_not_found(error)
            return None
        deflated = reply["Metadata"].get(_DEFLATED)
        return PublishedFile(reply["Body"].read(), b64decode(deflated) if deflated else None)

    def publish_zip(self, zip_id: str, file_name: str, data: bytes) -> None:
        """Put a zip of renewals; put again, it is kept as long as a new one."""
        self._s3.put_object(
            Bucket=self._out_bucket,
            Key=_published_key(zip_id, file_name, RENEWALS),
            Body=data,
            ContentType=ZIP_TYPE,
        )

    def is_published(self, id: str, file_name: str, folder: str = RESPONSES) -> bool:
        """Whether the ticket has this response or refusal; or whether there is this zip."""
        key = _published_key(id, file_name, folder)
        try:
            self._s3.head_object(Bucket=self._out_bucket, Key=key)
        except ClientError as error:
            _raise_unless_not_found(error)
            return False
        return True

    def presign_download(self, id: str, file_name: str, folder: str = RESPONSES) -> str:
        """A presigned URL that saves the response or zip under its name; good for a minute."""
        return self._s3.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._out_bucket,
                "Key": _published_key(id, file_name, folder),
                "ResponseContentDisposition": f'attachment; filename="{file_name}"',
            },
            ExpiresIn=DOWNLOAD_URL_S,
        )

    def _put_once(
        self,
        bucket: str,
        key: str,
        data: bytes,
        metadata: dict[str, str] | None = None,
        tries: int = PUT_TRIES,
    ) -> bool:
        """Put an object unless its key has one. Returns whether it was put.

        Where another call of the same key came in between, S3 wants the call again:
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        """
        try:
            self._s3.put_object(
                Bucket=bucket,
                Key=key,
                Body=data,
                ContentType=CONTENT_TYPE,
                IfNoneMatch="*",
                Metadata=metadata or {},
            )
        except ClientError as error:
            match error.response["Error"]["Code"]:
                case "PreconditionFailed":
                    return False
                case "ConditionalRequestConflict" if tries > 1:
                    return self._put_once(bucket, key, data, metadata, tries - 1)
            raise
        return True


def _take_condition(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    if condition := params.pop("IfNoneMatch", None):
        context[_CONDITION] = condition


def _send_condition(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    if condition := context.get(_CONDITION):
        params["headers"]["If-None-Match"] = condition


def _uploaded_key(ticket_id: str) -> str:
    return f"requests/{ticket_id}"


def _published_key(id: str, file_name: str, folder: str = RESPONSES) -> str:
    return f"{folder}/{id}/{file_name}"


def _raise_unless_not_found(error: ClientError) -> None:
    if error.response["Error"]["Code"] not in _NOT_FOUND:
        raise error
