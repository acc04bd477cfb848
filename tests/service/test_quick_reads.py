"""The local cloud's quicker reads have the same answers."""

from typing import Any

import pytest
from ministack.services import dynamodb  # type: ignore[import-untyped]

from local.quick_reads import read_quickly

ROW = {"pk": {"S": "1"}, "seats": {"N": "3"}, "moves": {"M": {"today": {"N": "1"}}}}
NAMES = {"#pk": "pk", "#seats": "seats", "#moves": "moves", "#gone": "gone", "#again": "seats"}
CHANGED = ("_project_item", "_condition_syntax_error", "_tokenize")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """ministack's own functions, while the quick ones are in their place."""
    own = {name: getattr(dynamodb, name) for name in CHANGED}
    for name, function in own.items():
        monkeypatch.setattr(dynamodb, name, function)  # so that they are put back
    read_quickly()
    return own


@pytest.mark.parametrize(
    "expression",
    ["#pk", "#pk, #seats", "#seats,#moves, #gone", "#moves.today", "#pk, seats", "seats", ""],
)
def test_the_same_attributes_are_read(slow: dict[str, Any], expression: str) -> None:
    for names in (NAMES, {}, None):
        own = slow["_project_item"](ROW, expression, names)
        assert dynamodb._project_item(ROW, expression, names) == own


@pytest.mark.parametrize("expression", ["#seats, #again", "#seats, seats", "#moves, #moves.today"])
def test_an_attribute_that_is_named_twice_is_refused(slow: dict[str, Any], expression: str) -> None:
    for project in (slow["_project_item"], dynamodb._project_item):
        with pytest.raises(ValueError, match="overlap"):
            project(ROW, expression, NAMES)


@pytest.mark.parametrize("expression", ["seats BETWEEN :a AND :b", "#seats = :a AND", "seats = ("])
def test_the_same_conditions_are_read(slow: dict[str, Any], expression: str) -> None:
    for _ in range(2):
        assert dynamodb._tokenize(expression) == slow["_tokenize"](expression)
        for slot in ("FilterExpression", "ConditionExpression"):
            own = slow["_condition_syntax_error"](expression, slot)
            assert dynamodb._condition_syntax_error(expression, slot) == own
