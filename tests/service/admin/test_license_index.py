"""Lists read the index of licenses, and never the ledger."""

from typing import Any

import boto3

from keyferry_admin.stack import Stack
from tests.support.samples import NUMBER


def test_every_scan_is_one_of_the_index(run: Any, stack: Stack, monkeypatch: Any) -> None:
    run(f"license create --number {NUMBER}")
    scans: list[str | None] = []
    client = boto3.client("dynamodb")
    client.meta.events.register(
        "provide-client-params.dynamodb.Scan",
        lambda params, **_: scans.append(params.get("IndexName")),
    )
    monkeypatch.setattr(Stack, "_dynamodb", client)
    assert NUMBER in run("license list --json").out
    assert scans == ["licenses"] * 4  # its segments


def test_a_stack_of_an_older_release_has_no_index_yet(run: Any, stack: Stack) -> None:
    boto3.client("dynamodb").update_table(
        TableName=stack.output("LicensesTable"),
        GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "licenses"}}],
    )
    error = run("license list --json").json["error"]
    assert error["code"] == "no-license-index"
    assert "make deploy" in error["next_step"]
    assert run(f"license create --number {NUMBER} --json").json["error"] == error
    assert run(f"license show {NUMBER} --json").json["error"]["code"] == "no-such-license"
    assert run(f"license create --number {NUMBER} --new-product").exit == 0


def test_a_list_reads_what_it_shows_and_no_more(run: Any, stack: Stack, monkeypatch: Any) -> None:
    known = "--reference PO-7 --label emea --contact ada@acme.example --note urgent"
    run(f"license create --number {NUMBER} {known}")
    read: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        tables = [params, *params.get("RequestItems", {}).values()]
        read.append(" ".join(each.get("ProjectionExpression", "") for each in tables))

    client = boto3.client("dynamodb")
    client.meta.events.register("provide-client-params.dynamodb.*", note)
    monkeypatch.setattr(Stack, "_dynamodb", client)
    assert "PO-7" not in run("license list").out
    assert not {"#reference", "#contact", "#labels", "#note", "#moves"} & names_in(read)
    shown = run("license list --columns reference,contact,labels,note").out
    assert {"PO-7", "ada@acme.example", "emea", "urgent"} <= set(shown.split())
    for filters in ("po-7", "EMEA", "ada@", "--label emea"):
        assert NUMBER in run(f"license list {filters} --json").out


def test_a_list_is_sorted_by_what_it_does_not_show(run: Any, stack: Stack) -> None:
    for number, reference in (("015120020093", "PO-2"), ("015120020101", "PO-1")):
        run(f"license create --number {number} --reference {reference} --new-product")
    listed = run("license list --sort reference --json").json["licenses"]
    assert [each["reference"] for each in listed] == ["PO-1", "PO-2"]


def names_in(expressions: list[str]) -> set[str]:
    return {name for each in expressions for name in each.replace(",", " ").split()}
