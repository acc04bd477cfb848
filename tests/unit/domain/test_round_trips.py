"""Rows and messages are read back as they were written; no message of a stranger does harm."""

import json
from contextlib import suppress
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyferry_service.adapters.feedback_ses import Feedback, Reason, parse_feedback
from keyferry_service.adapters.items_dynamodb import from_item, members, to_item
from keyferry_service.adapters.license_rows_dynamodb import read_license
from keyferry_service.adapters.queue_sqs import (
    MailRequest,
    parse_mail_request,
    parse_resign,
    request_mail,
    request_resign,
)
from keyferry_service.adapters.stray_message import StrayMessage
from keyferry_service.adapters.tickets_dynamodb import ticket_from_item
from keyferry_service.adapters.uploads_s3 import REQUESTS, uploads_in
from keyferry_service.domain.license import LedgerEntry, LicenseRecord, Seat, Status
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.ticket import EmailStatus, Ticket, TicketState
from keyferry_service.domain.upload import Upload
from keyferry_service.views.api_input import is_email, network_of, read_call, read_email_or_none
from keyferry_service.views.problem_document import Problem
from tests.support.strategies import (
    component_sets,
    counts,
    free_texts,
    hexes,
    json_values,
    names,
    numbers,
    signers,
    strict_texts,
    texts,
)

_URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
tickets = st.text(_URL_SAFE, min_size=43, max_size=43)
seconds = st.integers(0, 253_402_300_799)
maybe_seconds = st.none() | seconds
refusals = st.builds(
    Refusal,
    st.sampled_from(RefusalCode),
    st.sampled_from(["", "response", "personal"]),
    st.dictionaries(names, counts | free_texts | st.booleans() | st.none(), max_size=4),
)
public_keys = signers.map(lambda signer: signer.public)


class Queue:
    """A queue that keeps the last message, as text."""

    def send_message(self, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803
        self.message = MessageBody


# Rows


@settings(max_examples=60)
@given(
    st.builds(
        Ticket,
        id=tickets,
        expires_at=st.integers(1, 253_402_300_799),
        state=st.sampled_from(TicketState),
        email=st.none() | strict_texts,
        email_status=st.sampled_from(EmailStatus),
        link_expires_at=maybe_seconds,
        version_id=st.none() | strict_texts,
        request_sha256=st.none() | hexes,
        machine_name=free_texts,
        product=free_texts,
        edition=free_texts,
        seat=st.none() | counts,
        valid_until=maybe_seconds,
        refusal=st.none() | refusals,
    )
)
def test_a_ticket(ticket: Ticket) -> None:
    row = members(ticket)
    if ticket.refusal is not None:
        row["refusal"] = ticket.refusal.as_json()
    item = to_item({name: value for name, value in row.items() if value is not None})
    assert ticket_from_item(item, ticket.expires_at - 1) == ticket
    assert ticket_from_item(item, ticket.expires_at) is None


@settings(max_examples=60)
@given(
    st.builds(
        LicenseRecord,
        number=numbers,
        activation_public=public_keys,
        product=names,
        valid_from=seconds,
        licensee=free_texts,
        reference=free_texts,
        note=free_texts,
        labels=st.lists(names, max_size=3).map(tuple),
        features=st.dictionaries(names, st.just(True) | counts, max_size=4),
        trial_days=st.none() | counts,
        valid_until=maybe_seconds,
        protections=st.sampled_from([("machine",), ("machine", "personal")]),
        status=st.sampled_from(Status),
        seats_ever_used=st.integers(-100, 100),
        moves=st.dictionaries(st.dates().map(str), counts, max_size=3),
        revision=counts,
    )
)
def test_a_license(license: LicenseRecord) -> None:
    copy = read_license(to_item(members(license)))
    assert repr(copy) == repr(license)  # a feature's True is not 1


@settings(max_examples=60)
@given(
    st.builds(
        Seat,
        number=counts,
        taken=st.booleans(),
        protection=st.just("personal"),
        device_key=public_keys,
        load_key=st.none() | public_keys,
        components=component_sets("personal"),
        machine_name=free_texts,
        since=seconds,
        serial=counts,
        last_request_serial=counts,
        last_response_at=seconds,
        dongle_keyid=st.none() | hexes,
    )
)
def test_a_seat(seat: Seat) -> None:
    assert from_item(Seat, to_item(members(seat))) == seat


@given(hexes, st.binary(min_size=1, max_size=4096), counts, seconds, maybe_seconds)
def test_a_ledger_entry(sha: str, body: bytes, seat: int, at: int, until: int | None) -> None:
    answer = LedgerEntry(sha, body, seat, at, until)
    assert from_item(LedgerEntry, to_item(members(answer))) == answer


# Messages


@given(tickets, strict_texts)
def test_a_request_for_email_or_resigning(ticket: str, to: str) -> None:
    queue = Queue()
    request_mail(cast(Any, queue), "", MailRequest(ticket, to))
    assert parse_mail_request(queue.message) == MailRequest(ticket, to)
    assert parse_resign(queue.message) is None
    request_resign(cast(Any, queue), "", ticket)
    assert parse_resign(queue.message) == ticket
    assert parse_mail_request(queue.message) is None


def s3_notice(ticket: str, version: str) -> dict[str, Any]:
    entry = {"key": f"requests/{ticket}", "versionId": version}
    s3 = {"bucket": {"name": "in"}, "object": entry}
    return {"Records": [{"s3": s3, "eventTime": "1970-01-01T00:01:00.123Z"}]}


def ses_notice(mail_id: str) -> dict[str, Any]:
    tags = {"ses:configuration-set": ["mails"], "mail": [mail_id]}
    return {
        "eventType": "Bounce",
        "mail": {"sendingAccountId": "000000000000", "tags": tags},
        "bounce": {"bounceType": "Permanent", "bounceSubType": "General"},
    }


@given(tickets, st.text(_URL_SAFE, min_size=1))
def test_a_notice_of_s3(ticket: str, version: str) -> None:
    message = json.dumps(s3_notice(ticket, version))
    assert uploads_in(message, "in", REQUESTS) == [
        Upload(ticket, f"requests/{ticket}", version, 60)
    ]


@given(st.binary(min_size=16, max_size=16).map(bytes.hex))
def test_a_notice_of_ses(mail_id: str) -> None:
    feedback = parse_feedback(json.dumps(ses_notice(mail_id)), "000000000000", "mails")
    assert feedback == Feedback(mail_id, Reason.BOUNCE, "General", is_final=True)


@st.composite
def altered(draw: st.DrawFn, message: Any) -> Any:
    """A message with one value, at any depth, replaced by whatever JSON can say."""
    document = json.loads(json.dumps(message))
    holder = document
    while True:
        name = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else [0]))
        inner = holder[name]
        if not isinstance(inner, dict | list) or not inner or draw(st.integers(0, 5)) == 5:
            holder[name] = draw(json_values)
            return document
        holder = inner


