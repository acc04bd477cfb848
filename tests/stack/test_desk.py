"""The vendor's commands where only a real stack can tell whether they work."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keyferry_admin.use_cases import dongles, licenses
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.retries import ConditionFailed
from tests.stack.privilege.journeys import refusals_of, wait_until
from tests.support.customer import TOKEN, Customer, register_the_dongle
from tests.support.journeys import carry, client
from tests.support.running_stack import ROOT, RunningStack

pytestmark = pytest.mark.timeout(300)


def test_a_letter_names_the_vendor_the_page_and_the_support_of_its_stack(
    stack: RunningStack, tmp_path: Path
) -> None:
    file = tmp_path / "acme.txt"
    create = ["license", "create", "--product", "Modeler", "--new-product"]
    command: list[str | Path] = [stack.run / "keyferry-admin", *create, "--json", "--letter", file]
    created = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    vendor = json.loads((stack.run / "vendor.json").read_bytes())
    letter = file.read_text()
    assert created["letter"] == str(file)
    assert letter.startswith(f"Your license for Modeler, from {vendor['name']}.\n")
    assert f"  Activation code   {created['activation_code']}\n" in letter
    assert f"\n   {stack.page.rstrip('/')}\n" in letter
    assert letter.endswith(f"\n{vendor['support']['email']}\n")


def test_the_scripts_of_the_documents_run_on_the_local_stack(stack: RunningStack) -> None:
    command = [stack.run / "python", ROOT / "docs/operations/restore.py", "resume"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == "Requests are answered again\n"


def test_a_dongle_with_a_seat_can_be_removed_once_that_is_free(
    stack: RunningStack, tmp_path: Path
) -> None:
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
    customer = Customer(stack, table, tmp_path)
    register_the_dongle(customer)
    customer.activate(protection="dongle", dongle=TOKEN)
    assert [each.seat for each in table.dongles(customer.number)] == [1]
    before = licenses.find(table, customer.number)
    with pytest.raises(ConditionFailed):  # the table itself keeps it, even if the revision is right
        table.remove_dongle(before, replace(before, revision=before.revision + 1), TOKEN.keyid)
    customer.release(1)
    dongles.remove(table, customer.number, TOKEN.keyid)
    assert list(table.dongles(customer.number)) == []


def test_a_refusal_is_listed_and_explained_at_the_telephone(
    stack: RunningStack, tmp_path: Path
) -> None:
    def desk(*words: str) -> Any:
        command: list[str | Path] = [stack.run / "keyferry-admin", *words, "--json"]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
    customer = Customer(stack, table, tmp_path, seats=1)
    customer.activate(1)
    file = tmp_path / "refused.request"
    file.write_bytes(customer.file(2))
    (ticket,) = carry(stack, [file.read_bytes()])
    assert ticket["refusal"]["code"] == "no-seats-left"
    wait_until(customer, lambda: bool(refusals_of(customer)))
    (refusal,) = desk("request", "list", customer.number, "--refused")["refusals"]
    assert (refusal["code"], refusal["machine_name"]) == ("no-seats-left", "LAB-02")
    for source in (str(file), refusal["ticket"]):
        explained = desk("request", "explain", source)
        assert (explained["outcome"], explained["rule"]) == ("refusal", "no-seats-left")
    command = explained["remedies"][0]["command"]
    assert command == f"keyferry-admin license change {customer.number} --seats 2"
