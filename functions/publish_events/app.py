"""Puts what happened to licenses onto the stack's event bus (streams of both tables -> here)."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from keyferry_service.adapters.bus_eventbridge import Bus
from keyferry_service.adapters.call_deadline import CLIENT_CONFIG, CallDeadline
from keyferry_service.use_cases.publish_events import PublishEvents

logger = Logger()
events = boto3.client("events", config=CLIENT_CONFIG)
publish_events = PublishEvents(Bus(events, os.environ["EVENT_BUS"], os.environ["STACK"]))


@logger.inject_lambda_context(clear_state=True)
@CallDeadline(events).kept_by
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Publish a batch. Lambda brings it again from the first record that this reports."""
    failed = publish_events.publish(event["Records"])
    if failed:
        logger.warning("events not taken", count=len(failed))
    return {"batchItemFailures": [{"itemIdentifier": sequence} for sequence in failed]}
