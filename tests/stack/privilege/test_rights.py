"""The template's roles have exactly the rights that were shown to be needed, and one role signs."""

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from keyferry_service.adapters.files_s3 import FileGone, Files
from tests.stack.privilege.journeys import JOURNEYS
from tests.stack.privilege.rights import rights
from tests.stack.privilege.table import REASONS, TESTED, UNTESTED
from tests.stack.test_template import RESOURCES

pytestmark = pytest.mark.privilege

# What Lambda needs to poll a queue, as its documentation has it: no more, no less.
POLLS = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
KEYS = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::KMS::Key"]


def test_the_template_gives_exactly_the_rights_of_the_table() -> None:
    assert sorted(right.name for right in rights()) == sorted([*TESTED, *UNTESTED])


def test_no_right_comes_by_another_way() -> None:
    kinds = {r["Type"] for r in RESOURCES.values() if r["Type"].startswith("AWS::IAM::")}
    assert kinds == {"AWS::IAM::Role", "AWS::IAM::ManagedPolicy"}  # of people: test_roles.py
    for name, resource in RESOURCES.items():
        if resource["Type"] == "AWS::Serverless::Function":
            assert not {"Policies", "Connectors"} & {*resource, *resource["Properties"]}, name
        assert "ManagedPolicyArns" not in resource["Properties"], name
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            assert {"Users", "Groups", "Roles"}.isdisjoint(resource["Properties"]), name


def test_what_belongs_to_the_stack_is_opened_to_these_services_alone() -> None:
    roles = {right.role for right in rights()}
    open_statements = {
        (where, str(s["Action"]), *s["Principal"].values())
        for where, s in statements(RESOURCES)
        if s["Effect"] == "Allow" and "Principal" in s and where not in KEYS
    }
    assert open_statements == {
        (role, "sts:AssumeRole", "lambda.amazonaws.com") for role in roles
    } | {
        ("RequestsQueuePolicy", "sqs:SendMessage", "s3.amazonaws.com"),
        ("ResponsesQueuePolicy", "sqs:SendMessage", "s3.amazonaws.com"),
        ("FeedbackQueuePolicy", "sqs:SendMessage", "sns.amazonaws.com"),
        ("FeedbackTopicPolicy", "sns:Publish", "ses.amazonaws.com"),
        ("SiteBucketPolicy", "s3:GetObject", "cloudfront.amazonaws.com"),
        ("WebhookQueuePolicy", "sqs:SendMessage", "events.amazonaws.com"),
    }


def test_every_right_names_what_falls_without_it_and_every_journey_is_named() -> None:
    assert set(TESTED.values()) == set(JOURNEYS)


def test_what_no_test_sees_has_a_reason_and_where_aws_says_so() -> None:
    assert set(UNTESTED.values()) == set(REASONS)
    for reason in REASONS.values():
        assert reason["why"]
        assert reason["source"].startswith("https://docs.aws.amazon.com/")


def test_no_right_is_a_pattern_but_for_the_keys_of_one_folder_or_of_one_tag() -> None:
    for right in rights():
        assert "*" not in right.action
        resource, _, only = right.resource.partition(" where ")
        resource = resource.partition(" rows ")[0]
        folder = re.sub("/(requests|responses|renewals)/[*]$", "", resource)
        assert "*" not in folder or (
            (resource.endswith(":identity/*") and "ses:FromAddress" in only)
            or (resource.endswith(":key/*") and "aws:ResourceTag/keyferry-signs-for" in only)
        )


@pytest.mark.parametrize(
    "function", ["ProcessRequest", "SendResponse", "MailFeedback", "SendWebhook"]
)
def test_a_function_may_poll_its_own_queue_and_no_other(function: str) -> None:
    (event,) = RESOURCES[f"{function}Function"]["Properties"]["Events"].values()
    queue = event["Properties"]["Queue"]["GetAtt"]
    mine = {r.action for r in rights() if r.role == f"{function}Role" and r.resource == queue}
    assert mine - {"sqs:ChangeMessageVisibility"} == POLLS
    others = {r.role for r in rights() if r.action in POLLS and r.resource == queue}
    assert others == {f"{function}Role"}


@pytest.mark.parametrize(
    "function",
    [name.removesuffix("Function") for name in RESOURCES if name.endswith("Function")],
)
def test_a_function_may_write_its_own_log_and_no_other(function: str) -> None:
    log = RESOURCES[f"{function}Function"]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    mine = [r for r in rights() if r.role == f"{function}Role" and r.action.startswith("logs:")]
    assert {(right.resource, right.action) for right in mine} == {(f"{log}.Arn", a) for a in LOGS}


@pytest.mark.parametrize(
    ("call", "operation"),
    [
        pytest.param(lambda files: files.uploaded_at("t"), "head_object", id="a file to come"),
        pytest.param(lambda f: f.is_published("t", "x"), "head_object", id="an answer to come"),
        pytest.param(lambda f: f.read_published("t", "x"), "get_object", id="an answer to read"),
        pytest.param(lambda files: files.read("t", "v1"), "get_object", id="a file that is gone"),
    ],
)
def test_without_the_right_to_list_what_is_missing_would_be_a_failure(
    call: Callable[[Files], Any], operation: str
) -> None:
    """S3 tells 404 from 403 by s3:ListBucket alone; the embedded cloud tells everybody 404."""
    s3 = boto3.client("s3", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(s3) as aws:
        aws.add_client_error(
            operation, "403" if operation == "head_object" else "AccessDenied", "", 403
        )
        with pytest.raises(ClientError):
            call(Files(s3, "in", "out"))
        aws.add_client_error(
            operation, "404" if operation == "head_object" else "NoSuchVersion", "", 404
        )
        try:
            assert not call(Files(s3, "in", "out"))
        except FileGone:
            assert operation == "get_object"


def test_only_the_function_that_answers_may_sign() -> None:
    may = [(where, s) for where, s in statements(RESOURCES) if signs(s)]
    assert [where for where, _ in may if where in KEYS] == KEYS  # the account's delegation, below
    assert {where for where, _ in may if where not in KEYS} == {"ProcessRequestRole"}
    assert {(s["Effect"], s["Action"]) for where, s in may if where not in KEYS} == {
        ("Allow", "kms:Sign")
    }


def test_a_key_leaves_it_to_the_accounts_roles_who_signs_and_names_nobody_else() -> None:
    root = {"AWS": {"Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    for name in KEYS:
        (statement,) = RESOURCES[name]["Properties"]["KeyPolicy"]["Statement"]
        assert (statement["Effect"], statement["Principal"]) == ("Allow", root)
        assert "Condition" not in statement


def statements(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Every statement of every policy in the template, wherever it stands, and whose it is."""
    if isinstance(value, list):
        for each in value:
            yield from statements(each, where)
    elif isinstance(value, dict):
        if "Effect" in value:
            yield where, value
        for name, each in value.items():
            yield from statements(each, where or name)


def signs(statement: Any) -> bool:
    """Whether an allowing statement's actions have signing among them, or whatever is not named."""
    if statement["Effect"] != "Allow":
        return False
    value = statement.get("Action", "*")  # NotAction allows all but some
    actions = [value] if isinstance(value, str) else value
    return any(fnmatchcase("kms:sign", action.lower()) for action in actions)
