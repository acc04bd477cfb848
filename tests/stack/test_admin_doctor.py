"""`keyferry-admin doctor` on the local stack, with each thing broken in turn.

The doctor reports what is broken and nothing else. Where it names a command of AWS, that command is
what repairs the stack. `--one-by-one` breaks one thing at a time, which takes minutes; otherwise
all are broken at once, in two rounds. What the embedded cloud cannot break is in
tests/service/admin/test_doctor.py: certificates, DNS, DKIM, and the quotas of SES.
"""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache, partial
from typing import Any, NamedTuple

import boto3
import pytest
from botocore import xform_name
from botocore.loaders import JSONFileLoader
from click.testing import CliRunner

from keyferry_admin.cli import cli
from tests.stack.privilege.rights import RESOURCES
from tests.stack.test_dead_letters import right_taken_away
from tests.support.journeys import client
from tests.support.running_stack import ROOT, RunningStack

Repair = Callable[[], object]
Break = Callable[[RunningStack], AbstractContextManager[None] | Repair]
Breaks = dict[Break, tuple[str, str]]  # and the check that reports it, with these words
POLICY: Any = json.loads((ROOT / "docs/operations/doctor-policy.json").read_text())
MISTAKEN = {  # the embedded cloud takes the first for a right to read, and the others for all only
    "Effect": "Allow",
    "Action": [
        "lambda:PutFunctionConcurrency",
        "cloudwatch:DescribeAlarms",
        "iam:SimulatePrincipalPolicy",
    ],
    "Resource": "*",
}
NOT_TRIED = {
    "acm:DescribeCertificate",  # no certificate here
    "cloudformation:DescribeStacks",  # without it there is no report
    "lambda:GetAccountSettings",  # everybody may, in the embedded cloud
    *("lambda:GetFunctionConcurrency", "cloudwatch:DescribeAlarms", "iam:SimulatePrincipalPolicy"),
}
WITHOUT_RIGHTS = {"stack", "certificate", "service"}  # "service" comes after "address"
EXPECTED = {("sender", "warning"), ("alarm-email", "warning")}  # no DKIM, and nobody is told


class Report(NamedTuple):
    exit: int
    checks: list[dict[str, Any]]

    def notable(self) -> set[tuple[str, str, str]]:
        """What is not as it should be here."""
        return {
            (check["name"], check["text"], check["next_step"])
            for check in self.checks
            if check["result"] != "ok" and (check["name"], check["result"]) not in EXPECTED
        }

    def results(self) -> set[tuple[str, str]]:
        return {(check["name"], check["result"]) for check in self.checks}

    def lacking(self) -> dict[str, str]:
        """The right that each check lacks."""
        return {check["name"]: check["needs"] for check in self.checks if "needs" in check}


@pytest.fixture(scope="module")
def doctor(stack: RunningStack) -> Iterator[Callable[[], Report]]:
    """Runs the command in this process, where botocore reads each model once."""

    def run() -> Report:
        ran = CliRunner().invoke(cli, ["doctor", "--json"], catch_exceptions=False)
        return Report(ran.exit_code, json.loads(ran.stdout)["checks"])

    read = cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: read(path))
        patch.setenv("AWS_ENDPOINT_URL", stack.endpoint)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.chdir(ROOT)
        yield run


@pytest.fixture(scope="module")
def healthy(doctor: Callable[[], Report]) -> Report:
    return doctor()


@contextmanager
def page_without_a_file(stack: RunningStack) -> Iterator[None]:
    s3, bucket = client(stack, "s3"), stack.outputs["SiteBucket"]
    kept = s3.get_object(Bucket=bucket, Key="page.css")
    s3.delete_object(Bucket=bucket, Key="page.css")
    try:
        yield
    finally:
        body, kind = kept["Body"].read(), kept["ContentType"]
        s3.put_object(Bucket=bucket, Key="page.css", Body=body, ContentType=kind)


@contextmanager
def page_of_another_release(stack: RunningStack) -> Iterator[None]:
    s3, bucket = client(stack, "s3"), stack.outputs["SiteBucket"]
    kept = s3.get_object(Bucket=bucket, Key="js/view.js")
    kind = kept["ContentType"]
    s3.put_object(Bucket=bucket, Key="js/view.js", Body=b"// older", ContentType=kind)
    try:
        yield
    finally:
        s3.put_object(Bucket=bucket, Key="js/view.js", Body=kept["Body"].read(), ContentType=kind)


