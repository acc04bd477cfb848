"""A cloud in memory and the adapters on it, for use cases that need neither moto nor a handler."""

import random
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from keyferry_service.adapters.decisions_dynamodb import Decisions
from keyferry_service.adapters.email_ses import Mailer
from keyferry_service.adapters.emails_dynamodb import Emails
from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.refusals_dynamodb import Refusals
from keyferry_service.adapters.signer_kms import KmsSigner
from keyferry_service.adapters.signers import Signers
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.adapters.suppressions_dynamodb import Suppressions
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey
from keyferry_service.domain.ticket import LIFE_S, EmailStatus, Ticket
from keyferry_service.domain.upload import Upload
from keyferry_service.use_cases.answer_request import AnswerRequest
from keyferry_service.use_cases.publish_response import PublishResponse
from keyferry_service.views.refusal_text import Vendor
from tests.service.simulation.cloud import IN, OUT, Clients, Cloud
from tests.support.builders import VENDOR, a_license
from tests.support.inline import InlineExecutor
from tests.support.samples import NOW

TICKET = "t" * 43
FAKE_KEY = SigningKey(VENDOR.keyid, VENDOR.alg, VENDOR.public, KeyStatus.ACTIVE, kms_arn="arn")
FAKE_VENDOR = Vendor("Example", "licensing@example.com")


@dataclass
class FixedClock:
    """A clock that a test sets."""

    now: int = NOW

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@dataclass
class Deadline:
    """A function's time; each look at it takes a tenth of a second."""

    left_ms: int = 20_000

    def get_remaining_time_in_millis(self) -> int:
        self.left_ms -= 100
        return self.left_ms


@dataclass
class Service:
    """Adapters on a cloud in memory, with one license sold and one ticket open."""

    cloud: Cloud = field(default_factory=lambda: Cloud(random.Random(1), NOW))
    clock: FixedClock = field(default_factory=FixedClock)

    def __post_init__(self) -> None:
        clients = Clients(self.cloud, lambda: None)
        self.dynamodb: Any = clients.client("dynamodb")
        self.files = Files(clients.client("s3"), IN, OUT)
        self.licenses = Licenses(self.dynamodb, "Licenses")
        self.decisions = Decisions(self.dynamodb, "Licenses")
        self.tickets = Tickets(self.dynamodb, "Tickets")
        self.emails = Emails(self.dynamodb, "Tickets")
        self.refusals = Refusals(self.dynamodb, "Tickets")
        self.suppressions = Suppressions(self.dynamodb, "Tickets")
        self.signing_keys = SigningKeys(self.dynamodb, "Keys", "Licenses")
        self.signers = Signers(partial(KmsSigner, clients.client("kms")), Path())
        self.mailer = Mailer(clients.client("sesv2"), FAKE_VENDOR.support, "keyferry")
        self.responses = PublishResponse(self.files, self.signers)
        self.signing_keys.add(FAKE_KEY)
        self.licenses.create(a_license())
        self.tickets.add(
            Ticket(TICKET, NOW + LIFE_S, email="a@example.com", email_status=EmailStatus.PENDING)
        )

    @property
    def answering(self) -> AnswerRequest:
        return AnswerRequest(
            self.files,
            self.decisions,
            self.tickets,
            self.refusals,
            self.signing_keys,
            self.responses,
            self.clock,
            InlineExecutor(),
        )

    def upload(self, file: bytes, ticket_id: str = TICKET) -> Upload:
        self.cloud.put(IN, f"requests/{ticket_id}", file)
        version = len(self.cloud.objects[IN, f"requests/{ticket_id}"])
        return Upload(ticket_id, f"requests/{ticket_id}", str(version), self.clock.now)

    def published(self, ticket_id: str = TICKET) -> list[str]:
        """The names of the files that were handed out on a ticket."""
        prefix = f"responses/{ticket_id}/"
        keys = [key for bucket, key in self.cloud.objects if bucket == OUT]
        return [key.removeprefix(prefix) for key in keys if key.startswith(prefix)]
