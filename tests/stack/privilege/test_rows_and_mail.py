"""Which rows each function may touch, and as whom one may send, tried with the roles' own rights.

The embedded cloud asks for these rights as AWS does (local/aws_answers.py).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from ministack.core import iam_evaluator

from tests.stack.test_template import RESOURCES
from tests.support.journeys import client
from tests.support.running_stack import RunningStack

pytestmark = pytest.mark.privilege
NUMBER = "015120020093"
SENDER = "licensing@example.com"
STATEMENTS = [
    pytest.param(statement, id=f"{name} {statement['Action']}")
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::IAM::Role"
    for statement in resource["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    if str(statement.get("Resource")).startswith(
        ("{'GetAtt': 'TicketsTable", "{'GetAtt': 'Licenses")
    )
]


@contextmanager
def acting_as(stack: RunningStack, role: str) -> Iterator[Any]:
    """Makes clients with exactly a role's rights: Lambda alone may take the role itself."""
    iam, name = client(stack, "iam"), f"as-{role}"
    root = {"AWS": "arn:aws:iam::000000000000:root"}
    trust = {"Effect": "Allow", "Principal": root, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    policy = json.dumps(policy_of(stack, role))
    iam.put_role_policy(RoleName=name, PolicyName="same", PolicyDocument=policy)
    reply = client(stack, "sts").assume_role(RoleArn=arn, RoleSessionName="test")
    keys = reply["Credentials"]
    session = boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], "us-east-1"
    )
    try:
        yield lambda service: session.client(service, endpoint_url=stack.endpoint)
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="same")
        iam.delete_role(RoleName=name)


def policy_of(stack: RunningStack, role: str) -> Any:
    """The one policy of a role of the stack, as it was deployed."""
    iam = client(stack, "iam")
    reply = client(stack, "cloudformation").describe_stack_resource(
        StackName="keyferry", LogicalResourceId=role
    )
    name = reply["StackResourceDetail"]["PhysicalResourceId"]
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    return iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]


