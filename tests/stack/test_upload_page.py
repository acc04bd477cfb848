"""What `sam deploy` saved says where the page is uploaded, and which stack the desk works on."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urljoin

import boto3
import pytest
import requests

from keyferry_admin.use_cases.site import site_files
from tests.support.running_stack import ROOT, RunningStack

SAVED = """
[default.deploy.parameters]
stack_name = "keyferry"
region = "us-east-1"
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with nothing but what `sam deploy` saved there."""
    (tmp_path / "samconfig.toml").write_text(SAVED)
    return tmp_path


def run(desk: Path, endpoint: str, *command: object) -> "subprocess.CompletedProcess[str]":
    """Run a Python command at the desk; the environment names no region."""
    own = {name: value for name, value in os.environ.items() if "REGION" not in name}
    own.pop("KEYFERRY_SAMCONFIG", None)
    settings = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=desk,
        env=own | settings,
        capture_output=True,
        text=True,
    )


def test_every_file_of_the_page_is_served_as_it_is(stack: RunningStack, desk: Path) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=stack.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
    )
    kept = s3.get_object(Bucket=stack.outputs["SiteBucket"], Key="vendor.json")["Body"].read()
    try:
        done = run(desk, stack.endpoint, ROOT / "docs/operations/upload_page.py")
        assert done.returncode == 0, done.stderr
        for path, content in site_files(ROOT / "static-site", ROOT / "vendor").items():
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


def test_keyferry_admin_finds_the_stack_that_was_saved(stack: RunningStack, desk: Path) -> None:
    listed = run(desk, stack.endpoint, "-m", "keyferry_admin", "license", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    assert json.loads(listed.stdout)["licenses"]


def test_a_stack_that_is_not_there_is_one_sentence(stack: RunningStack, desk: Path) -> None:
    (desk / "samconfig.toml").write_text(SAVED.replace("keyferry", "another"))
    done = run(desk, stack.endpoint, ROOT / "docs/operations/upload_page.py")
    assert (done.returncode, done.stdout) == (1, "")
    sentence, next_step = done.stderr.splitlines()
    assert sentence == "There is no stack another in us-east-1 (no-such-stack)"
    assert "samconfig.toml" in next_step
