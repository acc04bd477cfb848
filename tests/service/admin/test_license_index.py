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
    assert scans == ["licenses"]


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
