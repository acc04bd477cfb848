"""Short journeys which together use every right that the functions' roles have."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256

import requests

from keyferry_service.adapters.emails_dynamodb import (
    Emails,
    hash_address,
    sent_key,
    suppressed_key,
)
from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.refusals_dynamodb import Refusals
from keyferry_service.domain.refusals import RefusalRecord
from tests.stack.test_mail_feedback import a_notice, publish
from tests.support.customer import Customer
from tests.support.journeys import carry, client, download, open_ticket, upload, wait_for_ticket

Journey = Callable[[Customer], None]


def activation_with_mail(customer: Customer) -> None:
    """A file is carried there, its answer is mailed, and comes back."""
    address = f"jo-{customer.number}@example.com"
    (ticket,) = carry(customer.stack, [customer.file()], [address])
    assert (ticket["state"], ticket["email"]) == ("ready", "sent")
    assert download(ticket)


def ticket_without_a_file(customer: Customer) -> None:
    """The page asks after a ticket before the file has arrived."""
    ticket = open_ticket(customer.stack)
    answer = requests.get(f"{customer.stack.api}/requests/{ticket['id']}", timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "awaiting-upload"


def files_through_the_pages_host(customer: Customer) -> None:
    """A network lets nobody through to the storage, so the page's host carries both files."""
    ticket = open_ticket(customer.stack)
    path = f"{customer.stack.api}/requests/{ticket['id']}/file"
    headers = {"Content-Type": "application/octet-stream"}
    answer = requests.put(path, customer.file(), headers=headers, timeout=60)
    assert answer.status_code == 202, answer.text
    response = wait_for_ticket(customer.stack, ticket)["response"]
    file = requests.get(path, timeout=60)
    assert file.status_code == 200, file.text
    assert sha256(file.content).hexdigest() == response["sha256"]
    assert response["filename"] in file.headers["Content-Disposition"]


def refusal_that_lists_seats(customer: Customer) -> None:
    """All seats are taken, and the refusal says by whom; it is kept for the vendor."""
    customer.change(seats=1)
    customer.activate(1)
    (ticket,) = carry(customer.stack, [customer.file(2)])
    assert ticket["refusal"]["code"] == "no-seats-left"
    assert [seat["machine_name"] for seat in ticket["refusal"]["seats"]] == ["LAB-01"]
    wait_until(customer, lambda: bool(refusals_of(customer)))
    assert [kept.machine_name for kept in refusals_of(customer)] == ["LAB-02"]


def seat_chosen_on_the_page(customer: Customer) -> None:
    """All seats are taken, and somebody says on the page which computer is lost."""
    customer.change(seats=1)
    customer.activate(1)
    ticket = open_ticket(customer.stack)
    upload(ticket, customer.file(2))
    assert wait_for_ticket(customer.stack, ticket)["refusal"]["choose_seat"] is True
    path = f"{customer.stack.api}/requests/{ticket['id']}/seat"
    answer = requests.post(path, json={"seat": 1}, timeout=60)
    assert answer.status_code == 202, answer.text
    assert wait_for_ticket(customer.stack, ticket)["response"]["seat"] == 1


def machine_known_by_its_parts(customer: Customer) -> None:
    """A computer set up anew has another key, and its own seat again."""
    customer.activate(1)
    (ticket,) = carry(customer.stack, [customer.file(1, state_dir=customer.folder / "anew")])
    assert (ticket["state"], ticket["response"]["seat"]) == ("ready", 1)


def mail_to_another_address(customer: Customer) -> None:
    """Somebody has the link of an answer sent to a colleague."""
    (ticket,) = carry(customer.stack, [customer.file()])
    path = f"{customer.stack.api}/requests/{ticket['id']}"
    body = {"email": f"other-{customer.number}@example.com"}
    answer = requests.post(f"{path}/mail", json=body, timeout=60)
    assert answer.status_code == 202, answer.text
    assert wait_for_ticket(customer.stack, ticket)["email"] == "sent"


