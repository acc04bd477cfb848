"""What every command is told: options, environment and `vendor.json`, read when they are needed."""

import time
from dataclasses import replace
from functools import cached_property

import click

from keyferry.cli.dongle_prompts import ask_pin, choose_signer
from keyferry.cli.terminal import Terminal
from keyferry.dongle.find import find_dongle
from keyferry.dongle.signer import AnyDongle
from keyferry.machine.current_machine import CurrentMachine
from keyferry.store.state_dirs import StateDirs, roots
from keyferry.vendor import Vendor, read_keys, read_vendor
from keyferry_protocol.components import Machine
from keyferry_protocol.errors import BadKeySet
from keyferry_protocol.keys import KeySet
from keyferry_protocol.messages import message


class Settings:
    """The context object of all commands.

    `machine`, `now` and `dongle` stand for this computer's own where `main` was given them.
    """

    def __init__(
        self,
        machine: Machine | None = None,
        now: int | None = None,
        dongle: AnyDongle = None,
        as_json: bool = False,
    ) -> None:
        self.terminal = Terminal(as_json)
        self.options: dict[str, str | bool | None] = {}
        self._machine = machine
        self._now = now
        self._dongle = dongle

    def now(self) -> int:
        return int(time.time()) if self._now is None else self._now

    def seen(self, name: str | None = None) -> CurrentMachine:
        """This computer; by another `name`, "" to withhold it."""
        if name is None:
            return CurrentMachine(self._machine)
        return CurrentMachine(replace(CurrentMachine(self._machine).machine(), name=name))

    @cached_property
    def dongle(self) -> AnyDongle:
        """What finds the token that a license wants; its PIN is asked for then."""
        return self._dongle or find_dongle(
            lambda token: ask_pin(token, self.is_interactive),
            self.pkcs11_module,
            lambda tokens: choose_signer(tokens, self._text("dongle"), self.is_interactive),
        )

    @property
    def pkcs11_module(self) -> str | None:
        return self._text("pkcs11_module") or None

    @property
    def is_interactive(self) -> bool:
        return not self.options.get("non_interactive")

    @property
    def product_version(self) -> str:
        return self._text("product_version")

    @cached_property
    def vendor(self) -> Vendor:
        path = self._text("keys")
        return (read_vendor(path) if path else None) or Vendor(id="")

    @cached_property
    def keys(self) -> KeySet:
        return read_keys(self._needed("keys", self._text("keys")))

    @property
    def product(self) -> str:
        return self._needed("product", self._text("product") or self.vendor.product)

    @property
    def where(self) -> StateDirs:
        state_dir = self._text("state_dir")
        if state_dir:
            return roots(None, state_dir)
        self._needed("keys", self._text("keys"))
        return roots(self._needed("state", self.vendor.id), None)

    @property
    def page(self) -> str:
        return self.vendor.page_url or message("terminal.no-page")

    def names(self) -> dict[str, str]:
        """What the sentences of errors leave open, as far as it is known."""
        try:
            vendor = self.vendor
        except BadKeySet:  # told already, or no part of what is told
            vendor = Vendor(id="")
        return {
            "product": self._text("product") or vendor.product,
            "vendor": vendor.name,
            "support": vendor.support or vendor.name,
        }

    def _text(self, name: str) -> str:
        value = self.options.get(name)
        return value if isinstance(value, str) else ""

    def _needed(self, name: str, value: str) -> str:
        if not value:
            raise click.UsageError(message(f"terminal.usage.{name}"), click.get_current_context())
        return value
