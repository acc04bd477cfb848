"""Whether email reaches customers, and its bounces come back: SES, its identity, its topic."""

from dataclasses import dataclass
from typing import Any

from keyferry_admin.use_cases.doctor.deployment import Deployment
from keyferry_admin.use_cases.doctor.finding import OK, PROBLEM, WARNING, Finding

NEARLY_USED = 0.8  # of the quota of a day
FEEDBACK = {"BOUNCE", "COMPLAINT"}


@dataclass(frozen=True, slots=True)
class MailAccount:
    """What SES lets this account send in this region."""

    is_in_production: bool
    is_sending: bool
    enforcement: str  # HEALTHY, PROBATION, or SHUTDOWN
    emails_a_day: int  # -1: without a limit
    emails_a_second: int
    sent: int  # in the last 24 hours


@dataclass(frozen=True, slots=True)
class Identity:
    """A name that SES knows: an address, its domain, or a domain above that."""

    name: str
    is_verified: bool
    dkim: str  # SUCCESS, or why nothing is signed


@dataclass(frozen=True, slots=True)
class Feedback:
    """The way of a bounce: configuration set, event destination, topic, queue."""

    configuration_set: str
    topic: str
    queue: str
    is_sending: bool | None  # None: there is no configuration set
    reported: frozenset[str]  # what is published to our topic
    subscribed: frozenset[str]  # the queues that the topic sends to


def check_account(deployment: Deployment) -> list[Finding]:
    """Whether SES lets this account send to everyone, and enough."""
    reply = deployment.client("sesv2").get_account()
    quota = reply["SendQuota"]
    return judge_account(
        MailAccount(
            reply["ProductionAccessEnabled"],
            reply["SendingEnabled"],
            reply.get("EnforcementStatus", "HEALTHY"),
            int(quota["Max24HourSend"]),
            int(quota["MaxSendRate"]),
            int(quota["SentLast24Hours"]),
        )
    )


def judge_account(account: MailAccount) -> list[Finding]:
    """The worst that holds: stopped, in the sandbox, under review, or nearly out of quota."""
    facts = {
        "production_access": account.is_in_production,
        "emails_a_day": account.emails_a_day,
        "sent": account.sent,
    }
    a_day = f"{account.emails_a_day:,}" if account.emails_a_day >= 0 else "any number"
    used = f"{account.sent:,} of {a_day} emails sent in the last 24 hours"
    if not account.is_sending or account.enforcement == "SHUTDOWN":
        text = "SES has stopped all email of this account"
        step = "The SES console says why (Account dashboard). Answer AWS there."
        return [Finding("email", PROBLEM, text, step, facts)]
    if not account.is_in_production:
        text = "The account is in the SES sandbox: only addresses that you verified get email"
        step = "Request production access in the SES console (Account dashboard)."
        return [Finding("email", PROBLEM, text, step, facts)]
    if account.enforcement == "PROBATION":
        text = "SES is reviewing this account, for example because of bounces"
        step = "The SES console says why (Reputation metrics). See also: keyferry-admin mail list"
        return [Finding("email", WARNING, text, step, facts)]
    if 0 < account.emails_a_day * NEARLY_USED <= account.sent:
        step = "Request a higher quota: Service Quotas, Amazon SES, Sending quota."
        return [Finding("email", WARNING, used, step, facts)]
    text = f"{used}, at most {account.emails_a_second} a second"
    return [Finding("email", OK, text, "", facts)]


def check_sender(deployment: Deployment) -> list[Finding]:
    """Whether SES knows the sender's address, or a domain of it, and signs its email."""
    ses, address = deployment.client("sesv2"), deployment.stack.parameter("MailFrom")
    known = []
    for name in identities_for(address):
        try:
            reply = ses.get_email_identity(EmailIdentity=name)
        except ses.exceptions.NotFoundException:
            continue
        dkim = reply["DkimAttributes"]
        is_off = dkim["Status"] == "SUCCESS" and not dkim["SigningEnabled"]
        status = "turned off" if is_off else dkim["Status"]
        known.append(Identity(name, reply["VerifiedForSendingStatus"], status))
    return judge_sender(address, known)


def identities_for(address: str) -> list[str]:
    """The names that SES accepts for a sender: the address, its domain, and the domains above."""
    labels = address.partition("@")[2].split(".")
    domains = [".".join(labels[start:]) for start in range(len(labels) - 1)]
    return [address, *domains]


