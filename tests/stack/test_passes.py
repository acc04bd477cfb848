"""Passes to the buckets: what a browser is let in for, and every way in which one is misused.

They are made by the service's own code and judged by an S3; `--second-s3` has a second one judge.
"""

import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import botocore.compat
import pytest
import requests

from keyferry_service.domain.ticket import DOWNLOAD_URL_S
from tests.stack.storage import EMBEDDED, SEAWEEDFS, Storage
from tests.support.builders import LAB_08, a_request_file
from tests.support.journeys import carry, open_ticket, upload, wait_for_ticket
from tests.support.running_stack import RunningStack

pytestmark = pytest.mark.attack

FILE = b'{"payloadType": "some file"}'
NAME = "015120020093-7f3a.response"
Post = dict[str, Any]  # url, fields, and what is sent: file, content_type


def a_ticket() -> str:
    return secrets.token_urlsafe(32)


def a_pass(storage: Storage, ticket: str) -> Post:
    return {**storage.files.presign_upload(ticket), "file": FILE}


def sent(post: Post) -> requests.Response:
    return requests.post(
        post["url"],
        data=post["fields"],
        files={"file": ("x", post["file"])},
        timeout=60,
        allow_redirects=False,
    )


@pytest.mark.parametrize("size", [1, 1226, 8192])
def test_a_pass_lets_in_one_file_of_one_byte_to_8_kilobytes(storage: Storage, size: int) -> None:
    ticket = a_ticket()
    assert sent(a_pass(storage, ticket) | {"file": b"x" * size}).status_code == 201
    assert storage.stored(ticket) == [b"x" * size]


def test_a_pass_used_again_makes_a_second_version_and_keeps_the_first(storage: Storage) -> None:
    """S3 allows it; the service drops the second file (see the end of this module)."""
    ticket = a_ticket()
    post = a_pass(storage, ticket)
    assert [sent(post | {"file": data}).status_code for data in (b"one", b"two")] == [201, 201]
    assert storage.stored(ticket) == [b"one", b"two"]


def edited(post: Post, change: Callable[[Any], object]) -> Post:
    """The pass with its policy changed by somebody who cannot sign."""
    policy = json.loads(b64decode(post["fields"]["policy"]))
    change(policy["conditions"])
    text = b64encode(json.dumps(policy).encode()).decode()
    return post | {"fields": {**post["fields"], "policy": text}}


def with_fields(post: Post, **fields: str) -> Post:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return post | {"fields": {**named, **post["fields"], **named}}


def without(post: Post, *names: str) -> Post:
    left = {name: value for name, value in post["fields"].items() if name not in names}
    return post | {"fields": left}


def flipped(text: str) -> str:
    return ("0" if text[0] != "0" else "1") + text[1:]


def longer(conditions: list[Any]) -> None:
    conditions[
        [c[0] if isinstance(c, list) else "" for c in conditions].index("content-length-range")
    ][2] = 10**9


def prolonged(post: Post) -> Post:
    policy = json.loads(b64decode(post["fields"]["policy"]))
    policy["expiration"] = "2099-01-01T00:00:00Z"
    text = b64encode(json.dumps(policy).encode()).decode()
    return post | {"fields": {**post["fields"], "policy": text}}


def of_another_ticket(storage: Storage, post: Post, field: str) -> Post:
    other = storage.files.presign_upload(a_ticket())["fields"]
    return post | {"fields": {**post["fields"], field: other[field]}}


