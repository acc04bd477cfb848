"""The same stack in a second region of one account, which also has no address of its own yet."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import boto3
import pytest
import requests

from keyferry_admin.cli import cli
from keyferry_admin.use_cases import origin_secret
from local.deploy import ARTIFACTS, STACK, TEMPLATE
from tests.stack.test_template import REQUIRED, RESOURCES
from tests.support.running_stack import RunningStack

REGION = "eu-central-1"
CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/5f2c0b8e"
CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
DONE = {"Delay": 0.1, "MaxAttempts": 600}


@dataclass(frozen=True)
class SecondRegion:
    endpoint: str
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        return client(self.endpoint, service, REGION)

    def distribution(self) -> Any:
        reply = self.client("cloudfront").get_distribution_config(Id=self.outputs["DistributionId"])
        return reply["DistributionConfig"]

    def sent_secret(self) -> str:
        (api,) = (o for o in self.distribution()["Origins"]["Items"] if o["Id"] == "api")
        secret: str = api["CustomHeaders"]["Items"][0]["HeaderValue"]
        return secret

    def call(self, secret: str) -> int:
        port = self.endpoint.rpartition(":")[2]
        headers = {"Host": f"{self.outputs['ApiId']}.execute-api.localhost:{port}"}
        headers["X-Origin-Secret"] = secret
        answer = requests.get(f"{self.endpoint}/api/requests/x", headers=headers, timeout=60)
        return answer.status_code

    def update(self, **values: str) -> None:
        cloudformation = self.client("cloudformation")
        (described,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
        names = {parameter["ParameterKey"] for parameter in described["Parameters"]}
        cloudformation.update_stack(
            StackName=STACK,
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[
                *({"ParameterKey": n, "UsePreviousValue": True} for n in names - values.keys()),
                *({"ParameterKey": n, "ParameterValue": v} for n, v in values.items()),
            ],
        )
        waiter = cloudformation.get_waiter("stack_update_complete")
        waiter.wait(StackName=STACK, WaiterConfig=DONE)


def client(endpoint: str, service: str, region: str) -> Any:
    connect: Any = boto3.client
    return connect(service, endpoint_url=endpoint, region_name=region, **CREDENTIALS)


@pytest.fixture(scope="module")
def roles_of_the_first(stack: RunningStack) -> Iterator[None]:
    """The embedded cloud names a role by its stack alone, so the second stack overwrites them."""
    iam = client(stack.endpoint, "iam", "us-east-1")
    cloudformation = client(stack.endpoint, "cloudformation", "us-east-1")
    resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    roles = [r["PhysicalResourceId"] for r in resources if r["ResourceType"] == "AWS::IAM::Role"]
    kept = [
        iam.get_role_policy(RoleName=role, PolicyName=name)
        for role in roles
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    yield
    for policy in kept:
        iam.put_role_policy(
            RoleName=policy["RoleName"],
            PolicyName=policy["PolicyName"],
            PolicyDocument=json.dumps(policy["PolicyDocument"]),
        )


@pytest.fixture(scope="module")
def second(stack: RunningStack, roles_of_the_first: None) -> SecondRegion:
    """The stack of the first region, deployed again as `make deploy` would in another one."""
    first = partial(client, stack.endpoint, region="us-east-1")
    there = partial(client, stack.endpoint, region=REGION)
    artifacts = f"{ARTIFACTS}-{REGION}"
    place = {"LocationConstraint": REGION}
    there("s3").create_bucket(Bucket=artifacts, CreateBucketConfiguration=place)
    for item in first("s3").list_objects_v2(Bucket=ARTIFACTS)["Contents"]:
        content = first("s3").get_object(Bucket=ARTIFACTS, Key=item["Key"])["Body"].read()
        if item["Key"] == TEMPLATE:
            content = content.replace(f"{ARTIFACTS}/".encode(), f"{artifacts}/".encode())
        there("s3").put_object(Bucket=artifacts, Key=item["Key"], Body=content)
    cloudformation = there("cloudformation")
    values = REQUIRED | {"PageOrigin": "", "MlDsaKey": "none", "StorageOrigin": stack.endpoint}
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=f"{stack.endpoint}/{artifacts}/{TEMPLATE}",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": n, "ParameterValue": v} for n, v in values.items()],
    )
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.wait(StackName=STACK, WaiterConfig=DONE)
    (described,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}
    return SecondRegion(stack.endpoint, outputs)


def test_without_an_address_the_first_deploy_names_cloudfronts_own(second: SecondRegion) -> None:
    page = f"https://{second.outputs['DistributionDomain']}"
    assert second.outputs["PageUrl"] == page
    for bucket in ("InBucket", "OutBucket"):
        reply = second.client("s3").get_bucket_cors(Bucket=second.outputs[bucket])
        assert [rule["AllowedOrigins"] for rule in reply["CORSRules"]] == [[page]]
    function = second.outputs["SendResponseFunction"]
    reply = second.client("lambda").get_function_configuration(FunctionName=function)
    assert reply["Environment"]["Variables"]["PAGE_ORIGIN"] == page
    assert second.distribution()["ViewerCertificate"]["CloudFrontDefaultCertificate"]


def test_two_regions_share_nothing_of_cloudfront(stack: RunningStack, second: SecondRegion) -> None:
    """AWS refuses a name that another region has; the embedded cloud would share what has it."""

    def physical_ids(region: str) -> set[str]:
        cloudformation = client(stack.endpoint, "cloudformation", region)
        reply = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
        return {r["PhysicalResourceId"] for r in reply if "::CloudFront::" in r["ResourceType"]}

    first, there = physical_ids("us-east-1"), physical_ids(REGION)
    assert len(first) == len(there) == 4
    assert first.isdisjoint(there)


@pytest.mark.parametrize("service", ["CloudFront", "S3", "Budgets", "IAM"])
def test_a_name_that_counts_in_every_region_has_the_region_in_it(service: str) -> None:
    def names(value: Any) -> Iterator[Any]:
        for key, inner in value.items():
            if key in ("Name", "BucketName", "BudgetName", "RoleName", "ManagedPolicyName"):
                yield inner
            elif isinstance(inner, dict):
                yield from names(inner)

    for resource in RESOURCES.values():
        if f"::{service}::" in resource["Type"]:
            for name in names(resource["Properties"]):
                assert "${AWS::Region}" in name["Sub"], resource


def test_the_pages_host_moves_here_once_it_is_free(second: SecondRegion) -> None:
    """Until then the certificate is in place, as `associate-alias` wants it."""
    host = {"PageOrigin": "https://activate.example.com", "CertificateArn": CERTIFICATE}
    second.update(**host, AliasHere="false")
    distribution = second.distribution()
    assert distribution.get("Aliases", {}).get("Items", []) == []
    assert distribution["ViewerCertificate"]["ACMCertificateArn"] == CERTIFICATE
    second.update(AliasHere="true")
    assert second.distribution()["Aliases"]["Items"] == ["activate.example.com"]


def test_the_secret_rotates_and_every_call_is_accepted(
    second: SecondRegion, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After each step, from two edge locations: one that has the change, one that has not yet.

    test_origin_secret.py has what may happen within a step.
    """
    old = second.sent_secret()
    sent, answers, update = [old], list[int](), origin_secret._update

    def update_and_call(*arguments: Any) -> None:
        update(*arguments)
        sent.append(second.sent_secret())
        answers.extend(second.call(secret) for secret in sent[-2:])

    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(origin_secret, "POLL_S", 0.1)
    monkeypatch.setattr(origin_secret, "_update", update_and_call)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", second.endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    cli.main(["origin-secret", "rotate"], standalone_mode=False)
    new = second.sent_secret()
    assert sent == [old, old, new, new]
    assert answers == [404] * 6  # the service's own answer: it knows no such ticket
    assert second.call(old) == 403
    printed = "".join(capsys.readouterr())
    assert "The old one is refused" in printed
    assert old not in printed
    assert new not in printed
