"""Is this deployment ready? Runs every check; one that cannot run holds up no other."""

import re
from collections.abc import Callable, Iterator

from botocore.exceptions import BotoCoreError, ClientError

from keyferry_admin.errors.commands import BadOwnFile
from keyferry_admin.errors.stack import BUSY_CODES, NoSuchStack
from keyferry_admin.use_cases.doctor.alarms import check_alarms, check_subscribers
from keyferry_admin.use_cases.doctor.deployment import Deployment
from keyferry_admin.use_cases.doctor.finding import OK, PROBLEM, UNKNOWN, WARNING, Finding
from keyferry_admin.use_cases.doctor.keys import check_keys, check_rights
from keyferry_admin.use_cases.doctor.mail import check_account, check_feedback, check_sender
from keyferry_admin.use_cases.doctor.page import check_address, check_certificate, check_files
from keyferry_admin.use_cases.doctor.queues import (
    check_dead_letters,
    check_events,
    check_functions,
)
from keyferry_admin.use_cases.doctor.quotas import check_quotas
from keyferry_admin.use_cases.doctor.tables import check_tables

CHECKS: dict[str, Callable[[Deployment], list[Finding]]] = {
    "page": check_files,
    "certificate": check_certificate,
    "address": check_address,
    "keys": check_keys,
    "rights": check_rights,
    "events": check_events,
    "functions": check_functions,
    "given-up": check_dead_letters,
    "email": check_account,
    "sender": check_sender,
    "bounces": check_feedback,
    "tables": check_tables,
    "alarms": check_alarms,
    "alarm-email": check_subscribers,
    "quotas": check_quotas,
}
DENIED = re.compile(r"not authorized to perform: ([\w-]+:\w+)")
AWS_COMMAND = re.compile(r"\baws (?=[a-z0-9]+ [a-z-]+ --)")
DENIED_CODES = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",  # SNS
    "AuthorizationErrorException",
}


def diagnose(deployment: Deployment) -> Iterator[Finding]:
    """Check a deployed stack without changing it. Raises NoSuchStack.

    If CloudFormation left no working stack, nothing else is checked.
    """
    stack = judge_stack(deployment.stack.status)
    yield stack
    if stack.result == PROBLEM:
        return
    for name, check in CHECKS.items():
        try:
            for finding in check(deployment):
                step = AWS_COMMAND.sub(f"aws --region {deployment.region} ", finding.next_step)
                yield finding._replace(next_step=step)
        except (ClientError, BotoCoreError) as error:
            yield could_not_check(name, error)
        except NoSuchStack as error:  # it exists, and lacks an output of this release
            step = "An older release is deployed. Run `make deploy`, then run this again."
            yield Finding(name, UNKNOWN, f"Could not check: {error}", step)
        except BadOwnFile as error:
            step = "Correct the file, then run `make deploy`."
            yield Finding(name, UNKNOWN, f"Could not check: {error}", step)


def judge_stack(status: str) -> Finding:
    """What CloudFormation's status of the stack means."""
    facts = {"status": status}
    if status == "UPDATE_ROLLBACK_COMPLETE":
        text = "The last deploy failed and was undone; the one before it is running"
        step = (
            "The CloudFormation console says why (Events). Fix the cause, then run `make deploy`."
        )
        return Finding("stack", WARNING, text, step, facts)
    if status.endswith("_IN_PROGRESS"):
        text = f"CloudFormation is still working on the stack ({status})"
        return Finding("stack", WARNING, text, "Wait until it is done, then run this again.", facts)
    if status.endswith("_COMPLETE") and not status.startswith(("ROLLBACK", "DELETE")):
        return Finding("stack", OK, f"Deployed ({status})", "", facts)
    text = f"The deploy failed ({status})"
    step = "The CloudFormation console says why (Events). What to delete: docs/operations/delete.md"
    return Finding("stack", PROBLEM, text, step, facts)


def could_not_check(name: str, error: ClientError | BotoCoreError) -> Finding:
    """Say why a check could not run: a missing right, a busy service, or no way to it."""
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    if isinstance(error, ClientError) and code in DENIED_CODES:
        known = DENIED.search(error.response["Error"].get("Message", ""))
        action = known[1] if known else error.operation_name
        step = "Ask whoever manages the AWS account for it: docs/operations/doctor.md"
        text = f"Could not check: the right {action} is missing"
        return Finding(name, UNKNOWN, text, step, {"needs": action})
    if code in BUSY_CODES:
        return Finding(name, UNKNOWN, "Could not check: AWS is busy", "Run this again in a minute.")
    step = "Check the network, the region, and the credentials, and run this again."
    return Finding(name, UNKNOWN, f"Could not check: {error}", step)