@contextmanager
def another_origin_secret(stack: RunningStack) -> Iterator[None]:
    functions, name = client(stack, "lambda"), stack.outputs["PublicApiFunction"]
    kept = functions.get_function_configuration(FunctionName=name)["Environment"]
    variables = {
        variable: "another" if "SECRET" in variable else value
        for variable, value in kept["Variables"].items()
    }
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment=kept)


@contextmanager
def no_right_to_sign(stack: RunningStack) -> Iterator[None]:
    with right_taken_away(stack, "ProcessRequestFunction", "kms:Sign"):
        yield


@contextmanager
def bucket_without_events(stack: RunningStack) -> Iterator[None]:
    s3, bucket = client(stack, "s3"), stack.outputs["InBucket"]
    kept = s3.get_bucket_notification_configuration(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    try:
        yield
    finally:
        del kept["ResponseMetadata"]
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=kept)


@contextmanager
def dead_letter(stack: RunningStack) -> Iterator[None]:
    sqs, queue = client(stack, "sqs"), stack.outputs["FeedbackDeadQueue"]
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    try:
        yield
    finally:
        sqs.purge_queue(QueueUrl=queue)


@contextmanager
def sandbox(stack: RunningStack) -> Iterator[None]:
    ses = client(stack, "sesv2")
    details = {"MailType": "TRANSACTIONAL", "WebsiteURL": "https://example.com"}
    ses.put_account_details(ProductionAccessEnabled=False, **details)
    try:
        yield
    finally:
        ses.put_account_details(ProductionAccessEnabled=True, **details)


@contextmanager
def no_identity(stack: RunningStack) -> Iterator[None]:
    ses, name = client(stack, "sesv2"), {"EmailIdentity": "example.com"}
    ses.delete_email_identity(**name)
    try:
        yield
    finally:
        ses.create_email_identity(**name)


@contextmanager
def no_concurrency_left(stack: RunningStack) -> Iterator[None]:
    functions, name = client(stack, "lambda"), stack.outputs["PublicApiFunction"]
    left = functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=left - 5)
    try:
        yield
    finally:
        functions.delete_function_concurrency(FunctionName=name)


@contextmanager
def alarm_going_off(stack: RunningStack) -> Iterator[None]:
    cloudwatch = client(stack, "cloudwatch")
    alarm = {"AlarmName": resource(stack, "FeedbackAgeAlarm"), "StateReason": "A test."}
    cloudwatch.set_alarm_state(StateValue="ALARM", **alarm)
    try:
        yield
    finally:
        cloudwatch.set_alarm_state(StateValue="OK", **alarm)


@contextmanager
def events_not_reported(stack: RunningStack) -> Iterator[None]:
    ses, name = client(stack, "sesv2"), {"ConfigurationSetName": "keyferry"}
    (kept,) = ses.get_configuration_set_event_destinations(**name)["EventDestinations"]
    name["EventDestinationName"] = kept.pop("Name")
    ses.update_configuration_set_event_destination(
        EventDestination=kept | {"Enabled": False}, **name
    )
    try:
        yield
    finally:
        ses.update_configuration_set_event_destination(EventDestination=kept, **name)


# What a command of the doctor repairs. Each returns what repairs it for a test that fails before.


def disable_key(stack: RunningStack) -> Repair:
    kms, key = client(stack, "kms"), stack.outputs["Ed25519KeyArn"]
    kms.disable_key(KeyId=key)
    return lambda: kms.enable_key(KeyId=key)


def delete_key(stack: RunningStack) -> Repair:
    kms, key = client(stack, "kms"), stack.outputs["Ed25519KeyArn"]
    kms.schedule_key_deletion(KeyId=key)

    def repair() -> None:
        kms.cancel_key_deletion(KeyId=key)
        kms.enable_key(KeyId=key)

    return repair


