"""Deploys template.yaml and the artifacts of `make build TARGET=local` with CloudFormation."""

import hashlib
import io
import re
import zipfile
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from local.cloud import REGION, CannotStart, Cloud

STACK = "keyferry"
ARTIFACTS = "keyferry-artifacts"
TEMPLATE = "template.yaml"


def deploy(cloud: Cloud, template: str, build: Path, parameters: dict[str, str]) -> dict[str, str]:
    """Create or update the stack, and return its outputs. Raises CannotStart.

    Only the locations of artifacts in the template are changed.
    """
    cloudformation = cloud.client("cloudformation")
    stack = {
        "StackName": STACK,
        "TemplateURL": f"{cloud.endpoint}/{_uploaded(cloud.client('s3'), template, build)}",
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
    }
    try:
        cloudformation.create_stack(**stack)
        waiter = cloudformation.get_waiter("stack_create_complete")
    except cloudformation.exceptions.AlreadyExistsException:
        waiter = cloudformation.get_waiter("stack_update_complete")
        try:
            cloudformation.update_stack(**stack)
        except ClientError as error:
            if "No updates" not in str(error):
                raise
            waiter = cloudformation.get_waiter("stack_exists")
    try:
        waiter.wait(StackName=STACK, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
    except WaiterError as error:
        reason = f"The template could not be deployed: {_reason(cloudformation)}"
        raise CannotStart(reason) from error
    reply = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in reply}
    _set_up_tables(cloud, outputs)
    return outputs


def _set_up_tables(cloud: Cloud, outputs: dict[str, str]) -> None:
    """Do what the embedded CloudFormation leaves out of a table: recovery and expiry."""
    dynamodb = cloud.client("dynamodb")
    for kept in {"LicensesTable", "KeysTable"} & outputs.keys():  # release 0.9 has no KeysTable
        dynamodb.update_continuous_backups(
            TableName=outputs[kept],
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )
    dynamodb.update_time_to_live(
        TableName=outputs["TicketsTable"],
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
    )


def _reason(cloudformation: Any) -> str:
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=STACK)
    events = [event for page in pages for event in page["StackEvents"]]  # the newest first
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    return " ".join(failed[-1].get(k, "") for k in ("LogicalResourceId", "ResourceStatusReason"))


def _uploaded(s3: Any, template: str, build: Path) -> str:
    """Where the template is, which is too long for a call, as it would be on AWS."""
    region = s3.meta.region_name
    where = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=ARTIFACTS, **(where if region != REGION else {}))

    def uploaded(match: re.Match[str]) -> str:
        content = _zip(build / match["folder"])
        key = f"{hashlib.sha256(content).hexdigest()}.zip"
        try:
            s3.head_object(Bucket=ARTIFACTS, Key=key)
        except ClientError:
            s3.put_object(Bucket=ARTIFACTS, Key=key, Body=content)
        return f"{match['member']}: s3://{ARTIFACTS}/{key}"

    body = re.sub(r"(?P<member>CodeUri|ContentUri): (?P<folder>\S+)/", uploaded, template)
    s3.put_object(Bucket=ARTIFACTS, Key=TEMPLATE, Body=body)
    return f"{ARTIFACTS}/{TEMPLATE}"


def _zip(folder: Path) -> bytes:
    """Zip a folder reproducibly: the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder))), path.read_bytes())
    return buffer.getvalue()
