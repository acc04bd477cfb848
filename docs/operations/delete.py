"""Deletes a stack, or what a first deploy that failed left; takes what stays into a new stack.

docs/operations/delete.md has the whole way.
The options `--stack`, `--region`, and `--profile` are those of keyferry-admin:

    .venv/bin/python docs/operations/delete.py failed   delete what a failed first deploy left
    .venv/bin/python docs/operations/delete.py stack    delete it; tables, buckets, and keys stay
    .venv/bin/python docs/operations/delete.py kept     write the file of what stays once more
    .venv/bin/python docs/operations/delete.py import   take what is in that file into a new stack

Each step can be repeated.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError, WaiterError

from keyferry_admin import script

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef, StackResourceSummaryTypeDef

FAILED = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")  # the states of a failed create
WHERE = "The CloudFormation console says why, under Events"
CREATED = ("CREATE_IN_PROGRESS", "CREATE_COMPLETE")
TABLE, BUCKET, KEY = "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key"
IDENTIFIERS = {TABLE: "TableName", BUCKET: "BucketName", KEY: "KeyId"}
ABSENT = {"ResourceNotFoundException", "NotFoundException", "404"}
PATIENCE = {"Delay": 2, "MaxAttempts": 3600}  # CloudFront alone takes minutes


def main() -> int:
    options = script.options(__doc__)
    steps = options.add_subparsers(dest="step", required=True)
    for name in ("failed", "stack", "kept", "import"):
        step = steps.add_parser(name)
        if name != "failed":
            step.add_argument("--file", type=Path, help="STACK-kept.json if omitted")
    steps.choices["stack"].add_argument("--yes", action="store_true", help="do not ask")
    steps.choices["kept"].add_argument("--id", help="of the stack, if it was deleted")
    arguments = options.parse_args()
    name = script.connection(arguments).open().name
    file = getattr(arguments, "file", None) or Path(f"{name}-kept.json")
    try:
        match arguments.step:
            case "failed":
                delete_failed(name)
            case "stack":
                write_kept(name, file)
                delete(name, arguments.yes)
            case "kept":
                write_kept(arguments.id or name, file)
            case _:
                import_kept(name, file)
    except OSError as error:
        sys.exit(str(error))
    return 0


def check(name: str) -> None:
    """Exit with the next step if CloudFormation would refuse any deploy of the stack."""
    status, cause = _status(name), WHERE
    region = boto3.client("cloudformation").meta.region_name
    command = f".venv/bin/python docs/operations/delete.py --stack {name} --region {region}"
    if status in FAILED:
        cause = _cause(name)
        step, command = "Delete what the first deploy left", f"{command} failed"
    elif status == "DELETE_FAILED":
        step, command = "Finish its deletion", f"{command} stack"
    elif status == "UPDATE_ROLLBACK_FAILED":
        step = "Finish the rollback of its last deploy"
        command = (
            f"aws cloudformation continue-update-rollback --stack-name {name} --region {region}"
        )
    else:
        return
    sys.exit(
        f"{name} cannot be deployed ({status}). {cause.rstrip('.')}. {step}, then deploy again "
        f"(docs/operations/delete.md):\n{command}"
    )


def delete_failed(name: str) -> None:
    """Delete a stack that was never in use, and what CloudFormation would leave of it."""
    if (status := _status(name)) not in FAILED:
        sys.exit(f"Nothing was deleted: no first deploy of {name} failed ({status or 'no stack'}).")
    created = set(_created(name))
    for kind, identifier in created:
        if _exists(kind, identifier) and _is_used(kind, identifier):
            sys.exit(f"Nothing was deleted: {identifier} is not empty.")
    _delete_stack(name)
    for kind, identifier in created:
        if _exists(kind, identifier):
            _delete_resource(kind, identifier)
    print(f"Nothing is left of {name}. In a minute you can deploy it again: make deploy")


def delete(name: str, yes: bool) -> None:
    """Empty the page's bucket, which CloudFormation does not, and delete the stack."""
    if not yes:
        if not sys.stdin.isatty():
            sys.exit("Nothing was deleted, since no one is here to confirm it. In scripts: --yes")
        print(f"The page, the API, and the functions of {name} will be deleted.")
        if input("Type the name of the stack to delete it: ").strip() != name:
            sys.exit("Nothing was deleted: that is not the name of the stack.")
    _check_deletable(name)  # the page must not be gone while its stack stays
    s3: Any = boto3.client("s3")
    if "SiteBucket" in (known := _last_known(name)):
        _, bucket = known["SiteBucket"]
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            versions = page.get("Versions", []) + page.get("DeleteMarkers", [])
            if keys := [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})
    _delete_stack(name)
    print(f"{name} is deleted.")


