"""Replaces a function's app.py: the same handler, which also records the AWS calls it makes.

The handler is given each SQS message in an invocation of its own, so that every call belongs to
the one message or HTTP request that caused it. Reading the signing keys is not recorded: a function
does that when it starts and once a minute after that, whatever it is asked.
"""

import importlib
import json
from pathlib import Path
from typing import Any

import boto3

SIGNING_KEYS = {"S": "keys"}  # their partition in the Licenses table

calls: list[str] = []  # of the current invocation; Lambda runs one at a time in a process


def record_call(model: Any, params: Any, **_: Any) -> None:
    """Note a call by its service and operation when botocore is about to send it."""
    name = f"{model.service_model.service_id}.{model.name}"
    if name != "DynamoDB.Query" or not reads_signing_keys(json.loads(params["body"])):
        calls.append(name)


def reads_signing_keys(query: dict[str, Any]) -> bool:
    return SIGNING_KEYS in query["ExpressionAttributeValues"].values()


boto3.setup_default_session()
boto3._get_default_session().events.register("before-call", record_call)  # clients inherit it

real_app = importlib.import_module("real_app")  # creates its clients when it is imported


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    if "Records" not in event:
        return serve(event, context)
    replies = [serve({"Records": [record]}, context) for record in event["Records"]]
    return {"batchItemFailures": [item for reply in replies for item in reply["batchItemFailures"]]}


def serve(event: dict[str, Any], context: Any) -> Any:
    """Run the real handler for one request and append what it did to the file of records."""
    calls.clear()
    reply: Any = None
    try:
        reply = real_app.lambda_handler(event, context)
        return reply
    finally:
        record = {
            "request": describe_request(event),
            "opened": opened_ticket(reply),
            "succeeded": has_succeeded(reply),
            "calls": calls,
        }
        with Path(Path(__file__).with_name("records_path").read_text()).open("a") as file:
            file.write(json.dumps(record) + "\n")


def describe_request(event: dict[str, Any]) -> str:
    """Method and path of an HTTP request, or the key of the object that a message announces."""
    match event:
        case {"requestContext": {"http": {"method": method, "path": path}}}:
            return f"{method} {path}"
        case {"Records": [{"body": body}]}:
            match json.loads(body):
                case {"Records": [{"s3": {"object": {"key": key}}}]}:
                    return str(key)
                case {"Event": "s3:TestEvent"}:
                    return "s3:TestEvent"
    return "unknown"


def opened_ticket(reply: Any) -> str | None:
    """The ticket that an HTTP request opened, if it did."""
    match reply:
        case {"statusCode": 201, "body": body}:
            return str(json.loads(body)["id"])
    return None


def has_succeeded(reply: Any) -> bool:
    match reply:
        case {"statusCode": int(status)}:
            return status < 400
        case {"batchItemFailures": failures}:
            return not failures
    return False
