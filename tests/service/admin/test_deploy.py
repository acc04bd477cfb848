"""`make deploy` in front of and behind SAM: what it checks, tells SAM, and uploads.

SAM itself is played here; tests/soak/sam_deploy.py runs the real one.
"""

import importlib.util
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.cloudformation.models import cloudformation_backends

from keyferry_admin import script
from keyferry_admin.connection import find_connection
from tests.service.admin.template import TEMPLATE as TABLES
from tests.service.admin.test_connection import SAVED
from tests.support.builders import SERVICE_KEY
from tests.support.tables import put_key

ROOT = Path(__file__).parents[3]
REGION = "eu-central-1"
ENDINGS = (signal.SIGTERM, signal.SIGHUP)
EXAMPLE = json.loads((ROOT / "static-site" / "vendor.json").read_bytes())
TEMPLATE = {
    "Parameters": {
        "VendorName": {"Type": "String", "Default": ""},
        "OriginSecret": {"Type": "String", "Default": ""},
    },
    "Resources": {"SiteBucket": {"Type": "AWS::S3::Bucket"}, **TABLES["Resources"]},
    "Outputs": {
        **TABLES["Outputs"],
        "SiteBucket": {"Value": {"Ref": "SiteBucket"}},
        "PageUrl": {"Value": "https://activate.acme.example"},
    },
}


def create_stack(**changes: Any) -> None:
    boto3.client("cloudformation").create_stack(
        StackName="trial", TemplateBody=json.dumps(TEMPLATE | changes)
    )


def only_show_changes() -> None:
    """As if its question was answered with no."""
    boto3.client("cloudformation").create_change_set(
        StackName="trial",
        ChangeSetName="samcli-deploy1",
        ChangeSetType="UPDATE",
        TemplateBody=json.dumps(TEMPLATE),
        Parameters=[{"ParameterKey": "VendorName", "ParameterValue": "Acme"}],
    )


