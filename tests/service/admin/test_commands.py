"""What the vendor types and reads: text in a terminal, TSV in a pipe, JSON for programs."""

from pathlib import Path
from typing import Any

import boto3
import pytest

from keyferry_admin.cli.output import aligned
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import licenses
from keyferry_protocol.activation import activation_key, parse_activation_code
from keyferry_protocol.keys import KeySet
from keyferry_service.adapters.items_dynamodb import to_item
from tests.service.admin.functions import Functions
from tests.service.admin.screens import GOLDEN, OldPipe, Pipe, take_seat
from tests.support.samples import NUMBER


def test_create_prints_the_code_once(run: Any, stack: Stack) -> None:
    ran = run(f"license create --number {NUMBER} --licensee Acme --seats 2 --until 2027-11-30")
    code = ran.out.splitlines()[1].split()[-1]
    assert ran.exit == 0
    assert ran.out.replace(code, "{code}") == (GOLDEN / "license-create.txt").read_text()
    stored = licenses.find(stack.licenses, NUMBER)
    assert activation_key(parse_activation_code(code, NUMBER), NUMBER).public == (
        stored.activation_public
    )
    for command in ("license show", "license list"):
        assert code not in run(f"{command} --json {NUMBER if 'show' in command else ''}").out


def test_create_as_a_document(run: Any) -> None:
    ran = run(
        "license create --number 015.120.020.093 --seats 2 --until 2027-11-30T12:00:00Z"
        " --feature solver --feature threads=16 --edition Professional --lease 90 --grace 7"
        " --protection dongle --moves-per-year 9 --maintenance-until 2026-12-31 --json"
    )
    license = ran.json["license"]
    assert ran.json["ok"] is True
    assert parse_activation_code(ran.json["activation_code"], NUMBER)
    assert license == license | {
        "license_number": NUMBER,
        "product": "Example-Modeler",
        "edition": "Professional",
        "seats": 2,
        "valid_until": "2027-11-30T12:00:00Z",
        "maintenance_until": "2026-12-31T23:59:59Z",
        "features": {"solver": True, "threads": 16},
        "lease_days": 90,
        "grace_days": 7,
        "protections": ["dongle"],
        "environments": ["physical"],
        "moves_per_year": 9,
        "status": "active",
        "revision": 0,
    }


def test_create_warns_about_virtual_machines(run: Any) -> None:
    ran = run("license create --environment virtual --environment container --trial 30")
    assert "! Virtual machines are allowed: copies look the same and cannot be counted" in ran.out
    assert "! Containers are allowed" in ran.out
    assert "1 seat, ends 30 days after its first activation" in ran.out
    listed = run("license list --json").json["licenses"]
    assert listed[0]["environments"] == ["physical", "virtual", "container"]


def test_lists_are_tables_in_a_terminal_and_tsv_in_a_pipe(run: Any, stack: Stack) -> None:
    run(f"license create --number {NUMBER} --licensee Acme --seats 2 --until 2027-11-30")
    run("license create --number 000000000001 --edition Professional --trial 30")
    for name, line in [
        ("license-list", "license list"),
        ("license-show", f"license show {NUMBER}"),
    ]:
        assert run(line).out == (GOLDEN / f"{name}.txt").read_text()
    assert run("license list", Pipe).out.splitlines() == [
        "000000000001\t\tExample-Modeler\tProfessional\t0\t1\t\tactive",
        f"{NUMBER}\tAcme\tExample-Modeler\t\t0\t2\t2027-11-30T23:59:59Z\tactive",
    ]


def test_an_empty_list_says_how_to_start(run: Any) -> None:
    assert "No license yet. Make one:" in run("license list").out
    assert run("license list", Pipe).out == ""
    assert run("license list --json").json == {"ok": True, "total": 0, "licenses": []}


def test_seats_in_use(run: Any, stack: Stack) -> None:
    run(f"license create --number {NUMBER} --licensee Acme --seats 2 --until 2027-11-30")
    table = stack.output("LicensesTable")
    boto3.client("dynamodb").update_item(
        TableName=table,
        Key=to_item({"pk": NUMBER, "sk": "license"}),
        UpdateExpression="SET seats_used = :one",
        ExpressionAttributeValues=to_item({":one": 1}),
    )
    take_seat(stack, 1, machine_name="LAB-07")
    assert run(f"seat list {NUMBER}").out == (GOLDEN / "seat-list.txt").read_text()
    take_seat(stack, 2, taken=False, machine_name="")
    take_seat(stack, 10, protection="personal", copies=2)
    assert run(f"seat list {NUMBER}").out == (GOLDEN / "seat-list-more.txt").read_text()
    assert "No number is used twice" in run(f"seat list {NUMBER}").out, "10 of 2 seats"
    assert run(f"seat list {NUMBER}", Pipe).out.splitlines()[1:] == [
        "2\t\t2026-11-24T09:47:00Z\t2026-11-24T09:47:00Z\t\tmachine\tfree\t0",
        "10\tLAB-10\t2026-11-24T09:47:00Z\t2026-11-24T09:47:00Z\t\tpersonal\tactive\t2",
    ]
    document = run(f"seat list {NUMBER} --json").json
    assert [seat["seat"] for seat in document["seats"]] == [1, 2, 10]
    assert document["seats"][2]["possible_copies"] == 2
    assert (document["seats_used"], document["seats_total"], document["moves"]) == (1, 2, 0)


