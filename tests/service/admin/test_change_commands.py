"""The commands that change a license: what they ask, print and leave alone."""

from dataclasses import replace
from typing import Any

import pytest

from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import change_license, licenses
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
        "license change {n} --seats 1 --shorten",
        "license extend {n} --until 2027-01-01 --shorten",
        "license change {n} --product Other --new-product --shorten",
        "license change {n} --protection machine --protection dongle --shorten",
        "license change {n} --environment physical --shorten",
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
    run(f"license suspend {NUMBER} --yes")
    ran = run(line.format(n=NUMBER), Pipe)
    assert (ran.exit, ran.err) == (0, "")
    assert licenses.find(sold.licenses, NUMBER).revision == 2


def test_change_sets_the_given_terms_and_nothing_else(run: Any, sold: Stack) -> None:
    before = licenses.find(sold.licenses, NUMBER)
    ran = run(
        f"license change {NUMBER} --seats 5 --edition Pro --feature threads=8 --lease 93"
        " --maintenance-until 2027-01-01 --yes --shorten --json"
    )
    after = licenses.find(sold.licenses, NUMBER)
    assert (after.seats, after.edition, after.features) == (5, "Pro", {"threads": 8})
    assert (after.lease_days, after.valid_until) == (93, before.valid_until)
    assert ran.json["license"]["maintenance_until"] == "2027-01-01T23:59:59Z"
    assert run(f"license change {NUMBER}").exit == 2


def test_a_trial_that_is_sold_ends_when_it_was_sold_to(run: Any, stack: Stack) -> None:
    run(f"license create --number {NUMBER} --trial 30")
    extended = run(f"license extend {NUMBER} --until 2027-11-30")
    assert extended.exit == 2
    assert "a trial of 30 days" in extended.err
    assert "--trial none --until DATE" in extended.err
    ran = run(f"license change {NUMBER} --trial none --until 2027-11-30")
    assert ran.out == (GOLDEN / "license-change-sold.txt").read_text()
    assert licenses.find(stack.licenses, NUMBER).trial_days is None
    document = run(f"license change {NUMBER} --until never --json").json
    assert document["changes"] == {
        "valid_until": {"before": "2027-11-30T23:59:59Z", "after": None},
    }


def test_none_removes_a_term(run: Any, sold: Stack) -> None:
    run(f"license change {NUMBER} --feature threads=8 --feature solver --grace 7 --yes --shorten")
    run(f"license change {NUMBER} --maintenance-until +1y --yes --shorten")
    removed = run(
        f"license change {NUMBER} --lease none --maintenance-until none --feature threads=none"
        " --yes --shorten"
    )
    assert removed.exit == 0
    after = licenses.find(sold.licenses, NUMBER)
    assert (after.lease_days, after.maintenance_until, after.grace_days) == (None, None, 7)
    assert after.features == {"solver": True}


def test_an_acquisition_changes_licensee_and_product(run: Any, sold: Stack) -> None:
    ran = run(f"license change {NUMBER} --licensee Acme-Holding --grace 30")
    assert ran.exit == 0
    assert "Licensee  Acme-Holding (was -)" in ran.out
    run(f"license change {NUMBER} --product Other --new-product --yes --shorten")
    after = licenses.find(sold.licenses, NUMBER)
    assert (after.licensee, after.product, after.grace_days) == ("Acme-Holding", "Other", 30)


def test_a_prompt_names_customer_product_before_and_after(
    run: Any, sold: Stack, typed: Any
) -> None:
    run(f"license change {NUMBER} --licensee Acme --edition Pro")
    typed("no")
    ran = run(f"license change {NUMBER} --seats 1 --until 2027-02-01 --moves-per-year 9")
    assert ran.out == (GOLDEN / "license-change-prompt.txt").read_text()
    other = run(f"license change {NUMBER} --product Other --new-product").out
    assert "Their next update file is for Other; Example-Modeler refuses it." in other
    for line in ("license revoke {n}", "license new-code {n}", "seat release {n} 1"):
        prompt = run(line.format(n=NUMBER)).out
        assert prompt.startswith("License 015.120.020.093, Acme, Example-Modeler Pro\n"), line


