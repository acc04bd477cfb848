"""What the fuzzer once found stays fixed, and every seed runs through the same targets."""

import random
from pathlib import Path
from types import ModuleType

import pytest

from keyferry_service.adapters import feedback_ses, queue_sqs
from keyferry_service.views import api_input
from tests.unit.fuzz import targets
from tests.unit.fuzz.mutating import mutated
from tests.unit.fuzz.seeds import dictionary, seeds

FINDINGS = Path(__file__).with_name("found")
IS_ACCEPTED = {"install-grace-of-ages": False}


def test_every_past_finding_is_accepted_or_refused_as_it_should_be() -> None:
    files = {path.name: path.read_bytes() for path in FINDINGS.glob("*-*")}
    is_accepted = {name: targets.run(name.partition("-")[0], files[name]) for name in files}
    assert is_accepted == IS_ACCEPTED


@pytest.mark.parametrize("module", [api_input, feedback_ses, queue_sqs])
def test_whatever_reads_a_message_or_a_call_is_fuzzed(module: ModuleType) -> None:
    readers = {
        name
        for name, value in vars(module).items()
        if name.startswith(("parse_", "read_")) and value.__module__ == module.__name__
    }
    assert readers
    assert readers - {"read_email"} <= vars(targets).keys()  # read_email_or_none calls that one


@pytest.mark.parametrize("target", targets.TARGETS)
def test_every_seed_is_accepted_or_refused_and_every_reader_accepts_some(target: str) -> None:
    accepted = {seed[0] for seed in seeds(target) if targets.run(target, seed)}
    assert accepted == set(range(len(targets.TARGETS[target])))


@pytest.mark.parametrize("target", targets.TARGETS)
def test_of_seeds_with_a_changed_member_some_are_accepted_and_most_refused(target: str) -> None:
    chance = random.Random(target)
    good = [seed for seed in seeds(target) if targets.run(target, seed)]
    changed = [seed for seed in (mutated(seed, chance) for seed in good) if seed is not None]
    accepted = sum(targets.run(target, seed) for seed in changed)
    assert 0 < accepted < len(changed) / 2


@pytest.mark.parametrize("target", targets.TARGETS)
def test_every_reader_has_a_seed_and_its_words(target: str) -> None:
    begin = {seed[0] for seed in seeds(target)}
    assert begin == set(range(len(targets.TARGETS[target])))
    assert len(dictionary(target)) > 30