@dataclass
class Sam:
    """Plays SAM: keeps what it reads, and does what the test says."""

    does: Callable[[], None] = lambda: None
    ends: int = 0
    files: list[Path] = field(default_factory=list)
    debugged: list[str] = field(default_factory=list)
    settings: list[dict[str, Any]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def run(
        self, command: list[Any], env: dict[str, str], **_: Any
    ) -> "subprocess.CompletedProcess[str]":
        file = Path(command[command.index("--config-file") + 1])
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        self.files.append(file)
        self.debugged.append(env.get("SAM_DEBUG", ""))
        self.commands.append(" ".join(map(str, command)))
        self.settings.append(json.loads(file.read_text())["default"]["deploy"]["parameters"])
        self.does()
        return subprocess.CompletedProcess(command, self.ends)


@dataclass
class Desk:
    """A checkout whose vendor has saved settings and a vendor.json."""

    folder: Path
    sam: Sam
    script: ModuleType
    capsys: pytest.CaptureFixture[str]

    def deploy(self, *options: str) -> tuple[int, str]:
        """`make deploy`: its exit status, and what it says when it fails."""
        sys.argv = ["deploy.py", *options]
        with pytest.raises(SystemExit) as ended:
            script.run(self.script.main)
        if isinstance(ended.value.code, str):
            return 1, ended.value.code
        return ended.value.code or 0, self.capsys.readouterr().err


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    operations = ROOT / "docs" / "operations"
    monkeypatch.syspath_prepend(operations)
    spec = importlib.util.spec_from_file_location("deploy", operations / "deploy.py")
    assert spec is not None
    assert spec.loader is not None
    deploy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(deploy)
    (tmp_path / "samconfig.toml").write_text(SAVED.replace('profile = "acme"\n', ""))
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "vendor.json").write_text(json.dumps(EXAMPLE | {"name": "Acme"}))
    for module in (deploy, sys.modules["upload_page"]):
        monkeypatch.setattr(module, "VENDOR", tmp_path / "vendor")
    sam = Sam(create_stack)
    monkeypatch.setattr(subprocess, "run", sam.run)
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("KEYFERRY_SAMCONFIG", str(tmp_path / "samconfig.toml"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    handlers = {number: signal.getsignal(number) for number in ENDINGS}
    with mock_aws():
        boto3.setup_default_session(region_name=REGION)
        yield Desk(tmp_path, sam, deploy, capsys)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def set_status(status: str) -> None:
    (stack,) = cloudformation_backends["123456789012"][REGION].stacks.values()
    stack.status = status


def page() -> dict[str, bytes]:
    """What is in the site bucket."""
    s3 = boto3.client("s3")
    (bucket,) = (each["Name"] for each in s3.list_buckets()["Buckets"])
    listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    names = [item["Key"] for item in listed]
    return {name: s3.get_object(Bucket=bucket, Key=name)["Body"].read() for name in names}


def test_what_sam_saved_is_deployed_and_the_vendors_page_uploaded(desk: Desk) -> None:
    assert desk.deploy() == (0, "")
    (settings,) = desk.sam.settings
    assert (settings["stack_name"], settings["region"], settings["capabilities"]) == (
        "trial",
        REGION,
        "CAPABILITY_IAM",
    )
    assert settings["parameter_overrides"][0].startswith(
        'PageOrigin="https://activate.acme.example"'
    )
    assert b"Acme" in page()["index.html"]


def test_a_first_deploy_makes_the_origins_secret_and_only_the_stack_keeps_it(desk: Desk) -> None:
    assert desk.deploy() == (0, "")
    desk.sam.does = lambda: None
    assert desk.deploy() == (0, "")
    first, second = (settings["parameter_overrides"][1] for settings in desk.sam.settings)
    secret = first["OriginSecret"]
    assert (len(secret), second) == (64, {})
    assert secret not in "".join(desk.sam.commands)
    assert not any(secret in f.read_text() for f in desk.folder.rglob("*") if f.is_file())


def test_sam_is_not_debugged_while_it_knows_the_secret(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its debug output shows the settings as they are; its usual output has asterisks."""
    monkeypatch.setenv("SAM_DEBUG", "1")
    desk.deploy()
    desk.sam.does = lambda: None
    desk.deploy()
    assert desk.sam.debugged == ["0", "1"]


@pytest.mark.parametrize("number", ENDINGS)
def test_a_deploy_that_is_ended_leaves_no_file_with_the_secret(
    desk: Desk, number: signal.Signals
) -> None:
    desk.sam.does = lambda: signal.raise_signal(number)
    assert desk.deploy()[0] == 1
    (file,) = desk.sam.files
    assert "OriginSecret" in desk.sam.settings[0]["parameter_overrides"][1]
    assert not file.exists()


def test_a_page_that_changed_is_uploaded_even_if_the_template_did_not(desk: Desk) -> None:
    desk.deploy()
    desk.sam.does = lambda: None
    own = desk.folder / "vendor" / "vendor.json"
    own.write_text(own.read_text().replace("Acme", "Acme Corporation"))
    desk.deploy()
    assert desk.sam.settings[1]["fail_on_empty_changeset"] is False
    assert b"Acme Corporation" in page()["index.html"]


def test_a_change_set_that_was_declined_uploads_nothing(desk: Desk) -> None:
    create_stack()
    desk.sam.does = only_show_changes
    status, output = desk.deploy()
    assert (status, page()) == (1, {})
    assert output.startswith("Nothing was deployed, and the page was not uploaded")
    desk.sam.does = lambda: None
    assert desk.deploy()[0] == 0  # one that was declined earlier says nothing about this deploy


def test_keys_that_are_among_the_licenses_get_their_own_table(desk: Desk) -> None:
    create_stack()
    stack = find_connection("trial").open()
    put_key(boto3.client("dynamodb"), stack.output("LicensesTable"), SERVICE_KEY)
    desk.sam.does = lambda: None  # the table of keys is new
    assert desk.deploy() == (0, "")
    assert stack.signing_keys.among_licenses_alone() == ()
    assert stack.signing_keys.all() == (SERVICE_KEY,)


def test_another_stack_and_region_have_settings_of_their_own(desk: Desk) -> None:
    assert desk.deploy("--region", "us-east-1")[0] == 0
    assert desk.sam.settings[0]["region"] == "us-east-1"
    status, output = desk.deploy("--stack", "production")
    assert (status, output.splitlines()[0]) == (
        1,
        "samconfig.toml has no settings for the stack production (cannot-deploy)",
    )
    assert len(desk.sam.settings) == 1


@pytest.mark.parametrize(("options", "profile"), [((), "acme"), (("--profile", "other"), "other")])
def test_a_profile_reaches_sam(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], profile: str
) -> None:
    config = desk.folder / "config"
    keys = "aws_access_key_id = a\naws_secret_access_key = b\n"
    config.write_text(f"[profile acme]\n{keys}[profile other]\n{keys}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    (desk.folder / "samconfig.toml").write_text(SAVED)
    assert desk.deploy(*options) == (0, "")
    assert desk.sam.settings[0]["profile"] == profile


def test_what_sam_refuses_ends_with_its_status_and_uploads_nothing(desk: Desk) -> None:
    create_stack()
    desk.sam.does, desk.sam.ends = lambda: None, 2
    assert desk.deploy() == (2, "")
    assert page() == {}


def test_a_first_deploy_that_fails_says_how_to_clean_up(desk: Desk) -> None:
    def fail() -> None:
        create_stack()
        set_status("ROLLBACK_COMPLETE")

    desk.sam.does, desk.sam.ends = fail, 1
    status, output = desk.deploy()
    assert (status, desk.deploy()) == (1, (1, output))
    assert len(desk.sam.settings) == 1
    assert output.startswith("trial cannot be deployed (ROLLBACK_COMPLETE).")
    command = ".venv/bin/python docs/operations/delete.py --stack trial --region eu-central-1"
    assert output.endswith(f"\n{command} failed")


def test_a_stack_that_was_imported_gets_a_secret(desk: Desk) -> None:
    create_stack(Parameters={})
    set_status("IMPORT_COMPLETE")
    desk.sam.does = lambda: None
    assert desk.deploy() == (0, "")
    assert "OriginSecret" in desk.sam.settings[0]["parameter_overrides"][1]


@pytest.mark.parametrize(
    ("status", "next_step"),
    [
        ("UPDATE_IN_PROGRESS", "Wait until it ends"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name trial"),
        ("ROLLBACK_FAILED", "delete.py --stack trial --region eu-central-1 failed"),
    ],
)
def test_a_stack_that_cannot_be_deployed_is_left_alone(
    desk: Desk, status: str, next_step: str
) -> None:
    create_stack()
    set_status(status)
    ended, output = desk.deploy()
    assert (ended, desk.sam.settings) == (1, [])
    assert next_step in output


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("samconfig.toml", None, "samconfig.toml has no settings for the stack keyferry"),
        ("samconfig.toml", "[", "samconfig.toml cannot be read"),
        (
            "samconfig.toml",
            '[default.deploy.parameters.parameter_overrides]\nOriginSecret = "abc"',
            "samconfig.toml contains OriginSecret",
        ),
        ("vendor/vendor.json", None, "vendor/vendor.json is missing"),
        ("vendor/vendor.json", "{", "vendor/vendor.json cannot be read"),
        ("vendor/vendor.json", "[]", "vendor/vendor.json is not a JSON object"),
        ("vendor/vendor.json", "{}", "vendor/vendor.json: vendor.json has no accent."),
        (
            "vendor/vendor.json",
            json.dumps(EXAMPLE | {"support": {"email": 5}}),
            "vendor/vendor.json: support.email is not text",
        ),
        ("vendor/languages/de/page.json", "{", "vendor/languages/de/page.json cannot be read"),
        (
            "vendor/languages/de/page.json",
            '{"language.name": 5}',
            "vendor/languages/de/page.json: language.name is not a sentence",
        ),
        (
            "vendor/languages/de/email.json",
            '{"first": "{", "last": "{vendor.__class__}"}',
            "vendor/languages/de/email.json: first is not a sentence, or its braces are wrong",
        ),
        (
            "vendor/languages/de/email.json",
            '{"first": {"other": "{n.real}"}}',
            "vendor/languages/de/email.json: first is not a sentence, or its braces are wrong",
        ),
    ],
)
def test_settings_that_are_missing_or_wrong_are_one_sentence_and_change_nothing(
    desk: Desk, file: str, content: str | None, sentence: str
) -> None:
    (desk.folder / file).parent.mkdir(parents=True, exist_ok=True)
    (desk.folder / file).unlink(missing_ok=True)
    if content is not None:
        (desk.folder / file).write_text(content)
    status, output = desk.deploy()
    assert (status, desk.sam.settings) == (1, [])
    assert sentence in output.splitlines()[0]
    assert len(output.splitlines()) == 2
    assert "abc" not in output


def test_without_credentials_it_is_one_sentence(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for file in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(file, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    status, output = desk.deploy()
    assert (status, output.splitlines()[0]) == (
        1,
        "Unable to locate credentials (no-credentials)",
    )
