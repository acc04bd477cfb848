"""The result of one check of a deployed stack."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Result = Literal["ok", "warning", "problem", "unknown"]
OK: Result = "ok"
WARNING: Result = "warning"  # customers are served, but somebody should act
PROBLEM: Result = "problem"  # not ready: a customer, or the vendor's data, would suffer
UNKNOWN: Result = "unknown"  # the check could not run


class Finding(NamedTuple):
    """One result: its sentence, what to do now ("" if nothing), and its facts for `--json`."""

    name: str
    result: Result
    text: str
    next_step: str = ""
    facts: Mapping[str, Any] = {}
