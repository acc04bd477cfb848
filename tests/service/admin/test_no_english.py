"""The license letter in a made-up language: no English is left but names and commands."""

import re
from pathlib import Path
from typing import Any

import pytest

from keyferry_protocol import messages
from keyferry_protocol.messages import use_language
from tests.service.admin.test_letters import FULL, PAGE, letter
from tests.support.pseudo import PSEUDO, english_in, write_pseudo
from tests.support.samples import NOW

NAMES = (
    *("Example Modeler", "Example", "Professional", "Nordhaven Pilot Plant", "solver", "threads"),
    *("licensing@example.com", PAGE),
)
COMMANDS = re.compile(
    r"^ +keyferry (request \d{12}( --protection \w+)?|install FILE)$", re.MULTILINE
)


@pytest.mark.parametrize("is_new_code", [False, True])
@pytest.mark.parametrize(
    "terms",
    [
        FULL,
        {"protections": ("dongle",), "trial_days": 30},
        {"protections": ("machine", "personal"), "trial_days": 1, "valid_until": NOW},
        {"environments": ("physical", "virtual", "container", "unknown"), "lease_days": 1},
    ],
)
def test_the_license_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terms: dict[str, Any], is_new_code: bool
) -> None:
    write_pseudo(tmp_path)
    monkeypatch.setattr(messages, "FOLDER", str(tmp_path))
    with use_language(PSEUDO):
        text = COMMANDS.sub("", letter(is_new_code=is_new_code, **terms))
    groups = re.sub(r"\b\w{6}(-\w{6}){4}\b", "", text)  # the activation code
    assert english_in(groups, NAMES) == []
