"""Customers of many licenses and networks, who carry their files as the page does."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from keyferry_admin.use_cases import licenses
from keyferry_protocol.activation import activation_key
from keyferry_protocol.keys import KeySet
from keyferry_protocol.request import Product
from keyferry_service.adapters.licenses_dynamodb import Licenses
from tests.support.builders import Computer, a_request_file
from tests.support.journeys import client
from tests.support.running_stack import RunningStack

SEATS = 10  # of each license, all of which are asked for; its mails stay below 20 a day
TICKETS = 500  # of each network; 1,000 are allowed in an hour
AT_ONCE = 8  # calls under way; more make the embedded cloud start processes faster than it can
TRIES = 5


@dataclass(frozen=True)
class Person:
    """Who carries one file: from which address, and where the mail goes."""

    viewer: str
    email: str


@dataclass(frozen=True)
class Sent:
    """One file on its way; when its turn came and when its upload began (seconds since 1970)."""

    ticket: str
    email: str
    due_at: float
    began_at: float


class Customers:
    """Each file is of a machine of its own, and mailed to an address of its own."""

    def __init__(self, stack: RunningStack) -> None:
        self._stack = stack
        self._table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
        self._product = stack.license["product"]
        keys = KeySet.from_json((stack.run / "keys.json").read_bytes())
        self._trusts = tuple(key.keyid for key in keys.keys)
        self._people = self._come()
        self.failed_calls = 0  # of the API, each made again
        self._http = requests.Session()
        self._http.mount("http://", HTTPAdapter(pool_maxsize=AT_ONCE))
        # As CloudFront calls it, which tells where each viewer is.
        self._edge = {
            "Host": f"{stack.outputs['ApiId']}.execute-api.localhost",
            "X-Origin-Secret": (stack.run.parent / "origin-secret").read_text(),
        }

    def files(self, total: int) -> Iterator[bytes]:
        """As many request files, for as many licenses as that needs; each is sold to the last."""
        for first in range(0, total, SEATS):
            seats = min(SEATS, total - first)
            created = licenses.create(self._table, self._product, int(time.time()), seats=seats)
            number = created.license.number
            for machine in range(seats):
                yield a_request_file(
                    Computer(f"PC-{machine:02}-of-{number}"),
                    activation=activation_key(created.activation_code, number),
                    license_number=number,
                    product=Product(self._product, "4.2.0"),
                    trusts=self._trusts,
                )

    def send_steadily(self, files: Sequence[bytes], rate: float) -> list[Sent]:
        """`rate` tickets a second, each uploaded to at once, however long the answers take."""
        begun, on_their_way = time.time(), []
        with ThreadPoolExecutor(AT_ONCE) as together:
            for index, (person, file) in enumerate(zip(self._people, files, strict=False)):
                due_at = begun + index / rate
                time.sleep(max(0.0, due_at - time.time()))
                on_their_way.append(together.submit(self._carry, person, file, due_at))
        return [future.result() for future in on_their_way]

    def send_at_once(self, files: Sequence[bytes]) -> list[Sent]:
        """All tickets first, then all files."""
        people = list(islice(self._people, len(files)))
        with ThreadPoolExecutor(AT_ONCE) as together:
            tickets = list(together.map(self._open, people))
            now = [time.time()] * len(files)
            return list(together.map(self._upload, people, tickets, files, now))

    def _come(self) -> Iterator[Person]:
        for index in count():
            yield Person(f"10.0.{index // TICKETS}.1:50000", f"customer-{index}@example.com")

    def _carry(self, person: Person, file: bytes, due_at: float) -> Sent:
        return self._upload(person, self._open(person), file, due_at)

    def _open(self, person: Person) -> dict[str, Any]:
        """A ticket; where the API fails, which a busy computer makes it do, it is asked again."""
        body = {"email": person.email, "language": "en"}
        headers = self._edge | {"CloudFront-Viewer-Address": person.viewer}
        url = f"{self._stack.endpoint}/api/requests"
        for _ in range(TRIES):
            answer = self._http.post(url, json=body, headers=headers, timeout=60)
            if answer.status_code == 201:
                ticket: dict[str, Any] = answer.json()
                return ticket
            self.failed_calls += 1
        raise AssertionError(answer.text)

    def _upload(self, person: Person, ticket: dict[str, Any], file: bytes, due_at: float) -> Sent:
        post, began_at = ticket["upload"], time.time()
        sent = {"file": ("x.request", file)}
        answer = self._http.post(post["url"], data=post["fields"], files=sent, timeout=60)
        assert answer.status_code == 201, answer.text
        return Sent(ticket["id"], person.email, due_at, began_at)