def judge_sender(address: str, known: list[Identity]) -> list[Finding]:
    """`known` are the identities that would do, the narrowest first."""
    domain = address.partition("@")[2]
    facts = {"sender": address, "identities": [identity.name for identity in known]}
    if not known:
        text = f"SES has no identity for {address}, so no email can be sent"
        step = f"Create the identity {domain} in the SES console, and copy its records to your DNS."
        return [Finding("sender", PROBLEM, text, step, facts)]
    verified = [identity for identity in known if identity.is_verified]
    if not verified:
        text = f"{known[0].name} is not verified, so no email can be sent"
        step = "Copy its DKIM records from the SES console to your DNS. AWS may take 72 hours."
        return [Finding("sender", PROBLEM, text, step, facts)]
    identity = next((one for one in verified if one.dkim == "SUCCESS"), verified[0])
    facts |= {"dkim": identity.dkim}
    if identity.dkim != "SUCCESS":
        text = f"{identity.name} is verified, but its email is not signed (DKIM: {identity.dkim})"
        step = "Set up DKIM for it in the SES console. Unsigned email often ends up as spam."
        return [Finding("sender", WARNING, text, step, facts)]
    return [Finding("sender", OK, f"{identity.name} is verified, and DKIM signs", "", facts)]


def check_feedback(deployment: Deployment) -> list[Finding]:
    """Whether bounces and complaints come back to the stack."""
    name, topic = deployment.resource("MailConfiguration"), deployment.stack.output("FeedbackTopic")
    ses, sns = deployment.client("sesv2"), deployment.client("sns")
    queue = deployment.stack.output("FeedbackQueue").rpartition("/")[2]
    account = deployment.stack.id.split(":")[4]
    partition = deployment.stack.id.split(":")[1]
    is_sending, reported = _read_configuration_set(ses, name, topic)
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    subscribed = frozenset(
        subscription["Endpoint"]
        for page in pages
        for subscription in page["Subscriptions"]
        if subscription["Protocol"] == "sqs"
    )
    queue_arn = f"arn:{partition}:sqs:{deployment.region}:{account}:{queue}"
    return judge_feedback(Feedback(name, topic, queue_arn, is_sending, reported, subscribed))


def _read_configuration_set(ses: Any, name: str, topic: str) -> tuple[bool | None, frozenset[str]]:
    """Whether it sends (None: it does not exist), and which events it reports to the topic."""
    try:
        options = ses.get_configuration_set(ConfigurationSetName=name).get("SendingOptions", {})
        reply = ses.get_configuration_set_event_destinations(ConfigurationSetName=name)
    except ses.exceptions.NotFoundException:
        return None, frozenset()
    reported = frozenset(
        event
        for destination in reply.get("EventDestinations", [])
        if destination.get("Enabled")
        and destination.get("SnsDestination", {}).get("TopicArn") == topic
        for event in destination["MatchingEventTypes"]
    )
    return options.get("SendingEnabled", True), reported


def judge_feedback(feedback: Feedback) -> list[Finding]:
    """A finding for each place where their way is broken."""
    name, findings = feedback.configuration_set, list[Finding]()
    if feedback.is_sending is None:
        text = f"SES has no configuration set {name}, so no email can be sent"
        step = f"aws sesv2 create-configuration-set --configuration-set-name {name}"
        return [Finding("bounces", PROBLEM, text, step)]
    if not feedback.is_sending:
        text = f"Sending is turned off for the configuration set {name}"
        step = (
            "aws sesv2 put-configuration-set-sending-options"
            f" --configuration-set-name {name} --sending-enabled"
        )
        findings.append(Finding("bounces", PROBLEM, text, step))
    if not feedback.reported >= FEEDBACK:
        text = "SES does not report bounces and complaints to this stack's topic"
        step = f"SES console, configuration set {name}: publish both to {feedback.topic}."
        findings.append(Finding("bounces", PROBLEM, text, step))
    if feedback.queue not in feedback.subscribed:
        text = "The topic of bounces and complaints does not reach its queue"
        step = (
            f"aws sns subscribe --topic-arn {feedback.topic} --protocol sqs"
            f" --notification-endpoint {feedback.queue} --attributes RawMessageDelivery=true"
        )
        findings.append(Finding("bounces", PROBLEM, text, step))
    return findings or [Finding("bounces", OK, "Bounces and complaints reach this stack")]
