"""The HTTP API: opens tickets, says how they stand, hands out responses."""

import os
import secrets
import time
from functools import partial

import boto3

from keyferry_service.adapters.call_deadline import CLIENT_CONFIG, CallDeadline
from keyferry_service.adapters.emails_dynamodb import Emails
from keyferry_service.adapters.files_s3 import PRESIGNING, Files
from keyferry_service.adapters.queue_sqs import request_decision, request_mail
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.api import api_handler
from keyferry_service.use_cases.carry_files import CarryFiles
from keyferry_service.use_cases.choose_seat import ChooseSeat
from keyferry_service.use_cases.follow_link import FollowLink
from keyferry_service.use_cases.open_ticket import OpenTicket
from keyferry_service.use_cases.track_ticket import TrackTicket
from keyferry_service.views.refusal_text import Vendor

dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
sqs = boto3.client("sqs", config=CLIENT_CONFIG)
s3 = boto3.client("s3", config=CLIENT_CONFIG.merge(PRESIGNING))
tickets = Tickets(dynamodb, os.environ["TICKETS_TABLE"])
emails = Emails(dynamodb, os.environ["TICKETS_TABLE"])
files = Files(s3, os.environ["IN_BUCKET"], os.environ["OUT_BUCKET"])
request_email = partial(request_mail, sqs, os.environ["RESPONSES_QUEUE"])
ask_to_decide = partial(request_decision, sqs, os.environ["REQUESTS_QUEUE"])

answer_call = api_handler(
    opening=OpenTicket(tickets, files, time, secrets),
    tracking=TrackTicket(tickets, emails, files, request_email, time),
    carrying=CarryFiles(tickets, files, time),
    choosing=ChooseSeat(tickets, ask_to_decide, time),
    links=FollowLink(emails, files, time),
    vendor=Vendor(os.environ["VENDOR_NAME"], os.environ["SUPPORT_CONTACT"]),
    clock=time,
    origin_secrets=os.environ["ORIGIN_SECRET"].split(),
)

lambda_handler = CallDeadline(dynamodb, s3, sqs).kept_by(answer_call)
