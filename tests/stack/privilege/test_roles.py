"""Each command of the desk runs under the least of the template's policies, and says what it lacks.

IAM is enforced on the local stack.
"""

import json
from collections import defaultdict
from pathlib import Path

import pytest

from keyferry_admin.cli import cli
from keyferry_admin.cli.roles import KEYS, POLICIES, READ, SUPPORT
from tests.stack.privilege.desk import (
    KNOWN,
    LINES,
    NOT_RUN,
    SEEN,
    UNSEEN,
    a_day,
    command_of,
    commands,
    desks,
    given,
    needed,
    policies,
)
from tests.support.journeys import client, deploy_again
from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.privilege, pytest.mark.timeout(300)]
MOST_CHARACTERS = 6144  # of a managed policy, white space not counted


def test_every_command_has_a_policy_and_is_run_by_make_soak() -> None:
    assert sorted(commands(cli)) == sorted(POLICIES)
    run = {command_of(line) for line in LINES}
    assert run == POLICIES.keys() - NOT_RUN.keys()
    assert run == SEEN.keys()


@pytest.mark.parametrize("policy", [READ, SUPPORT, KEYS])
def test_a_policy_gives_what_its_commands_were_seen_to_use_and_no_more(policy: str) -> None:
    assert given(policy) == needed(policy) | UNSEEN.get(policy, set())


def test_only_the_policy_for_keys_writes_keys_and_only_support_sees_tickets() -> None:
    writes = {f"dynamodb:{verb}Item KeysTable keys" for verb in ("Delete", "Put", "Update")}
    assert not writes & (given(READ) | given(SUPPORT))
    assert {"dynamodb:Scan TicketsTable"} == {
        right for right in given(READ) | given(SUPPORT) if right.startswith("dynamodb:Scan Ticket")
    } - given(READ)
    assert not any("TicketsTable ticket#*" in right for right in given(READ))


@pytest.mark.parametrize("policy", [READ, SUPPORT, KEYS])
def test_a_policy_fits_and_nobody_has_it(stack: RunningStack, policy: str) -> None:
    assert policies().keys() == {READ, SUPPORT, KEYS}
    assert {"Users", "Groups", "Roles"}.isdisjoint(policies()[policy])
    iam, arn = client(stack, "iam"), stack.outputs[policy]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    reply = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    document = json.dumps(reply["Document"], separators=(",", ":"))
    assert len(document) < MOST_CHARACTERS - 1500  # AWS's names are longer than the local stack's
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert not [*entities["PolicyRoles"], *entities["PolicyUsers"], *entities["PolicyGroups"]]


@pytest.mark.soak
def test_each_command_runs_under_its_policy_and_names_what_it_lacks(
    stack: RunningStack, tmp_path: Path
) -> None:
    deploy_again(stack, Events="on")
    try:
        wrong, seen = _run_all(stack, tmp_path)
    finally:
        deploy_again(stack, Events="off")
    record = Path(".local/desk_rights.json")
    record.write_text(json.dumps(seen, indent=2) + "\n")
    assert wrong == {}
    assert seen == SEEN, f"If that is intended, copy {record} to tests/stack/privilege"


def _run_all(stack: RunningStack, folder: Path) -> tuple[dict[str, object], dict[str, list[str]]]:
    wrong: dict[str, object] = {}
    seen: dict[str, set[str]] = defaultdict(set)
    with desks(stack) as desk:
        facts = a_day(stack, folder)
        for line in LINES:
            command = command_of(line)
            policy = POLICIES[command]
            if policy != READ:
                error = desk[READ].run(line.format(**facts))
                if (error.get("code"), error.get("policy")) != ("missing-right", policy):
                    wrong[f"{line} with {READ}"] = error
            desk[policy].calls.clear()
            error = desk[policy].run(line.format(**facts))
            if error.get("code") != KNOWN.get(line):
                wrong[f"{line} with {policy}"] = error
            seen[command] |= desk[policy].calls
    return wrong, {command: sorted(seen[command]) for command in sorted(seen)}
