"""docs/operations/delete.md on a cloud that refuses as AWS does (refusing_cloud.py)."""

import json
import re
import runpy
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.exceptions import WaiterError

from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import licenses
from keyferry_admin.use_cases.site import upload_site
from local.cloud import CannotStart, Cloud, running_cloud
from local.deploy import ARTIFACTS, STACK, deploy
from tests.support.running_stack import ROOT

CONDITION = "    Condition: CreatesMailDomain\n"
LATE = "    DependsOn: [Ed25519Key, OutBucket, TicketsTable, SendResponseFunction]\n"
# AWS makes what it can at the same time; here, the domain comes when half of the rest is there.
TEMPLATE = (ROOT / "template.yaml").read_text().replace(CONDITION, CONDITION + LATE)
PARAMETERS = {
    "PageOrigin": "https://activate.example.com",
    "StorageOrigin": "http://127.0.0.1:1",
    "VendorName": "Example",
    "SupportContact": "licensing@example.com",
    "MailFrom": "licensing@example.com",
    "OriginSecret": "0123456789abcdef0123456789abcdef",
    "MlDsaKey": "none",
    "MultiRegionKeys": "true",  # which no deploy can change for a key that was taken in
}
Run = Callable[..., tuple[int, str]]
COMMAND = ".venv/bin/python docs/operations/delete.py --stack keyferry --region us-east-1"
KEPT = ("LicensesTable", "KeysTable", "TicketsTable", "InBucket", "OutBucket", "Ed25519KeyArn")


class Account:
    """An account of a vendor whose domain SES knew before."""

    def __init__(self, cloud: Cloud, build: Path) -> None:
        self.cloud, self._build = cloud, build
        self.ses, self.s3 = cloud.client("sesv2"), cloud.client("s3")
        self.dynamodb, self.kms = cloud.client("dynamodb"), cloud.client("kms")
        self.ses.create_email_identity(EmailIdentity="example.com")

    def deploy(self, **mail: str) -> dict[str, str]:
        return deploy(self.cloud, TEMPLATE, self._build, PARAMETERS | mail)

    @property
    def stack(self) -> dict[str, str]:
        reply = self.cloud.client("cloudformation").describe_stacks(StackName=STACK)
        stack: dict[str, str] = reply["Stacks"][0]
        return stack

    @property
    def status(self) -> str:
        return self.stack["StackStatus"]

    @property
    def tables(self) -> list[str]:
        return list(self.dynamodb.list_tables()["TableNames"])

    @property
    def buckets(self) -> set[str]:
        return {each["Name"] for each in self.s3.list_buckets()["Buckets"]} - {ARTIFACTS}

    @property
    def keys(self) -> list[str]:
        """The states of all keys."""
        listed = [each["KeyId"] for each in self.kms.list_keys()["Keys"]]
        return [self.kms.describe_key(KeyId=i)["KeyMetadata"]["KeyState"] for i in listed]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("cloud")
    with (
        running_cloud(folder, Path(__file__).with_name("refusing_cloud.py")) as cloud,
        pytest.MonkeyPatch.context() as patched,
    ):
        for name, value in cloud.environment.items():
            patched.setenv(name, value)
        (folder / "build").mkdir()  # nothing runs here, so functions and layer can be empty
        yield Account(cloud, folder / "build")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """docs/operations/delete.py: its exit code, and what it says."""

    def run(*line: str) -> tuple[int, str]:
        script = str(ROOT / "docs/operations/delete.py")
        monkeypatch.setattr("sys.argv", [script, *line])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(script, run_name="__main__")
        code = ended.value.code
        return (1, code) if isinstance(code, str) else (code or 0, capsys.readouterr().out)

    return run


def refusal() -> list[str]:
    """The lines in which `make deploy` refuses to deploy the stack; none if it goes on."""
    check = runpy.run_path(str(ROOT / "docs/operations/delete.py"))["check"]
    try:
        check(STACK)
    except SystemExit as ended:
        return str(ended.code).splitlines()
    return []