MISUSED: dict[str, Callable[[Storage, Post], Post]] = {
    "a file too big": lambda s, p: p | {"file": b"x" * 8193},
    "an empty file": lambda s, p: p | {"file": b""},
    "a policy edited to allow more bytes": lambda s, p: edited(p, longer) | {"file": bytes(8193)},
    "a policy without conditions": lambda s, p: edited(p, lambda c: c.clear()),
    "a policy edited to last": lambda s, p: prolonged(p),
    "another key": lambda s, p: with_fields(p, key=f"requests/{a_ticket()}"),
    "a key above": lambda s, p: with_fields(p, key="../index.html"),
    "a key that the file's name fills in": lambda s, p: with_fields(p, key="${filename}"),
    "another ticket's key": lambda s, p: of_another_ticket(s, p, "key"),
    "another ticket's policy": lambda s, p: of_another_ticket(s, p, "policy"),
    "another ticket's signature": lambda s, p: of_another_ticket(s, p, "x-amz-signature"),
    "the bucket of the answers": lambda s, p: (
        p | {"url": p["url"].replace(s.in_bucket, s.out_bucket)}
    ),
    "another content type": lambda s, p: with_fields(p, Content_Type="text/html"),
    "no content type": lambda s, p: without(p, "Content-Type"),
    "another status": lambda s, p: with_fields(p, **{"success_action_status": "200"}),
    "an open access list": lambda s, p: with_fields(p, acl="public-read"),
    "a redirection": lambda s, p: (
        p | {"fields": {"success_action_redirect": "https://evil.example/", **p["fields"]}}
    ),
    "metadata of its own": lambda s, p: with_fields(p, x_amz_meta_note="mine"),
    "another class of storage": lambda s, p: with_fields(p, x_amz_storage_class="GLACIER"),
    "a wrong signature": lambda s, p: with_fields(
        p, x_amz_signature=flipped(p["fields"]["x-amz-signature"])
    ),
    "no signature": lambda s, p: without(p, "x-amz-signature"),
    "nothing but the key": lambda s, p: without(p, *(set(p["fields"]) - {"key"})),
    "somebody else's credential": lambda s, p: with_fields(
        p, x_amz_credential="AKIAEVIL" + p["fields"]["x-amz-credential"][8:]
    ),
    "another day's date": lambda s, p: with_fields(p, x_amz_date="20200101T000000Z"),
}
# What an S3 lets pass though AWS's documentation says that S3 refuses it; told by name.
LETS_PASS = {
    EMBEDDED: {"a link without a signature"},
    SEAWEEDFS: {"another status", "an open access list", "a redirection"},
}


def is_refused(storage: Storage, how: str, answer: requests.Response) -> bool:
    """Whether it was; of what this S3 is known to let pass, whether it still does."""
    if how in LETS_PASS[storage.name]:
        assert answer.status_code < 400, f"{storage.name} refuses {how} now: take it off the list"
        return False
    assert 400 <= answer.status_code < 500, answer.text
    return True


@pytest.mark.parametrize("how", MISUSED)
def test_a_misused_pass_stores_nothing(storage: Storage, how: str) -> None:
    ticket = a_ticket()
    answer = sent(MISUSED[how](storage, a_pass(storage, ticket)))
    if is_refused(storage, how, answer):
        assert storage.stored(ticket) == []


def signed_before(patch: pytest.MonkeyPatch, seconds: int) -> None:
    """Let what is signed from here on have been signed so long ago."""
    now = botocore.compat.get_current_datetime
    for module in ("botocore.auth", "botocore.signers"):
        patch.setattr(
            f"{module}.get_current_datetime",
            lambda *a, **k: now(*a, **k) - timedelta(seconds=seconds),
        )


@pytest.mark.parametrize(("seconds", "status"), [(100, 201), (121, 403)])
def test_a_pass_ends_after_two_minutes(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, seconds: int, status: int
) -> None:
    ticket = a_ticket()
    with monkeypatch.context() as patched:
        signed_before(patched, seconds)
        post = a_pass(storage, ticket)
    assert sent(post).status_code == status
    assert bool(storage.stored(ticket)) is (status == 201)


# Downloads


def a_link(storage: Storage, ticket: str, content: bytes = b"signed") -> str:
    storage.files.publish(ticket, NAME, content)
    return storage.files.presign_download(ticket, NAME)


def test_a_link_saves_its_file_under_its_name(storage: Storage) -> None:
    answer = requests.get(a_link(storage, a_ticket()), timeout=60)
    assert (answer.status_code, answer.content) == (200, b"signed")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{NAME}"'


