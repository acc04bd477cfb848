"""What the service costs by AWS's list prices: for each 1,000 requests, and in an idle month.

`python docs/operations/costs.py` prints the tables in docs/operations/costs.md. What is counted
here is what `tests/service/functions/test_write_units.py` counts in the real functions.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from prices import (
    ALARM_MONTH,
    CLOUDFRONT_CALL,
    CLOUDFRONT_GB,
    EVENT,
    HTTP_API_CALL,
    KEY_MONTH,
    LAMBDA_GB_S,
    LAMBDA_RUN,
    LOG_GB,
    MAIL,
    METRIC_MONTH,
    READ_UNIT,
    S3_GB_OUT,
    S3_GET,
    S3_PUT,
    SECRET_MONTH,
    SIGNATURE,
    SQS_CALL,
    TABLE_GB_MONTH,
    TABLE_RECOVERY_GB_MONTH,
    WRITE_UNIT,
)

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
ALARM = re.compile("Type: AWS::CloudWatch::Alarm$", re.MULTILINE)
KB, GB = 1e3, 1e9

# Counted: DynamoDB's write units by row, and read units, of each step of the demonstration.
WRITES = {
    "open": {"network#<prefix>#<hour>": 1, "ticket#<id>": 1},
    "activate": {
        "<number> license": 2,
        "<number> seat#<n>": 2,
        "<number> answer#<request_sha256>": 2,
        "<number> key#<keyid>": 2,
        "<number> anchor#<component hash>": 6,
        "ticket#<id>": 2,
    },
    "update": {
        "<number> license": 2,
        "<number> seat#<n>": 2,
        "<number> answer#<request_sha256>": 2,
        "ticket#<id>": 2,
    },
    "poll": {},
    "mail": {
        "mail#<number>#<day>": 2,
        "mail#<request_sha256>": 2,
        "mail#<request_sha256>#<SHA-256 of the address>#<day>": 2,
        "suppressed#<SHA-256 of the address>": 2,
        "bounces#<number>#<period>": 2,
        "sent#<mail id>": 2,
        "link#<SHA-256 of the token>": 2,
        "ticket#<id>": 3,
    },
}
READS = {"open": 0, "activate": 15, "update": 10, "poll": 1, "mail": 1}

# Assumed of a journey. The page looks three times before the response is there.
POLLS = 3
PAGE_FILES, PAGE_BYTES = 12, 140 * KB  # what each page loads, in no cache, uncompressed
RESPONSE_BYTES = 8 * KB
LOG_BYTES = 1 * KB  # of each run
SECONDS = {"open": 0.03, "poll": 0.03, "activate": 0.3, "update": 0.3, "mail": 0.3}  # of 1 GB

# Lambda asks a queue with five processes, each of which waits 20 s, if a maximum concurrency is set
# (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html).
POLLERS, MONTH_S, WAIT_S = 5, 730 * 3600, 20
POLLS_MONTH = POLLERS * MONTH_S / WAIT_S  # of one queue
KEYS = 2  # Ed25519 and ML-DSA-65
METRICS = 12  # all that the functions can write
SEAT_BYTES = 3 * KB  # its rows, with two responses in the ledger

FREE_ALARMS, FREE_SQS_CALLS, FREE_METRICS, FREE_TABLE_GB = 10, 1e6, 10, 25


@dataclass(frozen=True)
class Line:
    """One line of a bill."""

    name: str
    counts: Sequence[str]
    amounts: Sequence[float]  # US dollars


def steps(kind: str) -> list[str]:
    """What happens for one request of this kind, with an email."""
    return ["open", kind, *["poll"] * POLLS, "mail"]


def journey() -> Iterator[Line]:
    """The bill of 1,000 first activations, and of 1,000 updates."""
    kinds = ("activate", "update")
    writes = [sum(sum(WRITES[step].values()) for step in steps(kind)) for kind in kinds]
    reads = [sum(READS[step] for step in steps(kind)) for kind in kinds]
    seconds = [sum(SECONDS[step] for step in steps(kind)) for kind in kinds]
    api_calls = 1 + POLLS
    messages = 2  # S3's notices of request and response
    runs = api_calls + messages

    def same(name: str, count: float, price: float, unit: str) -> Line:
        return Line(name, [f"{count:g} {unit}"] * 2, [1000 * count * price] * 2)

    def data(name: str, size: float, price: float) -> Line:
        return Line(name, [f"{size / KB:g} KB"] * 2, [1000 * size / GB * price] * 2)

    def each(name: str, counts: Sequence[float], price: float, unit: str) -> Line:
        texts = [f"{count:g} {unit}" for count in counts]
        return Line(name, texts, [1000 * count * price for count in counts])

    yield same("SES", 1, MAIL, "email")
    yield same("KMS", KEYS, SIGNATURE, "signatures")
    yield each("DynamoDB, writes", writes, WRITE_UNIT, "units")
    yield each("DynamoDB, reads", reads, READ_UNIT, "units")
    yield same("CloudFront, calls", api_calls + PAGE_FILES, CLOUDFRONT_CALL, "calls")
    yield data("CloudFront, data", PAGE_BYTES, CLOUDFRONT_GB)
    yield same("S3, request and response stored", 2, S3_PUT, "PUT")
    yield same("S3, read", 2 + POLLS, S3_GET, "GET")
    yield data("S3, data to the browser", RESPONSE_BYTES, S3_GB_OUT)
    yield each("Lambda, time", seconds, LAMBDA_GB_S, "GB-s")
    yield same("Lambda, runs", runs, LAMBDA_RUN, "runs")
    yield same("HTTP API", api_calls, HTTP_API_CALL, "calls")
    yield same("SQS", 3 * messages, SQS_CALL, "calls")
    yield data("Logs", runs * LOG_BYTES, LOG_GB)


def idle_month() -> Iterator[Line]:
    """The bill of a month in which nobody sends anything: by the list, and less what is free."""
    always, _ = parts_of_template()
    alarms, queues = (
        len(ALARM.findall(always)),
        len(re.findall(r"^ +Type: SQS$", always, re.MULTILINE)),
    )
    polls = queues * POLLS_MONTH
    stored = 10_000 * SEAT_BYTES / GB

    def line(name: str, count: str, units: float, price: float, free: float = 0) -> Line:
        return Line(name, [count], [units * price, max(0, units - free) * price])

    yield line("KMS keys", f"{KEYS} keys", KEYS, KEY_MONTH)
    yield line("CloudWatch alarms", f"{alarms} alarms", alarms, ALARM_MONTH, FREE_ALARMS)
    text = f"{queues} queues, {polls / 1e6:.2f} million calls"
    yield line("SQS, asked by Lambda", text, polls, SQS_CALL, FREE_SQS_CALLS)
    text = f"10,000 seats, {stored:g} GB"
    yield line("DynamoDB, stored", text, stored, TABLE_GB_MONTH, FREE_TABLE_GB)
    yield line("DynamoDB, point-in-time recovery", text, stored, TABLE_RECOVERY_GB_MONTH)


def busy_month() -> Line:
    """What comes on top of an idle month in which all metrics get a value in every hour."""
    amounts = [METRICS * METRIC_MONTH, (METRICS - FREE_METRICS) * METRIC_MONTH]
    return Line("with every metric in every hour", [f"{METRICS} metrics"], amounts)


def events() -> Iterator[Line]:
    """The bill of 1,000 events, each alone, on the bus and, with the webhook, to a server."""
    yield Line("EventBridge", ["1 event"] * 2, [1000 * EVENT] * 2)
    runs, seconds = (1, 2), (0.1, 0.1 + 0.3)
    yield Line("Lambda, runs", ["1 run", "2 runs"], [1000 * n * LAMBDA_RUN for n in runs])
    times = [1000 * each * LAMBDA_GB_S for each in seconds]
    yield Line("Lambda, time", [f"{each:g} GB-s" for each in seconds], times)
    yield Line(
        "Logs", [f"{n} KB" for n in runs], [1000 * n * LOG_BYTES / GB * LOG_GB for n in runs]
    )
    yield Line("SQS", ["-", "3 calls"], [0, 1000 * 3 * SQS_CALL])


def events_month() -> Iterator[Line]:
    """What events add to an idle month, by the list: a bus alone, and with the webhook."""
    _, block = parts_of_template()
    alarms = [len(ALARM.findall(block.partition("\n  WebhookRule:")[0])), len(ALARM.findall(block))]
    yield Line(
        "CloudWatch alarms",
        [f"{count} alarms" for count in alarms],
        [count * ALARM_MONTH for count in alarms],
    )
    text = f"{POLLS_MONTH / 1e6:.2f} million calls"
    yield Line("SQS, asked by Lambda", ["-", text], [0, POLLS_MONTH * SQS_CALL])
    yield Line("Secrets Manager", ["-", "1 secret"], [0, SECRET_MONTH])


def parts_of_template() -> tuple[str, str]:
    """What is always deployed, and what only where a vendor asks for events."""
    always, _, rest = TEMPLATE.read_text().partition("  # ---- Events ---")
    return always, rest


def rows(lines: Sequence[Line], digits: int) -> Iterator[str]:
    for line in lines:
        amounts = [f"${amount:.{digits}f}" for amount in line.amounts]
        yield f"| {' | '.join([line.name, *line.counts, *amounts])} |"


def total(lines: Sequence[Line], digits: int) -> list[str]:
    sums = [sum(amounts) for amounts in zip(*(line.amounts for line in lines), strict=True)]
    return [f"**${amount:.{digits}f}**" for amount in sums]


def write_table() -> Iterator[str]:
    names = {"open": "open a ticket", "activate": "answer a first activation"}
    names |= {"update": "answer an update", "mail": "send an email"}
    yield "| step | write units | of which |"
    yield "| --- | --- | --- |"
    for step, name in names.items():
        listed = ", ".join(f"`{row}` {units}" for row, units in WRITES[step].items())
        yield f"| {name} | {sum(WRITES[step].values())} | {listed} |"


def journey_table() -> Iterator[str]:
    lines = sorted(journey(), key=lambda line: -line.amounts[0])
    yield "| 1,000 of each | a first activation | an update | activations | updates |"
    yield "| --- " * 5 + "|"
    yield from rows(lines, 3)
    yield f"| together, with the email | | | {' | '.join(total(lines, 2))} |"
    email = 1000 * (MAIL + sum(WRITES["mail"].values()) * WRITE_UNIT)
    less = Line("less the email", [], [-email, -email])
    yield f"| together, without the email | | | {' | '.join(total([*lines, less], 2))} |"


def month_table() -> Iterator[str]:
    lines = list(idle_month())
    yield "| a month | what there is | by the list | less what is always free |"
    yield "| --- " * 4 + "|"
    yield from rows(lines, 2)
    yield f"| idle, together | | {' | '.join(total(lines, 2))} |"
    yield from rows([busy_month()], 2)


def events_table() -> Iterator[str]:
    yield "| | the bus | with the webhook | the bus | with the webhook |"
    yield "| --- " * 5 + "|"
    yield from rows(lines := list(events()), 4)
    yield f"| 1,000 events, together | | | {' | '.join(total(lines, 4))} |"
    yield from rows(lines := list(events_month()), 2)
    yield f"| a month, together | | | {' | '.join(total(lines, 2))} |"


if __name__ == "__main__":
    tables = (write_table(), journey_table(), month_table(), events_table())
    print("\n\n".join("\n".join(table) for table in tables))
