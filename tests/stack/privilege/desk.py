"""The desk's commands, run with the template's managed policies, and the rights that they use."""

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from botocore.loaders import Loader
from botocore.session import Session

from keyferry_admin import connection
from keyferry_admin.cli import main
from keyferry_admin.cli.roles import KEYS, POLICIES, READ, SUPPORT
from keyferry_admin.use_cases import keys
from keyferry_protocol.algorithms import ED25519
from keyferry_service.adapters.emails_dynamodb import hash_address, suppressed_key
from keyferry_service.adapters.licenses_dynamodb import Licenses
from local.aws_answers import leading_keys
from tests.service.admin.screens import Screen
from tests.stack.privilege.journeys import has_row, refusals_of, wait_until
from tests.stack.privilege.rights import Right, rights_in
from tests.stack.test_mail_feedback import a_notice, publish
from tests.stack.test_template import RESOURCES
from tests.support.customer import Customer, register_the_dongle, with_a_dongle
from tests.support.journeys import carry, client
from tests.support.running_stack import RunningStack

# What each command was seen to use, by `make soak`.
RECORD: dict[str, list[str]] = json.loads(
    (Path(__file__).parent / "desk_rights.json").read_text("utf-8")
)
# What only AWS asks for, or only a stack with a webhook, or only a progress bar on a terminal.
HIDDEN_RIGHTS = {
    SUPPORT: {
        "dynamodb:DescribeTable LicensesTable",
        "dynamodb:DescribeTable TicketsTable",
        "s3:ListBucket InBucket",  # without it, S3 calls a file that is gone forbidden
        "sqs:ReceiveMessage WebhookDeadQueue",
        "sqs:DeleteMessage WebhookDeadQueue",
        "sqs:SendMessage WebhookQueue",
    },
    KEYS: {"s3:ListBucket OutBucket"},  # the same for a response to come
}
_PARTS_OF_TRANSACTIONS = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}

# In this order; `a_day` makes what is in braces.
LINES = """\
license list
license list --unused-since {today}
license show {number}
license history {number}
license export {folder}/export.csv --history {folder}/changes.csv
request show {number} {sha}
seat list {number}
seat list --computer LAB-02
dongle list {number}
keys list
keys export
request list {number}
request list --refused
mail list
mail preview ready
stats
request explain {ticket}
request explain {folder}/dongle.request
license create --product {product} --reference {number}
license import {folder}/new.csv --codes {folder}/codes.csv
apply {folder}/licenses.yaml --codes {folder}/more.csv --yes
license change {number} --reference {number}a --note told --yes
license change {number} --reference {number}b --yes
license extend {number} --until 2031-01-01 --yes --shorten
license extend --reference {number}b --until 2032-01-01 --yes --shorten
license undo {number} --yes --shorten
license suspend {number} --yes
license resume {number} --yes
license allow-move {number}
dongle remove {number} {dongle} --yes
dongle add {number} {folder}/dongle.request
request resend {number} {sha}
request redrive
seat release {number} 1 --yes
mail allow {address}
mail allow-license {number}
license renew {number} --again --folder {folder}/renewals --links {folder}/zips.csv --mail
license renew {number} --mail
license new-code {number} --yes
license letter {number}
license letter {number} --mail --with-code --yes
events replay {today}
keys create --pem {pem}
keys create --kms {kms}
keys retire {key} --yes
keys compromise {key} --output {folder}/links.csv --yes
keys compromise {key} --output {folder}/links.csv --yes
license revoke {number} --yes""".splitlines()
# Less than the whole command: it mails nothing, and reads nothing of other licenses.
RUN_WITH_READ = {"license letter {number}", "request list {number}"}
KNOWN = {"keys create --kms {kms}": "key-exists"}  # what ends with an error whoever runs it
NOT_RUN = {
    "desk": "it serves until it is stopped; its pages make the calls of the commands",
    "doctor": "it has a policy of its own: docs/operations/doctor-policy.json",
    "origin-secret rotate": "it has no policy: it deploys",
}


