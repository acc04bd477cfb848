"""A vendor's settings: in files that upstream does not have, and all in the documents."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OPERATIONS = ROOT / "docs" / "operations"
DEPLOY = (OPERATIONS / "README.md").read_text().partition("## Deploy")[2].partition("## Keys")[0]
PARAMETERS = re.findall(
    r"^  (\w+):$",
    (ROOT / "template.yaml").read_text().partition("\nParameters:")[2].partition("\nRules:")[0],
    re.MULTILINE,
)
OWN = ["samconfig.toml", "vendor/vendor.json", "vendor/languages/"]


def git(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True)


def test_the_documents_tell_a_vendor_to_edit_these_files_and_no_others() -> None:
    edited = re.findall(r"^   - `([^`]+)`: ", DEPLOY, re.MULTILINE)
    assert edited == OWN
    beside_a_folder = {
        f"{room}.json" for room in ("page", "email", "letter", "refusals", "problems")
    }
    rest = re.findall(r"`([\w./-]+\.(?:toml|json|yaml|env))`", DEPLOY)
    assert set(rest) - beside_a_folder == {*OWN} - {"vendor/languages/"}


@pytest.mark.parametrize("file", [*OWN, "vendor/languages/de/page.json", "vendor"])
def test_git_pull_never_touches_what_a_vendor_sets(file: str) -> None:
    assert git("ls-files", "--", file).stdout == ""
    assert git("check-ignore", "--no-index", "--quiet", file).returncode == 0


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_the_table_of_parameters_has_each_parameter(parameter: str) -> None:
    assert len(PARAMETERS) > 10
    rows = [line.split("|")[1] for line in DEPLOY.splitlines() if line.startswith("   | ")]
    assert f"`{parameter}`" in "".join(rows)


def test_the_example_of_settings_has_parameters_of_the_template() -> None:
    example = tomllib.loads((OPERATIONS / "samconfig.example.toml").read_text())
    parameters = example["default"]["deploy"]["parameters"]["parameter_overrides"]
    assert parameters.keys() <= set(PARAMETERS)
    assert "OriginSecret" not in parameters
