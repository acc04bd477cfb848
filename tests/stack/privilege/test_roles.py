"""Each command of the desk runs under the least of the template's policies, and says what it lacks.

IAM is enforced on the local stack.
"""

import json
import re
from collections import defaultdict
from pathlib import Path

import pytest

from keyferry_admin.cli import cli
from keyferry_admin.cli.roles import KEYS, POLICIES, READ, SUPPORT
from keyferry_admin.desk.site import DeskSite
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import licenses
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.domain.license import Status
from tests.stack.privilege.desk import (
    HIDDEN_RIGHTS,
    KNOWN,
    LINES,
    NOT_RUN,
    RECORD,
    RUN_WITH_READ,
    a_day,
    command_of,
    commands,
    desks,
    policies,
    rights_of,
    rights_used,
)
from tests.support.customer import Customer
from tests.support.journeys import client, deploy_again
from tests.support.running_stack import ROOT, RunningStack

pytestmark = [pytest.mark.privilege, pytest.mark.timeout(300)]
ROLES = ROOT / "docs" / "operations" / "roles.md"
READS = {"BatchGetItem", "GetItem", "Query", "Scan"}
MOST_CHARACTERS = 6144  # of a managed policy, white space not counted


def test_every_command_has_a_policy_and_is_run_by_make_soak() -> None:
    assert sorted(commands(cli)) == sorted(POLICIES)
    run = {command_of(line) for line in LINES}
    assert run == POLICIES.keys() - NOT_RUN.keys()
    assert run == RECORD.keys()


def test_the_table_in_the_documents_is_the_one_that_errors_name() -> None:
    rows = re.findall(r"^\| `([a-z -]+)` \| (.*) \|$", ROLES.read_text(), re.MULTILINE)
    read = {command: f"`{READ}`" for command, policy in POLICIES.items() if policy == READ}
    more = {
        c: f"`{READ}`, `{policy}`" for c, policy in POLICIES.items() if policy in (SUPPORT, KEYS)
    }
    assert dict(rows) == read | more


@pytest.mark.parametrize("policy", [READ, SUPPORT, KEYS])
def test_a_policy_gives_what_its_commands_were_seen_to_use_and_no_more(policy: str) -> None:
    assert rights_of(policy) == rights_used(policy) | HIDDEN_RIGHTS.get(policy, set())


def test_support_writes_no_key_and_read_sees_no_ticket() -> None:
    of_keys = {right for right in rights_of(READ) | rights_of(SUPPORT) if "KeysTable" in right}
    assert of_keys == {"dynamodb:Query KeysTable"}
    of_tickets = {right for right in rights_of(READ) if "TicketsTable" in right}
    assert of_tickets == {
        "dynamodb:BatchGetItem TicketsTable refusals#*",
        "dynamodb:GetItem TicketsTable bounces#*",
        "dynamodb:GetItem TicketsTable mail#*",
    }
    verbs = {right.split()[0] for right in rights_of(READ)}
    assert verbs == {"cloudformation:DescribeStacks", *(f"dynamodb:{v}" for v in READS)}


@pytest.mark.parametrize("policy", [READ, SUPPORT, KEYS])
def test_a_policy_fits_and_nobody_has_it(stack: RunningStack, policy: str) -> None:
    assert policies().keys() == {READ, SUPPORT, KEYS}
    iam, arn = client(stack, "iam"), stack.outputs[policy]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    reply = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    document = json.dumps(reply["Document"], separators=(",", ":"))
    assert len(document) < MOST_CHARACTERS * 0.7  # a stack's name can be longer than here
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert not [*entities["PolicyRoles"], *entities["PolicyUsers"], *entities["PolicyGroups"]]