messages = st.one_of(
    texts,
    json_values.map(json.dumps),
    altered(s3_notice("A" * 43, "v1")).map(json.dumps),
    altered(ses_notice("0" * 32)).map(json.dumps),
    altered({"mail": {"ticket": "A" * 43, "to": "anna@example.com"}}).map(json.dumps),
    altered({"sign": {"ticket": "A" * 43}}).map(json.dumps),
)


@settings(max_examples=300)
@given(messages)
def test_a_message_of_any_shape_is_read_or_rejected(message: str) -> None:
    with suppress(StrayMessage):
        assert all(upload.key for upload in uploads_in(message, "in", REQUESTS))
    with suppress(StrayMessage):
        parse_feedback(message, "000000000000", "mails")
    for parsed in (parse_mail_request(message), parse_resign(message)):
        assert parsed is None or isinstance(parsed, MailRequest | str)


# Calls


_label = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,5}[A-Za-z0-9])?", fullmatch=True)
_local = st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,9}", fullmatch=True)
addresses = st.builds(
    lambda local, domain, top: f"{'.'.join(local)}@{'.'.join(domain)}.{top}",
    st.lists(_local, min_size=1, max_size=3),
    st.lists(_label, min_size=1, max_size=3),
    st.sampled_from(["com", "museum", "xn--p1ai"]),
)


@given(addresses, st.integers(0, 60), st.sampled_from(list(' \r\n\0,;:<>()[]"\\@é')))
def test_an_email_address_is_one_address_and_nothing_else(
    address: str, at: int, symbol: str
) -> None:
    assert is_email(address)
    assert not is_email(address[:at] + symbol + address[at:])


@given(texts | json_values.map(json.dumps), st.booleans())
def test_a_call_of_any_shape_is_read_or_rejected(body: str, is_base64: bool) -> None:
    with suppress(Problem):
        email = read_email_or_none(read_call("application/json", body, is_base64))
        assert email is None or is_email(email)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_neighboring_addresses_count_as_one_network(address: Any, port: int) -> None:
    direct = network_of(None, str(address))
    assert network_of(f"{address}:{port}", "127.0.0.1") == direct
    assert network_of(f"[{address}]:{port}", "127.0.0.1") == direct
    bits = 8 if address.version == 4 else 80
    neighbor = type(address)(int(address) >> bits << bits)
    assert network_of(None, str(neighbor)) == direct


@pytest.mark.parametrize("source", ["", "unknown", "1.2.3", "%", "1.2.3.4:5:6"])
@given(texts)
def test_an_invalid_address_is_still_counted(source: str, viewer: str) -> None:
    assert network_of(viewer, source)
