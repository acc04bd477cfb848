"""What AWS forbids ends with one error: the right, its resource, and the policy that has it.

How AWS words it: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keyferry_admin.aws_failures import explain
from keyferry_admin.cli.output import Output
from keyferry_admin.cli.progress import run_with_progress
from keyferry_admin.cli.roles import with_policy
from keyferry_admin.stack import Stack
from keyferry_service.adapters.events_dynamodb import StoredEvents
from keyferry_service.adapters.licenses_dynamodb import Licenses
from tests.service.admin.test_find import sell
from tests.support.samples import DAY, NOW

WHO = "User: arn:aws:sts::123456789012:assumed-role/Support/kim"
WHY = "because no identity-based policy allows it"
TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/keyferry-LicensesTable-1ABC"
NEXT = "Ask whoever runs the AWS account for"


def denied(code: str, right: str, resource: str = "") -> ClientError:
    on = f" on resource: {resource}" if resource else ""
    message = f"{WHO} is not authorized to perform: {right}{on} {WHY}"
    return ClientError({"Error": {"Code": code, "Message": message}}, "SomeOperation")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        pytest.param(
            denied("AccessDeniedException", "dynamodb:PutItem", TABLE),
            "dynamodb:PutItem (table keyferry-LicensesTable-1ABC)",
            id="table",
        ),
        pytest.param(
            denied("AccessDeniedException", "dynamodb:Scan", f"{TABLE}/index/licenses"),
            "dynamodb:Scan (table keyferry-LicensesTable-1ABC/index/licenses)",
            id="index",
        ),
        pytest.param(
            denied("AccessDenied", "s3:GetObjectVersion", '"arn:aws:s3:::keyferry-in/requests/x"'),
            "s3:GetObjectVersion (bucket keyferry-in/requests/x)",
            id="bucket",
        ),
        pytest.param(
            denied("AccessDenied", "sqs:sendmessage", "arn:aws:sqs:eu-central-1:123456789012:q"),
            "sqs:sendmessage (queue q)",
            id="queue",
        ),
        pytest.param(
            denied(
                "AccessDeniedException",
                "lambda:InvokeFunction",
                "arn:aws:lambda:eu-central-1:123456789012:function:f",
            ),
            "lambda:InvokeFunction (function f)",
            id="function",
        ),
        pytest.param(
            denied("AccessDeniedException", "kms:GetPublicKey"), "kms:GetPublicKey (key)", id="key"
        ),
        pytest.param(
            denied("AccessDeniedException", "ses:DeleteSuppressedDestination", "*"),
            "ses:DeleteSuppressedDestination",
            id="no resource of its own",
        ),
        pytest.param(
            ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject"),
            "HeadObject",
            id="HEAD",
        ),
    ],
)
def test_the_right_is_named_with_the_kind_and_name_of_its_resource(
    error: ClientError, sentence: str
) -> None:
    assert str(explain(error)) == f"Your AWS credentials do not have the right {sentence}"


@pytest.mark.parametrize(
    ("command", "step"),
    [
        ("license list", f"{NEXT} ReadPolicy: docs/operations/roles.md"),
        ("license create", f"{NEXT} ReadPolicy and SupportPolicy: docs/operations/roles.md"),
        ("keys retire", f"{NEXT} ReadPolicy and KeysPolicy: docs/operations/roles.md"),
        ("doctor", f"{NEXT} docs/operations/doctor-policy.json: docs/operations/roles.md"),
        ("origin-secret rotate", f"{NEXT} the rights of make deploy: docs/operations/roles.md"),
    ],
)
def test_the_policy_is_the_least_that_the_command_runs_under(command: str, step: str) -> None:
    error = explain(denied("AccessDenied", "dynamodb:GetItem"))
    assert with_policy(error, command).next_step == step


APPLIED = f"""\
licenses:
  - license_number: {1:012}
    licensee: Acme Holding
  - license_number: {2:012}
    licensee: Acme Holding
"""


@pytest.mark.parametrize(
    "command",
    [
        "license extend --licensee Acme --until 2031-01-01 --yes",
        "apply licenses.yaml --yes",
        "license import licenses.csv --codes codes.csv --new-product",
    ],
)
def test_of_many_licenses_it_is_told_once(
    run: Any, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    for number in (1, 2, 3):
        sell(stack, number, licensee="Acme", valid_until=NOW + DAY)
    monkeypatch.chdir(tmp_path)
    Path("licenses.yaml").write_text(APPLIED)
    Path("licenses.csv").write_text("reference,product\nPO-1,Example Modeler\nPO-2,Example Modeler")

    def forbid(*_: Any) -> None:
        raise denied("AccessDeniedException", "dynamodb:PutItem", TABLE)

    monkeypatch.setattr(Licenses, "create", forbid)
    monkeypatch.setattr(Licenses, "change", forbid)
    ran = run(f"{command} --json")
    error = ran.json["error"]
    assert (ran.exit, error["code"], error["policy"]) == (1, "missing-right", "SupportPolicy")
    assert (error["right"], error["kind"], error["resource"]) == (
        "dynamodb:PutItem",
        "table",
        TABLE,
    )


def test_a_right_that_goes_while_a_command_runs_does_not_hide_what_was_done() -> None:
    def write(number: int) -> bool:
        if number:
            raise denied("AccessDeniedException", "dynamodb:UpdateItem", TABLE)
        return True

    run = run_with_progress(Output(), range(1000), write, "Extend")
    assert run.done == [0]
    assert run.not_tried
    assert {error.code for _, error in run.failed} == {"missing-right"}


def test_a_replay_of_events_names_the_right_too(
    run: Any, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid(*_: Any, **__: Any) -> None:
        raise denied("AccessDeniedException", "dynamodb:Scan", TABLE)

    monkeypatch.setattr(Stack, "bus", None)
    monkeypatch.setattr(StoredEvents, "pages", forbid)
    error = run("events replay 2026-01-02 --json").json["error"]
    assert (error["code"], error["policy"]) == ("missing-right", "SupportPolicy")