def test_what_a_policy_lacks_is_named_with_its_resource_and_the_policy_that_has_it(
    stack: RunningStack,
) -> None:
    create = "license create --product 'Desk Modeler' --new-product"
    kms = stack.outputs["Ed25519KeyArn"]
    with desks(stack) as desk:
        assert desk[READ].run("license list") == {}
        assert desk[SUPPORT].run(create) == {}
        assert desk[KEYS].run(f"keys create --kms {kms}")["code"] == "key-exists"
        refused = desk[READ].run(create)
        assert refused["code"] == "missing-right"
        assert refused["title"] == (
            "Your AWS credentials do not have the right dynamodb:PutItem (table)"
        )
        assert refused["next_step"] == (
            "Ask whoever runs the AWS account for ReadPolicy and SupportPolicy: "
            "docs/operations/roles.md"
        )
        facts = [desk[KEYS].run(create), desk[SUPPORT].run(f"keys create --kms {kms}")]
    assert [(fact["right"], fact["kind"], fact["policy"]) for fact in facts] == [
        ("dynamodb:PutItem", "table", SUPPORT),
        ("kms:GetPublicKey", "key", KEYS),
    ]


def test_each_page_of_the_desk_runs_under_its_policy_and_names_what_it_lacks(
    stack: RunningStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.endpoint)
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
    customer = Customer(stack, table, tmp_path, seats=2)
    customer.activate()
    customer.change(seats=3)
    path = f"/license/{customer.number}"
    pages = [
        ("/licenses", f"words={customer.number}"),
        ("/explain", ""),
        (path, ""),
        (f"{path}/history", ""),
        (f"{path}/extend", "until=never"),
        (f"{path}/release", "seat=1"),
        *((f"{path}/{action}", "") for action in ("suspend", "resume", "allow-move", "undo")),
    ]

    def took(desk: DeskSite, address: str, **form: str) -> str:
        revision = str(licenses.find(table, customer.number).revision)
        form |= {"typed": customer.number, "revision": revision}
        return desk.page(desk.submit(address, form), "") or ""

    with desks(stack) as colleagues:
        sites = {
            name: DeskSite(Stack("keyferry", each.session)) for name, each in colleagues.items()
        }
        for policy, site in sites.items():
            shown = {address: site.page(address, query) or "" for address, query in pages}
            assert all(shown.values()), policy
            assert [at for at, text in shown.items() if 'id="problem"' in text] == [], policy
        file = customer.file(2).decode("latin-1")
        acts = [("/explain", {"file": file}), (f"{path}/allow-move", {}), (f"{path}/suspend", {})]
        for address, form in acts:
            for policy in (READ, KEYS):
                text = took(sites[policy], address, **form)
                assert "(missing-right)</h2>" in text
                assert "ReadPolicy and SupportPolicy: docs/operations/roles.md" in text
            assert "(missing-right)" not in took(sites[SUPPORT], address, **form)
    assert licenses.find(table, customer.number).status is Status.SUSPENDED


@pytest.mark.soak
def test_each_command_runs_under_its_policy_and_names_what_it_lacks(
    stack: RunningStack, tmp_path: Path
) -> None:
    deploy_again(stack, Events="on")
    try:
        wrong, rights = _run_all(stack, tmp_path)
    finally:
        deploy_again(stack, Events="off")
    file = Path(".local/desk_rights.json")
    file.write_text(json.dumps(rights, indent=2) + "\n")
    assert not wrong, json.dumps(wrong, indent=2)
    assert rights == RECORD, f"If that is intended, copy {file} to tests/stack/privilege"


def _run_all(stack: RunningStack, folder: Path) -> tuple[dict[str, object], dict[str, list[str]]]:
    wrong: dict[str, object] = {}
    rights: dict[str, set[str]] = defaultdict(set)
    with desks(stack) as desk:
        facts = a_day(stack, folder)
        for line in LINES:
            command = command_of(line)
            policy = POLICIES[command]
            if policy != READ and line not in RUN_WITH_READ:
                error = desk[READ].run(line.format(**facts))
                if (error.get("code"), error.get("policy")) != ("missing-right", policy):
                    wrong[f"{line} with {READ}"] = error
            desk[policy].calls.clear()
            error = desk[policy].run(line.format(**facts))
            if error.get("code") != KNOWN.get(line):
                wrong[f"{line} with {policy}"] = error
            rights[command] |= desk[policy].calls
    return wrong, {command: sorted(rights[command]) for command in sorted(rights)}
