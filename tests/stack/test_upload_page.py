"""`make deploy` ends with the page in its bucket."""

import os
import subprocess
import sys
from urllib.parse import urljoin

import boto3
import requests

from keyferry_admin.use_cases.site import site_files
from tests.support.running_stack import ROOT, RunningStack

SITE = ROOT / "static-site"


def upload(endpoint: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    there = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    return subprocess.run(
        [sys.executable, "docs/operations/upload_page.py", *arguments],
        cwd=ROOT,
        env=os.environ | there,
        capture_output=True,
        text=True,
    )


def test_every_file_of_the_page_is_served_as_it_is(stack: RunningStack) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=stack.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
    )
    kept = s3.get_object(Bucket=stack.outputs["SiteBucket"], Key="vendor.json")["Body"].read()
    try:
        done = upload(stack.endpoint)
        assert done.returncode == 0, done.stderr
        for path, content in site_files(SITE).items():
            answer = requests.get(urljoin(stack.page, path), timeout=9)
            assert answer.content == content, path
        assert requests.get(stack.page, timeout=9).headers["Content-Type"].startswith("text/html")
    finally:  # the local stack's page names its own address
        s3.put_object(
            Bucket=stack.outputs["SiteBucket"],
            Key="vendor.json",
            Body=kept,
            ContentType="application/json",
        )


def test_a_stack_that_is_not_there_is_one_sentence(stack: RunningStack) -> None:
    done = upload(stack.endpoint, "another")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip() == "There is no stack another here"
