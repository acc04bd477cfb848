"""docs/trips.md: each journey has a test, and the test counts the trips that the table says."""

import ast
import re
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[3] / "docs" / "trips.md"
ROW = re.compile(r"\| ([^|]+) \| (\d+) \| [^|]+ \| \[(\w+)\]\(([^)]+)\) \|")
JOURNEYS = {
    "activate": 1,
    "update": 1,
    "renew": 0,
    "move to another computer": 1,
    "lost or broken computer": 1,
    "no seats left": 1,
    "damaged file": 1,
    "wrong activation code": 1,
    "room of ten computers": 1,
    "no USB drive allowed": 1,
}


def rows() -> dict[str, tuple[int, str, Path]]:
    """Trips, test, and its file, by journey."""
    lines = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")]
    matches = [ROW.fullmatch(line) for line in lines[2:]]
    assert all(matches), "a row that is not one of a journey"
    return {
        match[1]: (int(match[2]), match[3], (DOCUMENT.parent / match[4]).resolve())
        for match in matches
        if match
    }


def counted(test: str, file: Path) -> list[int]:
    """The numbers of trips that a test asserts, the last of its statements first."""
    (function,) = [
        node
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == test
    ]
    return [trips for statement in function.body[::-1] if (trips := trips_of(statement)) >= 0]


def trips_of(statement: ast.stmt) -> int:
    match statement:
        case ast.Assert(
            test=ast.Compare(
                left=ast.Attribute(value=ast.Name(id="walk"), attr="trips"),
                ops=[ast.Eq()],
                comparators=[ast.Constant(value=int(trips))],
            )
        ):
            return trips
    return -1


def test_the_table_has_each_journey() -> None:
    assert {journey: trips for journey, (trips, _, _) in rows().items()} == JOURNEYS


@pytest.mark.parametrize("journey", JOURNEYS)
def test_its_test_counts_the_trips_of_the_table(journey: str) -> None:
    trips, test, file = rows()[journey]
    assert counted(test, file) == [trips]
