"""The last release and this code, deployed over each other on a live stack, there and back.

docs/operations/upgrade.md promises what is tested here.
"""

import json
import re
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from playwright._impl._driver import compute_driver_executable

import keyferry
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.domain.license import LicenseRecord
from local.deploy import STACK, deploy
from local.stack import BUILD
from tests.browser.journeys.test_journey import mails
from tests.stack.test_dead_letters import eventually, waiting_in
from tests.stack.test_resending import desk
from tests.support.customer import Customer, with_a_wrong_code
from tests.support.journeys import carry, client, download, open_ticket, upload, wait_for_ticket
from tests.support.running_stack import ROOT, RunningStack, start, stop, wait_until_ready

LAST_RELEASE = "09869d280b5f7bb0f1156d73e8e320d8b94c706f"  # v0.9.0
NO_RELEASE = "This clone lacks the last release. Run: git fetch --unshallow --tags"
OPEN_PAGE = Path(__file__).with_name("open_page.mjs")
MAPPED = ("ProcessRequestFunction", "SendResponseFunction")

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Release:
    """Source and built artifacts of one version."""

    tree: Path

    @property
    def template(self) -> str:
        return (self.tree / "template.yaml").read_text()

    @property
    def build(self) -> Path:
        return self.tree / ".local" / "build"


HERE = Release(ROOT)


@pytest.fixture(scope="module")
def last(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The last release, from this repository's history."""
    tree = tmp_path_factory.mktemp("last-release")
    archive = subprocess.run(
        ["git", "archive", LAST_RELEASE], cwd=ROOT, capture_output=True, check=False
    )
    assert archive.returncode == 0, NO_RELEASE
    subprocess.run(["tar", "-x"], cwd=tree, input=archive.stdout, check=True)
    (tree / ".venv").symlink_to(ROOT / ".venv")
    for name in ("cloud_process.py", "aws_answers.py", "quick_reads.py"):  # AWS is that of today
        shutil.copy(ROOT / "local" / name, tree / "local")
    lock = Path("shared", "requirements.txt")
    if (tree / lock).read_bytes() == (ROOT / lock).read_bytes():
        shutil.copytree(BUILD / "shared", tree / ".local" / "build" / "shared")
    subprocess.run(["make", "build-local"], cwd=tree, check=True, capture_output=True)
    return Release(tree)


class LiveStack:
    """A stack that the last release deployed, its customers, and the vendor who upgrades it."""

    def __init__(self, stack: RunningStack, folder: Path) -> None:
        self.stack, self._folder, self._numbers = stack, folder, count(1)
        (description,) = client(stack, "cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        self._parameters = {
            p["ParameterKey"]: p["ParameterValue"] for p in description["Parameters"]
        }
        self._parameters["OriginSecret"] = (folder / "origin-secret").read_text()

    def deploy(self, release: Release) -> None:
        """As `make deploy` in that release's folder."""
        connect, endpoint = partial(client, self.stack), self.stack.endpoint
        cloud: Any = SimpleNamespace(client=connect, endpoint=endpoint)
        outputs = deploy(cloud, release.template, release.build, self._parameters)
        assert self.stack.outputs.items() <= (outputs | self.stack.outputs).items()

    def set_answering(self, is_on: bool) -> None:
        """What arrives meanwhile waits in its queue."""
        functions = client(self.stack, "lambda")
        for name in MAPPED:
            (mapping,) = functions.list_event_source_mappings(
                FunctionName=self.stack.outputs[name]
            )["EventSourceMappings"]
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=is_on)

    def customer(self) -> Customer:
        table = Licenses(client(self.stack, "dynamodb"), self.stack.outputs["LicensesTable"])
        folder = self._folder / f"customer-{next(self._numbers)}"
        return Customer(self.stack, table, folder, seats=2)

    def open_page(self, release: Release, file: bytes) -> "subprocess.Popen[bytes]":
        """The page of a release, opened now, with a file to send."""
        node, _ = compute_driver_executable()
        to_send = self._folder / "chosen.request"
        to_send.write_bytes(file)
        command = [node, OPEN_PAGE, release.tree / "static-site", self.stack.page, to_send]
        return subprocess.Popen(command, stdout=subprocess.PIPE)

    def upgrade(self) -> None:
        """As `make deploy` of this release: the stack, then the keys."""
        self.deploy(HERE)
        outputs = client(self.stack, "cloudformation").describe_stacks(StackName=STACK)
        tables = {o["OutputKey"]: o["OutputValue"] for o in outputs["Stacks"][0]["Outputs"]}
        dynamodb = client(self.stack, "dynamodb")
        keys = SigningKeys(dynamodb, tables["KeysTable"], tables["LicensesTable"])
        before = keys.all()
        assert before == keys.among_licenses_alone()
        assert keys.take_over() == len(before) == 2
        assert keys.all() == before

    def listed(self, underway: "Underway") -> dict[str, LicenseRecord | None]:
        """What the vendor's list has now of the licenses that the last release made."""
        ours = underway.licenses().keys()
        every = {record.number: record for record in underway.owner.table.all()}
        return {number: every.get(number) for number in ours}

    def link_to(self, address: str) -> str:
        (mail,) = mails(self.stack, address)
        (link,) = set(re.findall(r"http://\S+/api/responses/[\w-]{43}", mail["text"]))
        return link


