"""What the wizard knows about this computer. It is read again for every screen."""

import getpass
import os
from contextlib import suppress
from dataclasses import replace
from functools import cached_property

from keyferry.doctor.diagnose import diagnose
from keyferry.doctor.finding import OK, Finding
from keyferry.dongle.find import find_dongles, with_keys
from keyferry.dongle.plugged import NoDriver, PluggedDongle
from keyferry.files.read_responses import ResponseFile, genuine_responses
from keyferry.install import is_expected
from keyferry.installation import Installation
from keyferry.list_licenses import Row, list_licenses
from keyferry.request import PendingRequest, chosen_name, find_pending, own_seat
from keyferry.request_options import RequestOptions, StateFacts, request_body
from keyferry.store.own_folders import choose_folders, own_folders
from keyferry.store.state_dirs import StateDirs
from keyferry.vendor import Vendor
from keyferry.views.request_summary import request_lines
from keyferry.wizard import save_locations
from keyferry.wizard.answers import Answers, number_of, protection_of
from keyferry.wizard.checks import parse_seat
from keyferry.wizard.save_locations import SaveLocation
from keyferry_protocol.activation import parse_activation_code
from keyferry_protocol.errors import CannotVerify, DongleMissing, KeyferryError
from keyferry_protocol.keys import Ed25519Signer
from keyferry_protocol.messages import message


class Computer:
    """A view of this computer for one screen. The next screen gets a new one."""

    def __init__(
        self,
        installation: Installation,
        vendor: Vendor,
        product_version: str = "",
        pkcs11_module: str | None = None,
    ) -> None:
        machine = installation.machine.unread()
        state_dirs = choose_folders(installation.state_dirs, machine.hashes)
        self.installation = replace(installation, machine=machine, state_dirs=state_dirs)
        self.vendor = vendor
        self.pkcs11_module = pkcs11_module
        self.no_dongle = ""
        self._product_version = product_version

    @property
    def product(self) -> str:
        return self.installation.product

    @property
    def page(self) -> str:
        return self.vendor.page_url or message("terminal.no-page")

    @property
    def support(self) -> str:
        return self.vendor.support or self.vendor.name or message("wizard.the-vendor")

    @property
    def protections(self) -> tuple[str, ...]:
        """The protections that the vendor offers to customers."""
        return self.vendor.protections

    @property
    def ways_to_send(self) -> tuple[str, ...]:
        return ("save", "qr", "online") if self.vendor.page_url else ("save",)

    @cached_property
    def warnings(self) -> list[Finding]:
        """What the doctor warns about before a request is written."""
        return [finding for finding in diagnose(self.installation) if finding.result != OK]

    @cached_property
    def dongles(self) -> list[PluggedDongle]:
        """The plugged-in dongles that can sign; `no_dongle` says why there are none."""
        try:
            plugged = find_dongles(self.pkcs11_module)
            if plugged:
                return with_keys(plugged)
            self.no_dongle = message("wizard.token.none")
        except NoDriver as error:
            self.no_dongle = message(
                "wizard.problem-text", detail=str(error), next_step=error.next_step
            )
        except DongleMissing as error:  # it has no key
            self.no_dongle = str(error)
        return []

    def needs_pin(self, answers: Answers) -> bool:
        """Whether the answers lead to a signature by a dongle that needs its PIN."""
        if answers.get("goal") == "install" and answers.get("what") != "response":
            is_bound = protection_of(answers, self.protections) == "dongle"
        else:
            row = self.row(answers.get("license", ""))
            is_bound = row is not None and row.protection == "dongle"
        return is_bound and any(dongle.needs_pin for dongle in self.dongles)

    @property
    def user(self) -> str:
        try:
            return getpass.getuser()
        except (KeyError, OSError):  # a user without a name, as in a container
            return str(os.getuid())

    def name(self, answers: Answers) -> str:
        """The computer's name in the next request: as it was chosen, otherwise its own."""
        chosen = chosen_name(number := number_of(answers), self.own_state_dirs(number))
        return self.installation.machine.machine().name if chosen is None else chosen

    @cached_property
    def rows(self) -> list[Row]:
        return list_licenses(self.installation)

    def row(self, number: str) -> Row | None:
        return next((row for row in self.rows if row.number == number), None)

    @cached_property
    def save_locations(self) -> list[SaveLocation]:
        return save_locations.save_locations()

    @property
    def best_location(self) -> str:
        return save_locations.best_location(self.save_locations)

    def pending(self, number: str) -> PendingRequest | None:
        """A license's request that is waiting for its response or receipt."""
        return find_pending(number, self.installation.state_dirs)

    def response_files(self, number: str) -> list[ResponseFile]:
        """Response files on USB drives, Desktop and Downloads that a request here is waiting for.

        With a license number, only those for that license.
        """
        files = []
        for folder in save_locations.response_folders():
            try:
                files += genuine_responses(folder, self.installation.keys)
            except CannotVerify:
                raise  # or it would seem that there is none
            except (KeyferryError, OSError):  # no response there, or none for this vendor
                continue
        return [
            file
            for file in files
            if number in ("", file.response.license.number)
            and is_expected(file.response, self.installation.state_dirs)
        ]

    def own_state_dirs(self, number: str) -> StateDirs:
        """The state directories with only this computer's own folders of a license."""
        installation = self.installation
        return own_folders(installation.state_dirs, installation.machine.hashes, number)

    def request_options(self, answers: Answers) -> RequestOptions:
        """The request that the answers ask for."""
        number = number_of(answers)
        goal = answers["goal"]
        known = self.name(answers)
        name = answers.get("name", known)
        typed_name = None if name == known else name
        if goal in ("update", "deactivate"):
            return RequestOptions(number, goal, self._product_version, machine_name=typed_name)
        return RequestOptions(
            number,
            "activate",
            self._product_version,
            protection=protection_of(answers, self.protections),
            replaces_seat=parse_seat(answers.get("seat", "")) or self.own_seat(answers),
            code=parse_activation_code(answers["code"], number),
            machine_name=typed_name,
        )

    def own_seat(self, answers: Answers) -> int | None:
        """The seat that this computer had, and that the service would not find."""
        protection = protection_of(answers, self.protections)
        return own_seat(number_of(answers), protection, self.installation)

    def request_preview(self, answers: Answers) -> list[str]:
        """A summary of the request file. Its keys do not exist yet, so temporary ones are used."""
        options = self.request_options(answers)
        options = options._replace(machine_name=answers.get("name", self.name(answers)))
        device, load = Ed25519Signer.generate().public, Ed25519Signer.generate().public
        is_for_dongle = options.protection == "dongle"
        row = self.row(number_of(answers))
        product = self.product if options.kind == "activate" or row is None else row.product
        load_key = None if is_for_dongle else load
        facts = StateFacts(product, options.protection, device, load_key)
        with suppress(KeyferryError):  # reported when the file is made
            return request_lines(request_body(options, facts, self.installation))
        return []
