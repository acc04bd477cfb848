"""Signing keys in a simulated cloud: the vendor's commands, and which keys could sign when."""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from keyferry_admin.errors import AdminError
from keyferry_admin.use_cases import keys as desk
from keyferry_admin.use_cases.reissue import reissue_live_seats
from keyferry_protocol.keys import KeySet, MlDsa65Signer
from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.resignings_dynamodb import Resignings
from keyferry_service.adapters.retries import Conflict
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey
from tests.service.simulation.cloud import ENDPOINT, IN, OUT, REQUESTS, Clients
from tests.service.simulation.processes import ACCOUNT
from tests.support.builders import VENDOR, a_key

if TYPE_CHECKING:
    from tests.service.simulation.world import World

FRESH_S = 60  # how long a function may go on with the keys that it has read
SIGNERS = (VENDOR, a_key("second"), a_key("third"), MlDsa65Signer(b"p" * 32))
# In KMS, each key and its replica in another region.
IN_KMS = {
    f"arn:aws:kms:{region}:{ACCOUNT}:key/{signer.keyid}": signer
    for region in ("eu-central-1", "eu-west-1")
    for signer in SIGNERS
}
COMMANDS = (*("create",) * 4, *("retire",) * 3, *("compromise",) * 3)


def in_kms(arn: str) -> SigningKey:
    """The row of the key with this ARN, which signs."""
    signer = IN_KMS[arn]
    return SigningKey(signer.keyid, signer.alg, signer.public, KeyStatus.ACTIVE, kms_arn=arn)


FIRST_KEY = in_kms(next(iter(IN_KMS)))


def signing_keys(clients: Clients) -> Any:
    """The rows of the keys, by the adapter as it is now, of which a mutation may be tried."""
    adapter = import_module("keyferry_service.adapters.signing_keys_dynamodb")
    return adapter.SigningKeys(clients.client("dynamodb"), "Keys", "Licenses")


def exported(clients: Clients) -> KeySet:
    """What an application that is built now embeds."""
    nothing_revoked: Any = SimpleNamespace(sold=lambda: ())
    return desk.export(signing_keys(clients), nothing_revoked)


def work_on_keys(world: "World", seed: int) -> Callable[[Clients], None]:
    """One of the vendor's commands for keys, as its seed draws it."""

    def work(clients: Clients) -> None:
        rng = random.Random(seed)
        # A command that fails says so to the vendor, who runs it again or not.
        with suppress(AdminError, Conflict, ClientError, BotoCoreError):
            match rng.choice(COMMANDS):
                case "create":
                    desk.register(signing_keys(clients), in_kms(rng.choice(list(IN_KMS))))
                case "retire":
                    desk.retire(signing_keys(clients), _known_key(world, rng))
                case "compromise":
                    compromise(world, _known_key(world, rng), clients)

    return work


def compromise(world: "World", keyid: str, clients: Clients) -> None:
    """Distrust a key, and have the answer of every seat in use signed by the others."""
    world.unfinished.add(keyid)
    stack = _stack(clients)
    desk.compromise(stack.signing_keys, keyid)
    world.compromised.add(keyid)
    for reissued in reissue_live_seats(stack, keyid, world.cloud.now):
        world.reissued[reissued.ticket.id] = keyid
    world.unfinished.discard(keyid)


def finish_compromises(world: "World", clients: Clients) -> None:
    """Run those commands again that did not end, as the vendor would."""
    for keyid in sorted(world.unfinished):
        with suppress(AdminError):  # the only key that signs stays one
            compromise(world, keyid, clients)


def _known_key(world: "World", rng: random.Random) -> str:
    return rng.choice(sorted(world.history.keys.rows))


class _KnownLicenses(Licenses):
    """Which licenses there are comes from an index, which is not simulated."""

    numbers: tuple[str, ...]

    def all(self) -> Any:
        return self.read(self.numbers)


def _stack(clients: Clients) -> Any:
    """As much of a stack as the command needs."""
    from tests.service.simulation.world import NUMBERS

    dynamodb = clients.client("dynamodb")
    licenses = _KnownLicenses(dynamodb, "Licenses")
    licenses.numbers = NUMBERS
    return SimpleNamespace(
        licenses=licenses,
        signing_keys=signing_keys(clients),
        resignings=Resignings(dynamodb, "Tickets"),
        tickets=Tickets(dynamodb, "Tickets"),
        files=Files(clients.client("s3"), IN, OUT),
        sqs=clients.client("sqs"),
        output=lambda _: f"{ENDPOINT}/{ACCOUNT}/{REQUESTS}",
    )


@dataclass
class KeyHistory:
    """The keys' rows as they are now, and which keys were active since when."""

    rows: dict[str, SigningKey] = field(default_factory=dict)
    copies: dict[str, SigningKey] = field(default_factory=dict)  # among the licenses
    before: dict[str, SigningKey] = field(default_factory=dict)  # one step ago
    states: list[tuple[int, frozenset[str]]] = field(default_factory=list)
    in_step: frozenset[str] = frozenset()  # active before or after the last step

    def end_step(self, elapsed: int) -> None:
        """Record which keys are active now."""
        active = frozenset(k.keyid for k in self.rows.values() if k.status is KeyStatus.ACTIVE)
        self.in_step = active
        if self.states:
            self.in_step |= self.states[-1][1]
        if not self.states or active != self.states[-1][1]:
            self.states.append((elapsed, active))

    def active_since(self, elapsed: int) -> list[frozenset[str]]:
        """Which keys were active at that time, and each time that they changed after it."""
        ends = [since for since, _ in self.states[1:]]
        return [
            active
            for (_, active), end in zip(self.states, [*ends, elapsed], strict=True)
            if end >= elapsed
        ]


def can_verify(key_set: KeySet, active: frozenset[str]) -> bool:
    """Whether an application of this key set can verify what all these keys sign."""
    trusted = {key.alg for key in key_set.keys if key.trusted and key.keyid in active}
    return trusted.issuperset(key_set.require)
