"""What every use case of the client is handed: one product's installation on one machine."""

from collections.abc import Callable

from keyferry.dongle.signer import AnyDongle
from keyferry.machine.current_machine import CurrentMachine, known_machine
from keyferry.store.state_dirs import StateDirs
from keyferry_protocol.frozen import frozen
from keyferry_protocol.keys import KeySet


@frozen
class Installation:
    """A product on a machine: where its licenses are kept, what it trusts, and what it can see.

    `clock` returns whole seconds since 1970. `dongle` is a DongleSigner, or what finds one when a
    license asks for it.
    """

    state_dirs: StateDirs
    keys: KeySet
    product: str
    machine: CurrentMachine
    clock: Callable[[], int]
    dongle: AnyDongle = None

    def with_machine_name(self, name: str) -> "Installation":
        """The same installation whose requests call the machine by this name; "" withholds it."""
        from dataclasses import replace  # costs an import that `load` does not pay

        machine = replace(self.machine.machine(), name=name)
        return replace(self, machine=known_machine(machine))
