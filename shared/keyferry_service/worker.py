"""The one batch loop of every queue function: logs, metrics, and what comes again."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import asdict, dataclass
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    AsyncBatchProcessor,
    EventType,
    async_process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from keyferry_service.adapters.files_s3 import FileGone
from keyferry_service.adapters.retries import HasDeadline, OutOfTime
from keyferry_service.adapters.stray_message import StrayMessage
from keyferry_service.domain.ticket import ticket_prefix
from keyferry_service.use_cases.outcome import Dropped, Outcome

BATCH_SIZE = 10


@dataclass(frozen=True, slots=True)
class Job:
    """One thing that a message asks for; `ticket_id` is None where only the job will know it."""

    run: Callable[[HasDeadline], Outcome | None]
    ticket_id: str | None = None


LambdaHandler = Callable[[dict[str, Any], LambdaContext], PartialItemFailureResponse]


def batch_handler(
    jobs_in: Callable[[SQSRecord], Iterable[Job]],
    retry_soon: Callable[[SQSRecord], None] | None = None,
) -> LambdaHandler:
    """A Lambda handler that does the jobs of each message; a message that fails comes again alone.

    Messages are handled side by side. With `retry_soon`, one that ran out of time comes again in
    seconds, and that is no failure.
    """
    logger, metrics = Logger(), Metrics()
    pool = ThreadPoolExecutor(BATCH_SIZE)  # asyncio's own has 6 threads on Lambda's two processors
    processor = AsyncBatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)

    def log(outcome: Outcome) -> None:
        level = logger.warning if isinstance(outcome, Dropped) else logger.info
        level(outcome.event, **asdict(outcome))
        metrics.add_metric(outcome.metric, MetricUnit.Count, 1)

    def handle(record: SQSRecord, context: LambdaContext) -> None:
        try:
            for job in jobs_in(record):
                if job.ticket_id is not None:
                    logger.thread_safe_append_keys(ticket=ticket_prefix(job.ticket_id))
                outcome = job.run(context)
                if outcome is not None:
                    log(outcome)
        except (StrayMessage, FileGone) as error:
            log(Dropped(str(error)))
        except Exception as error:
            if retry_soon is not None and isinstance(error, OutOfTime):
                logger.warning("postponed", reason="The license was busy.")
                metrics.add_metric("MessagesPostponed", MetricUnit.Count, 1)
                retry_soon(record)
            else:
                logger.exception("failed")
                metrics.add_metric("MessagesFailed", MetricUnit.Count, 1)
            raise

    async def handle_record(record: SQSRecord, lambda_context: LambdaContext) -> None:
        run = copy_context().run  # so that a message's log lines name its own ticket alone
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(pool, run, handle, record, lambda_context)

    @logger.inject_lambda_context(clear_state=True)
    @metrics.log_metrics
    def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
        metrics.add_metric("Messages", MetricUnit.Count, len(event["Records"]))
        return async_process_partial_response(event, handle_record, processor, context)

    return lambda_handler