def command_of(line: str) -> str:
    """`license show` of `license show {number}`."""
    return max((each for each in POLICIES if f"{line} ".startswith(f"{each} ")), key=len)


def commands(group: click.Group, path: str = "") -> Iterator[str]:
    """Every command of the desk, by its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}"


def policies() -> dict[str, Any]:
    """The template's managed policies."""
    kind = "AWS::IAM::ManagedPolicy"
    return {name: r["Properties"] for name, r in RESOURCES.items() if r["Type"] == kind}


def rights_of(policy: str) -> set[str]:
    """What a policy gives, as `RECORD` has it: an action, a resource, and a kind of row, if any."""
    document = policies()[policy]["PolicyDocument"]
    return {text for right in rights_in(policy, document) for text in _texts(right)}


def _texts(right: Right) -> Iterator[str]:
    resource, _, rows = right.resource.replace(".Arn", "").partition(" rows ")
    if resource.startswith("arn:"):
        resource = "*"
    for row in rows.split() or [""]:
        yield f"{right.action} {resource} {row}".strip()


def rights_used(policy: str) -> set[str]:
    """What the commands of a policy were seen to use, beyond what READ gives."""
    calls = {
        call for command, used in RECORD.items() if POLICIES[command] == policy for call in used
    }
    if policy != READ:
        calls = {call for call in calls if not {call, any_row(call)} & rights_of(READ)}
    return {call if call in rights_of(policy) else any_row(call) for call in calls}


def any_row(call: str) -> str:
    """The same right without a kind of row."""
    return " ".join(call.split()[:2])


@dataclass
class Desk:
    """A colleague who has one of the policies, and READ."""

    stack: RunningStack
    session: Session
    calls: set[str] = field(default_factory=set)

    def run(self, line: str) -> dict[str, Any]:
        """Run a command; the error of its document, or {}."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", self.stack.endpoint)
            patch.setattr(sys, "argv", ["keyferry-admin", *shlex.split(line), "--json"])
            patch.setattr(connection, "new_session", lambda *_: self.session)
            with (
                redirect_stdout(Screen()) as out,
                redirect_stderr(Screen()),
                pytest.raises(SystemExit) as ended,
            ):
                main()
        document = json.loads(out.getvalue()) if ended.value.code else {}
        error: dict[str, Any] = document.get("error", {})
        return error


@contextmanager
def desks(stack: RunningStack) -> Iterator[dict[str, Desk]]:
    """A colleague for each policy; their roles are gone afterwards."""
    iam, sts = client(stack, "iam"), client(stack, "sts")
    root = {"AWS": "arn:aws:iam::000000000000:root"}
    trust = {"Effect": "Allow", "Principal": root, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    names = {value: name for name, value in stack.outputs.items()}
    colleagues: dict[str, Desk] = {}
    models = Loader()  # which reads each service's model once for all of them
    try:
        for policy in (READ, SUPPORT, KEYS):
            name = f"desk-{policy}"
            arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
            for attached in {READ, policy}:
                iam.attach_role_policy(RoleName=name, PolicyArn=stack.outputs[attached])
            reply = sts.assume_role(RoleArn=arn, RoleSessionName="kim")["Credentials"]
            session = connection.new_session(stack.region, None)
            session.register_component("data_loader", models)
            keys = ("AccessKeyId", "SecretAccessKey", "SessionToken")
            session.set_credentials(*(reply[key] for key in keys))
            colleague = colleagues[policy] = Desk(stack, session)
            session.register("provide-client-params", _noting(colleague.calls, names))
        yield colleagues
    finally:
        for policy in colleagues:
            for attached in {READ, policy}:
                iam.detach_role_policy(RoleName=f"desk-{policy}", PolicyArn=stack.outputs[attached])
            iam.delete_role(RoleName=f"desk-{policy}")


def _noting(calls: set[str], names: Mapping[str, str]) -> Any:
    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        calls.update(rights_for(model, params, names))

    return note


def rights_for(model: Any, params: dict[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    """The rights that AWS asks for one call, by what the template calls its resources."""
    service, operation = model.service_model.endpoint_prefix, model.name
    match service:
        case "dynamodb":
            yield from _dynamodb(operation, params, names)
        case "s3":
            yield _s3(operation, params, names)
        case "queue.amazonaws.com" | "sqs":
            yield f"sqs:{operation} {names[params['QueueUrl']]}"
        case "lambda":
            yield f"lambda:{operation}Function {names[params['FunctionName']]}"
        case "sts":
            return  # anyone may ask who they are
        case "events":
            yield f"events:{operation} EventBus"
        case "email":
            yield f"ses:{operation} *"
            if "Raw" in params.get("Content", {}):
                yield "ses:SendRawEmail *"
        case _:
            yield f"{service}:{operation} *"


def _dynamodb(operation: str, params: dict[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    rows = sorted({_kind(key) for key in leading_keys(params)}) or [""]
    calls = [(operation, params)]
    if operation.startswith("Transact"):
        parts = [part for item in params["TransactItems"] for part in item.items()]
        calls = [(_PARTS_OF_TRANSACTIONS[kind], part) for kind, part in parts]
    elif operation == "BatchGetItem":
        calls = [(operation, {"TableName": table}) for table in params["RequestItems"]]
    for action, call in calls:
        table = names[call["TableName"]]
        index = f"/index/{call['IndexName']}" if "IndexName" in call else ""
        yield from (f"dynamodb:{action} {table}{index} {row}".strip() for row in rows)


def _kind(key: str) -> str:
    """What the rows with such a key are called in the template's conditions."""
    if key.isdigit():
        return "?" * len(key)
    beginning, mark, _ = key.partition("#")
    return f"{beginning}#*" if mark else key


