"""What the page does over HTTP, for tests that carry files to a running stack and back."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import requests

from keyferry_protocol.components import Machine
from tests.support.http_contract import check_answer
from tests.support.running_stack import RunningStack


def client(stack: RunningStack, service: str) -> Any:
    """An AWS client of the vendor's account."""
    connect: Any = boto3.client
    return connect(
        service,
        endpoint_url=stack.endpoint,
        region_name=stack.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def a_machine(number: int) -> Machine:
    """One of many physical machines that share no part."""
    components = {
        "smbios_uuid": [f"4c4c4544-0042-3510-8054-{number:012x}"],
        "board_serial": [f"BOARD{number:06}"],
        "mac": [f"b4c04f{number:06x}"],
        "os_id": [f"{number + 1:032x}"],
        "disk_serial": [f"DISK{number:06}"],
    }
    return Machine(f"LAB-{number:02}", "Debian GNU/Linux 12", "physical", components)


def open_ticket(stack: RunningStack, email: str | None = None) -> dict[str, Any]:
    answer = requests.post(
        f"{stack.api}/requests", json={"email": email, "language": "en"}, timeout=60
    )
    assert answer.status_code == 201, answer.text
    ticket: dict[str, Any] = answer.json()
    return ticket


def upload(ticket: dict[str, Any], content: bytes) -> None:
    post = ticket["upload"]
    answer = requests.post(
        post["url"], data=post["fields"], files={"file": ("x.request", content)}, timeout=60
    )
    assert answer.status_code == 201, answer.text


def wait_for_ticket(stack: RunningStack, ticket: dict[str, Any]) -> dict[str, Any]:
    """The ticket as the API tells it once it is ready or refused, and its mail decided."""
    deadline = time.monotonic() + stack.patience_s
    path = f"/api/requests/{ticket['id']}"
    while time.monotonic() < deadline:
        answer = requests.get(f"{stack.page.rstrip('/')}{path}", timeout=60)
        check_answer("GET", path, answer.status_code, answer.headers, answer.text)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        if document["state"] in ("ready", "refused") and document["email"] != "pending":
            return document
        time.sleep(float(answer.headers["Retry-After"]) / 4)
    raise AssertionError(f"no answer in {stack.patience_s} s: {document}")


def carry(
    stack: RunningStack, files: Sequence[bytes], emails: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Carry all files to the service at the same moment; their settled tickets, with ids."""
    addresses: Sequence[str | None] = emails or [None] * len(files)
    tickets = [open_ticket(stack, email) for email in addresses]
    with ThreadPoolExecutor(len(files)) as together:
        list(together.map(upload, tickets, files))
    return [{"id": ticket["id"], **wait_for_ticket(stack, ticket)} for ticket in tickets]


def download(ticket: dict[str, Any]) -> bytes:
    answer = requests.get(ticket["response"]["download_url"], timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.content


def read_keys_again(stack: RunningStack) -> None:
    """Functions read the keys again after a minute, and when they start afresh, as they do now."""
    name = stack.outputs["ProcessRequestFunction"]
    functions = client(stack, "lambda")
    known = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    known["STARTED_AFRESH"] = str(int(known.get("STARTED_AFRESH", "0")) + 1)
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": known})


def deploy_again(stack: RunningStack, **parameters: str) -> None:
    """The template that is deployed, with other parameters."""
    cloudformation = client(stack, "cloudformation")
    (deployed,) = cloudformation.describe_stacks(StackName="keyferry")["Stacks"]
    kept = {p["ParameterKey"] for p in deployed["Parameters"]} - parameters.keys()
    cloudformation.update_stack(
        StackName="keyferry",
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            *({"ParameterKey": name, "UsePreviousValue": True} for name in kept),
            *({"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()),
        ],
    )
    waiter = cloudformation.get_waiter("stack_update_complete")
    waiter.wait(StackName="keyferry", WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
