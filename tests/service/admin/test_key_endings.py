"""Keys that stop signing: retired, or compromised."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from keyferry_admin.errors.keys import KeysChanged, LastActiveKey
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import keys, reissue
from keyferry_protocol.algorithms import ED25519, ML_DSA_65
from keyferry_protocol.keys import keyid
from keyferry_service.adapters.items_dynamodb import to_item
from keyferry_service.domain.ledger import entry_for, response_of
from keyferry_service.domain.license import LicenseRecord, Status
from keyferry_service.domain.renew import Renewal
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey
from tests.service.admin.screens import pem_key, take_seat
from tests.service.admin.test_requests import PAGE, answered, lying_in, whole
from tests.support.builders import LAB_07, LAB_08, Computer
from tests.support.samples import DAY, NOW, NUMBER
from tests.support.tables import put_key

__all__ = ["whole"]


@pytest.fixture
def pair(stack: Stack, tmp_path: Path) -> tuple[SigningKey, SigningKey]:
    """Two keys of one algorithm, both active."""
    old, new = (pem_key(stack, tmp_path / f"{name}.pem") for name in ("old", "new"))
    return old, new


def statuses(stack: Stack) -> dict[str, str]:
    return {key.keyid: key.status.value for key in stack.signing_keys.all()}


def code(ran: Any) -> str | None:
    return None if ran.json["ok"] else str(ran.json["error"]["code"])


def test_a_retired_key_signs_no_more(
    run: Any, stack: Stack, pair: tuple[SigningKey, SigningKey]
) -> None:
    old, new = pair
    assert run(f"keys retire {old.keyid} --yes").exit == 0
    assert statuses(stack) == {old.keyid: "retired", new.keyid: "active"}
    assert set(keys.export(stack.signing_keys, stack.licenses).trusts()) == set(statuses(stack))
    assert code(run(f"keys retire {old.keyid} --yes --json")) is None  # it may be said twice


@pytest.mark.parametrize("deed", ["retire {}", "compromise {} --output links.csv"])
def test_the_last_key_of_an_algorithm_stays(
    run: Any, whole: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    monkeypatch.chdir(tmp_path)
    last = pem_key(whole, tmp_path / "last.pem")
    pem_key(whole, tmp_path / "quantum.pem", ML_DSA_65)
    ran = run(f"keys {deed.format(last.keyid)} --yes --json")
    assert code(ran) == "last-active-key"
    assert "keys create --alg Ed25519" in ran.json["error"]["next_step"]
    assert set(statuses(whole).values()) == {"active"}
    assert not list(tmp_path.glob("links*"))
    assert code(run(f"keys {deed.format('0' * 16)} --yes --json")) == "no-such-key"


def test_without_a_terminal_to_confirm_no_key_ends(
    run: Any, whole: Stack, pair: tuple[SigningKey, SigningKey], tmp_path: Path
) -> None:
    before = statuses(whole)
    for deed in ("retire {}", f"compromise {{}} --output {tmp_path / 'links.csv'}"):
        assert code(run(f"keys {deed.format(pair[0].keyid)} --json")) == "not-confirmed"
    assert statuses(whole) == before


def test_only_the_keys_own_id_confirms(
    run: Any,
    stack: Stack,
    pair: tuple[SigningKey, SigningKey],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    old, new = pair
    for typed, status in [("yes", "active"), (new.keyid, "active"), (old.keyid, "retired")]:
        monkeypatch.setattr("builtins.input", lambda typed=typed: typed)
        run(f"keys retire {old.keyid}")
        assert statuses(stack)[old.keyid] == status


def test_ending_two_keys_at_once_leaves_one_active(
    stack: Stack, pair: tuple[SigningKey, SigningKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = pair
    monkeypatch.setattr(keys, "other_active", lambda *_: new)  # as it was read a moment ago
    put_key(
        stack._dynamodb,
        stack.output("KeysTable"),
        SigningKey(new.keyid, ED25519, new.public, KeyStatus.RETIRED),
    )
    with pytest.raises(KeysChanged):
        keys.retire(stack.signing_keys, old.keyid)
    assert statuses(stack)[old.keyid] == "active"


def test_a_key_that_moves_while_it_ends_is_not_the_other_key(stack: Stack, tmp_path: Path) -> None:
    """AWS would refuse to check and write one row, so that the command would end in its error."""
    key = pem_key(stack, tmp_path / "only.pem")
    stack.signing_keys.move(replace(key, pem="moved.pem"))
    with pytest.raises(LastActiveKey):
        keys.other_active(stack.signing_keys, key)


@pytest.fixture
def live(run: Any, whole: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A license with two seats in use and one released, and a revoked license."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    run(f"license create --number {NUMBER} --licensee =Acme --seats 3")
    boto3.client("dynamodb").update_item(
        TableName=whole.output("LicensesTable"),
        Key=to_item({"pk": NUMBER, "sk": "license"}),
        UpdateExpression="SET seats_used = :two",
        ExpressionAttributeValues=to_item({":two": 2}),
    )
    whole.licenses.create(LicenseRecord("000000000001", bytes(32), "x", NOW, status=Status.REVOKED))
    for seat, (computer, serial) in enumerate([(LAB_07, 7), (LAB_08, 8)], start=1):
        seat_answered(whole, seat, computer, serial=serial - 5)
        seat_answered(whole, seat, computer, serial=serial)
        take_seat(whole, seat, machine_name=f"=LAB-{seat}", serial=serial)
    seat_answered(whole, 3, Computer("LAB-09"), serial=9)
    take_seat(whole, 3, taken=False, serial=9)
    return whole


def seat_answered(stack: Stack, seat: int, computer: Computer, serial: int) -> None:
    """Write a ledger entry for this seat."""
    sha256 = answered(stack, serial, computer)
    boto3.client("dynamodb").update_item(
        TableName=stack.output("LicensesTable"),
        Key=to_item({"pk": NUMBER, "sk": f"answer#{sha256}"}),
        UpdateExpression="SET seat = :seat",
        ExpressionAttributeValues=to_item({":seat": seat}),
    )


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return sorted(csv.DictReader(file), key=lambda line: line["seat"])


def queued_tickets(stack: Stack) -> list[str]:
    """The tickets that the queue asks process_request to sign."""
    url, tickets = stack.output("RequestsQueue"), []
    while messages := lying_in(stack, "RequestsQueue"):
        for message in messages:
            tickets.append(json.loads(message["Body"])["sign"]["ticket"])
            stack.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return sorted(tickets)


def test_each_live_seat_gets_a_link_to_its_latest_answer(
    run: Any, live: Stack, pair: tuple[SigningKey, SigningKey], tmp_path: Path
) -> None:
    links = tmp_path / "links.csv"
    ran = run(f"keys compromise {pair[0].keyid} --output {links} --yes")
    assert (ran.exit, ran.err) == (0, "")
    lines = read(links)
    assert [(line["license"], line["seat"], line["status"]) for line in lines] == [
        (NUMBER, "1", "active"),
        (NUMBER, "2", "active"),
    ]
    # What a customer called a computer is no formula of the vendor's spreadsheet.
    assert [lines[0]["licensee"], lines[0]["computer"]] == ["'=Acme", "'=LAB-1"]
    tickets = [line["link"].removeprefix(f"{PAGE}/#t=") for line in lines]
    assert sorted(tickets) == queued_tickets(live)
    for id, serial, line in zip(tickets, (7, 8), lines, strict=True):
        ticket = live.tickets.get(id, NOW)
        assert ticket is not None
        assert (ticket.file_name, len(id)) == (line["file"], 43)
        (answer,) = live.licenses.ledger_entries(NUMBER, str(ticket.request_sha256))
        assert json.loads(answer.body)["serial"] == serial
        assert id not in ran.out
    assert links.stat().st_mode & 0o777 == 0o600
    assert statuses(live)[pair[0].keyid] == "compromised"
    assert code(run(f"keys retire {pair[0].keyid} --yes --json")) == "key-compromised"


def test_a_seat_that_was_renewed_since_gets_a_link_to_its_renewal(
    run: Any, live: Stack, pair: tuple[SigningKey, SigningKey], tmp_path: Path
) -> None:
    for serial in (20, 21):
        renewed(live, 1, serial)
    links = tmp_path / "links.csv"
    ran = run(f"keys compromise {pair[0].keyid} --output {links} --yes --json")
    assert (ran.json["signed"], ran.json["without_answer"]) == (2, 0)
    first, second = read(links)
    assert first["file"] == f"{NUMBER}-{keyid(ED25519, LAB_07.device.public)[:4]}-21.response"
    assert second["file"].endswith("-8.response")


def renewed(stack: Stack, number: int, serial: int) -> None:
    """Write what a renewal of this seat leaves behind."""
    (license,) = stack.licenses.read([NUMBER])
    seat = replace(
        stack.licenses.read_seats(NUMBER, {number})[number],
        device_key=LAB_07.device.public,
        load_key=LAB_07.load_key.public,
        request_sha256="0" * 64,
    ).with_renewal(serial, NOW, None)
    after = replace(license, revision=serial)
    renewal = Renewal(after, seat, None, license.revision, None)
    stack.decisions.claim_renewal(renewal, entry_for(response_of(renewal, NOW), renewal))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_spreadsheet_evaluates_the_name_of_a_computer(
    run: Any, live: Stack, pair: tuple[SigningKey, SigningKey], tmp_path: Path, delimiter: str
) -> None:
    """In half of the world spreadsheets split such a file at semicolons."""
    take_seat(live, 1, machine_name="x;=1+1;y", serial=7)
    take_seat(live, 2, machine_name=" @SUM(1); -2", serial=8)
    links = tmp_path / "links.csv"
    assert run(f"keys compromise {pair[0].keyid} --output {links} --yes").exit == 0
    with links.open(newline="") as file:
        cells = [cell for line in csv.reader(file, delimiter=delimiter) for cell in line]
    assert [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))] == []


def test_a_run_that_was_killed_can_be_started_again(
    run: Any,
    live: Stack,
    pair: tuple[SigningKey, SigningKey],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    links, line = tmp_path / "links.csv", f"keys compromise {pair[0].keyid} --yes"
    first = next(reissue.reissue_live_seats(live, pair[0].keyid, NOW))  # and no more of it
    assert queued_tickets(live) == [first.ticket.id]
    report = run(f"{line} --output {links} --json").json
    assert (report["signed"], report["signed_before"], report["without_answer"]) == (2, 1, 0)
    assert len(read(links)) == 2
    # What nobody has signed yet is asked for once more: the ask may be what was lost.
    assert first.ticket.id in queued_tickets(live)
    for each in read(links):
        id = each["link"].rpartition("=")[2]
        live.files.publish(id, each["file"], b"signed")
    before = read(links)
    again = run(f"{line} --output {links} --json").json
    assert (again["signed_before"], read(links), queued_tickets(live)) == (2, before, [])
    monkeypatch.setattr("time.time", lambda: NOW + 8 * DAY)
    anew = run(f"{line} --output {links} --json").json
    assert (anew["signed"], anew["signed_before"]) == (2, 0)
    assert not {each["link"] for each in read(links)} & {each["link"] for each in before}


def test_a_seat_without_a_response_is_counted(
    run: Any, live: Stack, pair: tuple[SigningKey, SigningKey], tmp_path: Path
) -> None:
    take_seat(live, 2, serial=99)  # of a table that was restored
    line = f"keys compromise {pair[0].keyid} --yes --output {tmp_path / 'links.csv'}"
    assert run(f"{line} --json").json["without_answer"] == 1
    assert "! 1 seat without an answer to hand out" in run(line).out


def test_a_key_stays_active_if_the_links_cannot_be_written(
    run: Any, live: Stack, pair: tuple[SigningKey, SigningKey], tmp_path: Path
) -> None:
    line = f"keys compromise {pair[0].keyid} --yes --output {tmp_path / 'nowhere' / 'links.csv'}"
    assert code(run(f"{line} --json")) == "links-not-written"
    assert statuses(live)[pair[0].keyid] == "active"
    assert queued_tickets(live) == []


def test_more_ledger_entries_than_one_batch_of_seats(
    live: Stack, pair: tuple[SigningKey, SigningKey]
) -> None:
    for serial in range(100, 260):
        seat_answered(live, 1, LAB_07, serial=serial)
    take_seat(live, 1, serial=205)
    answers_by_seat = {
        each.seat.number: each for each in reissue.reissue_live_seats(live, "k", NOW)
    }
    (answer,) = live.licenses.ledger_entries(NUMBER, str(answers_by_seat[1].ticket.request_sha256))
    assert json.loads(answer.body)["serial"] == 205
    assert sorted(answers_by_seat) == [1, 2]


@pytest.mark.parametrize(
    ("facts", "status", "warned"),
    [
        pytest.param({"serial": 7}, None, [], id="the latest answer"),
        pytest.param({"serial": 9}, None, ["newer answer (9, "], id="a newer one"),
        pytest.param(
            {"serial": 7, "taken": False}, None, ["Seat 2 is no longer in use"], id="given back"
        ),
        pytest.param({"serial": 7}, "suspend", ["is suspended"], id="suspended"),
    ],
)
def test_resend_warns_about_suspended_licenses_and_later_responses(
    run: Any, whole: Stack, facts: dict[str, Any], status: str | None, warned: list[str]
) -> None:
    run(f"license create --number {NUMBER} --seats 2")
    sha256 = answered(whole, 7)
    take_seat(whole, 2, **facts)
    if status:
        run(f"license {status} {NUMBER} --yes")
    output = run(f"request resend {NUMBER} {sha256}").out
    document = run(f"request resend {NUMBER} {sha256} --json").json
    assert len(document["warnings"]) == len(warned)
    assert [text for text in warned if text not in output] == []


def test_every_item_of_a_reissue_expires(live: Stack, pair: tuple[SigningKey, SigningKey]) -> None:
    began = live.resignings.begin("k", b"one", NOW)
    assert live.resignings.begin("k", b"two", NOW + DAY) == began
    assert live.resignings.begin("k", b"two", NOW + 7 * DAY).secret == b"two"
    assert began.expires_at == NOW + 7 * DAY
