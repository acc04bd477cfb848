"""Whether the data can be brought back, and whether what has ended is forgotten."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keyferry_admin.use_cases.doctor.deployment import Deployment
from keyferry_admin.use_cases.doctor.finding import OK, PROBLEM, WARNING, Finding

KEPT = {"LicensesTable": "license table", "KeysTable": "table of keys"}  # by the stack's output


@dataclass(frozen=True, slots=True)
class Kept:
    """A table that is kept for good, and the settings of it that nobody may change."""

    title: str
    name: str
    is_protected: bool  # it cannot be deleted
    has_backups: bool  # it can be restored to any second of 35 days


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a stack."""

    kept: Sequence[Kept]
    tickets: str
    forgets: bool  # Tickets deletes what has expired


def check_tables(deployment: Deployment) -> list[Finding]:
    """Whether all tables have the settings that keep data, and forget it in time."""
    dynamodb, kept = deployment.client("dynamodb"), list[Kept]()
    for output, title in KEPT.items():
        name = deployment.stack.output(output)
        table = dynamodb.describe_table(TableName=name)["Table"]
        backups = dynamodb.describe_continuous_backups(TableName=name)
        point_in_time = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        has_backups = point_in_time["PointInTimeRecoveryStatus"] == "ENABLED"
        kept.append(Kept(title, name, table.get("DeletionProtectionEnabled", False), has_backups))
    tickets = deployment.stack.output("TicketsTable")
    expiry = dynamodb.describe_time_to_live(TableName=tickets)["TimeToLiveDescription"]
    return judge_tables(
        Tables(kept, tickets, expiry["TimeToLiveStatus"] in ("ENABLED", "ENABLING"))
    )


def judge_tables(tables: Tables) -> list[Finding]:
    """A finding for each setting that was changed."""
    findings = [finding for kept in tables.kept for finding in _judge_kept(kept)]
    if not tables.forgets:
        text = "The tickets table keeps expired rows, including email addresses"
        step = (
            f"aws dynamodb update-time-to-live --table-name {tables.tickets}"
            " --time-to-live-specification Enabled=true,AttributeName=expires_at"
        )
        findings.append(Finding("tables", WARNING, text, step))
    text = "Licenses and keys can be restored and cannot be deleted; tickets expire"
    return findings or [Finding("tables", OK, text)]


def _judge_kept(table: Kept) -> Iterator[Finding]:
    if not table.has_backups:
        text = f"The {table.title} has no point-in-time recovery, so lost rows cannot be restored"
        step = (
            f"aws dynamodb update-continuous-backups --table-name {table.name}"
            " --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
        )
        yield Finding("tables", PROBLEM, text, step)
    if not table.is_protected:
        text = f"The {table.title} can be deleted by mistake"
        step = f"aws dynamodb update-table --table-name {table.name} --deletion-protection-enabled"
        yield Finding("tables", PROBLEM, text, step)
