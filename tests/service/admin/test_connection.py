"""Which stack, region, and credentials a command uses, and what it says when AWS refuses."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import exceptions as aws
from botocore.stub import Stubber

from keyferry_admin.aws_failures import explain
from keyferry_admin.connection import find_connection
from keyferry_admin.errors.stack import BadSavedSettings

# As `sam deploy --guided` of SAM 1.170 writes it, and a second environment.
SAVED = """
version = 0.1

[default.deploy.parameters]
stack_name = "trial"
resolve_s3 = true
s3_prefix = "trial"
region = "eu-central-1"
profile = "acme"
capabilities = "CAPABILITY_IAM"
parameter_overrides = "PageOrigin=\\"https://activate.acme.example\\" VendorName=\\"Acme Ltd\\""
image_repositories = []

[default.global.parameters]
region = "eu-central-1"

[second.global.parameters]
region = "us-east-1"

[second.deploy.parameters]
stack_name = "trial"

[staging.deploy.parameters]
stack_name = "staging"
region = "eu-west-1"
"""


@pytest.fixture(autouse=True)
def _one_session_for_these_tests() -> None:
    """Each command has its own, as for its users."""


@pytest.mark.parametrize(
    ("options", "environment", "expected"),
    [
        pytest.param({}, {}, ("trial", "eu-central-1", "acme"), id="what is saved"),
        pytest.param(
            {},
            {"AWS_REGION": "us-west-2"},
            ("trial", "eu-central-1", "acme"),
            id="what is saved wins over the environment, as in sam deploy",
        ),
        pytest.param(
            {"region": "us-east-1"}, {}, ("trial", "us-east-1", None), id="the stack in that region"
        ),
        pytest.param(
            {"stack": "staging"}, {}, ("staging", "eu-west-1", None), id="that stack's region"
        ),
        pytest.param(
            {}, {"KEYFERRY_STACK": "staging"}, ("staging", "eu-west-1", None), id="by its variable"
        ),
        pytest.param(
            {"stack": "other"},
            {"AWS_REGION": "us-west-2"},
            ("other", "us-west-2", None),
            id="nothing is saved for that stack",
        ),
        pytest.param(
            {"region": "us-west-2"},
            {},
            ("keyferry", "us-west-2", None),
            id="nothing is saved for that region",
        ),
        pytest.param(
            {"stack": "trial", "profile": "root"},
            {},
            ("trial", "eu-central-1", "root"),
            id="an option wins over what is saved",
        ),
    ],
)
def test_options_come_before_saved_settings_and_those_before_the_environment(
    tmp_path: Path, options: dict[str, str], environment: dict[str, str], expected: tuple[Any, ...]
) -> None:
    (tmp_path / "samconfig.toml").write_text(SAVED)
    environment = environment | {"KEYFERRY_SAMCONFIG": str(tmp_path / "samconfig.toml")}
    connection = find_connection(**options, environment=environment)
    assert (connection.stack, connection.region, connection.profile) == expected


def test_saved_settings_are_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_connection(environment={}).stack == "keyferry"
    (tmp_path / "samconfig.toml").write_text(SAVED)
    assert find_connection(environment={}).stack == "trial"


@pytest.mark.parametrize("content", ["[default", "[default]\ndeploy = 1", "\xff"])
def test_saved_settings_that_cannot_be_read_are_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "samconfig.toml").write_bytes(content.encode("latin-1"))
    with pytest.raises(BadSavedSettings, match=r"samconfig\.toml cannot be read: "):
        find_connection(environment={"KEYFERRY_SAMCONFIG": str(tmp_path / "samconfig.toml")})


def test_a_command_uses_the_saved_region_and_stack(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = SAVED.replace('profile = "acme"\n', "").replace("trial", "keyferry")
    (tmp_path / "samconfig.toml").write_text(saved)
    monkeypatch.setenv("KEYFERRY_SAMCONFIG", str(tmp_path / "samconfig.toml"))
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert run("license list --json").json == {"ok": True, "licenses": [], "total": 0}
    elsewhere = run("license list --region us-east-1 --json").json["error"]
    assert (elsewhere["code"], elsewhere["title"]) == (
        "no-such-stack",
        "There is no stack keyferry in us-east-1",
    )


def test_aws_region_is_read_as_other_tools_read_it(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-west-2")  # and AWS_DEFAULT_REGION has the stack's
    assert run("license list").err.startswith("X There is no stack keyferry in us-west-2")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert run("license list").exit == 0


@pytest.mark.parametrize(
    ("lacking", "code"),
    [
        (["AWS_DEFAULT_REGION"], "no-region"),
        (["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "no-credentials"),
        (["AWS_SECRET_ACCESS_KEY"], "no-credentials"),
    ],
)
def test_a_lacking_setting_is_one_sentence_with_the_next_step(
    run: Any, monkeypatch: pytest.MonkeyPatch, lacking: list[str], code: str
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for file in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(file, "/dev/null")
    for name in lacking:
        monkeypatch.delenv(name)
    error = run("license list --json").json["error"]
    assert (error["code"], bool(error["next_step"])) == (code, True)


def test_a_profile_that_does_not_exist_is_one_sentence(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("license list --profile acme --json").json["error"]["code"] == "no-such-profile"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("ExpiredToken", "expired-credentials"),
        ("ExpiredTokenException", "expired-credentials"),
        ("InvalidClientTokenId", "refused-credentials"),
        ("SignatureDoesNotMatch", "refused-credentials"),
        ("AccessDenied", "missing-right"),
        ("ThrottlingException", "aws-busy"),
        ("ProvisionedThroughputExceededException", "aws-busy"),
        ("TooManyRequestsException", "aws-busy"),
        ("SlowDown", "aws-busy"),
    ],
)
def test_what_aws_answers_becomes_a_code(answer: str, code: str) -> None:
    client = boto3.client(
        "cloudformation",
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    stubber = Stubber(client)
    stubber.add_client_error("describe_stacks", answer, "The security token is expired")
    with stubber, pytest.raises(aws.ClientError) as raised:
        client.describe_stacks(StackName="keyferry")
    assert explain(raised.value).code == code


def test_a_region_that_does_not_exist_is_one_sentence() -> None:
    error = explain(aws.EndpointConnectionError(endpoint_url="https://sts.eu-midle-1.example/"))
    assert (error.code, "spelling of the region" in error.next_step) == ("aws-unreachable", True)
