"""`make run` finishes what an earlier start began, and restores what was deleted."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyferry_admin.stack import Stack
from keyferry_protocol.activation import activation_key, parse_activation_code
from keyferry_protocol.keys import KeySet
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.signer_pem import PemSigner
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.domain.signing_keys import KeyStatus
from local.cloud_process import KEPT, RUNNING, STOPPED, begin, keep
from local.demo import provide as demonstration
from local.demo.provide import NUMBER, provide

VENDOR = {"product": "Example Modeler", "page_url": "http://127.0.0.1:8787"}
OUTPUTS = {"Ed25519KeyArn": "arn:aws:kms:us-east-1:000000000000:key/5f2c0b8e"}
STEPS = [
    (Path, "mkdir", 0),  # run/
    (Path, "mkdir", 1),  # pem/
    (SigningKeys, "add", 0),  # the key in KMS
    (Path, "rename", 0),  # the PEM file, which is written under another name
    (SigningKeys, "add", 1),  # the key in that file
    (demonstration, "write", 0),  # license.json
    (Licenses, "create", 0),
    (demonstration, "write", 1),  # keys.json
    (demonstration, "write", 2),  # vendor.json
]


class Killed(BaseException):
    """No code catches it, as none catches SIGKILL."""


class Kms:
    """A KMS with one key."""

    def __init__(self) -> None:
        public = Ed25519PrivateKey.generate().public_key()
        self._public = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def get_public_key(self, KeyId: str) -> dict[str, Any]:  # noqa: N803
        assert KeyId == OUTPUTS["Ed25519KeyArn"]
        return {"PublicKey": self._public, "KeyId": KeyId}


@pytest.fixture
def cloud(stack: Stack) -> Stack:
    vars(stack)["kms"] = Kms()
    return stack


@contextmanager
def killed_before(owner: Any, step: str, count: int) -> Iterator[None]:
    """Kill the process before it takes this step after it took it `count` times."""
    real: Callable[..., Any] = getattr(owner, step)
    left = iter(range(count))

    def take(*arguments: Any, **options: Any) -> Any:
        if next(left, None) is None:
            raise Killed
        return real(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, step, take)
        with pytest.raises(Killed):
            yield


def forget_everything(stack: Stack) -> None:
    """As a cloud does that is killed at its first start, and thus never writes its state."""
    for name in ("LicensesTable", "KeysTable"):
        table = boto3.resource("dynamodb").Table(stack.output(name))
        for item in table.scan()["Items"]:
            table.delete_item(Key={"pk": item["pk"], "sk": item["sk"]})
    vars(stack)["kms"] = Kms()


def assert_whole(stack: Stack, folder: Path) -> None:
    """Files and tables say the same, and each algorithm has one key that signs."""
    document = json.loads((folder / "run/license.json").read_bytes())
    code = parse_activation_code(document["activation_code"], NUMBER)
    license = stack.licenses.get(NUMBER)
    assert license is not None
    assert license.activation_public == activation_key(code, NUMBER).public
    assert (document["number"], document["product"]) == (NUMBER, license.product)
    assert KeySet.from_json((folder / "run/keys.json").read_bytes()).require == (
        "Ed25519",
        "ML-DSA-65",
    )
    signing = [key for key in stack.signing_keys.all() if key.status is KeyStatus.ACTIVE]
    assert sorted(key.alg for key in signing) == ["Ed25519", "ML-DSA-65"]
    for key in signing:
        assert key.pem is None or PemSigner(folder / "pem" / key.pem).keyid == key.keyid
    assert json.loads((folder / "run/vendor.json").read_bytes()) == VENDOR


@pytest.mark.crash
@pytest.mark.parametrize("cloud_forgets", [False, True], ids=["", "and the cloud with it"])
@pytest.mark.parametrize(("owner", "step", "count"), STEPS, ids=str)
def test_a_start_finishes_what_a_killed_one_began(
    cloud: Stack, tmp_path: Path, owner: Any, step: str, count: int, cloud_forgets: bool
) -> None:
    with killed_before(owner, step, count):
        provide(cloud, tmp_path, VENDOR, OUTPUTS)
    if cloud_forgets:
        forget_everything(cloud)
    provide(cloud, tmp_path, VENDOR, OUTPUTS)
    assert_whole(cloud, tmp_path)


def test_every_step_of_a_first_start_is_in_the_table(cloud: Stack, tmp_path: Path) -> None:
    for owner, step in {(owner, step) for owner, step, _ in STEPS}:
        count = sum((owner, step) == (each, name) for each, name, _ in STEPS)
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()
        forget_everything(cloud)
        with pytest.raises(pytest.fail.Exception), killed_before(owner, step, count):
            provide(cloud, tmp_path, VENDOR, OUTPUTS)


@pytest.mark.parametrize("lost", ["run", "pem", "run/license.json", "run/keys.json"])
def test_a_start_restores_what_was_deleted(cloud: Stack, tmp_path: Path, lost: str) -> None:
    provide(cloud, tmp_path, VENDOR, OUTPUTS)
    path = tmp_path / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    provide(cloud, tmp_path, VENDOR, OUTPUTS)
    assert_whole(cloud, tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b'{"number": "01512', b"[]", b"\xff\xfe", b'{"activation_code": 7}'],
    ids=["empty", "cut off", "another document", "not text", "a number for a code"],
)
def test_a_damaged_license_json_gets_a_new_code(
    cloud: Stack, tmp_path: Path, content: bytes
) -> None:
    provide(cloud, tmp_path, VENDOR, OUTPUTS)
    (tmp_path / "run/license.json").write_bytes(content)
    provide(cloud, tmp_path, VENDOR, OUTPUTS)
    assert_whole(cloud, tmp_path)


def test_a_start_changes_nothing_that_is_whole(cloud: Stack, tmp_path: Path) -> None:
    provide(cloud, tmp_path, VENDOR, OUTPUTS)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    license = cloud.licenses.get(NUMBER)
    provide(cloud, tmp_path, VENDOR, OUTPUTS)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert cloud.licenses.get(NUMBER) == license


def run_of_the_cloud(folder: Path, content: str) -> None:
    running = begin(folder)
    (running / "state").write_text(content)


@pytest.mark.crash
@pytest.mark.parametrize(
    ("owner", "step", "count", "kept"),
    [
        pytest.param(Path, "rename", 0, "first", id="before its state was whole"),
        pytest.param(shutil, "rmtree", 0, "second", id="before the state of the last run went"),
        pytest.param(Path, "rename", 1, "second", id="before the state was in its place"),
    ],
)
def test_the_cloud_has_the_state_of_one_whole_run(
    tmp_path: Path, owner: Any, step: str, count: int, kept: str
) -> None:
    run_of_the_cloud(tmp_path, "first")
    keep(tmp_path)
    run_of_the_cloud(tmp_path, "second")
    with killed_before(owner, step, count):
        keep(tmp_path)
    assert (begin(tmp_path) / "state").read_text() == kept


def test_a_run_that_was_never_ready_leaves_no_state(tmp_path: Path) -> None:
    run_of_the_cloud(tmp_path, "first")
    assert list(begin(tmp_path).iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {RUNNING}
    assert not (tmp_path / KEPT).exists()
    assert not (tmp_path / STOPPED).exists()