@pytest.mark.parametrize(
    ("line", "code", "exit_code"),
    [
        pytest.param(f"license show {NUMBER}", "no-such-license", 1, id="nobody made it"),
        pytest.param(f"seat list {NUMBER}", "no-such-license", 1, id="seats of nothing"),
        pytest.param("license list --stack other", "no-such-stack", 1, id="no such stack"),
        pytest.param("license create --seats 0", "bad-terms", 2, id="no seat"),
        pytest.param("keys create --alg ML-DSA-65", "bad-key", 1, id="MlDsaKey is none"),
        pytest.param("keys export", "no-active-key", 1, id="nothing to export"),
        pytest.param("license show 12345", "usage", 2, id="five digits"),
        pytest.param("license create --until tomorrow", "usage", 2, id="no day"),
        pytest.param("license create --feature threads=many", "usage", 2, id="no limit"),
        pytest.param(
            f"license create --feature threads={'9' * 5000}", "usage", 2, id="a limit without end"
        ),
        pytest.param("license create --until +0d", "usage", 2, id="no period"),
        pytest.param("license create --until +999999y", "usage", 2, id="a period without end"),
        pytest.param("license create --until +9999y", "bad-terms", 2, id="after the year 9999"),
        pytest.param("license create --lease -1", "usage", 2, id="no days"),
        pytest.param("license create --grace 7", "bad-terms", 2, id="grace without a lease"),
        pytest.param("license create --until 2020-01-01", "bad-terms", 2, id="a past day"),
        pytest.param(
            "license create --maintenance-until 2020-01-01", "bad-terms", 2, id="past updates"
        ),
        pytest.param(
            "license create --feature a=1 --feature a=2", "usage", 2, id="one feature twice"
        ),
        pytest.param("license create --feature a=none", "usage", 2, id="nothing to remove"),
        pytest.param("license sell", "usage", 2, id="no such command"),
    ],
)
def test_an_error_is_printed_as_text_or_as_a_document(
    run: Any, line: str, code: str, exit_code: int
) -> None:
    text, document = run(line), run(f"{line} --json")
    assert (text.exit, document.exit, text.out) == (exit_code, exit_code, "")
    assert document.json["ok"] is False
    assert document.json["error"]["code"] == code
    assert document.json["error"]["exit"] == exit_code
    assert document.json["error"]["title"] in text.err
    assert document.err == ""
    assert "Traceback" not in text.err


def test_a_number_in_use_is_not_overwritten(run: Any) -> None:
    first = run(f"license create --number {NUMBER}")
    again = run(f"license create --number {NUMBER}")
    assert (first.exit, again.exit) == (0, 1)
    assert "X There is a license 015120020093 already (number-in-use)" in again.err


def test_a_terminal_that_lacks_the_marks_gets_words(run: Any) -> None:
    assert run("license create", OldPipe).out.startswith("ok License")
    assert run(f"license show {NUMBER}", OldPipe).err.startswith("FAIL There is no license")


def test_every_command_has_stack_and_json_and_an_example(run: Any) -> None:
    for line in (
        "license create",
        "license list",
        "license show",
        "seat list",
        "dongle add",
        "dongle list",
        "dongle remove",
        "mail list",
        "mail allow",
        "keys create",
        "keys list",
        "keys export",
        "doctor",
    ):
        help_text = run(f"{line} --help").out
        assert "--stack" in help_text
        assert "--json" in help_text
        assert f"keyferry-admin {line}" in " ".join(help_text.split())
        assert help_text.startswith(f"Usage: keyferry-admin {line} ")


def test_keys_are_created_listed_and_exported(
    run: Any, functions: Functions, tmp_path: Path
) -> None:
    pem, exported = tmp_path / "signing.pem", tmp_path / "keys.json"
    key = run(f"keys create --pem {pem} --json").json["key"]
    assert run("keys list").out.splitlines() == [
        "KEY               ALGORITHM  STATUS  WHERE",
        f"{key['keyid']}  Ed25519    active  file signing.pem",
    ]
    assert run("keys list", Pipe).out == f"{key['keyid']}\tEd25519\tactive\tfile signing.pem\n"
    assert run("keys list --json").json["keys"] == [key]
    assert run(f"keys export --output {exported}").out.startswith(f"✓ {exported}: requires Ed25519")
    assert KeySet.from_json(exported.read_bytes()).trusts() == (key["keyid"],)
    assert run("keys export").out.encode() == exported.read_bytes()


def test_a_key_is_in_kms_or_in_a_file(run: Any) -> None:
    assert run("keys create --kms arn:aws:kms:x --pem signing.pem").exit == 2


def test_columns_stand_below_each_other_whatever_a_customer_is_called() -> None:
    rows = [["LICENSEE", "SEATS"], ["株式会社", "1"], ["Jose\u0301", "2"], ["Acme", "3"]]
    assert aligned(rows) == ["LICENSEE  SEATS", "株式会社  1", "Jose\u0301      2", "Acme      3"]
