"""Who may send the functions a message at all.

Tested elsewhere: what comes of a forged message that arrives all the same
(tests/service/functions/test_forged_events.py).
"""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.support.journeys import client
from tests.support.running_stack import RunningStack

pytestmark = pytest.mark.attack


TICKET = "A" * 43
NOT_ALLOWED = r"AccessDenied|InvalidClientTokenId"
QUEUES = ["RequestsQueue", "ResponsesQueue", "FeedbackQueue"]
QUEUES += ["RequestsDeadQueue", "ResponsesDeadQueue", "FeedbackDeadQueue"]


def with_keys(stack: RunningStack, key: str, secret: str = "x") -> Any:
    connect: Any = boto3.client
    return connect(
        "sqs",
        endpoint_url=stack.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )


@pytest.fixture(scope="module")
def eve(stack: RunningStack) -> Any:
    """Somebody of the same account whom nobody gave a right."""
    iam = client(stack, "iam")
    iam.create_user(UserName="eve")
    access_key = iam.create_access_key(UserName="eve")["AccessKey"]
    return with_keys(stack, access_key["AccessKeyId"], access_key["SecretAccessKey"])


@pytest.mark.parametrize("queue", QUEUES)
def test_nobody_but_s3_and_our_roles_may_send_read_or_empty_a_queue(
    stack: RunningStack, eve: Any, queue: str
) -> None:
    url = stack.outputs[queue]
    others = [with_keys(stack, "999999999999"), with_keys(stack, "AKIANOBODY")]
    for sqs in (eve, *others):
        with pytest.raises(ClientError, match=NOT_ALLOWED):
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"sign": {"ticket": TICKET}}))
        with pytest.raises(ClientError, match=NOT_ALLOWED):
            sqs.receive_message(QueueUrl=url)
        with pytest.raises(ClientError, match=NOT_ALLOWED):
            sqs.purge_queue(QueueUrl=url)


@pytest.mark.parametrize("queue", ["RequestsQueue", "ResponsesQueue"])
def test_another_bucket_cannot_tell_our_queue_of_its_files(stack: RunningStack, queue: str) -> None:
    sqs, s3 = client(stack, "sqs"), client(stack, "s3")
    named = sqs.get_queue_attributes(QueueUrl=stack.outputs[queue], AttributeNames=["QueueArn"])
    configuration = {"QueueArn": named["Attributes"]["QueueArn"], "Events": ["s3:ObjectCreated:*"]}
    s3.create_bucket(Bucket="eves-bucket")
    with pytest.raises(ClientError, match="Unable to validate"):
        s3.put_bucket_notification_configuration(
            Bucket="eves-bucket", NotificationConfiguration={"QueueConfigurations": [configuration]}
        )