def is_denied(call: Any, **arguments: Any) -> bool:
    """Whether rights are missing for a call; what it does otherwise is no matter here."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"] == "AccessDeniedException"
    return False


@pytest.mark.parametrize("statement", STATEMENTS)
def test_each_right_to_a_table_names_the_kinds_of_rows(statement: Any) -> None:
    if statement["Action"] == ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"]:
        assert statement["Resource"] == {"GetAtt": "LicensesTable.Arn"}
        assert "Condition" not in statement
        return
    condition = statement["Condition"]
    assert condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert condition["Null"] == {"dynamodb:LeadingKeys": "false"}


@pytest.mark.attack
@pytest.mark.parametrize(
    ("role", "call", "table", "allowed", "forbidden"),
    [
        (
            "PublicApiRole",
            "get_item",
            "Tickets",
            "ticket# link#",
            "sent# mail# bounces# resigning#",
        ),
        ("PublicApiRole", "put_item", "Tickets", "ticket#", "link# sent# network# resigning#"),
        ("PublicApiRole", "update_item", "Tickets", "ticket# network#", "link# suppressed# mail#"),
        ("ProcessRequestRole", "put_item", "Licenses", NUMBER, "keys keys# resigning#"),
        ("ProcessRequestRole", "update_item", "Licenses", NUMBER, "keys"),
        ("ProcessRequestRole", "put_item", "Keys", "", "keys"),
        ("ProcessRequestRole", "update_item", "Keys", "", "keys"),
        ("SendResponseRole", "get_item", "Keys", "", "keys"),
        (
            "ProcessRequestRole",
            "get_item",
            "Tickets",
            "ticket#",
            "link# sent# resigning# refusals#",
        ),
        ("ProcessRequestRole", "update_item", "Tickets", "ticket# refusals#", "link# suppressed#"),
        ("SendResponseRole", "get_item", "Tickets", "ticket#", "link# sent# resigning#"),
        ("SendResponseRole", "put_item", "Tickets", "link# sent#", "network# resigning#"),
        ("MailFeedbackRole", "get_item", "Tickets", "sent#", "ticket# link# resigning#"),
        ("MailFeedbackRole", "put_item", "Tickets", "suppressed#", "ticket# link# resigning#"),
        ("MailFeedbackRole", "update_item", "Tickets", "ticket# bounces#", "link# mail# network#"),
        ("MailFeedbackRole", "delete_item", "Tickets", "sent#", "ticket# link# network#"),
    ],
)
def test_a_function_that_was_taken_over_touches_no_other_rows(
    stack: RunningStack, role: str, call: str, table: str, allowed: str, forbidden: str
) -> None:
    """Nobody who takes over the function that answers can add a signing key, for example."""
    name = stack.outputs[f"{table}Table"]
    with acting_as(stack, role) as connect:
        dynamodb = connect("dynamodb")
        for keys, expected in ((allowed, False), (forbidden, True)):
            for key in keys.split():
                row = {"pk": {"S": f"{key}none" if key.endswith("#") else key}}
                if table != "Tickets":
                    row["sk"] = {"S": "none"}
                # This condition never holds, so nothing is written.
                never = {"ConditionExpression": "attribute_exists(nothing)"}
                arguments = {"put_item": {"Item": row, **never}, "get_item": {"Key": row}}
                attempt = arguments.get(call, {"Key": row, **never})
                denied = is_denied(getattr(dynamodb, call), TableName=name, **attempt)
                assert denied is expected, (call, key)


def test_a_transaction_is_refused_for_one_row_too_many(stack: RunningStack) -> None:
    name = stack.outputs["TicketsTable"]
    never = {"TableName": name, "ConditionExpression": "attribute_exists(nothing)"}
    sent, ticket = (
        {"Delete": {**never, "Key": {"pk": {"S": f"{k}#none"}}}} for k in ("sent", "ticket")
    )
    with acting_as(stack, "MailFeedbackRole") as connect:
        write = connect("dynamodb").transact_write_items
        assert not is_denied(write, TransactItems=[sent])
        assert is_denied(write, TransactItems=[sent, ticket])


@pytest.mark.attack
@pytest.mark.parametrize(
    ("sender", "configuration_set", "denied"),
    [
        pytest.param(SENDER, "keyferry", False, id="the vendor's address"),
        pytest.param("boss@example.com", "keyferry", True, id="another one of the same domain"),
        pytest.param(SENDER, "another", True, id="around bounces and complaints"),
    ],
)
def test_mail_is_sent_as_the_vendors_address_alone(
    stack: RunningStack, sender: str, configuration_set: str, denied: bool
) -> None:
    """To whomever it goes: in the sandbox SES wants a right to the recipient's identity, too."""
    with acting_as(stack, "SendResponseRole") as connect:
        mail = {
            "FromEmailAddress": sender,
            "Destination": {"ToAddresses": ["anna@customer.example"]},
            "Content": {"Raw": {"Data": b"From: x\r\n\r\nx"}},
            "ConfigurationSetName": configuration_set,
        }
        assert is_denied(connect("sesv2").send_email, **mail) is denied


@pytest.mark.parametrize(
    "identities",
    [
        pytest.param(["example.com"], id="in production"),
        pytest.param([SENDER], id="in production, the address being verified itself"),
        pytest.param(["example.com", "anna@customer.example"], id="in the sandbox"),
    ],
)
@pytest.mark.parametrize("sender", [SENDER, "boss@example.com"])
def test_the_role_may_send_in_the_sandbox_and_after_it(
    stack: RunningStack, identities: list[str], sender: str
) -> None:
    """The policy as it was deployed, asked as SES asks in each case."""
    policy = iam_evaluator.parse_policy_document(policy_of(stack, "SendResponseRole"))
    names = [*(f"identity/{name}" for name in identities), "configuration-set/keyferry"]
    decisions = {
        iam_evaluator.evaluate(
            iam_evaluator.EvalContext(
                principal_arn="arn:aws:iam::000000000000:role/x",
                principal_type="AssumedRole",
                principal_account="000000000000",
                action=action,
                resource_arn=f"arn:aws:ses:us-east-1:000000000000:{name}",
                region="us-east-1",
                service_context={"ses:fromaddress": sender},
            ),
            [policy],
        ).decision
        for name in names
        for action in ("ses:SendEmail", "ses:SendRawEmail")
    }
    assert decisions == {"Allow" if sender == SENDER else "ImplicitDeny"}
