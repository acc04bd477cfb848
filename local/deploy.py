"""Deploys template.yaml with the artifacts of `make build TARGET=local`, through CloudFormation itself."""

import hashlib
import io
import mimetypes
import re
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.cloud import CannotStart, Cloud

STACK = "keyferry"
ARTIFACTS = "keyferry-artifacts"


@dataclass(frozen=True)
class Stack:
    """A deployed stack: its outputs, and how many resources and functions it has."""

    outputs: dict[str, str]
    resources: int
    functions: int


def deploy(cloud: Cloud, template: str, build: Path, parameters: dict[str, str]) -> Stack:
    """Create or update the stack; the template is changed in nothing but where its artifacts lie."""
    cloudformation = cloud.client("cloudformation")
    exists = _exists(cloudformation)
    change = f"change-{time.time_ns()}"
    cloudformation.create_change_set(
        StackName=STACK,
        ChangeSetName=change,
        ChangeSetType="UPDATE" if exists else "CREATE",
        TemplateBody=_with_artifacts(cloud.client("s3"), template, build),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
    )
    made = _wait(
        lambda: cloudformation.describe_change_set(StackName=STACK, ChangeSetName=change), "Status"
    )
    if made["Status"] == "CREATE_COMPLETE":
        cloudformation.execute_change_set(StackName=STACK, ChangeSetName=change)
    elif not (exists and "didn't contain changes" in made.get("StatusReason", "")):
        raise CannotStart(f"CloudFormation refused the template: {made.get('StatusReason')}")
    stack = _wait(
        lambda: cloudformation.describe_stacks(StackName=STACK)["Stacks"][0], "StackStatus"
    )
    if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise CannotStart(f"The stack is {stack['StackStatus']}: {_failure(cloudformation)}")
    resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    return Stack(
        {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]},
        len(resources),
        sum(resource["ResourceType"] == "AWS::Lambda::Function" for resource in resources),
    )


def upload_site(cloud: Cloud, bucket: str, files: dict[str, bytes]) -> None:
    """Put the page's files into the site bucket."""
    s3 = cloud.client("s3")
    for key, content in files.items():
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=kind)


def _with_artifacts(s3: Any, template: str, build: Path) -> str:
    s3.create_bucket(Bucket=ARTIFACTS)

    def uploaded(found: re.Match[str]) -> str:
        content = _zip(build / found["folder"])
        key = f"{hashlib.sha256(content).hexdigest()}.zip"
        try:
            s3.head_object(Bucket=ARTIFACTS, Key=key)
        except ClientError:
            s3.put_object(Bucket=ARTIFACTS, Key=key, Body=content)
        return f"{found['member']}: s3://{ARTIFACTS}/{key}"

    return re.sub(r"(?P<member>CodeUri|ContentUri): (?P<folder>\S+)/", uploaded, template)


def _zip(folder: Path) -> bytes:
    """The folder as a zip that is the same bytes for the same files."""
    if not folder.is_dir():
        raise CannotStart(f"{folder} is missing. Run: make build TARGET=local")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = path.relative_to(folder).as_posix()
                archive.writestr(zipfile.ZipInfo(name), path.read_bytes())
    return buffer.getvalue()


def _exists(cloudformation: Any) -> bool:
    try:
        cloudformation.describe_stacks(StackName=STACK)
    except ClientError:
        return False
    return True


def _wait(look: Callable[[], dict[str, Any]], member: str) -> dict[str, Any]:
    for _ in range(600):
        seen = look()
        if not seen[member].endswith(("_IN_PROGRESS", "_PENDING")):
            return seen
        time.sleep(0.05)
    raise CannotStart("CloudFormation did not come to an end in 30 seconds.")


def _failure(cloudformation: Any) -> str:
    events = reversed(cloudformation.describe_stack_events(StackName=STACK)["StackEvents"])
    failed = (event for event in events if event["ResourceStatus"].endswith("_FAILED"))
    return next((f"{e['LogicalResourceId']}, {e.get('ResourceStatusReason')}" for e in failed), "")