def test_each_prompt_says_before_and_after_and_what_stops_when(
    run: Any, sold: Stack, typed: Any
) -> None:
    change_license.change(sold.licenses, NUMBER, lambda old: replace(old, seats_used=1))
    typed("no")
    prompts = [run(line).out for line in (f"seat release {NUMBER} 1", f"license new-code {NUMBER}")]
    assert "\n\n".join(prompts) == (GOLDEN / "prompts.txt").read_text()


def test_a_script_that_suspends_needs_no_shorten(run: Any, sold: Stack) -> None:
    assert run(f"license suspend {NUMBER} --yes").exit == 0


def test_change_says_what_files_say_of_a_long_licensee(run: Any, sold: Stack) -> None:
    long = "x" * 65
    warning = f"Files have room for 64 characters of the licensee: {'x' * 63}…"
    assert f"! {warning}" in run(f"license change {NUMBER} --licensee {long}").out
    assert run(f"license change {NUMBER} --seats 3 --json").json["warnings"] == []
    created = run(f"license create --licensee {long} --json").json
    assert created["warnings"] == [warning]


@pytest.mark.parametrize(
    ("line", "change"),
    [
        ("license extend {n} --until 2027-01-01", "Ends: 1 January 2027 (was 30 November 2027)"),
        ("license change {n} --seats 1", "Seats: 1 (was 2)"),
    ],
)
def test_a_quiet_script_takes_nothing_away_without_shorten(
    run: Any, sold: Stack, line: str, change: str
) -> None:
    before = licenses.find(sold.licenses, NUMBER)
    ran = run(f"{line.format(n=NUMBER)} --yes")
    assert ran.exit == 1
    assert change in ran.err
    assert "use --yes --shorten" in ran.err
    error = run(f"{line.format(n=NUMBER)} --yes --json").json["error"]
    assert error["code"] == "takes-rights-away"
    assert len(error["changes"]) == 1
    assert licenses.find(sold.licenses, NUMBER) == before


def test_extend_by_a_period_counts_from_the_present_end(run: Any, sold: Stack) -> None:
    ran = run(f"license extend {NUMBER} --until +1y")
    assert "Ends  30 November 2028 (was 30 November 2027)" in ran.out
    assert "Ends  30 December 2028" in run(f"license extend {NUMBER} --until +30d").out


def test_a_change_to_the_terms_of_today_says_so(run: Any, sold: Stack) -> None:
    ran = run(f"license change {NUMBER} --seats 2")
    assert (ran.exit, "It had these terms already." in ran.out) == (0, True)


@pytest.mark.parametrize(
    "line",
    [
        "license change {n} --seats 5",
        "license extend {n} --until +1y",
        "license allow-move {n}",
        "license new-code {n}",
        "license suspend {n}",
        "license revoke {n}",
        "seat release {n} 1",
    ],
)
def test_a_revoked_license_is_refused_before_anything_is_asked(
    run: Any, sold: Stack, typed: Any, line: str
) -> None:
    run(f"license revoke {NUMBER} --yes")
    typed(NUMBER)
    ran = run(line.format(n=NUMBER))
    assert (ran.exit, ran.out) == (1, "")
    assert "(license-revoked)" in ran.err


def test_show_and_allow_move_count_moves_alike(run: Any, sold: Stack) -> None:
    counted = "0 of 4 in the last 365 days, 7 left (3 of them from seats never used)"
    assert f"Moves  {counted}\n" in run(f"license allow-move {NUMBER}").out
    assert counted in run(f"license show {NUMBER}").out
    assert f"Moves: {counted}." in run(f"seat list {NUMBER}").out
    for line in ("license show", "seat list"):
        assert run(f"{line} {NUMBER} --json").json["moves_left"] == 7
    assert run(f"license allow-move {NUMBER} --json").json["moves_left"] == 8


