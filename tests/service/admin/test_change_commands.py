"""The commands that change a license: what they ask, print and leave alone."""

from typing import Any

import pytest

from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import licenses
from keyferry_protocol.activation import activation_key, parse_activation_code
from keyferry_service.domain.license import Status
from tests.service.admin.screens import GOLDEN, Pipe, take_seat
from tests.support.samples import NUMBER


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A user at the terminal who types this when asked."""

    def types(text: str) -> None:
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda: text)

    return types


@pytest.fixture
def sold(run: Any, stack: Stack) -> Stack:
    run(
        f"license create --number {NUMBER} --seats 2 --until 2027-11-30 --lease 92"
        " --environment virtual"
    )
    take_seat(stack, 1, machine_name="LAB-07")
    return stack


def status(stack: Stack) -> Status:
    return licenses.find(stack.licenses, NUMBER).status


def test_revoke_says_what_keeps_working_and_asks_for_the_number(
    run: Any, sold: Stack, typed: Any
) -> None:
    typed("015.120.020.093")
    assert run(f"license revoke {NUMBER}").out == (GOLDEN / "license-revoke.txt").read_text()
    assert status(sold) is Status.REVOKED


@pytest.mark.parametrize(
    "line",
    [
        "license suspend {n}",
        "license revoke {n}",
        "license new-code {n}",
        "license change {n} --seats 1",
        "license extend {n} --until 2027-01-01",
        "license change {n} --protection machine --protection dongle",
        "license change {n} --environment physical",
        "seat release {n} 1",
    ],
)
def test_a_command_that_takes_rights_away_needs_confirmation(
    run: Any, sold: Stack, typed: Any, line: str
) -> None:
    before = licenses.find(sold.licenses, NUMBER)
    in_a_pipe, as_json = run(line.format(n=NUMBER), Pipe), run(line.format(n=NUMBER) + " --json")
    typed("000000000000")
    wrong = run(line.format(n=NUMBER))
    typed("yes")
    no_number = run(line.format(n=NUMBER))
    assert [ran.exit for ran in (in_a_pipe, as_json, wrong, no_number)] == [1, 1, 1, 1]
    assert as_json.json["error"]["code"] == "not-confirmed"
    assert "(not-confirmed)" in wrong.err
    assert "Type the license number to" in wrong.out
    assert licenses.find(sold.licenses, NUMBER) == before
    assert run(line.format(n=NUMBER) + " --yes").exit == 0
    assert licenses.find(sold.licenses, NUMBER) != before


@pytest.mark.parametrize(
    "line",
    [
        "license resume {n}",
        "license change {n} --seats 3 --moves-per-year 9",
        "license extend {n} --until 2028-11-30",
        "license change {n} --environment virtual --environment container",
        "license change {n} --protection personal --protection machine --protection dongle",
        "license allow-move {n}",
    ],
)
def test_a_command_that_grants_rights_needs_no_confirmation(
    run: Any, sold: Stack, line: str
) -> None:
    ran = run(line.format(n=NUMBER), Pipe)
    assert (ran.exit, ran.err) == (0, "")
    assert licenses.find(sold.licenses, NUMBER).revision == 1


def test_change_sets_the_given_terms_and_nothing_else(run: Any, sold: Stack) -> None:
    before = licenses.find(sold.licenses, NUMBER)
    ran = run(
        f"license change {NUMBER} --seats 5 --edition Pro --feature threads=8 --lease 93"
        " --maintenance-until 2027-01-01 --yes --json"
    )
    after = licenses.find(sold.licenses, NUMBER)
    assert (after.seats, after.edition, after.features) == (5, "Pro", {"threads": 8})
    assert (after.lease_days, after.valid_until) == (93, before.valid_until)
    assert ran.json["license"]["maintenance_until"] == "2027-01-01T23:59:59Z"
    assert run(f"license change {NUMBER}").exit == 2


def test_change_warns_about_each_environment_it_allows(run: Any, sold: Stack) -> None:
    both = f"license change {NUMBER} --environment virtual --environment container"
    ran = run(both)
    assert ran.out == (GOLDEN / "license-change-environment.txt").read_text()
    assert licenses.find(sold.licenses, NUMBER).environments == ("physical", "virtual", "container")
    assert run(f"{both} --json").json["warnings"] == []
    run(f"license change {NUMBER} --environment physical --yes")
    assert licenses.find(sold.licenses, NUMBER).environments == ("physical",)


def test_change_replaces_the_allowed_protections_and_environments(run: Any, sold: Stack) -> None:
    run(f"license change {NUMBER} --protection dongle --protection dongle --yes")
    assert licenses.find(sold.licenses, NUMBER).protections == ("dongle",)


def test_a_new_code_is_shown_once(run: Any, sold: Stack) -> None:
    ran = run(f"license new-code {NUMBER} --yes --json")
    code = parse_activation_code(ran.json["activation_code"], NUMBER)
    stored = licenses.find(sold.licenses, NUMBER).activation_public
    assert stored == activation_key(code, NUMBER).public


def test_a_revoked_license_cannot_be_resumed(run: Any, sold: Stack) -> None:
    run(f"license revoke {NUMBER} --yes")
    ran = run(f"license resume {NUMBER}")
    assert ran.exit == 1
    assert "was revoked for good (license-revoked)" in ran.err
    assert "revoked" in run("license list").out


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ("--until 2027-11-30", "until it ends,"),
        ("", "without end:"),
    ],
)
def test_suspend_says_how_long_computers_keep_working(
    run: Any, stack: Stack, typed: Any, terms: str, sentence: str
) -> None:
    run(f"license create --number {NUMBER} {terms}")
    typed("no")
    assert "Not in use on any computer." in run(f"license suspend {NUMBER}").out
    take_seat(stack, 1, valid_until=1_827_619_199 if terms else None)
    assert sentence in run(f"license suspend {NUMBER}").out


def test_release_frees_the_seat_of_a_lost_computer(run: Any, sold: Stack, typed: Any) -> None:
    typed(NUMBER)
    ran = run(f"seat release {NUMBER} 1")
    assert "! Seat 1 is LAB-07 since 24 November 2026." in ran.out
    assert "✓ Seat 1 is free" in ran.out
    assert "free" in run(f"seat list {NUMBER}").out
    assert run(f"seat release {NUMBER} 1 --yes").exit == 1
