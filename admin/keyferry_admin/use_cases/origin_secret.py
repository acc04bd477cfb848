"""Exchanges the secret between CloudFront and the API while calls go on."""

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import WaiterError

from keyferry_admin.errors.stack import OriginSecretNotRotated, StackNotReady
from keyferry_admin.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef

SECRET = "OriginSecret"  # a parameter: what CloudFront sends, and what else the API accepts
OF_THE_SAME_RELEASE = "AliasHere"  # the template without this parameter takes two secrets for one
HEADER = "x-origin-secret"
CAN_CHANGE = {
    *("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"),
    *("IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"),
}
POLL_S = 5
POLLS = 720  # an hour: CloudFront takes minutes, and seldom more than twenty of them


def rotate(stack: Stack) -> Iterator[str]:
    """Replace the secret, and yield a sentence after each step.

    CloudFormation changes function and distribution in an order of its own, and CloudFront reaches
    its edge locations over minutes. So in every step the API accepts whatever any edge location
    may send. Stopped anywhere, it can be run again. Raises StackNotReady, OriginSecretNotRotated.
    """
    _check(stack)
    distribution = stack.output("DistributionId")
    _wait_for_edges(stack.cloudfront, distribution)  # a run that was stopped may still spread
    old, new = _sent(stack.cloudfront, distribution), secrets.token_urlsafe(32)
    _update(stack, f"{old} {new}")
    yield "The API accepts the old secret and the new one."
    _update(stack, f"{new} {old}")
    _wait_for_edges(stack.cloudfront, distribution)
    yield "CloudFront sends the new secret everywhere."
    _update(stack, new)
    yield "The API accepts only the new secret."


def _check(stack: Stack) -> None:
    if stack.status not in CAN_CHANGE:
        raise StackNotReady(f"The stack {stack.name} cannot be changed now: {stack.status}")
    if OF_THE_SAME_RELEASE not in stack.parameters:
        step = "Deploy this release first: make deploy"
        raise StackNotReady(f"The stack {stack.name} was deployed by an older release", step)


def _update(stack: Stack, secret: str) -> None:
    parameters: list[ParameterTypeDef] = [
        {"ParameterKey": name, "UsePreviousValue": True}
        for name in sorted(stack.parameters.keys() - {SECRET})
    ]
    parameters.append({"ParameterKey": SECRET, "ParameterValue": secret})
    stack.cloudformation.update_stack(
        StackName=stack.name,
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=parameters,
    )
    waiter = stack.cloudformation.get_waiter("stack_update_complete")
    try:
        waiter.wait(StackName=stack.name, WaiterConfig={"Delay": POLL_S, "MaxAttempts": POLLS})
    except WaiterError as error:
        raise OriginSecretNotRotated(f"The stack {stack.name} could not be updated") from error


def _wait_for_edges(cloudfront: Any, distribution: str) -> None:
    waiter = cloudfront.get_waiter("distribution_deployed")
    try:
        waiter.wait(Id=distribution, WaiterConfig={"Delay": POLL_S, "MaxAttempts": POLLS})
    except WaiterError as error:
        title = f"CloudFront has not deployed the distribution {distribution} everywhere"
        raise OriginSecretNotRotated(title) from error


def _sent(cloudfront: Any, distribution: str) -> str:
    """What CloudFront sends now. CloudFormation shows no such parameter."""
    reply = cloudfront.get_distribution_config(Id=distribution)["DistributionConfig"]
    secret: str = next(
        header["HeaderValue"]
        for origin in reply["Origins"]["Items"]
        for header in origin.get("CustomHeaders", {}).get("Items", [])
        if header["HeaderName"].lower() == HEADER
    )
    return secret
