"""Changes ministack where AWS asks for more rights, or reads a template otherwise.

By itself ministack knows neither the keys of the rows in a call (`dynamodb:LeadingKeys`) nor the
resources of an email. Where AWS's documentation leaves open what it asks for, this asks for more.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html
"""

import json
import re
from collections.abc import Iterator
from email.utils import parseaddr
from typing import Any

from ministack import app  # type: ignore[import-untyped]
from ministack.core import iam_actions  # type: ignore[import-untyped]
from ministack.core.responses import get_account_id  # type: ignore[import-untyped]
from ministack.services import lambda_svc  # type: ignore[import-untyped]

SENDING = ("POST", "/v2/email/outbound-emails")


def answer_as_aws() -> None:
    """Change ministack in this process, before it serves."""
    iam_actions.dynamodb_service_context = _with_leading_keys(iam_actions.dynamodb_service_context)
    app._enforce_ses_v2 = _for_each_identity(app._enforce_ses_v2, app._enforce_data_plane)
    lambda_svc._sqs_esm_concurrency = _with_a_number(lambda_svc._sqs_esm_concurrency)


def _with_leading_keys(context_of: Any) -> Any:
    def with_leading_keys(body: bytes) -> dict[str, Any]:
        keys = list(leading_keys(json.loads(body or b"{}")))
        return {**context_of(body), **({"dynamodb:LeadingKeys": keys} if keys else {})}

    return with_leading_keys


def leading_keys(call: dict[str, Any]) -> Iterator[str]:
    """The partition keys in a call. A transaction has those of all its items, in all tables."""
    of_tables = call.get("RequestItems", {}).values()
    written = [write for writes in of_tables if isinstance(writes, list) for write in writes]
    items = [one for item in call.get("TransactItems", written) for one in item.values()]
    keys = [row.get("Key") or row.get("Item") or {} for row in [call, *items]]
    keys += [key for reads in of_tables if isinstance(reads, dict) for key in reads["Keys"]]
    yield from (key["pk"]["S"] for key in keys if "pk" in key)
    if query := re.search(r"\bpk = (:\w+)", call.get("KeyConditionExpression", "")):
        yield call["ExpressionAttributeValues"][query[1]]["S"]


def _with_a_number(limit_of: Any) -> Any:
    """CloudFormation makes a number of a parameter where a property is one; ministack does not."""

    def with_a_number(mapping: dict[str, Any], *rest: Any) -> Any:
        scaling = {name: int(value) for name, value in mapping.get("ScalingConfig", {}).items()}
        return limit_of(mapping | {"ScalingConfig": scaling}, *rest)

    return with_a_number


def _for_each_identity(enforce: Any, enforce_one: Any) -> Any:
    def for_each_identity(
        method: str, path: str, headers: Any, body: bytes, query: Any, request_id: str
    ) -> Any:
        if (method, path) != SENDING:
            return enforce(method, path, headers, body, query, request_id)
        mail = json.loads(body)
        sender = parseaddr(mail["FromEmailAddress"])[1]
        arn = f"arn:aws:ses:{app.extract_region(headers, query)}:{get_account_id()}:"
        for resource in resources_of(mail, sender):
            for action in ("ses:SendEmail", "ses:SendRawEmail"):
                if denied := enforce_one(
                    *("sesv2", action, headers, query, request_id),
                    resource_arn=arn + resource,
                    service_context={"ses:FromAddress": sender},
                    named_resource=arn + resource,
                ):
                    return denied
        return None

    return for_each_identity


def resources_of(mail: dict[str, Any], sender: str) -> Iterator[str]:
    """What SES wants rights to: in its sandbox, the identities of those who get the mail as well.

    Nobody documents the latter; https://github.com/dwyl/aws-ses-lambda/issues/10 shows the refusal.
    """
    yield f"identity/{sender.partition('@')[2]}"
    yield from (f"identity/{address}" for address in mail["Destination"]["ToAddresses"])
    yield f"configuration-set/{mail['ConfigurationSetName']}"
