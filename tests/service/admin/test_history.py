"""Every change to a license is kept with it, and the last one can be undone."""

from dataclasses import replace
from typing import Any

import pytest

from keyferry_admin.errors.licenses import LicenseChanged
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import change_license, licenses, undo
from keyferry_protocol.activation import activation_key, parse_activation_code
from keyferry_service.adapters.items_dynamodb import members
from keyferry_service.domain.license import Status
from tests.service.admin.screens import GOLDEN, Pipe, take_seat
from tests.support.samples import DAY, NOW, NUMBER

WHO = "arn:aws:sts::123456789012:user/moto"


@pytest.fixture
def sold(run: Any, stack: Stack) -> Stack:
    run(f"license create --number {NUMBER} --licensee Acme --seats 2 --until 2027-11-30")
    return stack


def whats(stack: Stack) -> list[str]:
    return [change.what for change in stack.licenses.changes(NUMBER)]


def as_stored(stack: Stack) -> dict[str, Any]:
    """The license but for its revision, which always rises."""
    return members(replace(licenses.find(stack.licenses, NUMBER), revision=0))


def test_history_says_who_changed_what_and_when(run: Any, sold: Stack) -> None:
    run(f"license change {NUMBER} --seats 5 --feature solver --feature threads=16")
    run(f"license extend {NUMBER} --until 2028-11-30")
    run(f"license suspend {NUMBER} --yes")
    run(f"license resume {NUMBER}")
    run(f"license allow-move {NUMBER}")
    run(f"license new-code {NUMBER} --yes")
    assert run(f"license history {NUMBER}").out == (GOLDEN / "license-history.txt").read_text()


def test_history_as_a_document_has_the_names_of_the_license(run: Any, sold: Stack) -> None:
    run(f"license extend {NUMBER} --until 2028-11-30")
    document = run(f"license history {NUMBER} --json").json
    assert document["license_number"] == NUMBER
    created, extended = document["changes"]
    assert created["what"] == "create"
    assert created["after"]["seats"] == 2
    assert extended == {
        "revision": 1,
        "at": "2026-11-24T09:47:00Z",
        "who": WHO,
        "what": "extend",
        "subject": "",
        "before": {"valid_until": "2027-11-30T23:59:59Z"},
        "after": {"valid_until": "2028-11-30T23:59:59Z"},
        "undoes": None,
    }


def test_history_in_a_pipe_is_a_line_for_each_change(run: Any, sold: Stack) -> None:
    run(f"license change {NUMBER} --seats 5")
    assert run(f"license history {NUMBER}", Pipe).out.splitlines()[1] == (
        f"2026-11-24T09:47:00Z\t{WHO}\tchange\tSeats: 5 (was 2)"
    )


def test_changes_to_seats_and_dongles_name_them(run: Any, sold: Stack) -> None:
    change_license.change(sold.licenses, NUMBER, lambda old: replace(old, seats_used=1))
    take_seat(sold, 1)
    run(f"seat release {NUMBER} 1 --yes")
    released = sold.licenses.changes(NUMBER)[-1]
    assert (released.what, released.subject) == ("release-seat", "1")


def test_a_change_that_is_not_written_leaves_no_record(run: Any, sold: Stack) -> None:
    assert run(f"license change {NUMBER} --seats 0 --yes").exit == 2
    stale = licenses.find(sold.licenses, NUMBER)
    run(f"license change {NUMBER} --seats 5")
    with pytest.raises(Exception, match="changed"):
        sold.licenses.change(stale, replace(stale, seats=9, revision=1))
    assert whats(sold) == ["create", "change"]


def test_order_is_that_of_the_revisions_whatever_the_clocks_say(
    run: Any, sold: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: NOW - 30 * DAY)
    sold.licenses.change(
        before := licenses.find(sold.licenses, NUMBER), replace(before, seats=5, revision=1)
    )
    assert whats(sold) == ["create", "change"]


@pytest.mark.parametrize(
    "line",
    [
        "license change {n} --seats 5",
        "license change {n} --feature solver --edition Pro --label acme --reference PO-1",
        "license change {n} --note none --contact ada@example.com",
        "license extend {n} --until 2028-11-30",
        "license suspend {n} --yes",
        "license allow-move {n}",
        "license new-code {n} --yes",
    ],
)
def test_undo_takes_the_last_change_back(run: Any, sold: Stack, line: str) -> None:
    before = as_stored(sold)
    assert run(line.format(n=NUMBER)).exit == 0
    assert as_stored(sold) != before or "none" in line
    undone = run(f"license undo {NUMBER} --yes --shorten --json").json
    assert as_stored(sold) == before
    assert undone["undone"]["revision"] == 1
    assert undone["license"]["revision"] == 2


def test_undo_again_goes_one_change_further_back(run: Any, sold: Stack) -> None:
    for seats in (3, 4):
        run(f"license change {NUMBER} --seats {seats}")
    for left in (3, 2):
        run(f"license undo {NUMBER} --yes --shorten")
        assert as_stored(sold)["seats"] == left
    error = run(f"license undo {NUMBER} --yes --json").json["error"]
    assert error["code"] == "cannot-undo"
    assert whats(sold) == ["create", "change", "change", "undo", "undo"]


