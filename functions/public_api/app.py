"""The HTTP API: opens tickets, says how they stand, hands out responses."""

import os
import secrets
import time
from functools import partial

import boto3
from botocore.config import Config

from keyferry_service.adapters.files_s3 import PRESIGNING, Files
from keyferry_service.adapters.queue_sqs import request_mail
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.api import api_handler
from keyferry_service.use_cases.follow_link import FollowLink
from keyferry_service.use_cases.open_ticket import OpenTicket
from keyferry_service.use_cases.track_ticket import TrackTicket
from keyferry_service.views.refusal_text import Vendor

config = Config(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3}
)
sqs = boto3.client("sqs", config=config)
s3 = boto3.client("s3", config=config.merge(PRESIGNING))
tickets = Tickets(boto3.client("dynamodb", config=config), os.environ["TICKETS_TABLE"])
files = Files(s3, os.environ["IN_BUCKET"], os.environ["OUT_BUCKET"])
request_email = partial(request_mail, sqs, os.environ["RESPONSES_QUEUE"])

lambda_handler = api_handler(
    opening=OpenTicket(tickets, files, time, secrets),
    tracking=TrackTicket(tickets, files, request_email, time),
    links=FollowLink(tickets, files, time),
    vendor=Vendor(os.environ["VENDOR_NAME"], os.environ["SUPPORT_CONTACT"]),
    clock=time,
    origin_secrets=os.environ["ORIGIN_SECRET"].split(),
)
