"""An upload: one version of the file that was put for a ticket."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Upload:
    """One version of one object in S3. `at` is when it was put, in seconds since 1970."""

    ticket_id: str
    key: str
    version_id: str
    at: int
