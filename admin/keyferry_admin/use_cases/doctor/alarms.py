"""Whether somebody is told when something goes wrong, and whether something does now."""

from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote

from keyferry_admin.use_cases.doctor.deployment import Deployment
from keyferry_admin.use_cases.doctor.finding import OK, WARNING, Finding

PENDING = "PendingConfirmation"  # what SNS lists instead of an ARN
MOST_AT_ONCE = 100  # names in one call of DescribeAlarms


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm as CloudWatch knows it."""

    name: str
    state: str  # OK, ALARM, or INSUFFICIENT_DATA
    description: str = ""
    acts: bool = True  # tells its topic


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Whom the topic of alarms tells."""

    protocol: str
    endpoint: str
    is_confirmed: bool


def check_alarms(deployment: Deployment) -> list[Finding]:
    """Whether every alarm of the stack is there, tells its topic, and is not going off."""
    names = [name for logical, name in deployment.resources.items() if logical.endswith("Alarm")]
    cloudwatch, alarms = deployment.client("cloudwatch"), []
    for start in range(0, len(names), MOST_AT_ONCE):
        some = names[start : start + MOST_AT_ONCE]
        for alarm in cloudwatch.describe_alarms(AlarmNames=some)["MetricAlarms"]:
            alarms.append(
                Alarm(
                    alarm["AlarmName"],
                    alarm["StateValue"],
                    alarm.get("AlarmDescription", ""),
                    alarm.get("ActionsEnabled", True) and bool(alarm.get("AlarmActions")),
                )
            )
    return judge_alarms(names, alarms)


def judge_alarms(names: Sequence[str], alarms: Sequence[Alarm]) -> list[Finding]:
    """A finding for each alarm that goes off, and one each for those turned off, and deleted."""
    findings = [
        Finding("alarms", WARNING, f"Going off: {alarm.description}", _look_at(alarm), _of(alarm))
        for alarm in alarms
        if alarm.state == "ALARM"
    ]
    silent = [alarm.name for alarm in alarms if not alarm.acts]
    if silent:
        step = f"aws cloudwatch enable-alarm-actions --alarm-names {' '.join(silent)}"
        text = f"Turned off: {', '.join(silent)}"
        findings.append(Finding("alarms", WARNING, text, step, {"alarms": silent}))
    gone = sorted(set(names) - {alarm.name for alarm in alarms})
    if gone:
        text = f"Deleted: {', '.join(gone)}"
        step = "Create them again as template.yaml has them; a deploy does not bring them back."
        findings.append(Finding("alarms", WARNING, text, step, {"alarms": gone}))
    return findings or [Finding("alarms", OK, f"None of {len(alarms)} alarms is going off")]


def _of(alarm: Alarm) -> dict[str, object]:
    return {"alarm": alarm.name}


def _look_at(alarm: Alarm) -> str:
    return f"docs/operations/README.md, Watch. In CloudWatch it is {alarm.name}."


def check_subscribers(deployment: Deployment) -> list[Finding]:
    """Whether somebody is told of alarms."""
    topic = deployment.resource("AlarmTopic")
    pages = deployment.client("sns").get_paginator("list_subscriptions_by_topic")
    subscribers = [
        Subscriber(each["Protocol"], each["Endpoint"], each["SubscriptionArn"] != PENDING)
        for page in pages.paginate(TopicArn=topic)
        for each in page["Subscriptions"]
    ]
    return judge_subscribers(topic, deployment.stack.parameter("AlarmTopicEmail"), subscribers)


def judge_subscribers(topic: str, address: str, subscribers: Sequence[Subscriber]) -> list[Finding]:
    """`address` is the parameter AlarmTopicEmail; "" if there is none."""
    confirmed = [each for each in subscribers if each.is_confirmed]
    if confirmed:
        endpoints = ", ".join(f"{each.protocol} {each.endpoint}" for each in confirmed)
        return [Finding("alarm-email", OK, f"Alarms go to {endpoints}")]
    again = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint"
    if subscribers:
        endpoint = subscribers[0].endpoint
        text = f"{endpoint} has not confirmed, so no one is notified of alarms"
        step = f"Confirm the email that AWS sent. If it is lost: {again} {quote(endpoint)}"
    elif address:
        text = f"{address} was unsubscribed, so no one is notified of alarms"
        step = f"{again} {quote(address)}"
    else:
        text = "No one is notified of alarms"
        step = "Set the parameter AlarmTopicEmail, run `make deploy`, and confirm AWS's email."
    return [Finding("alarm-email", WARNING, text, step)]