def pause_queue(stack: RunningStack) -> Repair:
    functions, name = client(stack, "lambda"), stack.outputs["MailFeedbackFunction"]
    (mapping,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    turn = partial(functions.update_event_source_mapping, UUID=mapping["UUID"])
    turn(Enabled=False)
    return partial(turn, Enabled=True)


def stop_function(stack: RunningStack) -> Repair:
    functions, name = client(stack, "lambda"), stack.outputs["SendResponseFunction"]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    return lambda: functions.delete_function_concurrency(FunctionName=name)


def unsubscribe_queue(stack: RunningStack) -> Repair:
    sns, topic = client(stack, "sns"), {"TopicArn": stack.outputs["FeedbackTopic"]}
    (subscription,) = sns.list_subscriptions_by_topic(**topic)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    return partial(sns.subscribe, Protocol="sqs", Endpoint=subscription["Endpoint"], **topic)


def stop_email(stack: RunningStack) -> Repair:
    ses = client(stack, "sesv2")
    turn = partial(ses.put_configuration_set_sending_options, ConfigurationSetName="keyferry")
    turn(SendingEnabled=False)
    return partial(turn, SendingEnabled=True)


def stop_backups(stack: RunningStack) -> Repair:
    def turn(is_on: bool) -> None:
        client(stack, "dynamodb").update_continuous_backups(
            TableName=stack.outputs["LicensesTable"],
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": is_on},
        )

    turn(False)
    return partial(turn, True)


def allow_deletion(stack: RunningStack) -> Repair:
    table = {"TableName": stack.outputs["KeysTable"]}
    protect = partial(client(stack, "dynamodb").update_table, **table)
    protect(DeletionProtectionEnabled=False)
    return partial(protect, DeletionProtectionEnabled=True)


def stop_expiry(stack: RunningStack) -> Repair:
    def turn(is_on: bool) -> None:
        client(stack, "dynamodb").update_time_to_live(
            TableName=stack.outputs["TicketsTable"],
            TimeToLiveSpecification={"Enabled": is_on, "AttributeName": "expires_at"},
        )

    turn(False)
    return partial(turn, True)


def silence_alarm(stack: RunningStack) -> Repair:
    cloudwatch, names = client(stack, "cloudwatch"), [resource(stack, "RequestsDeadAlarm")]
    cloudwatch.disable_alarm_actions(AlarmNames=names)
    return lambda: cloudwatch.enable_alarm_actions(AlarmNames=names)


BREAKS: Breaks = {
    page_without_a_file: ("page", "missing: page.css"),
    another_origin_secret: ("service", "another origin secret"),
    disable_key: ("keys", "Disabled"),
    no_right_to_sign: ("rights", "no right to sign with Ed25519"),
    bucket_without_events: ("events", "keyferry-in-"),
    pause_queue: ("functions", "is paused"),
    stop_function: ("functions", "cannot run"),
    dead_letter: ("given-up", "(bounce or complaint: 1)"),
    sandbox: ("email", "sandbox"),
    no_identity: ("sender", "no identity"),
    events_not_reported: ("bounces", "does not report"),
    unsubscribe_queue: ("bounces", "does not reach its queue"),
    stop_email: ("bounces", "turned off"),
    stop_backups: ("tables", "no point-in-time recovery"),
    allow_deletion: ("tables", "deleted by mistake"),
    stop_expiry: ("tables", "keeps expired rows"),
    alarm_going_off: ("alarms", "Going off"),
    silence_alarm: ("alarms", "Turned off: keyferry-RequestsDeadAlarm"),
    no_concurrency_left: ("quotas", "up to 5 functions"),
}
SAME_CHECKS: Breaks = {  # which would hide two of those
    page_of_another_release: ("page", "not of this release: js/view.js"),
    delete_key: ("keys", "PendingDeletion"),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "broken" in metafunc.fixturenames:
        rounds = {"all": BREAKS, "the same checks": SAME_CHECKS}
        if metafunc.config.getoption("--one-by-one"):
            every = BREAKS | SAME_CHECKS
            rounds = {each.__name__: {each: words} for each, words in every.items()}
        metafunc.parametrize("broken", rounds.values(), ids=rounds.keys())


def test_what_is_broken_is_reported_with_its_repair_and_nothing_else_is(
    stack: RunningStack, doctor: Callable[[], Report], healthy: Report, broken: Breaks
) -> None:
    with ExitStack() as last_resort:
        with ExitStack() as repairs:
            for each in broken:
                match each(stack):
                    case AbstractContextManager() as fault:
                        repairs.enter_context(fault)
                    case repair:
                        last_resort.callback(repair)
            reported = doctor().notable() - healthy.notable()
            assert len(reported) == len(broken)
            for check, words in broken.values():
                assert [text for name, text, _ in reported if name == check and words in text]
            for _, _, next_step in reported:
                for command in re.findall(r"\baws (?:(?!, then ).)+", next_step):
                    run_aws(stack, command)
        assert doctor().notable() == healthy.notable()
        last_resort.pop_all()  # the doctor's commands have repaired it


def test_a_healthy_stack_is_ready(healthy: Report) -> None:
    assert healthy.exit == 0
    assert healthy.notable() == set()
    names = [check["name"] for check in healthy.checks]
    assert len(names) == len(set(names))


def test_the_documented_rights_are_enough(
    doctor: Callable[[], Report], healthy: Report, allow: Callable[[Any], None]
) -> None:
    allow(POLICY)
    assert doctor().results() == healthy.results()


def test_a_check_says_which_right_it_needs_and_holds_up_no_other(
    request: pytest.FixtureRequest,
    doctor: Callable[[], Report],
    healthy: Report,
    allow: Callable[[Any], None],
) -> None:
    needed = {action for each in POLICY["Statement"] for action in each["Action"]} - NOT_TRIED
    if not request.config.getoption("--one-by-one"):
        allow(without(POLICY, needed))
        lacking = doctor().lacking()
        assert set(lacking.values()) <= needed
        assert set(lacking) == {name for name, _ in healthy.results()} - WITHOUT_RIGHTS
        return
    for action in sorted(needed):
        allow(without(POLICY, {action}))
        report = doctor()
        assert set(report.lacking().values()) == {action}
        assert report.results() ^ healthy.results() >= {(n, "unknown") for n in report.lacking()}


@pytest.fixture
def allow(stack: RunningStack) -> Iterator[Callable[[Any], None]]:
    """Gives an administrator these rights and no others; the doctor runs as this person."""
    iam, user = client(stack, "iam"), {"UserName": "doctor"}
    iam.create_user(**user)
    access_key = iam.create_access_key(**user)["AccessKey"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the credentials of the first call
        patch.setenv("AWS_ACCESS_KEY_ID", access_key["AccessKeyId"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", access_key["SecretAccessKey"])
        yield lambda policy: iam.put_user_policy(
            PolicyName="doctor",
            PolicyDocument=json.dumps(policy | {"Statement": [*policy["Statement"], MISTAKEN]}),
            **user,
        )
    for name in iam.list_user_policies(**user)["PolicyNames"]:
        iam.delete_user_policy(PolicyName=name, **user)
    iam.delete_access_key(AccessKeyId=access_key["AccessKeyId"], **user)
    iam.delete_user(**user)


def without(policy: Any, actions: set[str]) -> Any:
    """The policy without these actions."""
    left = [
        statement | {"Action": [action for action in statement["Action"] if action not in actions]}
        for statement in policy["Statement"]
    ]
    return policy | {"Statement": [statement for statement in left if statement["Action"]]}


def resource(stack: RunningStack, name: str) -> str:
    assert name in RESOURCES
    reply = client(stack, "cloudformation").describe_stack_resource(
        StackName="keyferry", LogicalResourceId=name
    )
    physical: str = reply["StackResourceDetail"]["PhysicalResourceId"]
    return physical


def run_aws(stack: RunningStack, command: str) -> None:
    """Run a command of the AWS command line, with as much of its grammar as the doctor uses."""
    program, option, region, service, operation, *words = shlex.split(command)
    assert (program, option, region) == ("aws", "--region", "us-east-1")
    aws, method = client(stack, service), operation.replace("-", "_")
    model = aws.meta.service_model.operation_model(aws.meta.method_to_api_mapping[method])
    members = {xform_name(n, "-"): (n, kind) for n, kind in model.input_shape.members.items()}
    members["notification-endpoint"] = members.get("endpoint")  # as `aws sns subscribe` calls it
    parameters = {}
    for option in " ".join(words).removeprefix("--").split(" --"):
        name, *values = option.split()
        member, kind = members[name]
        parameters[member] = _value(kind.type_name, values)
    getattr(aws, method)(**parameters)


def _value(kind: str, values: list[str]) -> Any:
    if kind in ("boolean", "list"):
        return values or True
    (text,) = values
    if kind in ("map", "structure"):
        pairs = dict(pair.split("=") for pair in text.split(","))
        is_flag = kind == "structure"
        return {
            name: is_flag or value if value == "true" else value for name, value in pairs.items()
        }
    return text
