"""What an attacker can make AWS charge for, by list prices.

`python docs/operations/attack_bill.py` prints the table in docs/operations/abuse.md.
"""

from dataclasses import dataclass

from prices import (
    CLOUDFRONT_CALL,
    HTTP_API_CALL,
    LAMBDA_GB_S,
    LAMBDA_RUN,
    LOG_GB,
    MILLION,
    READ_UNIT,
    S3_GB_MONTH,
    S3_GET,
    S3_PUT,
    SQS_CALL,
    WRITE_UNIT,
)

# What one call costs, by the calls that tests/service/functions/test_calls_counted.py counts.
API_CALL = CLOUDFRONT_CALL + HTTP_API_CALL + LAMBDA_RUN + 0.03 * LAMBDA_GB_S + 600e-9 * LOG_GB
POLL = API_CALL + READ_UNIT + S3_GET
OPEN_TICKET = API_CALL + 2 * WRITE_UNIT
# S3's notice, and a tenth of a receive, a delete, and a run, since ten messages come at once.
MESSAGE = SQS_CALL + 0.1 * (2 * SQS_CALL + LAMBDA_RUN)
STORED = 8192e-9 * S3_GB_MONTH * 45 / 30  # the largest file, for as long as old versions are kept
FIRST_UPLOAD = (
    (S3_PUT + STORED + MESSAGE)
    + (S3_GET + READ_UNIT)  # the file, and its ticket beside it
    + 2 * 2 * 5 * READ_UNIT  # the snapshot of a license, key, answer, anchors, and ticket
    + (2 * WRITE_UNIT + S3_PUT + MESSAGE)  # the refusal, and the message that nobody is mailed
    + 0.1 * LAMBDA_GB_S + 2 * 500e-9 * LOG_GB
)  # fmt: skip
FURTHER_UPLOAD = S3_PUT + STORED + MESSAGE + 0.005 * LAMBDA_GB_S + 400e-9 * LOG_GB


@dataclass(frozen=True)
class Attack:
    """One way to make calls; `rate` is how many a second."""

    name: str
    rate: float
    price: float


ATTACKS = (
    Attack("poll, as often as the whole API takes calls", 50, POLL),
    Attack("open tickets, as often as that", 50, OPEN_TICKET),
    Attack("open tickets so, and upload a forged file on each", 50, OPEN_TICKET + FIRST_UPLOAD),
    Attack("upload again on 300 passes, 5 times a second each", 1500, FURTHER_UPLOAD),
    Attack("upload again as often as S3 promises for one prefix", 3500, FURTHER_UPLOAD),
    Attack("call CloudFront 10,000 times a second; 429 for all but 50", 10_000, CLOUDFRONT_CALL),
)


def table() -> str:
    """The attacks as a table of Markdown."""
    lines = ["| attack | a second | a million cost | an hour | a day |", "| --- " * 5 + "|"]
    for attack in ATTACKS:
        hour = attack.rate * attack.price * 3600
        lines.append(
            f"| {attack.name} | {attack.rate:,.0f} | ${attack.price * MILLION:.2f}"
            f" | ${hour:,.2f} | ${24 * hour:,.0f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