def mail_that_comes_back(customer: Customer) -> None:
    """It is told on the ticket, once, and its address gets no more."""
    address = f"gone-{customer.number}@example.com"
    (ticket,) = carry(customer.stack, [customer.file()], [address])
    notice = a_notice(customer.stack, ticket["id"])
    (mail_id,) = json.loads(notice)["mail"]["tags"]["mail"]
    publish(customer.stack, notice)
    wait_until(customer, lambda: wait_for_ticket(customer.stack, ticket)["email"] == "bounced")
    wait_until(customer, lambda: has_row(customer, suppressed_key(hash_address(address))))
    assert not has_row(customer, sent_key(mail_id))


def link_to_a_zip_of_renewals(customer: Customer) -> None:
    """A contact clicks on the link to the zip of a plant."""
    outputs, id, token = customer.stack.outputs, customer.number, secrets.token_urlsafe(32)
    s3 = client(customer.stack, "s3")
    Files(s3, outputs["InBucket"], outputs["OutBucket"]).publish_zip(id, "Acme.zip", b"zip")
    emails = Emails(client(customer.stack, "dynamodb"), outputs["TicketsTable"])
    emails.link_zip(token, id, "Acme.zip", int(time.time()) + 60)
    answer = requests.get(
        f"{customer.stack.api}/responses/{token}", allow_redirects=False, timeout=60
    )
    assert answer.status_code == 303, answer.text
    file = requests.get(answer.headers["Location"], timeout=60)
    assert (file.content, file.headers["Content-Type"]) == (b"zip", "application/zip")
    assert file.headers["Content-Disposition"] == 'attachment; filename="Acme.zip"'


def file_for_a_busy_license(customer: Customer) -> None:
    """What could not be answered in the function's time is tried again within seconds."""
    with little_time(customer), seat_in_the_way(customer):
        ticket = open_ticket(customer.stack)
        upload(ticket, customer.file())
        wait_until(customer, lambda: is_postponed(customer, ticket["id"]))
    assert wait_for_ticket(customer.stack, ticket)["state"] == "ready"


JOURNEYS: dict[str, Journey] = {
    journey.__name__: journey
    for journey in (
        activation_with_mail,
        ticket_without_a_file,
        files_through_the_pages_host,
        refusal_that_lists_seats,
        seat_chosen_on_the_page,
        machine_known_by_its_parts,
        mail_to_another_address,
        mail_that_comes_back,
        link_to_a_zip_of_renewals,
        file_for_a_busy_license,
    )
}


def wait_until(customer: Customer, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + customer.stack.patience_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def has_row(customer: Customer, key: str) -> bool:
    table = customer.stack.outputs["TicketsTable"]
    reply = client(customer.stack, "dynamodb").get_item(TableName=table, Key={"pk": {"S": key}})
    return "Item" in reply


def refusals_of(customer: Customer) -> list[RefusalRecord]:
    refusals = Refusals(client(customer.stack, "dynamodb"), customer.stack.outputs["TicketsTable"])
    return refusals.of_license(customer.number, int(time.time()))


@contextmanager
def seat_in_the_way(customer: Customer) -> Iterator[None]:
    """Whatever the function reads, what it writes then meets a row that it did not expect."""
    dynamodb, table = client(customer.stack, "dynamodb"), customer.stack.outputs["LicensesTable"]
    key = {"pk": {"S": customer.number}, "sk": {"S": "seat#1"}}
    dynamodb.put_item(TableName=table, Item=key)
    try:
        yield
    finally:
        dynamodb.delete_item(TableName=table, Key=key)


@contextmanager
def little_time(customer: Customer) -> Iterator[None]:
    """The function gives up after seconds instead of a third of a minute."""
    functions = client(customer.stack, "lambda")
    name = customer.stack.outputs["ProcessRequestFunction"]
    kept = functions.get_function_configuration(FunctionName=name)["Timeout"]
    functions.update_function_configuration(FunctionName=name, Timeout=7)
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Timeout=kept)


def is_postponed(customer: Customer, ticket_id: str) -> bool:
    reply = client(customer.stack, "logs").filter_log_events(
        logGroupName=customer.stack.outputs["ProcessRequestLog"], filterPattern='"postponed"'
    )
    return any(ticket_id[:8] in event["message"] for event in reply["events"])
