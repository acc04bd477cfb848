"""A schedule of a seed, played; and of one that fails, the shortest that still does."""

import random
from dataclasses import dataclass

from tests.service.simulation.invariants import ALWAYS, AT_LAST, Violation
from tests.service.simulation.world import Step, World, begun, is_of_choices

STEPS = 30
# How often each is drawn. What customers send is served more often than not.
KINDS = {
    "activate": 4,
    "reinstall": 4,
    "replace_lost": 1,
    "choose": 2,
    "update": 2,
    "deactivate": 3,
    "forge": 1,
    "again": 3,
    "second_file": 4,
    "install": 2,
    "another_address": 1,
    "serve": 12,
    "mail": 5,
    "duplicate": 2,
    "outage": 1,
    "wait": 4,
    "vendor": 2,
    "contest": 3,
    "resend": 1,
    "redrive": 1,
    "renew": 5,
    "renew_beside_desk": 4,
    "rotate": 0,  # only in schedules of their own
    "ship": 0,
}

# In every fourth schedule, no seat is left and the person chooses one: rare among all the others.
CHOICES = {
    **dict.fromkeys(KINDS, 0),
    **{"activate": 3, "update": 1, "deactivate": 2, "choose": 8, "second_file": 1, "again": 1},
    **{
        "serve": 8,
        "mail": 3,
        "duplicate": 2,
        "outage": 1,
        "wait": 1,
        "vendor": 1,
        "contest": 2,
        "renew": 2,
    },
}

# In another fourth, the vendor begins and ends keys: most files of applications that were not
# updated would be refused for that in all the others.
KEYS = {
    **dict.fromkeys(KINDS, 0),
    **{"activate": 4, "reinstall": 2, "replace_lost": 1, "choose": 2, "update": 4, "deactivate": 3},
    **{"again": 4, "second_file": 3, "install": 1, "another_address": 1, "duplicate": 2},
    **{"serve": 6, "mail": 2, "outage": 1, "wait": 6, "vendor": 1, "contest": 2, "resend": 1},
    **{"redrive": 1, "renew": 3, "rotate": 7, "ship": 3},
}


@dataclass(frozen=True)
class Failure:
    """What did not hold, after which step; None after the last."""

    invariant: str
    message: str
    after: Step | None


def drawn(seed: int) -> list[Step]:
    """The schedule of a seed."""
    rng = random.Random(seed)
    weights = CHOICES if is_of_choices(seed) else KEYS if seed % 4 == 1 else KINDS
    kinds = rng.choices(list(weights), list(weights.values()), k=STEPS)
    return [
        Step(kind, rng.randrange(1000), rng.randrange(1000), rng.getrandbits(32)) for kind in kinds
    ]


def play(seed: int, steps: list[Step]) -> Failure | None:
    """Take the steps in the world of a seed, then let all faults end; the first failure."""
    with begun(seed) as world:
        for step in steps:
            world.do(step)
            if failure := _failure(world, ALWAYS, step):
                return failure
        world.cloud.rng.seed(seed)
        world.drain()
        return _failure(world, (*ALWAYS, *AT_LAST), None)


def shortest(seed: int, steps: list[Step]) -> list[Step]:
    """The fewest of these steps that still fail in the same way: none of them can be left out."""
    failure = play(seed, steps)
    assert failure is not None
    size, before = len(steps), 0
    while size > 1 or len(steps) != before:
        size, before = max(1, size // 2), len(steps)
        place = 0
        while place < len(steps):
            fewer = steps[:place] + steps[place + size :]
            smaller = play(seed, fewer)
            if smaller is not None and smaller.invariant == failure.invariant:
                steps = fewer
            else:
                place += size
    return steps


def describe(seed: int, failure: Failure, steps: list[Step]) -> str:
    """A failure for a person: what did not hold, and the steps that lead there."""
    lines = [f"Seed {seed}: {failure.invariant} does not hold: {failure.message}"]
    lines += [f"  {step}" for step in steps]
    return "\n".join([*lines, f"Again: .venv/bin/python -m tests.service.simulation --seed {seed}"])


def _failure(world: World, invariants: tuple, step: Step | None) -> Failure | None:  # type: ignore[type-arg]
    for invariant in invariants:
        try:
            invariant(world)
        except Violation as violation:
            return Failure(invariant.__name__, str(violation), step)
    return None
