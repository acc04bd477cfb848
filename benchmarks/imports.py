"""Cold import of each function, beside the packages that it must have, with their clients made."""

import os
from pathlib import Path

from benchmarks.measure import Row, fresh, in_turns, ratio, time_ms

ROOT = Path(__file__).parents[1]
ROUNDS = 10
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": str(ROOT / "shared"),
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "POWERTOOLS_SERVICE_NAME": "keyferry",
    "POWERTOOLS_METRICS_NAMESPACE": "Keyferry",
    "LICENSES_TABLE": "licenses",
    "TICKETS_TABLE": "tickets",
    "IN_BUCKET": "in",
    "OUT_BUCKET": "out",
    "RESPONSES_QUEUE": "https://sqs.eu-central-1.amazonaws.com/123456789012/responses",
    "PAGE_ORIGIN": "https://activate.example.com",
    "ORIGIN_SECRET": "0" * 32,
    "VENDOR_NAME": "Example",
    "SUPPORT_CONTACT": "help@example.com",
    "MAIL_FROM": "licensing@example.com",
    "MAIL_CONFIGURATION_SET": "keyferry",
}
LAMBDA = """
import boto3
from botocore.config import Config
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
Logger(), Metrics()
config = Config(connect_timeout=1, read_timeout=5)
for service in {services!r}:
    boto3.client(service, config=config)
"""
BATCH = """
from aws_lambda_powertools.utilities.batch import AsyncBatchProcessor
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
"""
BARE = {
    "public_api": LAMBDA.format(services=["dynamodb", "s3", "sqs"])
    + "from aws_lambda_powertools.event_handler import APIGatewayHttpResolver",
    "process_request": LAMBDA.format(services=["dynamodb", "kms", "s3", "sqs"])
    + BATCH
    + "from cryptography.hazmat.primitives.asymmetric import ed25519",
    "send_response": LAMBDA.format(services=["dynamodb", "sesv2"]) + BATCH + "import email.message",
}


def rows() -> list[Row]:
    found = []
    for name, bare in BARE.items():
        folder = ROOT / "functions" / name
        app = f"import sys; sys.path.insert(0, {str(folder)!r}); import app"
        things = {"app": fresh(app, ENVIRONMENT), "bare": fresh(bare, ENVIRONMENT)}
        taken = in_turns(things, ROUNDS)
        found += [
            ratio(f"import {name} / its packages and clients", taken["app"], taken["bare"], 1.15),
            time_ms(f"import {name}", taken["app"]),
        ]
    return found
