"""What is seen of the machine now, held against what a response is bound to."""

from collections.abc import Mapping, Sequence

from keyferry_protocol.components import USER, ComponentHashes, Machine, hash_components
from keyferry_protocol.errors import MachineNotIdentified, WrongMachine
from keyferry_protocol.matching import Match, is_identifiable, match
from keyferry_protocol.response import BoundTo


class CurrentMachine:
    """A machine, read at the first use and no more than once."""

    def __init__(self, machine: Machine | None) -> None:
        self._machine = machine
        self._components: dict[bool, Mapping[str, Sequence[str]]] = {}

    def machine(self) -> Machine:
        """All of the machine, with what only people read."""
        if self._machine is None:
            from keyferry.machine.this import this_machine

            self._machine = this_machine()
        return self._machine

    def hashes(self, number: str, protection: str) -> ComponentHashes:
        """Its components as a license of this number sees them."""
        if self._machine is not None:
            return hash_components(number, self._machine.components, protection)
        user = protection == "personal"
        if user not in self._components:
            from keyferry.machine.this import read_components

            self._components[user] = read_components(user)
        return hash_components(number, self._components[user], protection)

    def match(self, number: str, bound_to: BoundTo) -> Match:
        return match(bound_to.components, self.hashes(number, bound_to.protection))

    def check(self, number: str, bound_to: BoundTo) -> None:
        """Raises WrongMachine unless this is the machine, and for `personal` the user.

        MachineNotIdentified for a recorded set that every machine would match.
        """
        if not is_identifiable(bound_to.components, bound_to.protection):
            raise MachineNotIdentified("It is bound to too little of a computer to know one by it.")
        found = self.match(number, bound_to)
        if found.same:
            return
        seen = self.hashes(number, bound_to.protection)
        facts = {"have": found.have, "of": found.of, "changed": list(found.changed)}
        if 2 * found.have > found.of and bound_to.components.get(USER) != seen.get(USER):
            raise WrongMachine("It is bound to another user of this computer.", match=facts)
        name = self.machine().name
        raise WrongMachine(
            f"It is bound to another computer: {found.have} of {found.of} points match this one"
            f"{f' ({name})' if name else ''}, more than half are needed.",
            match=facts,
        )
