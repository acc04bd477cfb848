"""`keyferry-admin apply`: licenses in git, where the plan is read before anything is written."""

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from keyferry_admin.errors.commands import BadTable
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import change_license, license_yaml, licenses
from keyferry_admin.use_cases.license_yaml import read_yaml
from keyferry_protocol.activation import activation_key
from keyferry_service.domain.license import Status
from tests.service.admin.screens import Screen
from tests.service.admin.test_import import codes_in
from tests.support.samples import NOW, NUMBER

DAY = 86_400
ACME = f"""\
licenses:
  - license_number: {NUMBER}
    licensee: Acme Holding
    seats: 5
"""
NEW = """\
  - reference: PO-4712
    product: Example Modeler
    features: {threads: 16, solver: true}
    labels: [emea, tier-1]
    valid_until: 2027-11-30
"""


@pytest.fixture
def apply(run: Any, stack: Stack, tmp_path: Path, monkeypatch: Any) -> Any:
    """The command with this content of licenses.yaml, in a stack with one license of Acme's."""
    monkeypatch.chdir(tmp_path)
    terms: dict[str, Any] = {"licensee": "Acme", "seats": 2, "valid_until": NOW + 400 * DAY}
    licenses.create(stack.licenses, "Example Modeler", NOW, NUMBER, **terms)

    def command(content: str, options: str = "", typed: str | None = None) -> Any:
        (tmp_path / "licenses.yaml").write_text(content)
        typing = Screen(typed or "")
        typing.terminal = typed is not None
        monkeypatch.setattr(sys, "stdin", typing)
        return run(f"apply licenses.yaml {options}")

    return command


def test_the_plan_says_what_it_makes_changes_and_takes_away(apply: Any, stack: Stack) -> None:
    licenses.create(stack.licenses, "Example Modeler", NOW)
    ran = apply(ACME + NEW, "--dry-run")
    assert ran.out == (
        "+ PO-4712, Example Modeler: 1 seat, ends 30 November 2027\n"
        "~ License 015.120.020.093, Acme, Example Modeler: Licensee: Acme Holding (was Acme);"
        " Seats: 5 (was 2)\n"
        "1 to make, 1 to change, 0 as they are.\n"
        "1 license not in the file, left as they are.\n"
    )
    ran = apply(ACME.replace("seats: 5", "seats: 1"), "--dry-run")
    assert ran.out.startswith("- License 015.120.020.093, Acme, Example Modeler: ")
    assert "1 to change, 1 of them to take rights away" in ran.out
    assert licenses.find(stack.licenses, NUMBER).licensee == "Acme"


def test_it_asks_once_and_a_second_time_there_is_nothing_to_do(
    apply: Any, stack: Stack, tmp_path: Path
) -> None:
    ran = apply(ACME + NEW, "--codes codes.csv", typed="yes\n")
    assert ran.exit == 0
    assert "Apply the file? [y/N] " in ran.out
    assert "✓ 1 license made\n" in ran.out
    assert "✓ 1 license changed\n" in ran.out
    acme = licenses.find(stack.licenses, NUMBER)
    assert (acme.licensee, acme.seats, acme.valid_until) == ("Acme Holding", 5, NOW + 400 * DAY)
    (number,) = stack.licenses.find_reference("PO-4712")
    new = licenses.find(stack.licenses, number)
    assert (new.features, new.labels) == ({"threads": 16, "solver": True}, ("emea", "tier-1"))
    code = codes_in(tmp_path / "codes.csv")[number]
    assert new.activation_public == activation_key(code, number).public
    assert [change.what for change in stack.licenses.changes(NUMBER)] == ["create", "change"]
    ran = apply(ACME + NEW)
    assert (ran.exit, ran.out) == (0, "No changes: 2 as they are.\n")


@pytest.mark.parametrize(
    ("options", "typed", "code"),
    [
        pytest.param("", "no\n", "not-confirmed", id="someone types no"),
        pytest.param("", "yes\n", "not-confirmed", id="someone types yes, and no number"),
        pytest.param("", None, "not-confirmed", id="no one is there"),
        pytest.param("--yes", None, "takes-rights-away", id="a script that means to extend"),
    ],
)
def test_nothing_is_taken_away_unless_someone_agrees(
    apply: Any, stack: Stack, options: str, typed: str | None, code: str
) -> None:
    for less in ("seats: 1", "valid_until: 2027-01-31", "status: suspended"):
        ran = apply(ACME.replace("seats: 5", less), options, typed)
        assert ran.exit == 1
        assert f"({code})" in ran.err
        assert licenses.find(stack.licenses, NUMBER).licensee == "Acme"


def test_who_takes_rights_away_types_the_number(apply: Any, stack: Stack) -> None:
    ran = apply(ACME.replace("seats: 5", "seats: 1"), typed="015.120.020.093\n")
    assert "! This takes rights away from 1 license. Type the number of the license that" in ran.out
    assert ran.exit == 0
    assert licenses.find(stack.licenses, NUMBER).seats == 1