def test_after_a_first_deploy_that_failed_the_next_one_succeeds(account: Account, run: Run) -> None:
    with pytest.raises(CannotStart, match=r"MailIdentity .*'example\.com' already exists"):
        account.deploy(MailDomain="create")
    # AWS deletes no table with deletion protection, not even an empty one.
    assert account.status == "ROLLBACK_FAILED"
    assert (len(account.tables), account.buckets, account.keys) == (3, set(), ["PendingDeletion"])
    assert refusal()[-1] == f"{COMMAND} failed"
    assert "MailIdentity: Resource of type" in refusal()[0]

    row = {"pk": {"S": "1"}, "sk": {"S": "license"}}
    account.dynamodb.put_item(TableName=account.tables[0], Item=row)
    code, output = run("failed")
    assert (code, output) == (1, f"Nothing was deleted: {account.tables[0]} is not empty.")
    account.dynamodb.delete_item(TableName=account.tables[0], Key=row)

    assert run("failed")[0] == 0
    assert (account.tables, account.buckets, account.keys) == ([], set(), ["PendingDeletion"])
    assert refusal() == []
    account.deploy(MailDomain="existing")
    assert account.status == "CREATE_COMPLETE"
    code, output = run("failed")
    assert (code, len(account.tables)) == (1, 3), output


def test_a_new_stack_takes_in_what_a_deleted_one_left(
    account: Account, run: Run, tmp_path: Path
) -> None:
    outputs = account.deploy(MailDomain="create", MailFrom="licensing@example.org")
    before = {name: outputs[name] for name in KEPT}
    number = licenses.create(Stack(STACK).licenses, "Modeler", int(time.time())).license.number
    for page in (b"old", b"new"):
        upload_site(account.s3, outputs["SiteBucket"], {"index.html": page})
    account.s3.delete_object(Bucket=outputs["SiteBucket"], Key="index.html")
    kept = tmp_path / "kept.json"

    cloudformation, stack = account.cloud.client("cloudformation"), account.stack["StackId"]
    cloudformation.delete_stack(StackName=STACK)  # as in the console, with the page still there
    waiter = cloudformation.get_waiter("stack_delete_complete")
    with pytest.raises(WaiterError):
        waiter.wait(StackName=stack, WaiterConfig={"Delay": 0.1})
    assert refusal()[-1] == f"{COMMAND} stack"
    code, output = run("stack", "--file", str(kept))
    assert (code, account.status) == (1, "DELETE_FAILED"), output  # nobody confirmed it
    assert run("stack", "--yes", "--file", str(kept))[0] == 0
    written = kept.read_bytes()
    assert run("kept", "--id", stack, "--file", str(kept))[0] == 0  # if the file was lost
    assert kept.read_bytes() == written
    assert account.buckets == {before["InBucket"], before["OutBucket"]}
    for domain in ("example.com", "example.org"):
        identity = account.ses.get_email_identity(EmailIdentity=domain)
        assert not identity.get("ConfigurationSetName")  # SES refuses mail where it is gone

    with pytest.raises(CannotStart):  # the buckets are there
        account.deploy(MailDomain="existing")
    code, output = run("import", "--file", str(kept))
    assert (code, account.status) == (1, "ROLLBACK_COMPLETE"), output  # that stack is in the way
    assert run("failed")[0] == 0
    assert run("import", "--file", str(kept))[0] == 0
    assert account.status == "IMPORT_COMPLETE"
    outputs = account.deploy(MailDomain="existing")
    assert {name: outputs[name] for name in KEPT} == before
    assert licenses.find(Stack(STACK).licenses, number).product == "Modeler"
    notified = account.s3.get_bucket_notification_configuration(Bucket=before["InBucket"])
    assert len(notified["QueueConfigurations"]) == 1
    assert account.s3.get_bucket_cors(Bucket=before["OutBucket"])["CORSRules"]


TABLE = {"LogicalResourceId": "Table", "ResourceType": "AWS::DynamoDB::Table"}
ABSENT = {
    "ChangeSetType": "IMPORT",
    "ResourcesToImport": [TABLE | {"ResourceIdentifier": {"TableName": "absent"}}],
    "TemplateBody": json.dumps(
        {"Resources": {"Table": {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain"}}}
    ),
}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(None, "No such file or directory", id="no file"),
        pytest.param("{", "kept.json was not written by `delete.py kept`.", id="half a file"),
        pytest.param("[]", "kept.json was not written by `delete.py kept`.", id="another file"),
        pytest.param(json.dumps(ABSENT), "Nothing was imported: ", id="a table that is gone"),
    ],
)
def test_an_import_that_cannot_be_says_why(
    account: Account, run: Run, tmp_path: Path, content: str | None, reason: str
) -> None:
    file = tmp_path / "kept.json"
    if content is not None:
        file.write_text(content)
    code, output = run("--stack", "other", "import", "--file", str(file))
    assert (code, reason in output) == (1, True), output


def test_the_page_has_these_steps() -> None:
    page = (ROOT / "docs/operations/delete.md").read_text()
    steps = re.findall(r"operations/delete\.py (\w+)(?: --id STACK_ID)?$", page, re.M)
    assert steps == ["failed", "stack", "kept", "import"]
