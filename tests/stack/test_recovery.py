"""The drill of docs/operations/recovery.md: the license table is lost back to a point in time."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)

import keyferry
from keyferry_admin.use_cases import change_license, licenses
from keyferry_admin.use_cases import keys as admin_keys
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.algorithms import ML_DSA_65
from keyferry_protocol.encoding import format_time
from keyferry_protocol.envelope import RESPONSE, seal
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.domain.allocate import Grant, grant
from keyferry_service.domain.ledger import response_to
from keyferry_service.domain.request_context import RequestContext, Snapshot
from keyferry_service.domain.signing_keys import SigningKey
from tests.stack.crowd import Answer, Counts, Crowd, refusals, responses
from tests.support.builders import VENDOR, Computer, a_license, a_request
from tests.support.journeys import carry, client, deploy_again, download
from tests.support.running_stack import ROOT, RunningStack, start, stop, wait_until_ready
from tests.support.samples import NOW

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recovery")


@pytest.fixture(scope="module")
def process(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = start(folder)
    try:
        yield process
    finally:
        stop(process)


@pytest.fixture(scope="module")
def stack(process: subprocess.Popen[bytes], folder: Path) -> RunningStack:
    """One of its own: here the licenses of all tests go back in time, and a region is lost."""
    return wait_until_ready(process, folder)


class Drill:
    """The vendor's hands in a bad hour."""

    def __init__(self, stack: RunningStack) -> None:
        self._stack = stack
        self.dynamodb = client(stack, "dynamodb")
        self.table = stack.outputs["LicensesTable"]

    def remember(self) -> str:
        """A backup, as the embedded cloud has no memory of every second."""
        backup = self.dynamodb.create_backup(TableName=self.table, BackupName="drill")
        arn: str = backup["BackupDetails"]["BackupArn"]
        return arn

    def restored(self, backup: str) -> str:
        """A new table, as AWS makes one; its name."""
        name = f"{self.table}-{secrets.token_hex(4)}"
        self.dynamodb.restore_table_from_backup(TargetTableName=name, BackupArn=backup)
        return name

    def restore(self, *line: str) -> tuple[int, str]:
        """docs/operations/restore.py: its exit code, and what it says."""
        settings = {
            "AWS_ENDPOINT_URL": self._stack.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        script = str(ROOT / "docs" / "operations" / "restore.py")
        command = [sys.executable, script, "--region", self._stack.region, *line]
        ran = subprocess.run(
            command, env=os.environ | settings, capture_output=True, text=True, timeout=120
        )
        assert not ran.stderr, ran.stderr
        return ran.returncode, ran.stdout

    @contextmanager
    def paused(self) -> Iterator[None]:
        try:
            assert self.restore("pause")[0] == 0
            yield
        finally:
            assert self.restore("resume")[0] == 0

    def put_forged_response(self, number: str) -> None:
        """What someone else signed, as if it had been answered."""
        license = replace(a_license(), number=number)
        request = a_request(license_number=number)
        again = grant(RequestContext(request, Snapshot(license=license), license, NOW))
        assert isinstance(again, Grant)
        forged = seal(RESPONSE, response_to(request, again, NOW).to_bytes(), [VENDOR])
        key = f"responses/{secrets.token_urlsafe(32)}/{number}-0000.response"
        bucket = self._stack.outputs["OutBucket"]
        client(self._stack, "s3").put_object(Bucket=bucket, Key=key, Body=forged)

    def rows(self, number: str) -> dict[str, Any]:
        """All that is stored of a license, by sort key."""
        reply = self.dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="pk = :number",
            ExpressionAttributeValues={":number": {"S": number}},
        )
        return {row["sk"]["S"]: row for row in reply["Items"]}


def bodies(answers: Sequence[Answer]) -> list[bytes]:
    return [response.envelope.body for response in responses(answers)]