def test_a_product_that_no_license_has_is_asked_about_once(
    run: Any, sold: Stack, typed: Any
) -> None:
    def products() -> set[str]:
        return {license.product for license in sold.licenses.all()}

    misspelled = run("license create --product Exmaple-Modeler")
    assert misspelled.exit == 1
    assert "No license has the product Exmaple-Modeler yet (new-product)" in misspelled.err
    assert "There is Example-Modeler." in misspelled.err
    document = run(f"license change {NUMBER} --product Exmaple-Modeler --yes --json").json
    assert document["error"]["products"] == ["Example-Modeler"]
    typed("Example-Modeler")
    assert run("license create --product Exmaple-Modeler").exit == 1
    assert products() == {"Example-Modeler"}
    typed("Example-Viewer")
    assert run("license create --product Example-Viewer").exit == 0
    typed("nothing")
    assert run("license create --product Example-Viewer").exit == 0
    assert run("license create --product Third --new-product").exit == 0
    assert products() == {"Example-Modeler", "Example-Viewer", "Third"}


def test_change_warns_about_each_environment_it_allows(run: Any, sold: Stack) -> None:
    both = f"license change {NUMBER} --environment virtual --environment container"
    ran = run(both)
    assert ran.out == (GOLDEN / "license-change-environment.txt").read_text()
    assert licenses.find(sold.licenses, NUMBER).environments == ("physical", "virtual", "container")
    assert run(f"{both} --json").json["warnings"] == []
    run(f"license change {NUMBER} --environment physical --yes --shorten")
    assert licenses.find(sold.licenses, NUMBER).environments == ("physical",)


def test_change_replaces_the_allowed_protections_and_environments(run: Any, sold: Stack) -> None:
    run(f"license change {NUMBER} --protection dongle --protection dongle --yes --shorten")
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
    assert "Seat 1  free (was LAB-07 since 24 November 2026)" in ran.out
    assert "✓ Seat 1 is free" in ran.out
    assert "free" in run(f"seat list {NUMBER}").out
    assert run(f"seat release {NUMBER} 1 --yes").exit == 1


def test_a_seat_that_another_computer_took_during_the_prompt_stays_its_own(
    run: Any, sold: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def types() -> str:
        take_seat(sold, 1, machine_name="LAB-08", device_key=b"8" * 32)
        return NUMBER

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", types)
    ran = run(f"seat release {NUMBER} 1")
    assert (ran.exit, ran.err.splitlines()[0]) == (
        1,
        "X Another computer has seat 1 by now (license-changed)",
    )
    (seat,) = sold.licenses.seats(NUMBER)
    assert (seat.taken, seat.machine_name) == (True, "LAB-08")


def test_a_status_that_the_license_has_already_is_no_change(run: Any, sold: Stack) -> None:
    run(f"license suspend {NUMBER} --yes")
    ran = run(f"license suspend {NUMBER}")  # asks nothing
    assert (ran.exit, ran.out.splitlines()[-1]) == (0, "  It was already suspended.")
    assert [change.what for change in sold.licenses.changes(NUMBER)] == ["create", "suspend"]
    assert run(f"license undo {NUMBER} --yes").exit == 0
    assert status(sold) is Status.ACTIVE
    assert run(f"license resume {NUMBER}").out.endswith("  It was already active.\n")


def test_a_status_that_someone_else_wrote_meanwhile_is_no_change(sold: Stack) -> None:
    change_license.set_status(sold.licenses, NUMBER, Status.SUSPENDED)
    change_license.set_status(sold.licenses, NUMBER, Status.SUSPENDED)
    assert [change.what for change in sold.licenses.changes(NUMBER)] == ["create", "suspend"]
