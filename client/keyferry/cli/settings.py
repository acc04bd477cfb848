"""The settings of every command: options, environment, and `vendor.json`, read when needed."""

import os
import time
from contextlib import suppress
from functools import cached_property

import click

from keyferry.cli.dongle_prompts import ask_pin, choose_signer
from keyferry.dongle.find import find_dongle
from keyferry.dongle.signer import AnyDongle
from keyferry.installation import Installation
from keyferry.machine.current_machine import CurrentMachine, known_machine
from keyferry.machine.this import current_machine
from keyferry.store.own_folders import choose_folders, own_folders
from keyferry.store.state_dirs import StateDirs, find_state_dirs
from keyferry.throwaway import refuse_throwaway
from keyferry.vendor import Vendor, read_key_file, read_vendor
from keyferry.views.terminal import Terminal
from keyferry_protocol.algorithms import sha256_hex
from keyferry_protocol.components import Machine
from keyferry_protocol.errors import BadKeySet
from keyferry_protocol.keys import KeySet
from keyferry_protocol.messages import message


class Settings:
    """The context object of all commands.

    `machine`, `now` and `dongle` replace this computer's own if they were passed to `main`.
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

    def installation(self) -> Installation:
        """The installation that the options describe."""
        return Installation(
            state_dirs=self.state_dirs,
            keys=self.keys,
            product=self.product,
            machine=self._current_machine,
            clock=self.now,
            dongle=self._any_dongle,
        )

    def check(self) -> None:
        """Raises the error of a setting that is missing or cannot be read, before any effect."""
        self.installation()
        self.page  # noqa: B018 reads vendor.json, which other options may have spared

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
        return refuse_throwaway(KeySet.from_json(self._key_file))

    @property
    def key_set_sha256(self) -> str:
        """The SHA-256 of the `keys.json` that answers, over its bytes, in hex."""
        return sha256_hex(self._key_file)

    @cached_property
    def _key_file(self) -> bytes:
        return read_key_file(self._required("keys", self._text("keys")))

    @property
    def product(self) -> str:
        return self._required("product", self._text("product") or self.vendor.product)

    @property
    def state_dirs(self) -> StateDirs:
        state_dir = self._text("state_dir")
        if state_dir:
            state_dirs = find_state_dirs(None, state_dir)
        else:
            self._required("keys", self._text("keys"))
            state_dirs = find_state_dirs(self._required("state", self.vendor.id), None)
        return choose_folders(state_dirs, self._current_machine.hashes)

    @property
    def sources(self) -> list[str]:
        """The files and folders that these settings name, as far as they are known."""
        keys = self._text("keys")
        paths = [keys, os.path.join(os.path.dirname(keys), "vendor.json")] if keys else []
        with suppress(BadKeySet):  # a vendor's file that cannot be read names no folder
            vendor, state_dir = self.vendor.id or None, self._text("state_dir") or None
            if vendor or state_dir:
                paths += [root.path for root in find_state_dirs(vendor, state_dir)]
        return paths

    def own_state_dirs(self, number: str) -> StateDirs:
        """The state directories with only this computer's own folders of a license."""
        return own_folders(self.state_dirs, self._current_machine.hashes, number)

    @cached_property
    def _current_machine(self) -> CurrentMachine:
        return current_machine() if self._machine is None else known_machine(self._machine)

    @property
    def page(self) -> str:
        return self.vendor.page_url or message("terminal.no-page")

    def names(self) -> dict[str, str]:
        """The names to fill into error messages, as far as they are known."""
        try:
            vendor = self.vendor
        except BadKeySet:  # this is the error being reported, or it is irrelevant to that one
            vendor = Vendor(id="")
        return vendor.names(self._text("product"))

    def now(self) -> int:
        return int(time.time()) if self._now is None else self._now

    @cached_property
    def _any_dongle(self) -> AnyDongle:
        """Return a function that finds the dongle a license needs and prompts for its PIN."""
        return self._dongle or find_dongle(
            lambda dongle: ask_pin(dongle, self.is_interactive),
            self.pkcs11_module,
            lambda dongles: choose_signer(dongles, self._text("dongle"), self.is_interactive),
        )

    def _text(self, name: str) -> str:
        value = self.options.get(name)
        return value if isinstance(value, str) else ""

    def _required(self, name: str, value: str) -> str:
        if not value:
            raise click.UsageError(message(f"terminal.usage.{name}"), click.get_current_context())
        return value
