"""What the wizard knows of this computer: read anew for each screen, and changed by none."""

import getpass
from contextlib import suppress
from functools import cached_property

from keyferry.cli.inspect import request_lines
from keyferry.cli.license_rows import all_rows
from keyferry.cli.read_files import Found, genuine
from keyferry.cli.request_output import wish_for
from keyferry.cli.settings import Settings
from keyferry.doctor.diagnose import examine
from keyferry.doctor.diagnostics import OK, Finding
from keyferry.dongle.find import FoundToken, NoDriver, find_tokens, usable
from keyferry.install import answers_here
from keyferry.list_licenses import Row
from keyferry.request import PendingRequest, waiting
from keyferry.request_options import RequestOptions, fresh_body
from keyferry.wizard import save_locations as places
from keyferry.wizard.answers import Answers, number_of, protection_of
from keyferry.wizard.save_locations import Place
from keyferry_protocol.activation import parse_activation_code
from keyferry_protocol.errors import DongleMissing, KeyferryError
from keyferry_protocol.keys import Ed25519Signer
from keyferry_protocol.messages import message


class Computer:
    """This computer as it stands for one screen; the next screen has another."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.no_dongle = ""

    @property
    def product(self) -> str:
        return self.settings.product

    @property
    def page(self) -> str:
        return self.settings.page

    @property
    def support(self) -> str:
        vendor = self.settings.vendor
        return vendor.support or vendor.name or message("wizard.the-vendor")

    @property
    def protections(self) -> tuple[str, ...]:
        """What the vendor lets its customers choose from."""
        return self.settings.vendor.protections

    @property
    def ways_to_send(self) -> tuple[str, ...]:
        return ("save", "qr", "online") if self.settings.vendor.page_url else ("save",)

    @cached_property
    def warnings(self) -> list[Finding]:
        """What the doctor would warn of before a request is written."""
        settings = self.settings
        findings = examine(
            settings.where,
            settings.keys,
            settings.product,
            settings.seen(),
            settings.now(),
            settings.dongle,
        )
        return [finding for finding in findings if finding.result != OK]

    @cached_property
    def dongles(self) -> list[FoundToken]:
        """Those plugged in that can sign; `no_dongle` says why there are none."""
        try:
            plugged_in = find_tokens(self.settings.pkcs11_module)
            if plugged_in:
                return usable(plugged_in)
            self.no_dongle = message("wizard.token.none")
        except NoDriver as error:
            self.no_dongle = message(
                "wizard.problem-text", detail=str(error), next_step=error.next_step
            )
        except DongleMissing as error:  # it has no key
            self.no_dongle = str(error)
        return []

    def wants_pin(self, answers: Answers) -> bool:
        """Whether a dongle is to sign here that does so only for its PIN."""
        if answers.get("goal") == "install" and answers.get("what") != "response":
            is_bound = protection_of(answers, self.protections) == "dongle"
        else:
            row = self.row(answers.get("license", ""))
            is_bound = row is not None and row.protection == "dongle"
        return is_bound and any(dongle.needs_pin for dongle in self.dongles)

    @property
    def user(self) -> str:
        return getpass.getuser()

    @cached_property
    def name(self) -> str:
        return self.settings.seen().machine().name

    @cached_property
    def rows(self) -> list[Row]:
        return all_rows(self.settings)

    def row(self, number: str) -> Row | None:
        return next((row for row in self.rows if row.number == number), None)

    @cached_property
    def places(self) -> list[Place]:
        return places.places()

    @property
    def best_place(self) -> str:
        return places.best(self.places)

    def waiting(self, number: str) -> PendingRequest | None:
        """The request file of a license that waits for its response or receipt."""
        return waiting(number, self.settings.where)

    def found(self, number: str) -> list[Found]:
        """Response files on sticks, Desktop and Downloads that a request here waits for."""
        fitting = []
        for folder in places.where_responses_lie():
            with suppress(KeyferryError, OSError):  # none there, or none of ours
                fitting += genuine(folder, self.settings.keys)
        return [
            found
            for found in fitting
            if number in ("", found.response.license.number)
            and answers_here(found.response, self.settings.where)
        ]

    def wish(self, answers: Answers) -> RequestOptions:
        """The request that the answers ask for."""
        number = number_of(answers)
        kind = {"update": "update", "deactivate": "deactivate"}.get(answers["goal"], "activate")
        if kind != "activate":
            return wish_for(self.settings, number, kind)
        return wish_for(
            self.settings,
            number,
            kind,
            protection=protection_of(answers, self.protections),
            replaces_seat=int(answers["seat"]) if answers.get("seat", "").strip() else None,
            code=parse_activation_code(answers["code"], number),
        )

    def inside(self, answers: Answers) -> list[str]:
        """What the request file will hold; its key does not exist yet, and is not shown."""
        wish = self.wish(answers)
        seen = self.settings.seen(answers.get("name"))
        with suppress(KeyferryError):  # told when the file is made
            protection = wish.protection
            return request_lines(fresh_body(wish, protection, Ed25519Signer.generate(), 0, seen))
        return []