def _check_deletable(name: str) -> None:
    """Exit if CloudFormation would refuse to delete the stack."""
    stack = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    status = stack["StackStatus"]
    if stack.get("EnableTerminationProtection"):
        sys.exit(
            f"Nothing was deleted: {name} has termination protection. Turn it off in the "
            "CloudFormation console (Stack actions), then run the same step again."
        )
    if status.endswith("_IN_PROGRESS") and status != "DELETE_IN_PROGRESS":
        sys.exit(
            f"Nothing was deleted: another change of {name} is still running ({status}). Wait "
            "until it ends, then run the same step again."
        )


def write_kept(name: str, file: Path) -> None:
    """Write what outlives the stack as a call of CreateChangeSet that imports it.

    `name` can be the id of a stack that was deleted less than 90 days ago.
    """
    if not _status(name):
        sys.exit(f"There is no stack {name}. Check its name, the region, and the credentials.")
    cloudformation: Any = boto3.client("cloudformation")
    template = cloudformation.get_template(StackName=name)["TemplateBody"]["Resources"]
    entries, alone = [], {}
    for logical, (kind, identifier) in sorted(_last_known(name).items()):
        definition = template.get(logical, {})
        if definition.get("DeletionPolicy", "").startswith("Retain"):
            print(f"  {logical:17} {identifier}")
            if kind in IDENTIFIERS:
                entry = {"LogicalResourceId": logical, "ResourceType": kind}
                entries.append(entry | {"ResourceIdentifier": {IDENTIFIERS[kind]: identifier}})
                alone[logical] = _alone(definition)
                if identifier.startswith("mrk-"):  # no deploy changes this
                    alone[logical]["Properties"]["MultiRegion"] = True
    body = json.dumps({"Resources": alone})
    call = {"ChangeSetType": "IMPORT", "ResourcesToImport": entries, "TemplateBody": body}
    file.write_text(json.dumps(call, indent=2))
    print(
        f"These stay, with all that is in them. {file} can import them into a new stack: keep it."
    )


def import_kept(name: str, file: Path) -> None:
    """Make a new stack of what outlived an earlier one."""
    if (status := _status(name)) not in ("", "REVIEW_IN_PROGRESS"):
        sys.exit(f"Nothing was imported: there is a stack {name} already ({status}).")
    cloudformation: Any = boto3.client("cloudformation")
    change_set = {"StackName": name, "ChangeSetName": "import"}
    try:
        call = change_set | json.loads(file.read_bytes())
    except (ValueError, TypeError):
        sys.exit(f"{file} was not written by `delete.py kept`.")
    cloudformation.create_change_set(**call)
    try:
        waiter = cloudformation.get_waiter("change_set_create_complete")
        waiter.wait(**change_set, WaiterConfig=PATIENCE)
    except WaiterError:
        reason = cloudformation.describe_change_set(**change_set)["StatusReason"]
        cloudformation.delete_change_set(**change_set)
        sys.exit(f"Nothing was imported: {reason}")
    cloudformation.execute_change_set(**change_set)
    _wait_until("stack_import_complete", name)
    print(f"{name} has them again. Deploy the rest: make deploy")


def _alone(definition: dict[str, Any]) -> dict[str, Any]:
    """The resource without what refers to another one, as a queue or a parameter.

    An import can add nothing else to a stack. The deploy after it does.
    """
    kept = {k: definition[k] for k in ("Type", "DeletionPolicy", "UpdateReplacePolicy")}
    properties = definition["Properties"].items()
    return kept | {"Properties": {k: v for k, v in properties if not _refers(v)}}