def in_turn(crowd: Crowd, files: Sequence[bytes]) -> list[Answer]:
    """Each file goes in when the one before it is answered."""
    return [answer for file in files for answer in crowd.all_answered([file])]


def test_a_restored_table_sells_no_seat_twice_and_answers_the_same(stack: RunningStack) -> None:
    drill, crowd = Drill(stack), Crowd(stack, seats=4)
    before = [crowd.file(1), crowd.file(2)]
    answers = in_turn(crowd, before)
    backup, since = drill.remember(), int(time.time())
    after = [
        crowd.file(3),
        crowd.file(1, "update", last_serial=1),
        crowd.file(2, "deactivate", last_serial=2),
        crowd.file(4),
        crowd.file(Computer("LAB-001").reinstalled()),
        crowd.file(5),
        crowd.file(6),
    ]
    answers += in_turn(crowd, after[:-1])
    sell_one_more(crowd)
    answers += in_turn(crowd, after[-1:])
    assert refusals(answers) == []
    last = max(response.serial for response in responses(answers))
    lost = drill.rows(crowd.number)

    began = time.monotonic()
    with drill.paused():
        came_meanwhile = crowd.send([crowd.file(7)])
        assert drill.restore("copy", drill.restored(backup))[0] == 0
        assert crowd.counts() == Counts(taken=2, used=2, ledger=2, revision=2)
        code, output = drill.restore("replay", format_time(since))
        # What customers were given is back; what the vendor did is for the vendor to do again.
        assert code == 1
        assert output.startswith(f"{len(after)} answers recorded again")
        assert "5 of 4 seats are in use" in output
        sell_one_more(crowd)
        code, output = drill.restore("replay", format_time(since))
        assert code == 0, output
        assert output.startswith("0 answers recorded again")
    took_s = time.monotonic() - began

    restored = drill.rows(crowd.number)
    assert_same_but_for_the_revision(restored, lost)
    assert refusals(crowd.answers(came_meanwhile)) == ["no-seats-left"]
    assert bodies(crowd.all_answered([*before, *after])) == bodies(answers)
    assert drill.rows(crowd.number) == restored
    (newer,) = responses(in_turn(crowd, [crowd.file(3, "update", last_serial=3)]))
    assert newer.serial > last
    print(f"RPO: 0 of {len(after)} answers lost, 1 change of the vendor made again")
    print(f"RTO: {took_s:.1f} s from the pause to the resume, with this table")


def sell_one_more(crowd: Crowd) -> None:
    change_license.change(crowd.licenses, crowd.number, lambda license: replace(license, seats=5))


def assert_same_but_for_the_revision(rows: dict[str, Any], before: dict[str, Any]) -> None:
    """Every seat, key, body and ledger row, and the license's counts; only serials went on.

    What the vendor did again is recorded as another change.
    """
    after, earlier = (
        {name: row for name, row in each.items() if not name.startswith("change#")}
        for each in (rows, before)
    )
    revisions = [int(each["license"]["revision"]["N"]) for each in (after, earlier)]
    for each in (after, earlier):
        each["license"] = {**each["license"], "revision": None}
    assert after == earlier
    assert revisions[0] >= revisions[1]


