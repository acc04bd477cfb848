"""The context of every use case of the client: one product's installation on one machine."""

from collections.abc import Callable

from keyferry.dongle.signer import AnyDongle
from keyferry.machine.current_machine import CurrentMachine
from keyferry.store.state_dirs import StateDirs
from keyferry_protocol.frozen import frozen
from keyferry_protocol.keys import KeySet


@frozen
class Installation:
    """A product on a machine: its state directories, trusted keys, machine, clock, and dongle.

    `clock` returns whole seconds since 1970. `dongle` is a DongleSigner, or a function that finds
    one when a license needs it.
    """

    state_dirs: StateDirs
    keys: KeySet
    product: str
    machine: CurrentMachine
    clock: Callable[[], int]
    dongle: AnyDongle = None
