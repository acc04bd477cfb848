"""The language of a command: --lang, else KEYFERRY_LANG, else the locale, else English."""

import json
from pathlib import Path

import pytest

from keyferry.cli.language import chosen_language
from keyferry_protocol import messages
from tests.support.terminal import Shell

LOCALE = {"LC_ALL": "", "LC_MESSAGES": "it_IT.UTF-8", "LANG": "fr_FR.UTF-8"}


@pytest.mark.parametrize(
    ("typed", "environ", "language"),
    [
        pytest.param("list", {}, "", id="nothing says one"),
        pytest.param("list --lang de", {"KEYFERRY_LANG": "nl", **LOCALE}, "de", id="the option"),
        pytest.param("--lang=de list", {"KEYFERRY_LANG": "nl", **LOCALE}, "de", id="before it"),
        pytest.param("--lang nl list --lang de", {}, "de", id="the later option"),
        pytest.param("list", {"KEYFERRY_LANG": "nl", **LOCALE}, "nl", id="the variable"),
        pytest.param("list", LOCALE, "it_IT.UTF-8", id="an empty LC_ALL is not set"),
        pytest.param("list", {**LOCALE, "LC_ALL": "C"}, "C", id="LC_ALL before the others"),
        pytest.param("list", {"LANG": "fr_FR.UTF-8"}, "fr_FR.UTF-8", id="LANG last"),
        pytest.param("list --lang", LOCALE, "it_IT.UTF-8", id="an option without its value"),
    ],
)
def test_the_nearest_choice_wins(typed: str, environ: dict[str, str], language: str) -> None:
    assert chosen_language(typed.split(), environ) == language


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog whose German has one sentence of the terminal and one of the errors."""
    folder = tmp_path / "messages"
    (folder / "de").mkdir(parents=True)
    (folder / "en").symlink_to(Path(messages.FOLDER) / "en")
    none = {"none": "Noch keine Lizenz auf diesem Computer."}
    wrong = {"wrong-license-number.title": "Das ist keine Lizenznummer"}
    (folder / "de/terminal.json").write_text(json.dumps(none))
    (folder / "de/errors.json").write_text(json.dumps(wrong))
    monkeypatch.setattr(messages, "FOLDER", str(folder))


@pytest.mark.usefixtures("german")
def test_results_and_errors_are_in_the_language(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shell("list").out == "No license on this computer yet. Start with:  keyferry wizard\n"
    assert shell("list", "--lang", "de").out.startswith("Noch keine Lizenz auf diesem Computer.")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    refused = shell("request", "1")
    assert refused.err.startswith("X Das ist keine Lizenznummer (wrong-license-number)\n")
    assert "Enter the 12 digits" in refused.err  # German lacks it
    assert messages.language_in_use() == "en"
