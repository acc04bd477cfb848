"""What a license says to its vendor alone, and the whole name of its licensee."""

from typing import Any

import boto3
import pytest

from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import licenses
from keyferry_service.adapters.items_dynamodb import plain
from tests.support.samples import NUMBER

LONG = "Gesellschaft für Anlagenbau und Verfahrenstechnik Nordhaven mbH & Co. KG auf Aktien"


def row(stack: Stack, pk: str, sk: str) -> dict[str, Any] | None:
    reply = boto3.client("dynamodb").get_item(
        TableName=stack.output("LicensesTable"), Key={"pk": {"S": pk}, "sk": {"S": sk}}
    )
    return plain(reply["Item"]) if "Item" in reply else None


def test_they_are_written_shown_and_taken_away(run: Any, stack: Stack) -> None:
    run(f"license create --number {NUMBER} --reference PO-4711 --label emea --label key=42")
    run(f"license change {NUMBER} --note call-first --contact ada@example.com")
    shown = run(f"license show {NUMBER} --json").json["license"]
    assert shown == shown | {
        "reference": "PO-4711",
        "note": "call-first",
        "labels": ["emea", "key=42"],
        "contact": "ada@example.com",
    }
    run(f"license change {NUMBER} --reference none --note none --label none")
    shown = run(f"license show {NUMBER} --json").json["license"]
    assert (shown["reference"], shown["note"], shown["labels"]) == ("", "", [])


@pytest.mark.parametrize(
    "options",
    [
        f"--reference {'x' * 65}",
        f"--note {'x' * 1001}",
        f"--label {'x' * 33}",
        "--label Acme",
        " ".join(f"--label x{n}" for n in range(17)),
        f"--licensee {'x' * 201}",
    ],
)
def test_a_text_that_is_too_long_is_refused_before_it_is_written(
    run: Any, stack: Stack, options: str
) -> None:
    error = run(f"license create --number {NUMBER} {options} --json").json["error"]
    assert (error["code"], error["exit"]) == ("bad-terms", 2)
    assert stack.licenses.get(NUMBER) is None


@pytest.mark.parametrize("name", ["licensee", "product", "edition", "reference", "note"])
def test_a_text_typed_in_another_encoding_is_refused(run: Any, stack: Stack, name: str) -> None:
    line = ["license", "create", "--number", NUMBER, f"--{name}", "M\udcfcller", "--new-product"]
    ran = run(line)
    assert (ran.exit, ran.err) == (2, f"X The {name} is not Unicode text (bad-terms)\n")
    assert stack.licenses.get(NUMBER) is None


def test_the_longest_texts_are_accepted(run: Any, stack: Stack) -> None:
    labels = " ".join(f"--label {n:032}" for n in range(16))
    line = f"--reference {'é' * 64} --note {'é' * 1000} --licensee {'é' * 200} {labels}"
    assert run(f"license create --number {NUMBER} {line}").exit == 0


def test_a_licensee_that_no_file_can_say_is_shortened_there_alone(stack: Stack) -> None:
    licenses.create(stack.licenses, "Example", 0, NUMBER, licensee=LONG)
    stored = licenses.find(stack.licenses, NUMBER)
    assert stored.licensee == LONG
    assert stored.licensee_in_files == (
        "Gesellschaft für Anlagenbau und Verfahrenstechnik Nordhaven mbH…"
    )
    as_an_older_release_reads_it = row(stack, NUMBER, "license")
    assert as_an_older_release_reads_it is not None
    assert as_an_older_release_reads_it["licensee"] == stored.licensee_in_files


def test_create_says_what_files_will_say(run: Any) -> None:
    ran = run(f"license create --number {NUMBER} --licensee {'x' * 70}")
    assert f"! Files have room for 64 characters of the licensee: {'x' * 63}…" in ran.out


def test_a_reference_leads_to_every_license_that_has_it(run: Any, stack: Stack) -> None:
    run(f"license create --number {NUMBER} --reference PO-4711")
    run("license create --number 000000000001 --reference PO-4711")
    run("license create --number 000000000002 --reference PO-4712")
    assert stack.licenses.find_reference("PO-4711") == ["000000000001", NUMBER]
    run(f"license change {NUMBER} --reference PO-4712")
    assert stack.licenses.find_reference("PO-4711") == ["000000000001"]
    assert stack.licenses.find_reference("PO-4712") == ["000000000002", NUMBER]
    run(f"license undo {NUMBER} --yes")
    assert stack.licenses.find_reference("PO-4712") == ["000000000002"]
    run("license change 000000000002 --reference none")
    assert stack.licenses.find_reference("PO-4712") == []
