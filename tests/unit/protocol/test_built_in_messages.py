"""Without its catalog, as in an application bundled with code alone, Keyferry still says something.

`pyinstaller --onefile` collects modules, and no files beside them.
"""

import json
from pathlib import Path

import pytest

from keyferry.times import local_time, long_date
from keyferry_protocol import errors, messages
from keyferry_protocol.messages import has_message, language_in_use, message, use_language
from keyferry_protocol.messages.formats import and_list, decimal
from tests.support.samples import NOW
from tests.unit.protocol.test_errors import FAMILY

DAMAGE = ["no folder", "an empty folder", "no errors", "a cut file", "a file in place of it"]


@pytest.fixture(params=DAMAGE)
def no_catalog(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "messages"
    if request.param == "a file in place of it":  # an archive, as of cx_Freeze or zipapp
        folder.write_bytes(b"PK")
    elif request.param != "no folder":
        (folder / "en").mkdir(parents=True)
    if request.param == "no errors":
        (folder / "en" / "wizard.json").write_text("{}")
    if request.param == "a cut file":
        (folder / "en" / "errors.json").write_text('{"error.title": "Some')
    monkeypatch.setattr(messages, "FOLDER", str(folder))


@pytest.mark.usefixtures("no_catalog")
@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.code)
def test_every_error_has_words_without_the_catalog(kind: type[errors.KeyferryError]) -> None:
    for error in (kind(), kind(case="fips", product="Example Modeler", license_number="0" * 12)):
        assert kind.code in str(error)
        assert kind.code in error.title
        assert error.next_step.startswith("Install this software again")
        json.dumps(error.facts)
    assert "Example Modeler" in error.title


@pytest.mark.usefixtures("no_catalog")
def test_details_dates_and_lists_stay_readable() -> None:
    detail = message("errors.expired.license", number="015.120.020.093", date=long_date(NOW))
    assert detail == "License error: expired (number: 015.120.020.093, date: 2026-11-24)"
    assert local_time(NOW)[:11] == "2026-11-24 "
    assert (
        and_list(["the disk", "the network card", "the TPM"])
        == "the disk, the network card, the TPM"
    )
    assert decimal(1.5, 1) == "1.5"


@pytest.mark.usefixtures("no_catalog")
def test_a_language_is_no_reason_to_fail() -> None:
    with use_language("de_DE.UTF-8"):
        assert language_in_use() == "en"
    assert not has_message("errors.error.title")


@pytest.mark.parametrize("sentence", ["Ask {nobody}.", "Ask {", "Ask {0}."])
def test_a_wrong_translation_is_no_reason_to_fail(
    sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "messages"
    (folder / "en").mkdir(parents=True)
    (folder / "en" / "errors.json").write_text(json.dumps({"pending.next-step": sentence}))
    monkeypatch.setattr(messages, "FOLDER", str(folder))
    assert errors.Pending().next_step.startswith(("Install this software again", "Ask nobody"))


def test_an_applications_own_error_has_words_too() -> None:
    class Overheated(errors.KeyferryError):
        code = "overheated"

    assert "overheated" in str(Overheated())
    assert Overheated().next_step.endswith(".")


def test_a_fact_that_is_missing_is_no_reason_to_fail() -> None:
    for case in ("fips", "old", "no-such-case"):
        assert errors.CannotVerify(case=case).next_step.endswith(".")
