"""The result of one check of the doctor."""

from collections.abc import Mapping
from typing import Any, NamedTuple

OK, WARNING, PROBLEM = "ok", "warning", "problem"


class Finding(NamedTuple):
    """One result: its sentence, what to do now ("" if nothing), and its facts for `--json`."""

    name: str
    result: str
    text: str
    next_step: str = ""
    facts: Mapping[str, Any] = {}
