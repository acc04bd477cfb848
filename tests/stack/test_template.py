"""template.yaml, written and deployed: the same resources, with the rights they need."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from botocore.exceptions import ClientError

import local.deploy
from keyferry_admin.stack import signing_key_output
from keyferry_protocol.algorithms import RESPONSE_ALGORITHMS, ResponseAlgorithm
from keyferry_service.adapters.webhook_https import TIMEOUT_S
from tests.support.journeys import client
from tests.support.running_stack import ROOT, RunningStack

# What an embedded cloud leaves out: no TLS, no ML-DSA in KMS, nobody to tell of alarms.
OFF = {"OnAws", "HasMlDsaInKms", "HasAlarmEmail", "HasBudget", "HasCertificate", "HasWebAcl"} | {
    "HasAlias",
    "HasSigningKeyArns",
    "HasMultiRegionKeys",
    "HasEvents",  # off unless the vendor asks for them, here too; test_events.py does
    "HasWebhook",
}
KEY_ARN = "arn:aws:kms:eu-central-1:123456789012:key/5f2c0b8e"
SECRET = "0123456789abcdef0123456789abcdef"
REQUIRED = {
    "PageOrigin": "https://activate.example.com",
    "VendorName": "Example",
    "SupportContact": "licensing@example.com",
    "MailFrom": "licensing@example.com",
    "OriginSecret": SECRET,
}
EXPANDED = {  # what SAM makes of its own types
    "AWS::Serverless::Function": "AWS::Lambda::Function",
    "AWS::Serverless::LayerVersion": "AWS::Lambda::LayerVersion",
}


class Loader(yaml.SafeLoader):  # type: ignore[misc]  # it has no types
    """Reads !Sub and its kin as the functions they stand for."""


def _function(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", _function)
TEMPLATE: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), Loader)
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]


def of_type(kind: str) -> list[Any]:
    named = [pytest.param(r["Properties"], id=n) for n, r in RESOURCES.items() if r["Type"] == kind]
    assert named, kind
    return named


def test_the_deployed_stack_is_the_template_but_for_named_conditions(stack: RunningStack) -> None:
    reply = client(stack, "cloudformation").describe_stack_resources(StackName="keyferry")
    deployed = {r["LogicalResourceId"]: r["ResourceType"] for r in reply["StackResources"]}
    layers = {n for n, r in RESOURCES.items() if r["Type"].endswith("LayerVersion")}
    expected = {
        name: EXPANDED.get(resource["Type"], resource["Type"])
        for name, resource in RESOURCES.items()
        if resource.get("Condition") not in OFF
    } | {
        f"{name}{event}": "AWS::Lambda::EventSourceMapping"
        for name, resource in RESOURCES.items()
        if resource.get("Condition") not in OFF
        for event in resource["Properties"].get("Events", {})
    }
    for name in layers:  # SAM adds a hash of the content to a layer's name
        (real,) = (n for n in deployed if n.startswith(name))
        deployed[name] = deployed.pop(real)
    assert deployed == expected


def test_nothing_else_switches_the_conditions() -> None:
    assert set(TEMPLATE["Conditions"]) == OFF | {"CreatesMailDomain", "HasPageOrigin"}


@pytest.mark.parametrize("bucket", of_type("AWS::S3::Bucket"))
def test_a_bucket_is_private_encrypted_versioned_and_forgets(bucket: Any) -> None:
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert any(
        "NoncurrentVersionExpiration" in r for r in bucket["LifecycleConfiguration"]["Rules"]
    )


@pytest.mark.parametrize("policy", of_type("AWS::S3::BucketPolicy"))
def test_a_bucket_refuses_what_does_not_come_over_tls(policy: Any) -> None:
    statement = policy["PolicyDocument"]["Statement"][0]
    statement = statement.get("If", [None, statement])[1]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == (
        "Deny",
        "*",
        "s3:*",
    )
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert len(statement["Resource"]) == 2


def test_what_cannot_be_made_again_outlives_the_stack_but_not_a_first_deploy_that_fails() -> None:
    kinds = {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SES::EmailIdentity"}
    kept = {name for name, resource in RESOURCES.items() if resource["Type"] in kinds}
    for name, resource in RESOURCES.items():
        policies = resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")
        if name in kept - {"SiteBucket"}:
            assert policies == ("RetainExceptOnCreate", "Retain"), name
        else:
            assert policies == (None, None), name


def test_a_domain_that_outlives_the_stack_has_nothing_of_it() -> None:
    """SES refuses all mail of a domain whose default configuration set was deleted."""
    assert "ConfigurationSetAttributes" not in RESOURCES["MailIdentity"]["Properties"]


@pytest.mark.parametrize("algorithm", RESPONSE_ALGORITHMS.values(), ids=lambda a: a.name)
def test_each_response_algorithm_has_a_key_in_kms(algorithm: ResponseAlgorithm) -> None:
    arn = TEMPLATE["Outputs"][signing_key_output(algorithm.name)]["Value"]
    key = RESOURCES[arn["GetAtt"].removesuffix(".Arn")]["Properties"]
    assert (key["KeySpec"], key["KeyUsage"]) == (algorithm.kms_key_spec, "SIGN_VERIFY")


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"MlDsaKey": "pem"}, "Set MlDsaKey to kms or none."),
        ({"PemFolder": "/opt/keys"}, "Leave PemFolder empty."),
        ({"PageOrigin": "", "CertificateArn": "arn:aws:acm:us-east-1::c"}, "Set PageOrigin"),
        ({"SigningKeyArns": "alias/mine"}, "SigningKeyArns"),
        ({"SigningKeyArns": f"{KEY_ARN},mine"}, "SigningKeyArns"),
        ({"WebhookUrl": "https://crm.example.com/"}, "Set Events to on"),
        ({"Events": "on", "WebhookUrl": "http://crm.example.com/"}, "WebhookUrl"),
        ({"Events": "on", "WebhookUrl": "https://me@crm.example.com/"}, "WebhookUrl"),
        ({"Events": "on", "WebhookUrl": "https://crm.example.com:65536/"}, "WebhookUrl"),
    ],
)
def test_a_deployment_to_aws_that_could_not_work_is_refused(
    stack: RunningStack, parameters: dict[str, str], reason: str
) -> None:
    settings = REQUIRED | parameters
    with pytest.raises(ClientError, match=reason):
        client(stack, "cloudformation").create_change_set(
            StackName="on-aws",
            ChangeSetName="keys",
            ChangeSetType="CREATE",
            TemplateURL=f"{stack.endpoint}/{local.deploy.ARTIFACTS}/{local.deploy.TEMPLATE}",
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in settings.items()],
        )


@pytest.mark.parametrize(
    ("name", "is_kept"), [("LicensesTable", True), ("KeysTable", True), ("TicketsTable", False)]
)
def test_a_table_is_not_dropped_and_what_is_kept_can_be_brought_back(
    name: str, is_kept: bool
) -> None:
    """Tickets end after 7 days: a copy of them would cost, and help nobody."""
    table = RESOURCES[name]["Properties"]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": is_kept}
    assert table["DeletionProtectionEnabled"] is True


@pytest.mark.parametrize("name", ["ProcessRequest", "SendResponse", "MailFeedback"])
def test_a_queue_is_patient_with_its_function(name: str) -> None:
    function = RESOURCES[f"{name}Function"]["Properties"]
    (event,) = (event["Properties"] for event in function["Events"].values())
    queue = RESOURCES[event["Queue"]["GetAtt"].partition(".")[0]]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 10
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert event["ScalingConfig"] == {"MaximumConcurrency": {"Ref": f"{name}Concurrency"}}


def test_a_webhooks_queue_is_patient_too_and_asks_the_server_for_little_at_once() -> None:
    function = RESOURCES["SendWebhookFunction"]["Properties"]
    event = function["Events"]["Webhook"]["Properties"]
    queue = RESOURCES["WebhookQueue"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"] > 6 * TIMEOUT_S
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 10
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert event["ScalingConfig"] == {"MaximumConcurrency": 2}


@pytest.mark.parametrize("table", ["Licenses", "Tickets"])
def test_a_stream_is_tried_again_record_by_record_and_what_is_given_up_is_told(table: str) -> None:
    event = RESOURCES["PublishEventsFunction"]["Properties"]["Events"][table]["Properties"]
    assert event["Stream"] == {"GetAtt": f"{table}Table.StreamArn"}
    assert event["StartingPosition"] == "TRIM_HORIZON"  # from the moment it is switched on
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert event["BisectBatchOnFunctionError"] is True
    assert event["MaximumRetryAttempts"] == 30
    assert event["DestinationConfig"]["OnFailure"] == {
        "Type": "SQS",
        "Destination": {"GetAtt": "EventsDeadQueue.Arn"},
    }
    stream = RESOURCES[f"{table}Table"]["Properties"]["StreamSpecification"]["If"]
    assert stream[0] == "HasEvents"
    assert stream[2] == {"Ref": "AWS::NoValue"}


def test_what_serves_events_alone_is_off_with_them() -> None:
    """So that a vendor who wants none pays for none."""
    text = (ROOT / "template.yaml").read_text()
    block = text.partition("  # ---- Events ---")[2].partition("\nOutputs:")[0]
    names = re.findall(r"^  (\w+):", block, re.MULTILINE)
    assert len(names) > 10
    for name in names:
        assert RESOURCES[name]["Condition"] in {"HasEvents", "HasWebhook"}, name


@pytest.mark.parametrize(
    ("name", "most"), [("ProcessRequest", 10), ("SendResponse", 2), ("MailFeedback", 2)]
)
def test_a_vendor_says_how_many_batches_are_handled_side_by_side(
    stack: RunningStack, name: str, most: int
) -> None:
    parameter = TEMPLATE["Parameters"][f"{name}Concurrency"]
    assert (parameter["Default"], parameter["MinValue"], parameter["MaxValue"]) == (most, 2, 1000)
    function = stack.outputs[f"{name}Function"]
    reply = client(stack, "lambda").list_event_source_mappings(FunctionName=function)
    (mapping,) = reply["EventSourceMappings"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": most}


@pytest.mark.parametrize("role", of_type("AWS::IAM::Role"))
def test_a_role_names_what_it_may_touch(role: Any) -> None:
    (policy,) = role["Policies"]
    assert "ManagedPolicyArns" not in role
    for statement in policy["PolicyDocument"]["Statement"]:
        statement = statement.get("If", [None, statement])[1]
        actions = (
            statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        )
        assert not [action for action in actions if "*" in action]
        resource = statement["Resource"]
        assert "*" not in (resource if isinstance(resource, list) else [resource])


@pytest.mark.parametrize("function", of_type("AWS::Serverless::Function"))
def test_a_function_logs_where_logs_end(function: Any) -> None:
    log = RESOURCES[function["LoggingConfig"]["LogGroup"]["Ref"]]
    assert log["Properties"]["RetentionInDays"] <= 90


def test_the_api_takes_50_calls_a_second_unless_the_vendor_says_otherwise() -> None:
    assert RESOURCES["ApiStage"]["Properties"]["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": {"Ref": "ApiCallsPerSecond"},
        "ThrottlingBurstLimit": {"Ref": "ApiBurst"},
        "DetailedMetricsEnabled": False,  # each route's metrics would cost, and no alarm reads them
    }
    parameters = TEMPLATE["Parameters"]
    assert (parameters["ApiCallsPerSecond"]["Default"], parameters["ApiBurst"]["Default"]) == (
        50,
        100,
    )


def test_no_mail_is_tracked() -> None:
    (events,) = (
        r["Properties"]["EventDestination"]["MatchingEventTypes"]
        for r in RESOURCES.values()
        if r["Type"] == "AWS::SES::ConfigurationSetEventDestination"
    )
    assert events == ["bounce", "complaint"]
    assert "TrackingOptions" not in RESOURCES["MailConfiguration"]["Properties"]


def test_page_and_functions_agree_on_bucket_names(stack: RunningStack) -> None:
    """The CSP names the buckets in words, since a reference would run in a circle."""
    policy = json.dumps(RESOURCES["SecurityHeaders"])
    for name in ("InBucket", "OutBucket"):
        assert RESOURCES[name]["Properties"]["BucketName"]["Sub"] in policy


def test_the_api_wants_the_origins_secret(stack: RunningStack) -> None:
    port = stack.endpoint.rpartition(":")[2]
    host = f"{stack.outputs['ApiId']}.execute-api.localhost:{port}"
    answer = requests.get(f"{stack.endpoint}/api/requests/x", headers={"Host": host}, timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_buckets_are_closed_to_strangers(stack: RunningStack) -> None:
    for name in ("InBucket", "OutBucket", "SiteBucket"):
        for path in ("", "/index.html"):
            url = f"{stack.endpoint}/{stack.outputs[name]}{path}"
            assert requests.get(url, timeout=60).status_code == 403


def test_only_the_buckets_may_fill_the_queues(stack: RunningStack, tmp_path: Path) -> None:
    """A role of the same account that the template gave no right to send cannot."""
    sqs = client(stack, "sqs")
    for name in ("RequestsQueue", "ResponsesQueue"):
        reply = sqs.get_queue_attributes(QueueUrl=stack.outputs[name], AttributeNames=["Policy"])
        (statement,) = json.loads(reply["Attributes"]["Policy"])["Statement"]
        assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
        assert set(statement["Condition"]) == {"ArnEquals", "StringEquals"}


@pytest.mark.parametrize(
    "secret",
    [
        "",
        " ",
        SECRET[1:],
        f"{SECRET} ",
        f" {SECRET}",
        f"{SECRET}  {SECRET}",
        f"{SECRET} {SECRET[1:]}",
        f"{SECRET} {SECRET} {SECRET}",
        f"{SECRET}\n{SECRET}",
        f"{SECRET}\u00a0x",
    ],
)
def test_no_origin_secret_can_be_short_or_empty(secret: str) -> None:
    """The API accepts each word of it, and Python's white space is more than CloudFormation's."""
    pattern = TEMPLATE["Parameters"]["OriginSecret"]["AllowedPattern"]
    assert not re.fullmatch(pattern, secret, re.ASCII)
    for good in (SECRET, f"{SECRET} {SECRET}"):
        assert re.fullmatch(pattern, good)


def test_the_port_of_a_webhook_is_a_port() -> None:
    pattern = TEMPLATE["Parameters"]["WebhookUrl"]["AllowedPattern"]
    allowed = {
        port
        for port in range(100_000)
        if re.fullmatch(pattern, f"https://crm.example.com:{port}/hook")
    }
    assert allowed == set(range(1, 65536))
    for good in (
        "",
        "https://crm.example.com",
        "https://crm.example.com/a",
        "http://127.0.0.1:9/a",
    ):
        assert re.fullmatch(pattern, good)
    for bad in (
        "https://crm.example.com:",
        "https://crm.example.com:0443",
        "http://crm.example.com",
    ):
        assert not re.fullmatch(pattern, bad)
