"""One of the S3 services that the tests of passes run on."""

from dataclasses import dataclass
from typing import Any

from keyferry_service.adapters.files_s3 import Files

EMBEDDED, SEAWEEDFS = "the embedded cloud", "SeaweedFS"


@dataclass(frozen=True)
class Storage:
    """One S3 with the service's two buckets, and the service's own passes to them."""

    name: str
    s3: Any
    in_bucket: str
    out_bucket: str

    @property
    def files(self) -> Files:
        return Files(self.s3, self.in_bucket, self.out_bucket)

    def stored(self, ticket: str) -> list[bytes]:
        """Every version of what was uploaded for a ticket, the oldest first."""
        key = f"requests/{ticket}"
        listing = self.s3.list_object_versions(Bucket=self.in_bucket, Prefix=key).get(
            "Versions", []
        )
        versions = [entry["VersionId"] for entry in reversed(listing) if entry["Key"] == key]
        return [self._read(key, version) for version in versions]

    def _read(self, key: str, version: str) -> bytes:
        answer = self.s3.get_object(Bucket=self.in_bucket, Key=key, VersionId=version)
        data: bytes = answer["Body"].read()
        return data
