"""The machine as it is now, compared with the machine that a response is bound to."""

from collections.abc import Callable, Mapping, Sequence

from keyferry_protocol.components import ComponentHashes, Machine, hash_components
from keyferry_protocol.matching import Match, match
from keyferry_protocol.response import BoundTo


class CurrentMachine:
    """A machine that is read on first use, and at most once.

    `read_components` reads only the raw values, and those of the user only if it is passed True;
    `read_environment` only what the environment shows.
    """

    def __init__(
        self,
        read: Callable[[], Machine],
        read_components: Callable[[bool], Mapping[str, Sequence[str]]],
        read_environment: Callable[[], str],
    ) -> None:
        self._read = read
        self._read_components = read_components
        self._read_environment = read_environment
        self._machine: Machine | None = None
        self._components: dict[bool, Mapping[str, Sequence[str]]] = {}

    def unread(self) -> "CurrentMachine":
        """A copy that reads the machine again."""
        return CurrentMachine(self._read, self._read_components, self._read_environment)

    def machine(self) -> Machine:
        """The machine, with the names that only people read."""
        if self._machine is None:
            self._machine = self._read()
        return self._machine

    def environment(self) -> str:
        """`physical`, `virtual`, `container` or `unknown`."""
        return self._read_environment() if self._machine is None else self._machine.environment

    def hashes(self, number: str, protection: str) -> ComponentHashes:
        """The component hashes of this machine under a license number."""
        if self._machine is not None:
            return hash_components(number, self._machine.components, protection)
        user = protection == "personal"
        if user not in self._components:
            self._components[user] = self._read_components(user)
        return hash_components(number, self._components[user], protection)

    def match(self, number: str, bound_to: BoundTo) -> Match:
        """How much of the machine that a response is bound to is present here."""
        return match(bound_to.components, self.hashes(number, bound_to.protection))


def known_machine(machine: Machine) -> CurrentMachine:
    """Wrap a machine that was already read, such as a recorded one."""
    return CurrentMachine(
        lambda: machine, lambda user: machine.components, lambda: machine.environment
    )
