"""Signing keys over the years: two algorithms at once, a new key, an old one, one that others know.

On a stack of its own, as its keys end here.
"""

import csv
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import WaiterError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

import keyferry
from keyferry_protocol.algorithms import ED25519, ML_DSA_65
from keyferry_protocol.envelope import RESPONSE, Signature, open_envelope, pack, pae
from keyferry_protocol.errors import KeyCompromised, NotGenuine
from keyferry_protocol.keys import Ed25519Signer, KeySet
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.signer_kms import KmsSigner
from keyferry_service.domain.ledger import response_in
from keyferry_service.domain.license import Status
from tests.support.customer import TOKEN, Customer, register_the_dongle
from tests.support.journeys import (
    a_machine,
    carry,
    client,
    deploy_again,
    download,
    read_keys_again,
    wait_for_ticket,
)
from tests.support.running_stack import RunningStack, start, stop, wait_until_ready

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("keys")
    process = start(folder)
    try:
        yield wait_until_ready(process, folder)
    finally:
        stop(process)


class Vendor:
    """The desk, and what applications ship."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        self.table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])

    def desk(self, *line: str) -> Any:
        command = [str(self.stack.run / "keyferry-admin"), *line, "--json"]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert ran.stdout, ran.stderr
        return json.loads(ran.stdout)

    def export(self) -> KeySet:
        self.desk("keys", "export", "--output", str(self.stack.run / "now.json"))
        return KeySet.from_json((self.stack.run / "now.json").read_bytes())

    def add_key(self) -> str:
        pem = self.stack.run.parent / "pem" / "second.pem"
        created = self.desk("keys", "create", "--pem", str(pem))
        read_keys_again(self.stack)
        return str(created["key"]["keyid"])

    def retire(self, keyid: str) -> None:
        assert self.desk("keys", "retire", keyid, "--yes")["key"]["status"] == "retired"
        read_keys_again(self.stack)


def kinds_of_seats(customer: Customer) -> dict[str, dict[str, Any]]:
    """By protection, the options of the client for such a seat."""
    user = replace(a_machine(3), components={**a_machine(3).components, "user": ["anna"]})
    return {
        "machine": {"computer": 2},
        "personal": {"computer": user, "protection": "personal"},
        "dongle": {"computer": 1, "protection": "dongle", "dongle": TOKEN},
    }


def only(keys: KeySet, *keyids: str) -> KeySet:
    """An application of another year: it knows these Ed25519 keys, and the ML-DSA one."""
    return replace(
        keys, keys=tuple(k for k in keys.keys if k.keyid in keyids or k.alg == ML_DSA_65)
    )


def code_of(customer: Customer, file: bytes) -> str | None:
    """What a file is refused with, None where it is answered."""
    (ticket,) = carry(customer.stack, [file])
    return ticket["refusal"]["code"] if ticket["state"] == "refused" else None


def test_both_algorithms_sign_and_no_stripped_file_passes(
    own: RunningStack, tmp_path: Path
) -> None:
    customer = Customer(own, Vendor(own).table, tmp_path)
    assert customer.keys.require == (ED25519, ML_DSA_65)
    place = customer.place(1)
    response = customer.activate()
    license = keyferry.load(keys=customer.keys, **place)
    assert license.number == customer.number
    (installed,) = tmp_path.rglob("installed.response")
    before = installed.read_bytes()
    assert before == response

    by_alg = {key.keyid: key.alg for key in customer.keys.keys}
    envelope = open_envelope(response, RESPONSE)
    assert {by_alg[each.keyid] for each in envelope.signatures} == {ED25519, ML_DSA_65}
    (classic,) = [each for each in envelope.signatures if by_alg[each.keyid] == ED25519]
    (quantum,) = [each for each in envelope.signatures if by_alg[each.keyid] == ML_DSA_65]
    another = Ed25519Signer.generate()
    foreign = Signature(another.keyid, another.sign(pae(RESPONSE, envelope.body)))
    stripped = tmp_path / "stripped.response"
    for left in ([quantum], [classic, classic], [classic, foreign], [classic]):
        stripped.write_bytes(pack(RESPONSE, envelope.body, left))
        with pytest.raises(NotGenuine):
            keyferry.install_response(stripped.read_bytes(), customer.keys, **place)
        assert installed.read_bytes() == before
    result = subprocess.run([own.run / "keyferry", "verify", stripped], capture_output=True)
    assert result.returncode == 7, result

    # The classic signature is KMS's own: it holds under the key that KMS names.
    kms, arn = client(own, "kms"), own.outputs["Ed25519KeyArn"]
    named = load_der_public_key(kms.get_public_key(KeyId=arn)["PublicKey"])
    assert isinstance(named, Ed25519PublicKey)
    named.verify(classic.sig, pae(RESPONSE, envelope.body))


def test_the_kms_signer_signs_up_to_the_limit_of_a_file(own: RunningStack) -> None:
    kms = client(own, "kms")
    created = kms.create_key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")
    arn = created["KeyMetadata"]["Arn"]
    named = load_der_public_key(kms.get_public_key(KeyId=arn)["PublicKey"])
    assert isinstance(named, Ed25519PublicKey)
    signer = KmsSigner(kms, arn, ED25519, named.public_bytes_raw(), "keyid")
    for message in (b"x", bytes(range(256)) * 16):
        named.verify(signer.sign(message), message)


def test_a_key_comes_and_goes_and_no_live_seat_is_lost(own: RunningStack, tmp_path: Path) -> None:
    vendor = Vendor(own)
    customer = Customer(own, vendor.table, tmp_path, seats=9)
    register_the_dongle(customer)
    seats = kinds_of_seats(customer)
    first = {kind: customer.activate(**options) for kind, options in seats.items()}
    gone = Customer(own, vendor.table, tmp_path / "gone")
    gone.activate()
    gone.set_status(Status.REVOKED)

    old_application = vendor.export()
    (old,) = [key.keyid for key in old_application.keys if key.alg == ED25519]
    refused = vendor.desk("keys", "retire", old, "--yes")
    assert refused["error"]["code"] == "last-active-key"
    new = vendor.add_key()
    both = vendor.export()
    applications = {4: old_application, 5: both, 6: only(both, new)}
    for computer, keys in applications.items():
        file = customer.file(computer, keys=keys)
        (ticket,) = carry(own, [file])
        assert ticket["state"] == "ready", ticket
        keyferry.install_response(download(ticket), keys, **customer.place(computer))

    vendor.retire(old)
    updates = {n: customer.file(n, "update", keys=keys) for n, keys in applications.items()}
    codes = {computer: code_of(customer, file) for computer, file in updates.items()}
    assert codes == {4: "keys-too-old", 5: None, 6: None}

    links = tmp_path / "links.csv"
    report = vendor.desk("keys", "compromise", old, "--output", str(links), "--yes")
    assert report["key"]["status"] == "compromised", report
    after = vendor.export()
    assert after.trusts() == only(both, new).trusts()
    with links.open(newline="") as written:
        lines = [line for line in csv.DictReader(written) if line["license"] == customer.number]
    with links.open(newline="") as written:
        assert gone.number not in {line["license"] for line in csv.DictReader(written)}
    taken = {s.number: s for s in vendor.table.seats(customer.number) if s.taken}
    assert sorted(int(line["seat"]) for line in lines) == sorted(taken)
    assert {line["protection"] for line in lines} == set(seats)
    ledger = {
        answer.seat: answer.body
        for answer in vendor.table.ledger_entries(customer.number)
        if response_in(answer).serial == taken[answer.seat].serial
    }
    resent = {}
    for line in lines:
        ticket = {"id": line["link"].removeprefix(f"{own.page}#t=")}
        data = download(wait_for_ticket(own, ticket))
        response = keyferry.verify_response(data, after)
        assert response.envelope.body == ledger[int(line["seat"])]
        assert old not in {each.keyid for each in response.envelope.signatures}
        resent[line["computer"], line["protection"]] = data

    for kind, options in seats.items():
        with pytest.raises(KeyCompromised):
            keyferry.verify_response(first[kind], after)
        place = customer.place(options["computer"])
        dongle = options.get("dongle")
        data = resent[place["machine"].name, kind]
        with pytest.raises(KeyCompromised):
            keyferry.load(keys=after, **place, dongle=dongle)
        keyferry.install_response(data, after, **place, dongle=dongle)
        keyferry.load(keys=after, **place, dongle=dongle)
    # Who was never handed a link gets the same with the next request of an updated application.
    file = customer.file(4, "update", keys=after)
    (ticket,) = carry(own, [file])
    keyferry.install_response(download(ticket), after, **customer.place(4))
    keyferry.load(keys=after, **customer.place(4))

    again = vendor.desk("keys", "compromise", old, "--output", str(links), "--yes")
    assert (again["signed"], again["signed_before"]) == (report["signed"], report["signed"] - 1)
    assert links.stat().st_mode & 0o777 == 0o600


def test_a_key_counts_once_the_function_may_sign_with_it(own: RunningStack, tmp_path: Path) -> None:
    vendor = Vendor(own)
    customer = Customer(own, vendor.table, tmp_path, seats=2)
    created = client(own, "kms").create_key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")
    arn = created["KeyMetadata"]["Arn"]
    before = vendor.desk("keys", "list")["keys"]
    refused = vendor.desk("keys", "create", "--kms", arn)["error"]
    assert refused["code"] == "key-not-usable"
    assert refused["next_step"].startswith(f"Add {arn} to SigningKeyArns, run make deploy")
    assert vendor.desk("keys", "list")["keys"] == before
    assert code_of(customer, customer.file(1, keys=vendor.export())) is None  # nothing stopped

    deploy_again(own, SigningKeyArns=arn)
    new = vendor.desk("keys", "create", "--kms", arn)["key"]["keyid"]
    read_keys_again(own)
    after = vendor.export()
    (ticket,) = carry(own, [customer.file(2, keys=after)])
    response = keyferry.verify_response(download(ticket), after)
    assert new in {each.keyid for each in response.envelope.signatures}


def test_a_deployed_stack_keeps_its_keys_as_they_are(own: RunningStack) -> None:
    """CloudFormation never makes a key of several regions out of one, nor replaces it."""
    key = client(own, "kms").describe_key(KeyId=own.outputs["Ed25519KeyArn"])["KeyMetadata"]
    with pytest.raises(WaiterError, match="UPDATE_ROLLBACK_COMPLETE"):
        deploy_again(own, MultiRegionKeys="true")
    (deployed,) = client(own, "cloudformation").describe_stacks(StackName="keyferry")["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in deployed["Outputs"]}
    assert outputs["Ed25519KeyArn"] == key["Arn"]
    assert key == client(own, "kms").describe_key(KeyId=key["Arn"])["KeyMetadata"]
