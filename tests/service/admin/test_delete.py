"""docs/operations/delete.py where AWS refuses to delete a stack that is in use.

tests/stack/test_delete.py runs the rest on an embedded cloud.
"""

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.cloudformation.models import cloudformation_backends

ROOT = Path(__file__).parents[3]
REGION, BUCKET = "us-east-1", "keyferry-site"
TEMPLATE = {
    "Resources": {"SiteBucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": BUCKET}}}
}


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with mock_aws():
        yield


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        ({"enable_termination_protection": True}, "keyferry has termination protection"),
        ({"status": "UPDATE_IN_PROGRESS"}, "another change of keyferry is still running"),
    ],
)
def test_the_page_stays_where_its_stack_would_stay(
    refused: dict[str, Any], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3.client("cloudformation").create_stack(
        StackName="keyferry", TemplateBody=json.dumps(TEMPLATE)
    )
    s3 = boto3.client("s3")
    s3.put_object(Bucket=BUCKET, Key="index.html", Body=b"page")
    (stack,) = cloudformation_backends["123456789012"][REGION].stacks.values()
    for name, value in refused.items():
        monkeypatch.setattr(stack, name, value)
    script, kept = str(ROOT / "docs/operations/delete.py"), str(tmp_path / "kept.json")
    monkeypatch.setattr("sys.argv", [script, "stack", "--yes", "--file", kept])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(script, run_name="__main__")
    assert str(ended.value.code).startswith(f"Nothing was deleted: {sentence}")
    assert s3.get_object(Bucket=BUCKET, Key="index.html")["Body"].read() == b"page"
