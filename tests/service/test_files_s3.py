"""Request and response files on moto's S3."""

import boto3
import pytest
from botocore.exceptions import ParamValidationError
from moto import mock_aws

from keyferry_service.adapters.files_s3 import Files

IN, OUT = "keyferry-in", "keyferry-out"


@mock_aws
def test_a_boto3_from_before_conditional_writes_makes_them_all_the_same() -> None:
    s3 = boto3.client("s3", region_name="us-east-1")
    for bucket in (IN, OUT):
        s3.create_bucket(Bucket=bucket)
    shape = s3.meta.service_model.operation_model("PutObject").input_shape
    assert shape is not None
    del shape.members["IfNoneMatch"]  # as in a runtime of early 2024
    with pytest.raises(ParamValidationError, match="IfNoneMatch"):
        s3.put_object(Bucket=IN, Key="x", Body=b"", IfNoneMatch="*")

    files = Files(s3, IN, OUT)
    assert files.store_upload("ticket", b"first")
    assert not files.store_upload("ticket", b"second")
    files.publish("ticket", "x.response", b"first")
    files.publish("ticket", "x.response", b"second")
    assert files.read_published("ticket", "x.response") == b"first"

    s3.put_object(Bucket=IN, Key="requests/ticket", Body=b"of another")  # has no condition
