"""Deploys template.yaml with the artifacts of `make build TARGET=local`, through CloudFormation itself."""

from __future__ import annotations

import hashlib
import io
import mimetypes
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError

from local.cloud import CannotStart, Cloud

STACK = "keyferry"
ARTIFACTS = "keyferry-artifacts"
CODE = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


@dataclass(frozen=True)
class Stack:
    """A deployed stack: its outputs, and how many resources and functions it has."""

    outputs: dict[str, str]
    resources: int
    functions: int


def deploy(cloud: Cloud, template: str, build: Path, parameters: dict[str, str]) -> Stack:
    """Create or update the stack; the template is changed in nothing but where its artifacts lie."""
    body = _with_artifacts(cloud, template, build)
    cloudformation = cloud.client("cloudformation")
    exists = _exists(cloudformation)
    change = f"change-{time.time_ns()}"
    cloudformation.create_change_set(
        StackName=STACK,
        ChangeSetName=change,
        ChangeSetType="UPDATE" if exists else "CREATE",
        TemplateBody=body,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
    )
    made = _wait(lambda: cloudformation.describe_change_set(StackName=STACK, ChangeSetName=change))
    if made["Status"] == "CREATE_COMPLETE":
        cloudformation.execute_change_set(StackName=STACK, ChangeSetName=change)
    elif not (exists and "didn't contain changes" in made.get("StatusReason", "")):
        raise CannotStart(f"CloudFormation refused the template: {made.get('StatusReason')}")
    stack = _wait(lambda: cloudformation.describe_stacks(StackName=STACK)["Stacks"][0], "StackStatus")
    if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise CannotStart(f"The stack is {stack['StackStatus']}: {_first_failure(cloudformation)}")
    resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    return Stack(
        {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]},
        len(resources),
        sum(resource["ResourceType"] == "AWS::Lambda::Function" for resource in resources),
    )


def upload_site(cloud: Cloud, bucket: str, folder: Path) -> None:
    """Put the page's files into the site bucket."""
    s3 = cloud.client("s3")
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            key = path.relative_to(folder).as_posix()
            s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes(), ContentType=kind)


def _with_artifacts(cloud: Cloud, template: str, build: Path) -> str:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=ARTIFACTS)
    document = yaml.load(template, _Loader)
    for name, resource in document["Resources"].items():
        if member := CODE.get(resource["Type"]):
            content = _zip(build / name)
            key = f"{name}-{hashlib.sha256(content).hexdigest()[:16]}.zip"
            try:
                s3.head_object(Bucket=ARTIFACTS, Key=key)
            except ClientError:
                s3.put_object(Bucket=ARTIFACTS, Key=key, Body=content)
            resource["Properties"][member] = f"s3://{ARTIFACTS}/{key}"
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False)


def _zip(folder: Path) -> bytes:
    """The folder as a zip that is the same bytes for the same files."""
    if not folder.is_dir():
        raise CannotStart(f"{folder} is missing. Run: make build TARGET=local")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix()), path.read_bytes())
    return buffer.getvalue()


def _exists(cloudformation: Any) -> bool:
    try:
        cloudformation.describe_stacks(StackName=STACK)
    except ClientError:
        return False
    return True


def _wait(look: Any, member: str = "Status") -> dict[str, Any]:
    for _ in range(600):
        seen: dict[str, Any] = look()
        if not seen[member].endswith(("_IN_PROGRESS", "_PENDING")):
            return seen
        time.sleep(0.05)
    raise CannotStart("CloudFormation did not come to an end in 30 seconds.")


def _first_failure(cloudformation: Any) -> str:
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    failed = [e for e in reversed(events) if e["ResourceStatus"].endswith("_FAILED")]
    return f"{failed[0]['LogicalResourceId']}, {failed[0].get('ResourceStatusReason')}" if failed else "?"


class _Tagged(yaml.YAMLObject):
    pass


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short tags (!Ref, !Sub) as the functions they stand for."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _short_tag(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if tag == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


_Loader.add_multi_constructor("!", _short_tag)