def test_a_script_can_shorten_if_it_says_so(apply: Any, stack: Stack) -> None:
    document = apply(ACME.replace("seats: 5", "status: suspended"), "--yes --shorten --json").json
    assert document["takes_rights_away"] == [NUMBER]
    assert document["is_done"] is True
    assert licenses.find(stack.licenses, NUMBER).status is Status.SUSPENDED


def test_a_script_can_extend(apply: Any, stack: Stack) -> None:
    assert apply(ACME, "--yes").exit == 0
    assert licenses.find(stack.licenses, NUMBER).seats == 5


def test_new_licenses_need_a_file_for_their_codes(apply: Any, stack: Stack) -> None:
    ran = apply(ACME + NEW, "--yes")
    assert (ran.exit, "--codes FILE" in ran.err) == (2, True)
    assert licenses.find(stack.licenses, NUMBER).licensee == "Acme"


BAD_ENTRIES = [
    ("seats: two", "seats", "'two' is not a whole number"),
    ("seat: 2", "seat", "Did you mean seats?"),
    ("? {seats: 2}\n    : 3", "", "It is no term of a license. Leave it out."),
    ("seats: 2\n    seats: 3", "seats", "It is there twice."),
    ("seats: [2, 3]", "seats", "It must be one value."),
    ("labels: [two words]", "labels", "Each part must be one word."),
    ("features: {threads: no}", "features", "The limit of threads is not a whole number."),
    ("valid_until:", "valid_until", "To remove the term, write never."),
    ("lease_days:  # later", "lease_days", "To remove the term, write none."),
    ("seats:", "seats", "It has no value. Write one, or leave the line out."),
    ("features: {threads: }", "features", "Each part must be one word."),
    ("valid_until: 31 January", "valid_until", "no date like 2027-11-30"),
]


@pytest.mark.parametrize(("entry", "column", "sentence"), BAD_ENTRIES)
def test_a_bad_entry_is_told(tmp_path: Path, entry: str, column: str, sentence: str) -> None:
    file = tmp_path / "licenses.yaml"
    file.write_text(f"licenses:\n  - license_number: {NUMBER}\n    {entry}\n")
    (cell,) = read_yaml(file).bad
    assert (cell.line, cell.column) == (2, column)
    assert sentence in cell.text


@pytest.mark.parametrize("loader", [yaml.BaseLoader, yaml.CBaseLoader])
def test_no_value_is_told_and_null_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loader: Any
) -> None:
    monkeypatch.setattr(license_yaml, "_LOADER", loader)
    file = tmp_path / "licenses.yaml"
    file.write_text(
        'licenses:\n  - valid_until: ~\n    seats: null\n    note: ""\n    labels: []\n'
    )
    (row,) = read_yaml(file).rows
    assert row.terms == {"valid_until": None, "seats": 1, "note": "", "labels": ()}
    file.write_text("licenses:\n  - license_number:\n    valid_until:\n    note:\n")
    bad = read_yaml(file).bad
    assert [cell.column for cell in bad] == ["license_number", "valid_until", "note"]


def test_nothing_changes_if_any_change_is_none_that_can_be_made(apply: Any, stack: Stack) -> None:
    before = licenses.find(stack.licenses, NUMBER)
    for entry, sentence in [
        ("valid_until: 2020-01-31", "The license would end before it begins"),
        ("grace_days: 30", "this license has no lease"),
        ("status: revoked", f"keyferry-admin license revoke {NUMBER}"),
    ]:
        content = f"licenses:\n  - license_number: {NUMBER}\n    {entry}\n"
        (row,) = apply(content + NEW, "--json").json["error"]["rows"]
        assert sentence in row["problem"]
    assert list(stack.licenses.all()) == [before]


def test_a_revoked_license_takes_no_change(apply: Any, stack: Stack) -> None:
    change_license.set_status(stack.licenses, NUMBER, Status.REVOKED)
    (row,) = apply(ACME, "--json").json["error"]["rows"]
    assert "was revoked for good" in row["problem"]
    assert apply(f"licenses:\n  - license_number: {NUMBER}\n    status: revoked\n").exit == 0


@pytest.mark.parametrize(
    "content",
    [
        "",
        "- a\n",
        "licenses: 5\n",
        "other: []\n",
        "licenses: [\n",
        "licenses: []\nmore: 1\n",
        "\x00",
    ],
)
def test_a_file_that_is_no_list_of_licenses_is_told(tmp_path: Path, content: str) -> None:
    file = tmp_path / "licenses.yaml"
    file.write_text(content)
    with pytest.raises(BadTable):
        read_yaml(file)


def test_a_tag_makes_no_object(tmp_path: Path) -> None:
    file = tmp_path / "licenses.yaml"
    file.write_text('licenses: [{note: !!python/object/apply:os.system ["exit"]}]')
    assert [cell.column for cell in read_yaml(file).bad] == ["note"]


def test_aliases_cannot_fill_the_memory(tmp_path: Path) -> None:
    lines = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    file = tmp_path / "licenses.yaml"
    file.write_text("\n".join(lines))
    with pytest.raises(BadTable):
        read_yaml(file)