class Underway:
    """What customers and the vendor have underway in one release when another one is deployed."""

    def __init__(self, live: LiveStack, release: Release) -> None:
        self._live, stack = live, live.stack
        self.owner, self.newcomer, self.guest = live.customer(), live.customer(), live.customer()
        self._address = f"{self.owner.number}@example.com"
        self._another = f"another-{self._address}"

        self.file = self.owner.file()
        (self._ticket,) = carry(stack, [self.file], [self._address])
        self.response = download(self._ticket)
        keyferry.install_response(self.response, self.owner.keys, **self.owner.place(1))
        (self.refused,) = carry(stack, [with_a_wrong_code(self.guest)])
        self._pass = open_ticket(stack)

        live.set_answering(False)
        self._page = live.open_page(release, self.newcomer.file())
        beginning = keyferry.parse_request(self.file).sha256[:12]
        report = desk(stack, "request", "resend", self.owner.number, beginning)
        self._resent = {"id": report["page"].partition("#t=")[2]}
        mail = {"email": self._another}
        accepted = requests.post(
            f"{stack.api}/requests/{self._ticket['id']}/mail", json=mail, timeout=60
        )
        assert accepted.status_code == 202
        eventually(lambda: waiting_in(stack, "RequestsQueue") == 2)
        eventually(lambda: waiting_in(stack, "ResponsesQueue") == 1)

    def finish(self) -> None:
        """All of it goes on in the release that is deployed now."""
        stack = self._live.stack
        self._live.set_answering(True)
        printed, _ = self._page.communicate(timeout=60)
        shown = json.loads(printed)
        assert shown["state"] == "ready", shown
        place = self.newcomer.place(1)
        keyferry.install_response(b64decode(shown["file"]), self.newcomer.keys, **place)

        assert body(download(wait_for_ticket(stack, self._resent))) == body(self.response)
        upload(self._pass, self.guest.file())
        late = wait_for_ticket(stack, self._pass)
        keyferry.install_response(download(late), self.guest.keys, **self.guest.place(1))
        eventually(lambda: len(mails(stack, self._another)) == 1)

    def check(self) -> None:
        """Every answer is as it was when it was given."""
        stack = self._live.stack
        for address in (self._address, self._another):
            linked = requests.get(self._live.link_to(address), timeout=60)
            assert body(linked.content) == body(self.response)
        (again,) = carry(stack, [self.file])  # on another ticket
        assert body(download(again)) == body(self.response)
        refused = wait_for_ticket(stack, self.refused)
        assert refused | {"id": ""} == self.refused | {"id": ""}

    def licenses(self) -> dict[str, LicenseRecord | None]:
        """The licenses of all customers, each read by its number."""
        customers = (self.owner, self.newcomer, self.guest)
        return {each.number: each.table.get(each.number) for each in customers}

    def update(self) -> None:
        """Each computer's license goes on, on the seat that it has."""
        customers = (self.owner, self.newcomer, self.guest)
        for customer in customers:
            before = keyferry.load(keys=customer.keys, **customer.place(1))
            (ticket,) = carry(self._live.stack, [customer.file(kind="update")])
            keyferry.install_response(download(ticket), customer.keys, **customer.place(1))
            after = keyferry.load(keys=customer.keys, **customer.place(1))
            assert after.seat == before.seat
            assert after.serial > before.serial
            record = customer.table.get(customer.number)
            assert record is not None
            assert record.seats_used == 1


def body(response: bytes) -> bytes:
    return open_envelope(response, RESPONSE).body


@pytest.fixture
def live(last: Release, tmp_path: Path) -> Iterator[LiveStack]:
    process = start(tmp_path, tree=last.tree)
    try:
        yield LiveStack(replace(wait_until_ready(process, tmp_path), patience_s=60), tmp_path)
    finally:
        stop(process)


def test_an_upgrade_loses_no_answer_and_open_pages_go_on(live: LiveStack, last: Release) -> None:
    old = upgrade(live, last)
    assert live.listed(old) == old.licenses()


@pytest.mark.soak
def test_an_upgrade_and_a_rollback_lose_no_answer_and_open_pages_go_on(
    live: LiveStack, last: Release
) -> None:
    old = upgrade(live, last)
    new = Underway(live, HERE)
    live.deploy(last)
    new.finish()
    for underway in (old, new):
        underway.check()
        underway.update()


def upgrade(live: LiveStack, last: Release) -> Underway:
    """Deploy this code over the last release; all that customers had underway, which went on."""
    old = Underway(live, last)
    live.upgrade()
    old.finish()
    old.check()
    old.update()
    return old
