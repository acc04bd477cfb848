"""The storage that tests of passes run on: the embedded cloud's S3, and a second one."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.stack.second_s3 import running_seaweedfs, second_client
from tests.stack.storage import EMBEDDED, SEAWEEDFS, Storage
from tests.support.running_stack import RunningStack


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of passes run on each S3 there is."""
    if "storage" in metafunc.fixturenames:
        second = metafunc.config.getoption("--second-s3")
        names = [EMBEDDED, SEAWEEDFS] if second else [EMBEDDED]
        metafunc.parametrize("storage", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def storage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Storage]:
    if request.param == EMBEDDED:
        stack: RunningStack = request.getfixturevalue("stack")
        outputs = stack.outputs
        yield Storage(EMBEDDED, of_the_stack(stack), outputs["InBucket"], outputs["OutBucket"])
        return
    with running_seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as endpoint:
        s3 = second_client(endpoint)
        for bucket in ("keyferry-in", "keyferry-out"):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        yield Storage(SEAWEEDFS, s3, "keyferry-in", "keyferry-out")


def of_the_stack(stack: RunningStack) -> Any:
    """The functions' own kind of client."""
    connect: Any = boto3.client
    return connect(
        "s3",
        endpoint_url=stack.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