@pytest.mark.parametrize(
    "line",
    [
        "license change {n} --seats 5",
        "license change {n} --feature solver",
        "license extend {n} --until never",
        "license allow-move {n}",
        "license resume {n}",
    ],
)
def test_a_script_undoes_what_gave_more_only_if_it_says_so(
    run: Any, sold: Stack, line: str
) -> None:
    if "resume" in line:
        run(f"license suspend {NUMBER} --yes")
    run(line.format(n=NUMBER))
    granted = as_stored(sold)
    error = run(f"license undo {NUMBER} --yes --json").json["error"]
    assert (error["code"], as_stored(sold)) == ("takes-rights-away", granted)
    assert run(f"license undo {NUMBER} --yes --shorten").exit == 0
    assert as_stored(sold) != granted


def test_a_script_undoes_what_took_something_away_at_once(run: Any, sold: Stack) -> None:
    run(f"license suspend {NUMBER} --yes")
    assert run(f"license undo {NUMBER} --yes").exit == 0
    assert as_stored(sold)["status"] is Status.ACTIVE


def test_an_undone_code_works_again(run: Any, stack: Stack) -> None:
    code = run(f"license create --number {NUMBER} --json").json["activation_code"]
    run(f"license new-code {NUMBER} --yes")
    assert run(f"license undo {NUMBER} --yes --json").json["error"]["code"] == "takes-rights-away"
    run(f"license undo {NUMBER} --yes --shorten")
    public = activation_key(parse_activation_code(code, NUMBER), NUMBER).public
    assert licenses.find(stack.licenses, NUMBER).activation_public == public


def test_undo_says_what_it_takes_back_and_asks(
    run: Any, sold: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(f"license change {NUMBER} --seats 5")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda: "015.120.020.093")
    assert run(f"license undo {NUMBER}").out == (GOLDEN / "license-undo.txt").read_text()
    assert run(f"license undo {NUMBER} --json").json["error"]["code"] == "cannot-undo"


def test_an_undo_that_takes_nothing_away_is_a_yes_or_no(
    run: Any, sold: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(f"license suspend {NUMBER} --yes")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda: "")
    ran = run(f"license undo {NUMBER}")
    assert ran.exit == 1
    assert ran.out.endswith(
        "  Status  active (was suspended)\n"
        "This undoes suspend by user/moto, 24 Nov 2026 09:47.\n"
        "Undo it? [y/N] "
    )
    monkeypatch.setattr("builtins.input", lambda: "y")
    assert run(f"license undo {NUMBER}").exit == 0
    assert as_stored(sold)["status"] is Status.ACTIVE


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("license revoke {n} --yes", "license-revoked"),
        ("seat release {n} 1 --yes", "cannot-undo"),
    ],
)
def test_what_cannot_be_undone(run: Any, sold: Stack, line: str, code: str) -> None:
    take_seat(sold, 1)
    assert run(line.format(n=NUMBER)).exit == 0
    before = as_stored(sold)
    assert run(f"license undo {NUMBER} --yes --json").json["error"]["code"] == code
    assert as_stored(sold) == before


def test_a_change_is_not_undone_if_the_service_has_used_it(run: Any, sold: Stack) -> None:
    run(f"license allow-move {NUMBER}")
    before = licenses.find(sold.licenses, NUMBER)
    sold._dynamodb.update_item(
        TableName=sold.output("LicensesTable"),
        Key={"pk": {"S": NUMBER}, "sk": {"S": "license"}},
        UpdateExpression="SET seats_ever_used = :used, revision = :next",
        ExpressionAttributeValues={
            ":used": {"N": "0"},
            ":next": {"N": str(before.revision + 1)},
        },
    )
    assert run(f"license undo {NUMBER} --yes --json").json["error"]["code"] == "cannot-undo"


def test_only_the_change_that_was_confirmed_is_undone(run: Any, sold: Stack) -> None:
    run(f"license change {NUMBER} --seats 5")
    confirmed = undo.find_undoable(sold.licenses, licenses.find(sold.licenses, NUMBER))
    run(f"license change {NUMBER} --seats 9")
    with pytest.raises(LicenseChanged):
        undo.undo(sold.licenses, NUMBER, confirmed)
    assert as_stored(sold)["seats"] == 9


def test_a_license_of_an_older_release_has_no_history_yet(run: Any, sold: Stack) -> None:
    (created,) = sold.licenses.changes(NUMBER)
    key = {"pk": {"S": NUMBER}, "sk": {"S": f"change#2026-11-24T09:47:00Z#{0:016}"}}
    sold._dynamodb.delete_item(TableName=sold.output("LicensesTable"), Key=key)
    assert created.what == "create"
    assert "No change is recorded" in run(f"license history {NUMBER}").out
    assert run(f"license undo {NUMBER} --yes --json").json["error"]["code"] == "cannot-undo"
    assert licenses.find(sold.licenses, NUMBER).status is Status.ACTIVE