def _refers(value: Any) -> bool:
    match value:
        case {"Ref": name}:
            return not name.startswith("AWS::")
        case {"Fn::Sub": str(text)}:
            return bool(re.search(r"\$\{(?!AWS::)", text))
        case dict():
            return any(k.startswith("Fn::") or _refers(v) for k, v in value.items())
        case list():
            return any(_refers(each) for each in value)
    return False


def describe(name: str) -> Mapping[str, Any]:
    """The stack as CloudFormation describes it; empty if there is none."""
    try:
        return boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return {}


def _status(name: str) -> str:
    """The state of the stack, or "" if there is none."""
    status: str = describe(name).get("StackStatus", "")
    return status


def _resources(name: str) -> Iterator["StackResourceSummaryTypeDef"]:
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources")
    for page in pages.paginate(StackName=name):
        yield from page["StackResourceSummaries"]


def _events(name: str) -> Iterator["StackEventTypeDef"]:
    """The latest first."""
    pages = boto3.client("cloudformation").get_paginator("describe_stack_events")
    for page in pages.paginate(StackName=name):
        yield from page["StackEvents"]


def _cause(name: str) -> str:
    """What failed first while the stack was created; the rest was canceled then."""
    failures = [event for event in _events(name) if event["ResourceStatus"] == "CREATE_FAILED"]
    if not failures:
        return WHERE
    first = failures[-1]
    return f"{first['LogicalResourceId']}: {first.get('ResourceStatusReason', WHERE)}"


def _last_known(name: str) -> dict[str, tuple[str, str]]:
    """Type and identifier of what is in the stack, or left it and was not deleted."""
    skipped = [e for e in _events(name) if e["ResourceStatus"] == "DELETE_SKIPPED"]
    present = [r for r in _resources(name) if r["ResourceStatus"] != "DELETE_COMPLETE"]
    return {
        each["LogicalResourceId"]: (each["ResourceType"], each["PhysicalResourceId"])
        for each in [*reversed(skipped), *present]
    }


def _created(name: str) -> Iterator[tuple[str, str]]:
    """Tables, buckets, and keys that the stack created, even those that it no longer knows."""
    for event in _events(name):
        kind, identifier = event["ResourceType"], event.get("PhysicalResourceId")
        if kind in IDENTIFIERS and event["ResourceStatus"] in CREATED and identifier:
            yield kind, identifier


def _exists(kind: str, identifier: str) -> bool:
    try:
        if kind == TABLE:
            boto3.client("dynamodb").describe_table(TableName=identifier)
        elif kind == BUCKET:
            boto3.client("s3").head_bucket(Bucket=identifier)
        else:
            key = boto3.client("kms").describe_key(KeyId=identifier)["KeyMetadata"]
            return key["KeyState"] != "PendingDeletion"
    except ClientError as error:
        if error.response["Error"]["Code"] not in ABSENT:
            raise
        return False
    return True


def _is_used(kind: str, identifier: str) -> bool:
    if kind == TABLE:
        return bool(boto3.client("dynamodb").scan(TableName=identifier, Limit=1)["Items"])
    if kind == BUCKET:
        page = boto3.client("s3").list_object_versions(Bucket=identifier, MaxKeys=1)
        return "Versions" in page or "DeleteMarkers" in page
    return False


def _delete_resource(kind: str, identifier: str) -> None:
    if kind == TABLE:
        dynamodb = boto3.client("dynamodb")
        dynamodb.update_table(TableName=identifier, DeletionProtectionEnabled=False)
        dynamodb.get_waiter("table_exists").wait(TableName=identifier)
        dynamodb.delete_table(TableName=identifier)
    elif kind == BUCKET:
        boto3.client("s3").delete_bucket(Bucket=identifier)
    else:
        boto3.client("kms").schedule_key_deletion(KeyId=identifier)


def _delete_stack(name: str) -> None:
    cloudformation = boto3.client("cloudformation")
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=stack)
    _wait_until("stack_delete_complete", stack)


def _wait_until(state: str, stack: str) -> None:
    cloudformation: Any = boto3.client("cloudformation")
    try:
        cloudformation.get_waiter(state).wait(StackName=stack, WaiterConfig=PATIENCE)
    except WaiterError:
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        reason = described.get("StackStatusReason") or described["StackStatus"]
        sys.exit(f"{reason} The events of the stack say why. Then run the same step again.")


if __name__ == "__main__":
    script.run(main)
