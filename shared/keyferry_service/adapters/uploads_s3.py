"""S3's event notifications of new objects, as they come through a queue."""

import json
import re
from typing import Any
from urllib.parse import unquote_plus

from keyferry_protocol.encoding import parse_time
from keyferry_service.adapters.stray_message import StrayMessage
from keyferry_service.domain.ticket import TICKET_ID
from keyferry_service.domain.upload import Upload

REQUESTS = re.compile(f"requests/(?P<ticket>{TICKET_ID})")
RESPONSES = re.compile(f"responses/(?P<ticket>{TICKET_ID})/(?P<name>[a-z0-9.-]{{1,80}})")


def uploads_in(message: str, bucket: str, keys: re.Pattern[str]) -> list[Upload]:
    """The objects that a message names; none for S3's first test event.

    Raises StrayMessage unless they are objects of this bucket under these keys.
    """
    try:
        notice = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise StrayMessage("The message is not JSON.") from error
    if not isinstance(notice, dict):
        raise StrayMessage("The message is not an event.")
    if notice.get("Event") == "s3:TestEvent":
        return []
    records = notice.get("Records")
    if not isinstance(records, list) or not records:
        raise StrayMessage("The message is not an event of S3.")
    return [_upload(record, bucket, keys) for record in records]


def _upload(record: Any, bucket: str, keys: re.Pattern[str]) -> Upload:
    try:
        name = record["s3"]["bucket"]["name"]
        entry = record["s3"]["object"]
        key = unquote_plus(entry["key"])
        version_id = entry["versionId"]
        at = parse_time(re.sub(r"\.[0-9]+Z$", "Z", record["eventTime"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StrayMessage("A record of the event is not S3's.") from error
    if name != bucket:
        raise StrayMessage("The event is of another bucket.")
    match = keys.fullmatch(key)
    if match is None:
        raise StrayMessage("The event is of an object that belongs to no ticket.")
    return Upload(match["ticket"], key, str(version_id), at)
