"""Whether files reach the functions: bucket events, queues, mappings, and what was given up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from keyferry_admin.use_cases.doctor.deployment import Deployment
from keyferry_admin.use_cases.doctor.finding import OK, PROBLEM, WARNING, Finding

QUEUES = {"ProcessRequestFunction": "RequestsQueue", "SendResponseFunction": "ResponsesQueue"}
QUEUES |= {"MailFeedbackFunction": "FeedbackQueue", "SendWebhookFunction": "WebhookQueue"}
EVENTS = {"InBucket": ("RequestsQueue", "requests/"), "OutBucket": ("ResponsesQueue", "responses/")}
DEAD_LETTERS = {"RequestsDeadQueue": "request", "ResponsesDeadQueue": "email"}
DEAD_LETTERS |= {"FeedbackDeadQueue": "bounce or complaint", "WebhookDeadQueue": "webhook"}
# A vendor who wants no events has none of these.
OF_EVENTS = {"PublishEventsFunction", "SendWebhookFunction", "WebhookDeadQueue"}
RUNNING = ("Enabled", "Enabling", "Updating")


@dataclass(frozen=True, slots=True)
class Function:
    """A function, how many of it may run, and its connection to its queue."""

    name: str
    reserved: int | None  # None: as many as the account has left
    has_queue: bool = True
    mapping: str = ""  # the id of the connection; "" if there is none
    mapping_state: str = ""


@dataclass(frozen=True, slots=True)
class BucketEvents:
    """What a bucket tells its queue."""

    bucket: str
    queue: str
    prefix: str
    is_told: bool


def deployed(deployment: Deployment, outputs: Iterable[str]) -> list[str]:
    """Those of these outputs that the stack has: a stack without events lacks theirs."""
    has = deployment.stack.has_output
    return [output for output in outputs if output not in OF_EVENTS or has(output)]


def check_functions(deployment: Deployment) -> list[Finding]:
    """Whether each function can run, and is connected to its queue."""
    client, functions = deployment.client("lambda"), []
    for output in deployed(deployment, [*QUEUES, "PublicApiFunction", "PublishEventsFunction"]):
        name = deployment.stack.output(output)
        reserved = client.get_function_concurrency(FunctionName=name)
        queue = deployment.stack.output(QUEUES[output]) if output in QUEUES else ""
        mapping: dict[str, str] = {}
        if queue:
            listed = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
            ours = [m for m in listed if _name_in(m["EventSourceArn"]) == queue.rpartition("/")[2]]
            mapping = ours[0] if ours else {}
        functions.append(
            Function(
                name,
                reserved.get("ReservedConcurrentExecutions"),
                bool(queue),
                mapping.get("UUID", ""),
                mapping.get("State", ""),
            )
        )
    return judge_functions(functions)


def judge_functions(functions: Sequence[Function]) -> list[Finding]:
    """A finding for each function that is stopped, not connected, or paused."""
    findings = []
    for function in functions:
        facts = {"function": function.name}
        if function.reserved == 0:
            text = f"{function.name} cannot run: its reserved concurrency is 0"
            step = f"aws lambda delete-function-concurrency --function-name {function.name}"
            findings.append(Finding("functions", PROBLEM, text, step, facts))
        if function.has_queue and not function.mapping:
            text = f"{function.name} is not connected to its queue"
            step = "Add the trigger in the Lambda console, as template.yaml has it under Events."
            findings.append(Finding("functions", PROBLEM, text, step, facts))
        elif function.has_queue and function.mapping_state not in RUNNING:
            text = f"{function.name} is paused: its messages are waiting in their queue"
            step = (
                "Unless somebody is restoring a table: "
                f"aws lambda update-event-source-mapping --uuid {function.mapping} --enabled"
            )
            findings.append(Finding("functions", PROBLEM, text, step, facts))
    return findings or [Finding("functions", OK, "All functions run, each connected to its queue")]


def check_events(deployment: Deployment) -> list[Finding]:
    """Whether both buckets tell their queues of new files."""
    s3, events = deployment.client("s3"), []
    for output, (queue_output, prefix) in EVENTS.items():
        bucket = deployment.stack.output(output)
        queue = deployment.stack.output(queue_output).rpartition("/")[2]
        reply = s3.get_bucket_notification_configuration(Bucket=bucket)
        queues = [_name_in(each["QueueArn"]) for each in reply.get("QueueConfigurations", [])]
        events.append(BucketEvents(bucket, queue, prefix, queue in queues))
    return judge_events(events)


def judge_events(events: Sequence[BucketEvents]) -> list[Finding]:
    """A finding for each bucket that does not."""
    findings = [
        Finding(
            "events",
            PROBLEM,
            f"Files in {each.bucket} do not reach the queue {each.queue}",
            f"S3 console, Properties, Event notifications: all object create events below"
            f" {each.prefix} to this queue.",
            {"bucket": each.bucket},
        )
        for each in events
        if not each.is_told
    ]
    return findings or [Finding("events", OK, "Files that arrive reach their queues")]


def check_dead_letters(deployment: Deployment) -> list[Finding]:
    """Whether messages were given up."""
    sqs, name, counts = deployment.client("sqs"), "ApproximateNumberOfMessages", {}
    for output in deployed(deployment, DEAD_LETTERS):
        url = deployment.stack.output(output)
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
        counts[DEAD_LETTERS[output]] = int(attributes[name])
    return judge_dead_letters(counts)


def judge_dead_letters(counts: Mapping[str, int]) -> list[Finding]:
    """`counts` are messages by what they are about."""
    if not any(counts.values()):
        return [Finding("given-up", OK, "No message was given up")]
    each = ", ".join(f"{noun}: {count}" for noun, count in counts.items() if count)
    text = f"Messages were given up after ten tries ({each})"
    step = "Find out why (docs/operations/README.md), then: keyferry-admin request redrive"
    return [Finding("given-up", WARNING, text, step, {"messages": dict(counts)})]


def _name_in(arn: str) -> str:
    return arn.rpartition(":")[2]
