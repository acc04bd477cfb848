"""Takes rights from the roles of a running stack, one at a time, to see what falls."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from keyferry_service.adapters.licenses_dynamodb import Licenses
from tests.stack.privilege.journeys import Journey
from tests.stack.privilege.rights import Right
from tests.support.customer import Customer
from tests.support.journeys import client
from tests.support.running_stack import RunningStack

PATIENCE_S = 12  # for each answer; with all rights it comes in 1 to 6


def falls_without(stack: RunningStack, right: Right, journey: Journey) -> bool:
    """Whether a journey does not arrive without a right, and does with it.

    What falls with all rights falls for another reason, and proves nothing: an AssertionError.
    """
    hurried = replace(stack, patience_s=PATIENCE_S)
    with taken_away(stack, right):
        arrives = _arrives(hurried, journey)
    if not arrives:
        assert _arrives(hurried, journey), f"{journey.__name__} falls with all rights."
    return not arrives


@contextmanager
def taken_away(stack: RunningStack, right: Right) -> Iterator[None]:
    """The role's policy without this one action in this one statement, at once."""
    iam = client(stack, "iam")
    reply = client(stack, "cloudformation").describe_stack_resource(
        StackName="keyferry", LogicalResourceId=right.role
    )
    role = reply["StackResourceDetail"]["PhysicalResourceId"]
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]

    def put(document: Any) -> None:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))

    put(policy | {"Statement": list(_without(policy["Statement"], right))})
    try:
        yield
    finally:
        put(policy)


def _without(statements: list[Any], right: Right) -> Iterator[Any]:
    for place, statement in enumerate(statements):
        value = statement["Action"]
        actions = value if isinstance(value, list) else [value]
        if place == right.statement:
            assert right.action in actions
            actions = [action for action in actions if action != right.action]
        if actions:
            yield statement | {"Action": actions}


def _arrives(stack: RunningStack, journey: Callable[[Customer], None]) -> bool:
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
    with TemporaryDirectory() as folder:
        customer = Customer(stack, table, Path(folder), seats=5)
        try:
            journey(customer)
        except AssertionError:
            return False
    return True
