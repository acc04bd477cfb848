"""Sends renewals: a zip for each customer's contact, a link to it, and a mail with this link."""

import json
import re
import secrets
import unicodedata
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TextIO

from keyferry_admin.errors.licenses import MailNotSent
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases.mail_letter import WITHHELD, mail_to
from keyferry_admin.use_cases.spreadsheet import csv_line
from keyferry_protocol.encoding import format_time
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.response import ResponseBody, parse_response
from keyferry_service.adapters.emails_dynamodb import MailWithheld
from keyferry_service.domain.license import LicenseRecord
from keyferry_service.domain.ticket import LIFE_S
from keyferry_service.views.email import Email
from keyferry_service.views.email_texts import Renewals
from keyferry_service.views.refusal_text import Vendor

COLUMNS = ["licensee", "contact", "licenses", "computers", "link", "ends"]
_LONGEST_NAME = 56


@dataclass(frozen=True)
class Parcel:
    """The renewals that go to one contact of one licensee in one zip."""

    licensee: str
    contact: str
    files: Mapping[str, bytes]  # by file name
    responses: Sequence[ResponseBody]
    keyids: frozenset[str]  # that signed the files

    @property
    def license_numbers(self) -> list[str]:
        return sorted({response.license.number for response in self.responses})

    @cached_property
    def id(self) -> str:
        """The same for the same renewals, signed by the same keys, for the same contact."""
        named = [self.licensee, self.contact, sorted(self.files), sorted(self.keyids)]
        return sha256(json.dumps(named).encode()).hexdigest()

    @property
    def file_name(self) -> str:
        """The zip's name, of letters and digits that every system and command line takes."""
        plain = unicodedata.normalize("NFKD", self.licensee).encode("ascii", "ignore").decode()
        name = re.sub("[^A-Za-z0-9]+", "-", plain)[:_LONGEST_NAME].strip("-")
        return f"{name or self.license_numbers[0]}-responses.zip"

    def zip(self) -> bytes:
        """The files as one archive."""
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in sorted(self.files.items()):
                archive.writestr(name, data)
        return buffer.getvalue()

    def contents(self) -> Renewals:
        """What an email says of it."""
        terms = [response.license for response in self.responses]
        return Renewals(
            self.file_name,
            tuple(self.license_numbers),
            tuple(sorted({each.product for each in terms})),
            len(self.files),
            tuple({each.valid_until for each in terms}),
        )


def in_parcels(
    licenses: Iterable[LicenseRecord], files: Mapping[str, Iterable[Path]]
) -> list[Parcel]:
    """The files, by license number, in a parcel for each licensee and contact."""
    by_reader: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for license in licenses:
        by_reader[license.licensee, license.contact] += files.get(license.number, ())
    return [
        _parcel(licensee, contact, paths)
        for (licensee, contact), paths in sorted(by_reader.items())
        if paths
    ]


def _parcel(licensee: str, contact: str, paths: Iterable[Path]) -> Parcel:
    files = {path.name: path.read_bytes() for path in paths}
    envelopes = [open_envelope(data, RESPONSE) for data in files.values()]
    keyids = frozenset(each.keyid for envelope in envelopes for each in envelope.signatures)
    return Parcel(licensee, contact, files, [*map(parse_response, envelopes)], keyids)


Compose = Callable[[Renewals, str, int], Email]  # from contents, link, and the link's end


@dataclass
class SendParcels:
    """Puts each zip where its links lead, and makes and mails links.

    A mail is sent at least once: a run that is killed while it sends one sends it again next time.
    """

    stack: Stack
    vendor: Vendor
    now: int
    makes_links: bool
    compose: Compose | None  # None to mail nothing
    links: dict[str, str] = field(default_factory=dict)  # by the parcel's id
    mailed: set[str] = field(default_factory=set)  # ids of the parcels that this run mailed
    mailed_before: set[str] = field(default_factory=set)  # ids of those that a run before it did

    @property
    def ends_at(self) -> int:
        """When the links of this run end."""
        return self.now + LIFE_S

    def run(self, parcel: Parcel) -> bool:
        """Send one parcel, and return whether there was anything to do. Raises MailNotSent."""
        is_mailed = self.compose is None or self.stack.emails.is_mailed(parcel.id, self.now)
        if self.compose is not None and is_mailed:
            self.mailed_before.add(parcel.id)
        mails = bool(parcel.contact) and not is_mailed
        if not mails and not self.makes_links:
            return False
        self.stack.files.publish_zip(parcel.id, parcel.file_name, parcel.zip())
        if self.makes_links:
            self.links[parcel.id] = self._new_link(parcel)
        if mails and self.compose is not None:
            self._mail(parcel, self.compose)
        return True

    def _mail(self, parcel: Parcel, compose: Compose) -> None:
        """Mail a link of its own; the mail counts for the first of its licenses."""
        number, contact = parcel.license_numbers[0], parcel.contact
        mail_id, emails = secrets.token_hex(16), self.stack.emails
        try:
            emails.allow_letter_mail(number, contact, mail_id, self.now, message_id=parcel.id)
        except MailWithheld as error:
            raise MailNotSent(
                f"No email can go to {contact} for license {number} now", WITHHELD
            ) from error
        email = compose(parcel.contents(), self._new_link(parcel), self.ends_at)
        what = f"The link for {contact}"
        mail_to(self.stack, contact, email, self.vendor, mail_id, what, MailNotSent)
        emails.mark_mailed(parcel.id, mail_id, self.ends_at)
        self.mailed.add(parcel.id)

    def _new_link(self, parcel: Parcel) -> str:
        token = secrets.token_urlsafe(32)
        self.stack.emails.link_zip(token, parcel.id, parcel.file_name, self.ends_at)
        return f"{self.stack.output('PageUrl')}/api/responses/{token}"


def write_links(file: TextIO, parcels: Iterable[Parcel], sent: SendParcels) -> None:
    """Write a line for each parcel that has a link, as CSV."""
    write = csv_line(file)
    write(COLUMNS)
    for parcel in parcels:
        if parcel.id in sent.links:
            write(
                [
                    parcel.licensee,
                    parcel.contact,
                    " ".join(parcel.license_numbers),
                    len(parcel.files),
                    sent.links[parcel.id],
                    format_time(sent.ends_at),
                ]
            )
