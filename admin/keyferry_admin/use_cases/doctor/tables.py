"""Whether the data can be brought back, and whether what has ended is forgotten."""

from dataclasses import dataclass

from keyferry_admin.use_cases.doctor.deployment import Deployment
from keyferry_admin.use_cases.doctor.finding import OK, PROBLEM, WARNING, Finding


@dataclass(frozen=True, slots=True)
class Tables:
    """The settings of both tables that nobody may change."""

    licenses: str
    tickets: str
    is_protected: bool  # Licenses cannot be deleted
    has_backups: bool  # Licenses can be restored to any second of 35 days
    forgets: bool  # Tickets deletes what has expired


def check_tables(deployment: Deployment) -> list[Finding]:
    """Whether both tables have the settings that keep data, and forget it in time."""
    dynamodb = deployment.client("dynamodb")
    licenses = deployment.stack.output("LicensesTable")
    tickets = deployment.stack.output("TicketsTable")
    table = dynamodb.describe_table(TableName=licenses)["Table"]
    backups = dynamodb.describe_continuous_backups(TableName=licenses)
    point_in_time = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    expiry = dynamodb.describe_time_to_live(TableName=tickets)["TimeToLiveDescription"]
    return judge_tables(
        Tables(
            licenses,
            tickets,
            table.get("DeletionProtectionEnabled", False),
            point_in_time["PointInTimeRecoveryStatus"] == "ENABLED",
            expiry["TimeToLiveStatus"] in ("ENABLED", "ENABLING"),
        )
    )


def judge_tables(tables: Tables) -> list[Finding]:
    """A finding for each setting that was changed."""
    findings = []
    if not tables.has_backups:
        text = "The license table has no point-in-time recovery, so lost rows cannot be restored"
        step = (
            f"aws dynamodb update-continuous-backups --table-name {tables.licenses}"
            " --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
        )
        findings.append(Finding("tables", PROBLEM, text, step))
    if not tables.is_protected:
        text = "The license table can be deleted by mistake"
        step = (
            f"aws dynamodb update-table --table-name {tables.licenses}"
            " --deletion-protection-enabled"
        )
        findings.append(Finding("tables", PROBLEM, text, step))
    if not tables.forgets:
        text = "The tickets table keeps expired rows, including email addresses"
        step = (
            f"aws dynamodb update-time-to-live --table-name {tables.tickets}"
            " --time-to-live-specification Enabled=true,AttributeName=expires_at"
        )
        findings.append(Finding("tables", WARNING, text, step))
    text = "The license table can be restored and cannot be deleted; tickets expire"
    return findings or [Finding("tables", OK, text)]