def _s3(operation: str, params: dict[str, Any], names: Mapping[str, str]) -> str:
    bucket = names[params["Bucket"]]
    match operation:
        case "ListObjectVersions":
            return f"s3:ListBucketVersions {bucket}"
        case "GetObject" | "HeadObject":
            operation = "GetObjectVersion" if "VersionId" in params else "GetObject"
    folder = f"/{params['Key'].partition('/')[0]}/*" if "Key" in params else ""
    return f"s3:{operation} {bucket}{folder}"


def a_day(stack: RunningStack, folder: Path) -> dict[str, Any]:
    """A customer with answers, a refusal, a bounce and a dongle; letters that were given up."""
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
    customer = Customer(stack, table, folder, seats=2, contact="anna@example.com")
    (folder / "dongle.request").write_bytes(with_a_dongle(customer))
    register_the_dongle(customer)
    customer.activate(2)
    address = f"gone-{customer.number}@example.com"
    (ticket,) = carry(stack, [customer.file()], [address])
    publish(stack, a_notice(stack, ticket["id"]))
    wait_until(customer, lambda: has_row(customer, suppressed_key(hash_address(address))))
    carry(stack, [customer.file(3)])
    wait_until(customer, lambda: bool(refusals_of(customer)))
    for queue in ("RequestsDeadQueue", "ResponsesDeadQueue", "FeedbackDeadQueue"):
        client(stack, "sqs").send_message(QueueUrl=stack.outputs[queue], MessageBody="{}")
    (folder / "new.csv").write_text(
        f"reference,product,seats\n{customer.number}c,{customer.product},2\n"
    )
    (folder / "licenses.yaml").write_text(
        f"licenses:\n  - license_number: '{customer.number}'\n    licensee: Acme Holding\n"
    )
    answer = next(iter(table.ledger_entries(customer.number)))
    pem = stack.run.parent / "pem" / f"{customer.number}.pem"
    signs = keys.key_in_pem(ED25519, pem)
    return {
        "number": customer.number,
        "product": shlex.quote(customer.product),
        "sha": answer.request_sha256[:12],
        "ticket": f"{stack.page}#t={ticket['id']}",  # an id can begin with "-"
        "dongle": next(iter(table.dongles(customer.number))).keyid,
        "address": address,
        "folder": folder,
        "pem": pem,
        "key": signs.keyid,
        "kms": stack.outputs["Ed25519KeyArn"],
        "today": f"{datetime.now(UTC):%Y-%m-%d}",
    }