def test_what_only_the_vendor_knows_is_told_until_it_is_done_again(stack: RunningStack) -> None:
    drill, crowd = Drill(stack), Crowd(stack, seats=1)
    in_turn(crowd, [crowd.file(1)])
    backup, since = drill.remember(), int(time.time())
    change_license.release_seat(crowd.licenses, crowd.number, seat_number=1)
    (moved,) = responses(in_turn(crowd, [crowd.file(2)]))
    later = Crowd(stack, seats=1)
    (sold,) = responses(in_turn(later, [later.file(3)]))
    drill.put_forged_response(crowd.number)
    with drill.paused():
        drill.restore("copy", drill.restored(backup))
        code, output = drill.restore("replay", format_time(since))
        assert code == 1
        assert output.startswith("1 answers recorded again")
        assert f"{show_license_number(crowd.number)}: 2 of 1 seats are in use" in output
        assert f"{show_license_number(later.number)}: there is no such license" in output
        change_license.release_seat(crowd.licenses, crowd.number, seat_number=1)
        licenses.create(later.licenses, sold.license.product, since, later.number, seats=1)
        code, output = drill.restore("replay", format_time(since))
        assert code == 0, output
        assert output.startswith("1 answers recorded again")
    assert crowd.counts() == Counts(taken=1, used=1, ledger=2, revision=4)
    assert later.counts() == Counts(taken=1, used=1, ledger=1, revision=1)
    assert later.ledger() == {sold.request_sha256: sold.envelope.body}
    assert in_turn(crowd, [crowd.file(4)]) == ["no-seats-left"]
    (newer,) = responses(in_turn(crowd, [crowd.file(2, "update", last_serial=moved.serial)]))
    assert newer.serial > moved.serial


def test_what_left_no_file_behind_is_answered_anew_and_never_with_an_older_serial(
    stack: RunningStack,
) -> None:
    """The bucket of responses forgets after 30 days; a copy older than that ends so."""
    drill, crowd = Drill(stack), Crowd(stack, seats=2)
    backup = drill.remember()
    answers = responses(in_turn(crowd, [crowd.file(1), crowd.file(1, "update", last_serial=1)]))
    with drill.paused():
        drill.restore("copy", drill.restored(backup))
    assert crowd.counts() == Counts(0, 0, 0, 0)
    assert in_turn(crowd, [crowd.file(1, "update", last_serial=2)]) == ["not-authentic"]
    asks_again = crowd.file(1, id=f"{1:032x}", last_serial=answers[-1].serial)
    (anew,) = responses(in_turn(crowd, [asks_again]))
    assert (anew.seat, anew.serial) == (1, answers[-1].serial + 1)
    assert crowd.counts() == Counts(1, 1, 1, revision=anew.serial)


class Region(Drill):
    """One of two regions of AWS, each a cloud of its own."""

    def __init__(self, stack: RunningStack) -> None:
        super().__init__(stack)
        self._kms, self._s3 = client(stack, "kms"), client(stack, "s3")
        self.keys = SigningKeys(self.dynamodb, stack.outputs["KeysTable"], self.table)

    def has_key(self, key: Ed25519PrivateKey) -> str:
        """Keep a key of several regions here, as KMS replicates it; its ARN."""
        settings = {"KeySpec": "ECC_NIST_EDWARDS25519", "KeyUsage": "SIGN_VERIFY"}
        created = self._kms.create_key(**settings, Origin="EXTERNAL", MultiRegion=True)
        arn: str = created["KeyMetadata"]["Arn"]
        wrapping = self._kms.get_parameters_for_import(
            KeyId=arn, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"
        )
        public = load_der_public_key(wrapping["PublicKey"])
        assert isinstance(public, RSAPublicKey)
        plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self._kms.import_key_material(
            KeyId=arn,
            ImportToken=wrapping["ImportToken"],
            EncryptedKeyMaterial=public.encrypt(plain, OAEP(MGF1(SHA256()), SHA256(), None)),
            ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
        )
        return arn

    def rotate_to(self, arn: str) -> SigningKey:
        """Sign with this key in KMS, and with the stack's own no more."""
        (own,) = (key for key in self.keys.all() if key.kms_arn)
        new = admin_keys.key_in_kms(self._kms, own.alg, arn)
        deploy_again(self._stack, SigningKeyArns=arn)
        admin_keys.register(self.keys, new)
        admin_keys.retire(self.keys, own.keyid)
        return new

    def all_rows(self, output: str) -> list[Any]:
        table = self._stack.outputs[output]
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table)
        return [row for page in pages for row in page["Items"]]

    def has_table(self, name: str, rows: Sequence[Any]) -> None:
        """A table as AWS Backup restores it from a copy of another region's backup."""
        keys = {"pk": "HASH", "sk": "RANGE"}
        self.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k in keys],
            KeySchema=[{"AttributeName": k, "KeyType": kind} for k, kind in keys.items()],
        )
        for row in rows:
            self.dynamodb.put_item(TableName=name, Item=row)

    def replicate(self, name: str, target: "Region") -> str:
        """Replicate a bucket, as S3 does; the name of its copy in the other region."""
        bucket, copy = self._stack.outputs[name], f"copy-of-{name.lower()}"
        where = {"LocationConstraint": target._stack.region}
        target._s3.create_bucket(Bucket=copy, CreateBucketConfiguration=where)
        for entry in self._s3.list_objects_v2(Bucket=bucket)["Contents"]:
            content = self._s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            target._s3.put_object(Bucket=copy, Key=entry["Key"], Body=content)
        return copy

    def create_key(self, arn: str) -> str:
        """What `keys create --kms` says: the id of the key."""
        command = f"{self._stack.run}/keyferry-admin keys create --kms {arn} --json"
        ran = subprocess.run(command.split(), capture_output=True, timeout=120)
        return str(json.loads(ran.stdout)["key"]["keyid"])


