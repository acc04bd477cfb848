"""Tests of the sample application, as a vendor's CI runs them: `pytest docs/sample`.

They need the extra `keyferry[testing]`, and no license.
"""

from pathlib import Path

import modeler  # type: ignore[import-not-found]
import pytest

from keyferry.testing import OfflineComputer

pytest_plugins = ["keyferry.testing"]
MEASURED = str(Path(__file__).with_name("measured.csv"))


@pytest.fixture(autouse=True)
def pinned(offline_computer: OfflineComputer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application pins the keys of the test instead of the vendor's."""
    monkeypatch.setattr(modeler, "KEYS", offline_computer.keys.to_json())


def test_it_solves_where_it_is_licensed(
    offline_computer: OfflineComputer, capsys: pytest.CaptureFixture[str]
) -> None:
    offline_computer.activate(modeler.PRODUCT, features={"solver": True, "threads": 4})
    assert modeler.main([MEASURED]) == 0
    assert capsys.readouterr().out == "pressure = 2 x + 1\nflow = -0.5 x + 10\n"


def test_it_does_not_start_without_a_license() -> None:
    assert modeler.main([MEASURED]) == 3


def test_it_does_not_start_after_the_end(offline_computer: OfflineComputer) -> None:
    offline_computer.activate(modeler.PRODUCT)
    offline_computer.expire()
    assert modeler.main([MEASURED]) == 5


def test_it_does_not_start_without_its_dongle(offline_computer: OfflineComputer) -> None:
    offline_computer.activate(modeler.PRODUCT, protection="dongle")
    offline_computer.pull_dongle()
    assert modeler.main([MEASURED]) == 9


def test_it_warns_while_a_check_in_is_overdue(
    offline_computer: OfflineComputer, capsys: pytest.CaptureFixture[str]
) -> None:
    offline_computer.activate(modeler.PRODUCT, lease_days=30, grace_days=14)
    offline_computer.pass_days(31)
    assert modeler.main([MEASURED]) == 0
    assert "stops in 13 days" in capsys.readouterr().err
