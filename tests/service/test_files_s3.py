"""Objects that are put once: what S3 says to two writers of one key, and what then counts."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from botocore.stub import Stubber
from moto import mock_aws

from keyferry_service.adapters.files_s3 import PUT_TRIES, Files

CONFLICT, EXISTS = ("ConditionalRequestConflict", 409), ("PreconditionFailed", 412)
PUTS: list[Any] = [
    pytest.param(lambda files: files.store_upload("t", b"file"), id="a file through the API"),
    pytest.param(lambda files: files.publish("t", "x.response", b"file"), id="a response"),
]


def replies(s3: Any, *errors: tuple[str, int]) -> Stubber:
    """An S3 that answers PutObject with these errors, and then that it was done."""
    stubber = Stubber(s3)
    for code, status in errors:
        stubber.add_client_error("put_object", code, http_status_code=status)
    stubber.add_response("put_object", {})
    return stubber


@pytest.fixture
def s3() -> Any:
    return boto3.client("s3", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")


@pytest.mark.parametrize("put", PUTS)
def test_a_put_that_another_writer_interrupted_is_tried_again_at_once(s3: Any, put: Any) -> None:
    with replies(s3, CONFLICT, CONFLICT) as stubber:
        put(Files(s3, "in", "out"))
        stubber.assert_no_pending_responses()


def test_only_the_writer_that_came_first_has_put_the_file(s3: Any) -> None:
    with replies(s3, CONFLICT):
        assert Files(s3, "in", "out").store_upload("t", b"file")
    with replies(s3, CONFLICT, EXISTS):
        assert not Files(s3, "in", "out").store_upload("t", b"file")


@pytest.mark.parametrize("put", PUTS)
def test_a_key_that_is_never_free_is_an_error_and_no_endless_loop(s3: Any, put: Any) -> None:
    with (
        replies(s3, *[CONFLICT] * PUT_TRIES),
        pytest.raises(ClientError, match="ConditionalRequestConflict"),
    ):
        put(Files(s3, "in", "out"))


def test_a_boto3_that_is_older_than_conditional_puts_makes_them_all_the_same() -> None:
    with mock_aws():
        s3 = boto3.client("s3", "us-east-1")
        s3.create_bucket(Bucket="out")
        shape: Any = s3.meta.service_model.operation_model("PutObject").input_shape
        del shape.members["IfNoneMatch"]
        with pytest.raises(ParamValidationError, match="IfNoneMatch"):
            s3.put_object(Bucket="out", Key="x", Body=b"", IfNoneMatch="*")

        files = Files(s3, "in", "out")
        files.publish("t", "x.response", b"first")
        files.publish("t", "x.response", b"second")
        assert files.read_published("t", "x.response") == (b"first", None)

        s3.put_object(Bucket="out", Key="responses/t/x.response", Body=b"without a condition")
        assert files.read_published("t", "x.response") == (b"without a condition", None)
