"""What the fuzzer once found stays fixed, and every seed runs through the same targets."""

import random
from pathlib import Path

import pytest

from tests.unit.fuzz import targets
from tests.unit.fuzz.mutating import mutated
from tests.unit.fuzz.seeds import dictionary, seeds

FINDINGS = sorted(Path(__file__).with_name("found").glob("*-*"))


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.name)
def test_past_findings_are_accepted_or_refused(path: Path) -> None:
    targets.run(path.name.partition("-")[0], path.read_bytes())


@pytest.mark.parametrize("target", targets.TARGETS)
def test_every_seed_is_accepted_or_refused_and_every_reader_accepts_some(target: str) -> None:
    accepted = {seed[0] for seed in seeds(target) if targets.run(target, seed)}
    assert accepted == set(range(len(targets.TARGETS[target])))


@pytest.mark.parametrize("target", targets.TARGETS)
def test_seeds_with_a_changed_member_are_accepted_or_refused(target: str) -> None:
    chance = random.Random(target)
    for seed in seeds(target):
        changed = mutated(seed, chance)
        if changed is not None:
            targets.run(target, changed)


@pytest.mark.parametrize("target", targets.TARGETS)
def test_every_reader_has_a_seed_and_its_words(target: str) -> None:
    begin = {seed[0] for seed in seeds(target)}
    assert begin == set(range(len(targets.TARGETS[target])))
    assert len(dictionary(target)) > 30
