"""Whether the account's quotas are enough for what the stack may use."""

import math

from keyferry_admin.use_cases.doctor.deployment import Deployment
from keyferry_admin.use_cases.doctor.finding import OK, WARNING, Finding
from keyferry_admin.use_cases.doctor.queues import QUEUES, deployed

CALLS_BEFORE = 50  # a second, in releases without the parameter
CALLS_OF_A_FUNCTION = 5  # a second: 0.1 s each, and as long for cold starts


def check_quotas(deployment: Deployment) -> list[Finding]:
    """Whether Lambda runs as many functions at once as the stack may use."""
    client = deployment.client("lambda")
    calls = int(deployment.stack.parameter("ApiCallsPerSecond") or CALLS_BEFORE)
    needed = math.ceil(calls / CALLS_OF_A_FUNCTION)
    for output in deployed(deployment, QUEUES):
        name = deployment.stack.output(output)
        for mapping in client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]:
            needed += mapping.get("ScalingConfig", {}).get("MaximumConcurrency", 0)
    limit = client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    return judge_quotas(needed, limit)


def judge_quotas(needed: int, limit: int) -> list[Finding]:
    """`needed` and `limit` are functions that run at once."""
    facts = {"concurrent_functions": limit, "needed": needed}
    text = f"Lambda runs up to {limit:,} functions at once; this stack uses up to {needed}"
    if limit >= needed:
        return [Finding("quotas", OK, text, "", facts)]
    step = "Request a higher one in Service Quotas. Until you have it: docs/operations/costs.md"
    return [Finding("quotas", WARNING, text, step, facts)]
