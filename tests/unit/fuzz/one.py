"""Fuzzes one target until libFuzzer's options end it; started by `python -m tests.unit.fuzz`.

`python -m tests.unit.fuzz.one TARGET [libFuzzer's options] FOLDER...`
"""

import random
import sys
import time

import atheris  # type: ignore[import-untyped]  # of .venv-soak, which has no types for it

from tests.unit.fuzz.mutating import mutated

with atheris.instrument_imports(include=["keyferry", "keyferry_protocol", "keyferry_service"]):
    from tests.unit.fuzz import targets

SLOW_S = 1.0  # of processor time; a reader takes milliseconds


def main() -> None:
    command, target, *options = sys.argv

    def run(data: bytes) -> None:
        begun = time.process_time()
        targets.run(target, data)
        took = time.process_time() - begun
        assert took < SLOW_S, f"{len(data)} bytes took {took:.1f} s"

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        changed = mutated(data, random.Random(seed)) if seed % 2 else None
        if changed is not None and len(changed) <= max_size:
            return changed
        mutated_bytes: bytes = atheris.Mutate(data, max_size)
        return mutated_bytes

    atheris.Setup([command, *options], run, custom_mutator=mutate)
    atheris.Fuzz()


main()
