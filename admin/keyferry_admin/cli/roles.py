"""Which of the template's IAM policies a command needs: docs/operations/roles.md."""

from typing import TypeVar

from keyferry_admin.errors import AdminError
from keyferry_admin.errors.stack import MissingRight
from keyferry_protocol.errors import KeyferryError

E = TypeVar("E", bound=AdminError | KeyferryError)

READ, SUPPORT, KEYS = "ReadPolicy", "SupportPolicy", "KeysPolicy"
DOCTOR, DEPLOY = "docs/operations/doctor-policy.json", "the rights of make deploy"

# By command. Support and keys add to READ.
POLICIES: dict[str, str] = {
    "doctor": DOCTOR,
    "origin-secret rotate": DEPLOY,  # it updates the stack, and with the caller's rights
    **dict.fromkeys(
        (
            "desk",  # what it changes or explains needs SUPPORT
            "dongle list",
            "keys export",
            "keys list",
            "license export",
            "license history",
            "license list",
            "license show",
            "mail preview",
            "request show",
            "seat list",
        ),
        READ,
    ),
    **dict.fromkeys(
        (
            "apply",
            "dongle add",
            "dongle remove",
            "events replay",
            "license allow-move",
            "license change",
            "license create",
            "license extend",
            "license import",
            "license letter",
            "license new-code",
            "license renew",
            "license resume",
            "license revoke",
            "license suspend",
            "license undo",
            "mail allow",
            "mail allow-license",
            "mail list",
            "request explain",
            "request list",
            "request redrive",
            "request resend",
            "seat release",
            "stats",
        ),
        SUPPORT,
    ),
    **dict.fromkeys(("keys compromise", "keys create", "keys retire"), KEYS),
}


def with_policy(error: E, command: str) -> E | MissingRight:
    """The same error; a missing right names the policy that has it."""
    policy = POLICIES.get(command, "")
    if not isinstance(error, MissingRight) or not policy:
        return error
    policies = f"{READ} and {policy}" if policy in (SUPPORT, KEYS) else policy
    step = f"Ask whoever runs the AWS account for {policies}: docs/operations/roles.md"
    return MissingRight(str(error), step, **error.facts, policy=policy)