def query(link: str, **changes: str | None) -> str:
    parts = urlsplit(link)
    fields = {**dict(parse_qsl(parts.query)), **changes}
    kept = {name: value for name, value in fields.items() if value is not None}
    return parts._replace(query=urlencode(kept)).geturl()


MISREAD: dict[str, Callable[[str], str]] = {
    "another ticket's file": lambda link: link.replace("/responses/A", "/responses/B"),
    "the bucket's list": lambda link: link.replace(urlsplit(link).path.split("/responses")[1], ""),
    "the bucket of the requests": lambda link: link.replace("out", "in", 1),
    "a longer life": lambda link: query(link, **{"X-Amz-Expires": "604800"}),
    "another disposition": lambda link: query(link, **{"response-content-disposition": "inline"}),
    "a type of its own": lambda link: query(link, **{"response-content-type": "text/html"}),
    "another version": lambda link: query(link, versionId="null"),
    "a wrong signature": lambda link: query(link, **{"X-Amz-Signature": "0" * 64}),
    "a link without a signature": lambda link: query(link, **{"X-Amz-Signature": None}),
    "no query at all": lambda link: link.partition("?")[0],
}


@pytest.mark.parametrize("how", MISREAD)
def test_a_changed_link_reads_nothing(storage: Storage, how: str) -> None:
    ticket = a_ticket()[:-43] + "A" + a_ticket()[1:]
    storage.files.publish("B" + ticket[1:], NAME, b"another's")
    link = MISREAD[how](a_link(storage, ticket))
    answer = requests.get(link, timeout=60)
    if is_refused(storage, how, answer):
        assert b"signed" not in answer.content
    assert b"another's" not in answer.content


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_a_link_to_read_writes_and_deletes_nothing(storage: Storage, method: str) -> None:
    link = a_link(storage, a_ticket())
    assert requests.request(method, link, data=b"forged", timeout=60).status_code >= 400
    assert requests.get(link, timeout=60).content == b"signed"


def test_a_link_ends_after_a_minute(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert DOWNLOAD_URL_S == 60
    ticket = a_ticket()
    storage.files.publish(ticket, NAME, b"signed")
    with monkeypatch.context() as patched:
        signed_before(patched, 61)
        link = storage.files.presign_download(ticket, NAME)
    assert requests.get(link, timeout=60).status_code == 403


def test_an_answer_that_lies_there_is_never_written_over(storage: Storage) -> None:
    ticket = a_ticket()
    link = a_link(storage, ticket)
    storage.files.publish(ticket, NAME, b"forged")
    assert requests.get(link, timeout=60).content == b"signed"


# What a ticket's holder can do with its pass


def without_the_code(stack: RunningStack) -> bytes:
    """A request of the demonstration license by somebody who has its number alone."""
    return a_request_file(LAB_08, license_number=stack.license["number"])


def test_a_second_file_by_the_same_pass_changes_no_answer(stack: RunningStack) -> None:
    ticket = open_ticket(stack)
    upload(ticket, without_the_code(stack))
    first = wait_for_ticket(stack, ticket)
    upload(ticket, b"another file")
    (refused,) = carry(stack, [b"one more, to wait for"])
    assert refused["state"] == "refused"
    assert wait_for_ticket(stack, ticket) == first
    assert first["refusal"]["code"] == "not-authentic"


def test_a_pass_of_one_ticket_cannot_fill_another(stack: RunningStack) -> None:
    mine, eves = open_ticket(stack), open_ticket(stack)
    post = eves["upload"]
    fields = post["fields"] | {"key": f"requests/{mine['id']}"}
    for named in (fields, fields | {"policy": mine["upload"]["fields"]["policy"]}):
        answer = requests.post(post["url"], data=named, files={"file": ("x", b"x")}, timeout=60)
        assert answer.status_code == 403
    state = requests.get(f"{stack.api}/requests/{mine['id']}", timeout=60).json()["state"]
    assert state == "awaiting-upload"
