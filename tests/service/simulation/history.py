"""What a simulated cloud holds after each step, and all that it has ever answered."""

from collections import defaultdict
from dataclasses import dataclass, field

from keyferry_protocol.envelope import RESPONSE, open_envelope, pae
from keyferry_protocol.response import ResponseBody
from keyferry_service.adapters.items_dynamodb import Item, from_item
from keyferry_service.adapters.ledger_dynamodb import entry_from_item
from keyferry_service.adapters.license_rows_dynamodb import LICENSE, read_license
from keyferry_service.adapters.refusals_dynamodb import records_in
from keyferry_service.adapters.tickets_dynamodb import ticket_from_item
from keyferry_service.domain.ledger import response_in
from keyferry_service.domain.license import LedgerEntry, LicenseRecord, Seat
from keyferry_service.domain.refusals import RefusalRecord
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey
from keyferry_service.domain.ticket import REFUSAL_FILE, Ticket
from tests.service.simulation.cloud import OUT, Cloud, Signed
from tests.service.simulation.rotation import KeyHistory


@dataclass
class History:
    """The rows as they are now, and every line that the ledger has had."""

    cloud: Cloud
    licenses: dict[str, LicenseRecord] = field(default_factory=dict)
    before: dict[str, LicenseRecord] = field(default_factory=dict)  # one step ago
    seats: dict[tuple[str, int], Seat] = field(default_factory=dict)
    answers: dict[str, LedgerEntry] = field(default_factory=dict)
    responses: dict[str, ResponseBody] = field(default_factory=dict)  # of the ledger
    new: list[ResponseBody] = field(default_factory=list)  # in the last step
    renewals: dict[tuple[str, str], LedgerEntry] = field(default_factory=dict)
    rewritten: list[str] = field(default_factory=list)  # ledger rows that changed
    tickets: dict[str, Ticket] = field(default_factory=dict)
    refused: list[RefusalRecord] = field(default_factory=list)  # what tickets have ever told
    decisions: dict[tuple[str, int], set[str]] = field(default_factory=dict)  # by ticket and choice
    counted: dict[str, int] = field(default_factory=dict)  # mail counters
    # Every installation that was ever answered: one that was given back runs on from a copy.
    running: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    keys: KeyHistory = field(default_factory=KeyHistory)
    signed: list[Signed] = field(default_factory=list)  # in the last step
    # Of the last step: the tickets that changed, and responses that were handed out, by ticket.
    changed_tickets: list[Ticket] = field(default_factory=list)
    handed_out: list[tuple[str, bytes]] = field(default_factory=list)
    latest: int = 0  # the latest time that the clock has shown after a step
    _served: defaultdict[bytes, int] = field(default_factory=lambda: defaultdict(int))
    _refusals: dict[str, list[RefusalRecord]] = field(default_factory=dict)
    _published: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _objects_seen: int = 0

    def read(self) -> None:
        """Record what changed since the last call."""
        self.latest = max(self.latest, self.cloud.now)
        self.before, self.new = dict(self.licenses), []
        self.signed, self.cloud.signed = self.cloud.signed, []
        self.changed_tickets, self.handed_out = [], []
        self.keys.before = dict(self.keys.rows)
        for place in sorted(self.cloud.tables.changed):
            match place:
                case ("Keys", _, _):
                    _enter_key(self.keys.rows, self.cloud.tables.rows[place])
                case ("Licenses", "keys", _):
                    _enter_key(self.keys.copies, self.cloud.tables.rows[place])
                case ("Licenses", number, name):
                    self._enter(number, name, place)
                case ("Tickets", name) if name.startswith("ticket#"):
                    ticket = ticket_from_item(self.cloud.tables.rows[place], 0)
                    assert ticket is not None
                    self._enter_ticket(ticket)
                case ("Tickets", name) if name.startswith("mail#"):
                    row = self.cloud.tables.rows[place]
                    counted = row.get("message_ids") or row["address_hashes"]
                    self.counted[name] = len(counted["SS"])
                case ("Tickets", name) if name.startswith("refusals#"):
                    self._refusals[name] = list(records_in(self.cloud.tables.rows[place]))
        self.cloud.tables.changed.clear()
        self.keys.end_step(self.cloud.elapsed)
        for bucket, key in list(self.cloud.objects)[self._objects_seen :]:
            self._objects_seen += 1
            if bucket == OUT:
                _, ticket_id, name = key.split("/")
                data = self.cloud.objects[bucket, key][0]
                self._published.setdefault(ticket_id, {})[name] = data
                if name != REFUSAL_FILE:
                    self.handed_out.append((ticket_id, data))

    def _enter_ticket(self, ticket: Ticket) -> None:
        self.tickets[ticket.id] = ticket
        self.changed_tickets.append(ticket)
        if ticket.refusal_record is not None:
            self.refused.append(ticket.refusal_record)
        if ticket.decided:
            outcome = str(ticket.refusal or ticket.file_name)
            self.decisions.setdefault((ticket.id, ticket.decided), set()).add(outcome)

    def _enter(self, number: str, name: str, place: tuple[str, ...]) -> None:
        row = self.cloud.tables.rows.get(place, {})  # a dongle's may be gone
        if name == LICENSE:
            license = read_license(row)
            assert license is not None
            self.licenses[number] = license
        elif name.startswith("seat#"):
            seat = from_item(Seat, row)
            self.seats[number, seat.number] = seat
        elif name.startswith("renewal#"):
            self._enter_renewal(number, name, row)
        elif name.startswith("answer#"):
            answer = entry_from_item(row)
            if answer.request_sha256 in self.answers:
                self.rewritten.append(answer.request_sha256)
            response = response_in(answer)
            self.answers[answer.request_sha256] = answer
            self.responses[answer.request_sha256] = response
            self.new.append(response)
            if response.kind != "deactivate":
                key = response.bound_to.device_key
                self._served[key] = max(self._served[key], response.serial)

    def _enter_renewal(self, number: str, name: str, row: Item) -> None:
        entry = entry_from_item(row)
        if self.renewals.setdefault((number, name), entry) != entry:
            self.rewritten.append(name)
        response = response_in(entry)
        self.new.append(response)
        key = response.bound_to.device_key
        self._served[key] = max(self._served[key], response.serial)

    def has_answer(self, device_key: bytes) -> bool:
        return device_key in self._served

    def serial_of(self, device_key: bytes) -> int:
        return self._served.get(device_key, 0)

    def most_counted(self, beginning: str) -> int:
        """The most mails that any of these counters has counted."""
        counts = (n for name, n in self.counted.items() if name.startswith(beginning))
        return max(counts, default=0)

    def kept_refusals(self) -> list[RefusalRecord]:
        return [record for records in self._refusals.values() for record in records]

    def published(self, ticket_id: str) -> dict[str, bytes]:
        """What lies in the out bucket for a ticket, by file name."""
        return self._published.get(ticket_id, {})

    def responses_on(self, ticket_id: str) -> dict[str, bytes]:
        """The same, but for a refusal, which a choice of a seat may follow."""
        return {n: data for n, data in self.published(ticket_id).items() if n != REFUSAL_FILE}

    def published_responses(self) -> list[str]:
        """The tickets whose response lies there."""
        return [ticket_id for ticket_id in self._published if self.responses_on(ticket_id)]

    def bodies(self) -> dict[str, list[bytes]]:
        """The BODY of each published response, by its ticket."""
        return {
            ticket_id: [
                open_envelope(data, RESPONSE).body for data in self.responses_on(ticket_id).values()
            ]
            for ticket_id in self.published_responses()
        }

    def signable(self) -> set[bytes]:
        """All that may ever have been signed."""
        entries = (*self.answers.values(), *self.renewals.values())
        return {pae(RESPONSE, entry.body) for entry in entries}


def _enter_key(keys: dict[str, SigningKey], row: Item) -> None:
    key = from_item(SigningKey, row, status=KeyStatus(row["status"]["S"]))
    keys[key.keyid] = key
