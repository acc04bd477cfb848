"""Customers, their machines, the vendor, and the steps that each of them may take."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import keyferry_admin.use_cases.change_license as desk
from keyferry_admin.errors import AdminError
from keyferry_admin.use_cases import dongles
from keyferry_admin.use_cases.requests import reissue_ticket
from keyferry_protocol.algorithms import ED25519
from keyferry_protocol.envelope import REQUEST, open_envelope
from keyferry_protocol.keys import KeySet
from keyferry_protocol.request import Dongle, HashedMachine
from keyferry_service.adapters.emails_dynamodb import Emails
from keyferry_service.adapters.items_dynamodb import members, to_item
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.queue_sqs import MailRequest, request_mail, request_resign
from keyferry_service.adapters.refusals_dynamodb import Refusals
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.domain.ledger import response_in
from keyferry_service.domain.license import DAY, RegisteredDongle, Status
from keyferry_service.domain.ticket import LIFE_S, EmailStatus, Ticket
from tests.service.simulation.choices import choose_a_seat, offering
from tests.service.simulation.cloud import (
    ENDPOINT,
    FAULTS,
    IN,
    REQUESTS,
    RESPONSES,
    Clients,
    Cloud,
    Secrets,
    no_faults,
)
from tests.service.simulation.history import History
from tests.service.simulation.processes import ACCOUNT, Lambdas, simulated
from tests.service.simulation.renewals import Witness, an_order
from tests.service.simulation.rotation import (
    FIRST_KEY,
    IN_KMS,
    exported,
    finish_compromises,
    signing_keys,
    work_on_keys,
)
from tests.support.builders import (
    ACTIVATION,
    Computer,
    a_key,
    a_license,
    a_request_file,
)
from tests.support.samples import NOW, NUMBER

NUMBERS = (NUMBER, "015120020101")  # two customers
DONGLE = a_key("dongle")
# What the vendor does, the frequent more than once.
DESK = (
    *(
        "suspend",
        "resume",
        "resume",
        "resume",
        "revoke",
        "allow-move",
        "allow-move",
        "release",
        "release",
    ),
    *("seats", "seats", "extend", "new-code", "dongle add", "dongle remove"),
)
URL = f"{ENDPOINT}/{ACCOUNT}/"


def contact_of(number: str) -> str:
    """The address that the vendor has of a customer."""
    return f"contact-{number}@example.com"


@dataclass(frozen=True)
class Step:
    """One thing that somebody does; `a` and `b` choose whom and what, `seed` draws the rest."""

    kind: str
    a: int = 0
    b: int = 0
    seed: int = 0


@dataclass
class Machine:
    """An offline machine of one customer, and what it wrote."""

    number: str
    computer: Computer
    key_set: KeySet  # which its application was built with
    last_serial: int = 0
    is_active: bool = False  # its key was made and not given back
    files: list[bytes] = field(default_factory=list)

    @property
    def installation(self) -> str:
        """What runs: a dongle wherever it is plugged in, else this computer with its device key."""
        computer = self.computer
        return "dongle" if computer.dongle else f"{computer.name} {computer.installation}"


@dataclass
class Terms:
    """What a customer may have by the terms, for the bounds."""

    most_seats: int
    allowed_moves: int = 0  # allow-move and release
    moves: int = 0


class World:
    """Two licenses and all who want something of them; `history` says what came of each step."""

    def __init__(
        self, cloud: Cloud, lambdas: Lambdas, seats: int, moves: int, machines: int = 4
    ) -> None:
        self.cloud, self.lambdas = cloud, lambdas
        cloud.signers = dict(IN_KMS)
        clients = Clients(cloud, lambda: None)
        signing_keys(clients).add(FIRST_KEY)
        first = exported(clients)
        self.machines = [
            Machine(number, Computer(f"PC-{number[-2:]}{n}"), first)
            for number in NUMBERS
            for n in range(machines)
        ] + [Machine(NUMBER, Computer("PC-9", dongle=DONGLE), first)]
        self.terms = {number: Terms(seats, moves=moves) for number in NUMBERS}
        self.codes = dict.fromkeys(NUMBERS, ACTIVATION)
        self.uploads: list[tuple[str, bytes]] = []  # ticket, file
        self.chosen: dict[str, int] = {}  # by ticket, the last choice that was queued
        self.by_load_key: set[str] = set()  # the requests that the load key alone signed
        self.key_sets: dict[str, KeySet] = {}  # by request
        self.uploaded_at: dict[str, int] = {}  # by ticket, of the first file, as time elapsed
        self.compromised: set[str] = set()  # keys of which the vendor was told so
        self.unfinished: set[str] = set()  # those whose command did not end
        self.reissued: dict[str, str] = {}  # by ticket, the compromised key
        dynamodb = clients.client("dynamodb")
        self.sqs = clients.client("sqs")
        self.tickets = Tickets(dynamodb, "Tickets")
        self.emails = Emails(dynamodb, "Tickets")
        self.refusals = Refusals(dynamodb, "Tickets")
        for number in NUMBERS:
            license = a_license(
                number=number,
                seats=seats,
                moves_per_year=moves,
                valid_until=None,
                contact=contact_of(number),
            )
            row = {"pk": number, "sk": "license", **members(license)}
            dynamodb.put_item(TableName="Licenses", Item=to_item(row))
        token = RegisteredDongle(DONGLE.keyid, ED25519, DONGLE.public, "Token", "1")
        row = {"pk": NUMBER, "sk": f"dongle#{token.keyid}", **members(token)}
        dynamodb.put_item(TableName="Licenses", Item=to_item(row))
        self.computers: dict[bytes, Computer] = {}  # by device key
        self.witness = Witness(cloud.tables)
        self.history = History(cloud)
        self.history.read()

    def do(self, step: Step) -> None:
        """Take one step, in the order and with the faults that its seed draws."""
        self.cloud.rng.seed(step.seed)
        getattr(self, step.kind)(step)
        self.cloud.faults = no_faults
        self.history.read()
        for machine in self.machines:
            if machine.is_active and self.history.has_answer(machine.computer.device.public):
                self.history.running[machine.number].add(machine.installation)

    # What customers do.

    def activate(self, step: Step) -> None:
        self._send(self._machine(step), "activate", choose_seat=step.b % 4 > 0)

    def reinstall(self, step: Step) -> None:
        machine = self._holder(step)
        machine.computer = machine.computer.reinstalled()
        machine.last_serial = 0
        self._send(machine, "activate")

    def replace_lost(self, step: Step) -> None:
        machine = self._machine(step)
        seats = self.history.seats.items()
        taken = [n for (number, n), seat in seats if number == machine.number and seat.taken]
        self._send(machine, "activate", replaces_seat=[*taken, 1][step.b % (len(taken) + 1)])

    def update(self, step: Step) -> None:
        machine = self._holder(step)
        if not machine.is_active:
            self._send(machine, "activate")
        elif step.b % 2 and machine.computer.dongle is None:
            self._update_by_load_key(machine, step)
        else:
            self._send(machine, "update")

    def _update_by_load_key(self, machine: Machine, step: Step) -> None:
        """By a user who cannot read the device key; sometimes the state is on another computer."""
        computer = machine.computer
        place = self._machine(step).computer if step.b % 4 == 1 else computer
        described = HashedMachine(
            place.name, "Windows 11", place.environment, place.components("machine")
        )
        self._send(machine, "update", signers=(computer.load_key,), machine=described)
        self.by_load_key.add(open_envelope(machine.files[-1], REQUEST).sha256)

    def deactivate(self, step: Step) -> None:
        machine = self._holder(step)
        if not machine.is_active:
            return self._send(machine, "activate")
        self._send(machine, "deactivate")
        machine.is_active = False  # it stops as it asks, and erases its key
        machine.last_serial = 0
        installation = machine.computer.installation + 1
        machine.computer = replace(machine.computer, installation=installation)

    def forge(self, step: Step) -> None:
        """A request by somebody without the activation code."""
        self._send(self._machine(step), "activate", is_forged=True)

    def again(self, step: Step) -> None:
        """The same file on another ticket."""
        machine = self._machine(step)
        if machine.files:
            self._upload(self._ticket(step.b), machine.files[step.b % len(machine.files)])

    def second_file(self, step: Step) -> None:
        """Another file, or the same again, on a ticket that had one, while its pass is good."""
        machine = self._machine(step)
        if machine.files and self.uploads:
            ticket_id, _ = self.uploads[-1 - step.b % min(3, len(self.uploads))]
            self._upload(ticket_id, machine.files[-1])

    def install(self, step: Step) -> None:
        """Carry the newest answer home."""
        machine = self._machine(step)
        machine.last_serial = max(
            machine.last_serial, self.history.serial_of(machine.computer.device.public)
        )

    def another_address(self, step: Step) -> None:
        """Have the page mail an answer once more, to another address."""
        published = sorted(self.history.published_responses())
        if published:
            ticket_id = published[step.a % len(published)]
            self.emails.mark_email(ticket_id, EmailStatus.PENDING)
            request_mail(
                self.sqs, URL + RESPONSES, MailRequest(ticket_id, f"b{step.b % 5}@example.com")
            )

    def choose(self, step: Step) -> None:
        """Say on the page which computer is lost, while requests are answered."""
        if not offering(self):
            return self._send(self._machine(step), "activate", choose_seat=True)
        self._draw_faults(step)
        self.lambdas.bring(
            REQUESTS, 1 + step.a % 3, beside=[lambda clients: choose_a_seat(self, step, clients)]
        )

    # What AWS does.

    def serve(self, step: Step) -> None:
        self._draw_faults(step)
        self.lambdas.bring(REQUESTS, 2 + step.a % 3)

    def mail(self, step: Step) -> None:
        self._draw_faults(step)
        self.lambdas.bring(RESPONSES, 1 + step.a % 4)

    def duplicate(self, step: Step) -> None:
        queue = (REQUESTS, RESPONSES)[step.a % 2]
        waiting = self.cloud.queues[queue].waiting
        if waiting:
            self.cloud.duplicate(waiting[step.b % len(waiting)], queue)

    def outage(self, step: Step) -> None:
        """One call fails for an hour: what comes in meanwhile is given up."""
        name = ("sign", "put_object", "transact_write_items", "send_email", "get_object")[
            step.a % 5
        ]
        fault = ("throttled", "failed after", "killed before", "conflict")[step.b % 4]
        self.cloud.faults = lambda call: fault if call == name else None
        for _ in range(11):
            self.cloud.pass_time(130)
            for queue in (REQUESTS, RESPONSES):
                self.lambdas.bring(queue, 4)

    def wait(self, step: Step) -> None:
        """Time passes; some clocks are set back."""
        self.cloud.pass_time((7, 130, 3600, DAY, 40 * DAY, -100)[step.a % 6])

    # What the vendor does.

    def vendor(self, step: Step) -> None:
        self._work_at_the_desk(step)(Clients(self.cloud, lambda: None))

    def contest(self, step: Step) -> None:
        """The vendor changes a license while requests of it are answered."""
        self._draw_faults(step)
        self.lambdas.bring(REQUESTS, 2 + step.a % 3, beside=[self._work_at_the_desk(step)])

    def renew(self, step: Step) -> None:
        """The vendor has a license's seats renewed while requests are answered, often twice."""
        self._draw_faults(step)
        order = an_order(NUMBERS[step.a % 2], 4, again=step.a % 3 > 0)
        self.lambdas.bring(REQUESTS, step.a % 4, invoke=[order] * (1 + step.a % 5 // 3))

    def renew_beside_desk(self, step: Step) -> None:
        """The vendor changes a license while its seats are renewed, by script, at the same time."""
        self._draw_faults(step)
        order = an_order(NUMBERS[step.a % 2], 4, again=step.a % 3 > 0)
        beside = self._work_at_the_desk(step)
        self.lambdas.bring(REQUESTS, step.a % 3, beside=[beside], invoke=[order])

    def resend(self, step: Step) -> None:
        answers = list(self.history.answers.values())
        if answers:
            answer = answers[step.a % len(answers)]
            ticket = reissue_ticket(
                Secrets(self.cloud.rng).token_urlsafe(32),
                response_in(answer),
                answer,
                "PC",
                f"c{step.b % 4}@example.com",
                self.cloud.now,
            )
            self.tickets.add(ticket)
            request_resign(self.sqs, URL + REQUESTS, ticket.id)

    def rotate(self, step: Step) -> None:
        """The vendor begins or ends a key, at times two, while requests are answered."""
        self._draw_faults(step)
        beside = [work_on_keys(self, step.seed + n) for n in range(1 + step.a % 2)]
        if step.a % 3 == 0 and offering(self):
            beside.append(lambda clients: choose_a_seat(self, step, clients))
        order = an_order(NUMBERS[step.a % 2], 4, again=True)
        invoke = [order] * (step.a % 5 // 4)
        self.lambdas.bring(REQUESTS, 1 + step.a % 4, beside=beside, invoke=invoke)

    def ship(self, step: Step) -> None:
        """The application is updated to one that embeds the keys of today."""
        self._machine(step).key_set = exported(Clients(self.cloud, lambda: None))

    def redrive(self, _: Step) -> None:
        self.cloud.redrive()

    def drain(self) -> None:
        """All faults are over, and everything that waits is brought; the bill is presented."""
        finish_compromises(self, Clients(self.cloud, lambda: None))
        for _ in range(100):
            if not any(queue.waiting or queue.dead for queue in self.cloud.queues.values()):
                break
            self.cloud.redrive()
            self.cloud.pass_time(130)
            for queue in (REQUESTS, RESPONSES):
                self.lambdas.bring(queue, 4)
        self.history.read()

    def _machine(self, step: Step) -> Machine:
        return self.machines[step.a % len(self.machines)]

    def _holder(self, step: Step) -> Machine:
        """A machine whose key was answered, where there is one."""
        served = self.history.has_answer
        holders = [m for m in self.machines if served(m.computer.device.public)]
        return holders[step.a % len(holders)] if holders else self._machine(step)

    def _send(
        self, machine: Machine, kind: str, /, *, is_forged: bool = False, **changes: Any
    ) -> None:
        machine.is_active |= kind == "activate" and not is_forged
        computer = machine.computer
        self.computers[computer.device.public] = computer
        file = a_request_file(
            computer,
            kind,
            license_number=machine.number,
            id=f"{self.cloud.rng.getrandbits(128):032x}",
            created_at=self.cloud.now,
            last_serial=machine.last_serial,
            protection="dongle" if computer.dongle else "machine",
            activation=a_key("another") if is_forged else self.codes[machine.number],
            trusts=machine.key_set.trusts(),
            **changes,
        )
        self.key_sets[open_envelope(file, REQUEST).sha256] = machine.key_set
        if not is_forged:
            machine.files.append(file)
        self._upload(self._ticket(self.cloud.rng.getrandbits(8)), file)

    def _ticket(self, choice: int) -> str:
        email = f"a{choice % 3}@example.com" if choice % 4 else None
        ticket = Ticket(
            id=Secrets(self.cloud.rng).token_urlsafe(32),
            expires_at=self.cloud.now + LIFE_S,
            email=email,
            email_status=EmailStatus.PENDING if email else EmailStatus.NONE,
        )
        self.tickets.open(ticket, "192.0.2.0/24", self.cloud.now)
        return ticket.id

    def _upload(self, ticket_id: str, file: bytes) -> None:
        self.uploads.append((ticket_id, file))
        self.uploaded_at.setdefault(ticket_id, self.cloud.elapsed)
        self.cloud.put(IN, f"requests/{ticket_id}", file)

    def _draw_faults(self, step: Step) -> None:
        share = (0.0, 0.05, 0.2, 0.5)[step.b % 4]
        rng = random.Random(step.seed)
        self.cloud.faults = lambda _: rng.choice(FAULTS) if rng.random() < share else None

    def _work_at_the_desk(self, step: Step) -> Callable[[Clients], None]:
        number, terms = NUMBERS[step.a % 2], self.terms[NUMBERS[step.a % 2]]

        def work(clients: Clients) -> None:
            licenses = Licenses(clients.client("dynamodb"), "Licenses")
            rng = random.Random(step.seed)
            # A command that fails says so to the vendor, who runs it again or not.
            with suppress(AdminError, ClientError, BotoCoreError):
                match rng.choice(DESK):
                    case "suspend":
                        desk.set_status(licenses, number, Status.SUSPENDED)
                    case "resume":
                        desk.set_status(licenses, number, Status.ACTIVE)
                    case "revoke" if step.seed % 3 == 0:
                        desk.set_status(licenses, number, Status.REVOKED)
                    case "allow-move":
                        # Counted before the reply: if that is lost, the move may still be allowed.
                        terms.allowed_moves += 1
                        desk.allow_move(licenses, number)
                    case "release":
                        terms.allowed_moves += 1
                        desk.release_seat(licenses, number, rng.randint(1, 4))
                    case "seats":
                        seats = rng.randint(1, 4)
                        terms.most_seats = max(terms.most_seats, seats)
                        desk.change(licenses, number, lambda old: replace(old, seats=seats))
                    case "extend":
                        desk.change(licenses, number, lambda old: replace(old, lease_days=90))
                    case "new-code":
                        code = a_key(f"code {step.seed}")
                        self.codes[number] = code
                        desk.change(
                            licenses,
                            number,
                            lambda old: replace(old, activation_public=code.public),
                        )
                    case "dongle add":
                        dongle = Dongle(ED25519, DONGLE.public, "Token", "1")
                        dongles.add(licenses, NUMBER, dongle)
                    case "dongle remove":
                        dongles.remove(licenses, NUMBER, DONGLE.keyid)

        return work


def is_of_choices(seed: int) -> bool:
    """Whether the world of a seed has more machines than seats, for choices among these."""
    return seed % 4 == 3


@contextmanager
def begun(seed: int) -> Iterator[World]:
    """The world of a seed, before its first step."""
    rng = random.Random(seed)
    seats, moves = rng.randint(1, 3), rng.choice([0, 1, 4, 1000])
    machines = rng.choice([1, 2, 4])  # of each customer: the fewer, the more they meet
    if is_of_choices(seed):
        seats, moves, machines = 1, 4, 4
    cloud = Cloud(rng, NOW)
    with simulated(cloud) as lambdas:
        yield World(cloud, lambdas, seats, moves, machines)


@contextmanager
def one_seat() -> Iterator[World]:
    """The world in which named cases happen: a seat and four moves."""
    cloud = Cloud(random.Random(1), NOW)
    with simulated(cloud) as lambdas:
        yield World(cloud, lambdas, seats=1, moves=4)