@pytest.mark.soak
def test_a_lost_region_goes_on_in_another_one(
    process: subprocess.Popen[bytes], stack: RunningStack, folder: Path, tmp_path: Path
) -> None:
    """docs/operations/recovery.md, "The region is lost". The last test here: its stack is lost."""
    second_process = start(tmp_path, "--region", "us-west-2")
    try:
        home, private = Region(stack), Ed25519PrivateKey.generate()
        key = home.rotate_to(home.has_key(private))
        shipped = admin_keys.export(home.keys, Licenses(home.dynamodb, home.table))
        (stack.run / "keys.json").write_bytes(shipped.to_json())
        crowd = Crowd(stack, seats=4)
        files = [crowd.file(1), crowd.file(2)]
        answers = in_turn(crowd, files)
        copied = {name: home.all_rows(name) for name in ("LicensesTable", "KeysTable")}
        since = int(time.time())  # of the last copy of the tables
        files += [crowd.file(3), crowd.file(1, "update", last_serial=1)]
        answers += in_turn(crowd, files[2:])
        assert refusals(answers) == []
        lost = home.rows(crowd.number)

        second = wait_until_ready(second_process, tmp_path)
        away = Region(second)
        replica = away.has_key(private)
        away.has_table("licenses-copied", copied["LicensesTable"])
        away.has_table("keys-copied", copied["KeysTable"])
        copies = [home.replicate(name, away) for name in ("OutBucket", "InBucket")]
        shutil.copy(folder / "pem" / "ml-dsa-65.pem", tmp_path / "pem")  # no ML-DSA in this KMS
        process.kill()
        process.wait()

        began = time.monotonic()
        deploy_again(second, SigningKeyArns=replica)
        with away.paused():
            assert away.restore("copy", "licenses-copied")[0] == 0
            assert away.restore("copy-keys", "keys-copied")[0] == 0
            assert away.create_key(replica) == key.keyid
            buckets = ["--responses", copies[0], "--requests", copies[1]]
            code, output = away.restore("replay", format_time(since), *buckets)
            assert code == 0, output
        took_s = time.monotonic() - began
        assert_same_but_for_the_revision(away.rows(crowd.number), lost)
        # An application that was shipped before believes the second region.
        known = tuple(k for k in shipped.keys if k.alg == ML_DSA_65 or k.keyid == key.keyid)
        tickets = carry(second, [*files, crowd.file(4)])
        received = [
            keyferry.verify_response(download(ticket), replace(shipped, keys=known))
            for ticket in tickets
        ]
        assert [response.envelope.body for response in received[:-1]] == bodies(answers)
        assert received[-1].serial > max(response.serial for response in responses(answers))
        print(f"RTO: {took_s:.1f} s from the deploy to the resume, with this table")
    finally:
        stop(second_process)
