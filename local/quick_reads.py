"""Makes ministack read many rows in half the time, with the same answers.

By itself it takes the expressions of a call apart anew for each row.
"""

from functools import lru_cache
from typing import Any

from ministack.services import dynamodb  # type: ignore[import-untyped]


def read_quickly() -> None:
    """Change ministack in this process, before it serves."""
    dynamodb._project_item = _of_whole_attributes(dynamodb._project_item)
    dynamodb._condition_syntax_error = lru_cache(dynamodb._condition_syntax_error)
    tokenize = lru_cache(dynamodb._tokenize)
    dynamodb._tokenize = lambda expression: list(tokenize(expression))


def _of_whole_attributes(project: Any) -> Any:
    """Where an expression names whole attributes, each once, there is nothing to take apart."""

    def of_whole_attributes(item: Any, expression: str, names: Any) -> Any:
        attributes = {(names or {}).get(part.strip()) for part in (expression or "").split(",")}
        if None in attributes or len(attributes) <= expression.count(","):
            return project(item, expression, names)
        return {name: item[name] for name in attributes if name in item}

    return of_whole_attributes
