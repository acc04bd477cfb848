"""What the terminal says before anything is done: help, a first run, and any width of window."""

import re
from pathlib import Path

import pytest

from keyferry.cli.main import COMMANDS
from keyferry.views.columns import columns_of
from tests.support.samples import NUMBER
from tests.support.terminal import Shell

PLUMBING = ("--state-dir", "--keys", "--product", "--pkcs11-module", "--lang", "--json")
START = "No license on this computer yet. Start with:  keyferry wizard"


@pytest.mark.parametrize("arguments", [("--help",), ("dongle", "--help")])
def test_no_summary_is_cut(shell: Shell, arguments: tuple[str, ...]) -> None:
    shell.patch.setenv("COLUMNS", "80")
    assert "..." not in shell(*arguments).out.split("Commands:")[1]


def test_each_option_names_its_variable(shell: Shell) -> None:
    words = " ".join(shell("request", "--help").out.split())
    for variable in ("STATE_DIR", "KEYS", "PRODUCT", "PKCS11_MODULE", "LANG", "ACTIVATION_CODE"):
        assert f"Or set KEYFERRY_{variable}." in words


@pytest.mark.parametrize("name", COMMANDS)
def test_the_settings_of_every_command_have_a_section_of_their_own(shell: Shell, name: str) -> None:
    own, settings = shell(name, "--help").out.split("Settings, for every command:")
    assert [option for option in PLUMBING if f"\n  {option}" in own] == []
    assert [option for option in PLUMBING if f"\n  {option}" not in settings] == []


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_help_fits_the_window(shell: Shell, columns: int) -> None:
    shell.patch.setenv("COLUMNS", str(columns))
    for name in COMMANDS:
        lines = shell(name, "--help").out.splitlines()
        assert [line for line in lines if len(line) > columns] == [], name


@pytest.mark.parametrize("arguments", [(), ("list",), ("status",)])
def test_a_first_run_says_what_to_do(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell(*arguments).out.splitlines()[-1] == START
    shell("request", NUMBER)
    assert START not in shell(*arguments).out


def test_without_any_setting_the_bare_command_still_shows_its_help(shell: Shell) -> None:
    for name in ("KEYFERRY_KEYS", "KEYFERRY_STATE_DIR"):
        shell.patch.delenv(name)
    printed = shell()
    assert printed.err == ""
    assert "Commands:" in printed.out
    assert START not in printed.out


def test_a_narrow_window_lists_the_facts_of_a_license_below_each_other(shell: Shell) -> None:
    shell.room.activate()
    shell.room.request("update")
    shell.patch.setenv("COLUMNS", "40")
    assert shell("list").out.splitlines() == [
        "1. 015.120.020.093",
        "   Product: Example Modeler",
        "   Status: Active; update waiting",
        "   Ends: 30 Nov 2027",
    ]


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_status_breaks_its_sentences_between_words(shell: Shell, columns: int) -> None:
    shell("request", NUMBER)
    shell.patch.setenv("COLUMNS", str(columns))
    lines = shell("status").out.splitlines()
    wide = [line for line in lines if columns_of(line) > columns]
    broken = [line for line in wide if "Request file: " not in line and len(line.split()) > 1]
    assert broken == [], "but a path or an address stays whole"
    assert "Request file:" in re.sub(r"\s+", " ", " ".join(lines))


def test_a_product_in_wide_characters_does_not_shift_the_columns(shell: Shell) -> None:
    shell.room.product = "モデラー"
    shell.room.request()
    header, row = shell("list").out.splitlines()
    status = header.index("Status")
    assert columns_of(row[: row.index("Waiting")]) == status
    assert Path("vendor").is_dir()
