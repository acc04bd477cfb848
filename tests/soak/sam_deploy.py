"""The real SAM against the embedded cloud: what `sam deploy --guided` saves, `make deploy` uses.

In a copy of this checkout, since it writes a vendor's own files. Needs .venv-sam:
python -m pytest tests/soak/sam_deploy.py
"""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.cloud import Cloud, running_cloud

ROOT = Path(__file__).parents[2]
SECRET = "typed-by-the-vendor-and-saved-in-no-file"
ANSWERS = {
    "Stack Name": "trial",
    "AWS Region": "eu-central-1",
    "Parameter PageOrigin": "https://activate.acme.example",
    "Parameter VendorName": "Acme Ltd",
    "Parameter SupportContact": "help@acme.example",
    "Parameter MailFrom": "licensing@acme.example",
    "Parameter OriginSecret": SECRET,
    "Parameter MlDsaKey": "none",  # which the embedded cloud lacks
}


@dataclass(frozen=True)
class Checkout:
    """A vendor's checkout, and an AWS account."""

    folder: Path
    cloud: Cloud
    environment: dict[str, str]

    def run(self, *command: str, answer: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            input=answer,
            capture_output=True,
            text=True,
        )

    def make_deploy(self, *variables: str, answer: str = "") -> str:
        """What `make deploy` prints; it has to succeed."""
        done = self.run("make", "deploy", *variables, answer=answer)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
        return done.stdout

    def admin(self, *line: str) -> Any:
        done = self.run(sys.executable, "-m", "keyferry_admin", *line, "--json")
        return json.loads(done.stdout)

    def guided(self) -> str:
        """Answer every question of `sam deploy --guided` as a person does; what it shows."""
        process, terminal = pty.fork()
        if process == 0:
            os.chdir(self.folder)
            command = [".venv-sam/bin/sam", "deploy", "--guided"]
            os.execve(command[0], command, self.environment)
        shown, line = "", ""
        while True:
            try:
                part = os.read(terminal, 4096).decode(errors="replace")
            except OSError:  # the other side of a pseudo-terminal is closed
                break
            shown += part
            line = (line + part).rpartition("\n")[2]
            if re.search(r"(\]|m|\]\x1b\[0m): ?$", line):
                answers = (text for name, text in ANSWERS.items() if name in line)
                storage = self.cloud.endpoint if "StorageOrigin" in line else ""
                os.write(terminal, f"{next(answers, storage)}\n".encode())
                line = ""
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0, shown[-3000:]
        return shown

    def api_secret(self, region: str, stack: str = "trial") -> str:
        """The secret that the API of a deployed stack wants."""
        cloudformation = boto3.client("cloudformation", region_name=region)
        resource = cloudformation.describe_stack_resource(
            StackName=stack, LogicalResourceId="PublicApiFunction"
        )["StackResourceDetail"]["PhysicalResourceId"]
        function = boto3.client("lambda", region_name=region)
        settings = function.get_function_configuration(FunctionName=resource)
        secret: str = settings["Environment"]["Variables"]["ORIGIN_SECRET"]
        return secret

    def page(self, region: str) -> bytes:
        s3 = boto3.client("s3", region_name=region)
        bucket = f"trial-site-000000000000-{region}"
        return s3.get_object(Bucket=bucket, Key="index.html")["Body"].read()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    folder = tmp_path_factory.mktemp("checkout")
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, files.stdout.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    for name in (".venv", ".venv-sam"):
        (folder / name).symlink_to(ROOT / name)
    with (
        running_cloud(tmp_path_factory.mktemp("cloud")) as cloud,
        pytest.MonkeyPatch.context() as patched,
    ):
        for name, value in cloud.environment.items():
            patched.setenv(name, value)
        environment = os.environ | {"AWS_DEFAULT_REGION": "us-west-2", "SAM_CLI_TELEMETRY": "0"}
        for name in ("AWS_REGION", "KEYFERRY_SAMCONFIG", "MAKEFLAGS"):
            environment.pop(name, None)
        yield Checkout(folder, cloud, environment)


def test_settings_are_made_once_and_never_overwritten(checkout: Checkout) -> None:
    assert checkout.run("make", "settings").returncode == 0
    own = checkout.folder / "vendor" / "vendor.json"
    own.write_text(own.read_text().replace('"Example"', '"Acme Ltd"'))
    before = own.read_text()
    assert checkout.run("make", "settings").returncode == 0
    assert own.read_text() == before


def test_guided_saves_no_secret(checkout: Checkout) -> None:
    (checkout.folder / "samconfig.toml").unlink()
    assert checkout.run("make", "build").returncode == 0
    assert "Successfully created/updated stack - trial in eu-central-1" in checkout.guided()
    saved = (checkout.folder / "samconfig.toml").read_text()
    assert tomllib.loads(saved)["default"]["deploy"]["parameters"]["stack_name"] == "trial"
    assert SECRET not in saved
    assert checkout.api_secret("eu-central-1") == SECRET


def test_make_deploy_uses_what_guided_saved_and_uploads_the_page(checkout: Checkout) -> None:
    printed = checkout.make_deploy()
    assert "No changes to deploy. Stack trial is up to date" in printed
    assert "files of the page are at https://activate.acme.example/" in printed
    assert b"<title>Get your response file \xe2\x80\x93 Acme Ltd</title>" in checkout.page(
        "eu-central-1"
    )
    assert checkout.admin("license", "list")["licenses"] == []
    assert checkout.api_secret("eu-central-1") == SECRET


def test_a_second_region_gets_a_stack_and_a_secret_of_its_own(checkout: Checkout) -> None:
    file = checkout.folder / "samconfig.toml"
    saved = file.read_text()
    file.write_text(
        saved
        + saved.partition("\n\n")[2]
        .replace("[default.", "[second.")
        .replace("eu-central-1", "us-east-1")
    )
    assert "Successfully created/updated stack - trial in us-east-1" in checkout.make_deploy(
        "REGION=us-east-1"
    )
    assert b"Acme Ltd" in checkout.page("us-east-1")
    assert re.fullmatch("[0-9a-f]{64}", checkout.api_secret("us-east-1"))
    assert checkout.api_secret("eu-central-1") == SECRET
    sold = ["--product", "Modeler", "--new-product", "--until", "2030-01-01"]
    assert checkout.admin("license", "create", *sold)["ok"]
    assert len(checkout.admin("license", "list")["licenses"]) == 1
    assert checkout.admin("license", "list", "--region", "us-east-1")["licenses"] == []


def test_a_change_set_that_is_declined_changes_neither_stack_nor_page(checkout: Checkout) -> None:
    file = checkout.folder / "samconfig.toml"
    saved = file.read_text()
    section = "[default.deploy.parameters]\n"
    file.write_text(
        saved.replace(section, f"{section}confirm_changeset = true\n").replace(
            "help@acme.example", "support@acme.example"
        )
    )
    own = checkout.folder / "vendor" / "vendor.json"
    own.write_text(own.read_text().replace('"Acme Ltd"', '"Acme Corporation"'))
    declined = checkout.run("make", "deploy", answer="n\n")
    assert declined.returncode != 0
    assert "Nothing was deployed, and the page was not uploaded" in declined.stderr
    assert b"Acme Corporation" not in checkout.page("eu-central-1")
    assert "Successfully" in checkout.make_deploy(answer="y\n")
    assert b"Acme Corporation" in checkout.page("eu-central-1")
