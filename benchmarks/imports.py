"""Time the cold import of each function, compared with the packages and clients it needs."""

import os
from pathlib import Path

from benchmarks.measure import Row, interleave, process_timer, ratio_row, time_row

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
    "KEYS_TABLE": "keys",
    "TICKETS_TABLE": "tickets",
    "IN_BUCKET": "in",
    "OUT_BUCKET": "out",
    "REQUESTS_QUEUE": "https://sqs.eu-central-1.amazonaws.com/123456789012/requests",
    "RESPONSES_QUEUE": "https://sqs.eu-central-1.amazonaws.com/123456789012/responses",
    "PAGE_ORIGIN": "https://activate.example.com",
    "ORIGIN_SECRET": "0" * 32,
    "VENDOR_NAME": "Example",
    "SUPPORT_CONTACT": "help@example.com",
    "MAIL_FROM": "licensing@example.com",
    "MAIL_CONFIGURATION_SET": "keyferry",
}
PACKAGES = """
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
BASELINES = {
    "public_api": PACKAGES.format(services=["dynamodb", "s3", "sqs"])
    + "from aws_lambda_powertools.event_handler import APIGatewayHttpResolver",
    "process_request": PACKAGES.format(services=["dynamodb", "kms", "s3", "sqs"])
    + BATCH
    + "from cryptography.hazmat.primitives.asymmetric import ed25519",
    "send_response": PACKAGES.format(services=["dynamodb", "sesv2"])
    + BATCH
    + "import email.message",
}


def rows() -> list[Row]:
    rows = []
    for name, baseline in BASELINES.items():
        folder = ROOT / "functions" / name
        app = f"import sys; sys.path.insert(0, {str(folder)!r}); import app"
        timers = {
            "app": process_timer(app, ENVIRONMENT),
            "baseline": process_timer(baseline, ENVIRONMENT),
        }
        samples = interleave(timers, ROUNDS)
        title = f"import {name} / its packages and clients"
        rows += [
            ratio_row(title, samples["app"], samples["baseline"], 1.15),
            time_row(f"import {name}", samples["app"]),
        ]
    return rows
