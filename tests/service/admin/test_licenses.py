"""Creating and finding licenses, for the command line and for `make run`."""

from typing import Any

import pytest

from keyferry_admin.errors.licenses import BadTerms, NoSuchLicense, NumberInUse
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import licenses
from keyferry_admin.use_cases.terms import check_terms, largest_response
from keyferry_protocol.activation import activation_key, parse_activation_code
from keyferry_protocol.envelope import MAX_PAE
from keyferry_service.domain.license import LicenseRecord
from tests.support.samples import NOW, NUMBER


def a_license(**terms: Any) -> LicenseRecord:
    return LicenseRecord(NUMBER, bytes(32), "Example Modeler", valid_from=NOW, **terms)


def test_a_license_is_stored_with_its_terms_and_only_a_public_key(stack: Stack) -> None:
    created = licenses.create(
        stack.licenses, "Example Modeler", NOW, NUMBER, licensee="Acme", features={"threads": 16}
    )
    stored = licenses.find(stack.licenses, NUMBER)
    code = parse_activation_code(created.activation_code, NUMBER)
    assert stored == created.license
    assert stored.activation_public == activation_key(code, NUMBER).public
    assert code not in str(stored)


def test_missing_terms_have_the_defaults_of_the_format(stack: Stack) -> None:
    sold = licenses.create(stack.licenses, "Example Modeler", NOW).license
    assert (sold.seats, sold.moves_per_year, sold.lease_days, sold.grace_days) == (1, 4, None, 14)
    assert sold.protections == ("machine", "personal", "dongle")
    assert sold.environments == ("physical",)
    assert (sold.revision, sold.valid_from, sold.ends_at) == (0, NOW, None)
    assert len(sold.number) == 12
    assert sold.number.isdigit()


def test_a_license_number_is_used_once(stack: Stack) -> None:
    first = licenses.create(stack.licenses, "Example Modeler", NOW, NUMBER)
    with pytest.raises(NumberInUse):
        licenses.create(stack.licenses, "Another", NOW, NUMBER)
    assert licenses.find(stack.licenses, NUMBER) == first.license


def test_a_drawn_number_that_is_in_use_is_drawn_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws = iter([7, 7, 8])
    monkeypatch.setattr("secrets.randbelow", lambda bound: next(draws))
    drawn = [licenses.create(stack.licenses, "Example Modeler", NOW) for _ in range(2)]
    assert [each.license.number for each in drawn] == ["000000000007", "000000000008"]


def test_an_unknown_license_is_an_error(stack: Stack) -> None:
    with pytest.raises(NoSuchLicense) as unknown:
        licenses.find(stack.licenses, NUMBER)
    assert unknown.value.next_step.startswith("`keyferry-admin license list`")


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        pytest.param("015120020039", True, id="two digits swapped"),
        pytest.param("015120020098", True, id="one digit wrong"),
        pytest.param("151200200930", True, id="the first digit left out"),
        pytest.param("764389156472", False, id="another number"),
    ],
)
def test_a_number_that_was_never_sold_is_told_with_its_nearest_neighbors(
    stack: Stack, typed: str, near: bool
) -> None:
    licenses.create(stack.licenses, "Example Modeler", NOW, NUMBER, licensee="Acme")
    licenses.create(stack.licenses, "Example Modeler", NOW, "999999999999")
    with pytest.raises(NoSuchLicense) as unknown:
        licenses.find(stack.licenses, typed)
    neighbor = "Nearest: 015.120.020.093 (Acme, Example Modeler)."
    assert (neighbor in unknown.value.next_step) is near
    assert unknown.value.facts["nearest"] == ([NUMBER] if near else [])


@pytest.mark.parametrize(
    "terms",
    [
        pytest.param({"seats": 0}, id="no seat"),
        pytest.param({"moves_per_year": -1}, id="fewer moves than none"),
        pytest.param({"lease_days": 0}, id="a lease of no day"),
        pytest.param({"grace_days": -1}, id="less than no grace"),
        pytest.param({"trial_days": 0}, id="a trial of no day"),
        pytest.param({"valid_until": NOW}, id="ends as it begins"),
        pytest.param({"features": {"Solver": True}}, id="a feature in capitals"),
        pytest.param({"features": {"solver": 0}}, id="a limit of 0"),
        pytest.param({"features": {"solver": False}}, id="a feature that is not granted"),
        pytest.param({"features": {"solver": 2**53}}, id="a limit no parser reads"),
        pytest.param({"licensee": "x" * 201}, id="a licensee of 201 characters"),
        pytest.param({"edition": "Pro\u202efessional"}, id="an edition that turns its direction"),
        pytest.param({"product": ""}, id="no product"),
        pytest.param({"protections": ()}, id="no protection"),
        pytest.param({"protections": ("nodelock",)}, id="a protection there is not"),
        pytest.param({"environments": ("cloud",)}, id="an environment there is not"),
    ],
)
def test_terms_that_fit_into_no_response_are_refused(stack: Stack, terms: Any) -> None:
    product = terms.pop("product", "Example Modeler")
    with pytest.raises(BadTerms):
        licenses.create(stack.licenses, product, NOW, NUMBER, **terms)
    assert stack.licenses.get(NUMBER) is None


@pytest.mark.parametrize("protection", ["machine", "personal", "dongle"])
def test_a_license_is_refused_exactly_if_its_largest_response_could_not_be_signed(
    protection: str,
) -> None:
    def sold(features: int) -> LicenseRecord:
        granted = {f"feature-{index:04}" + "x" * 28: 2**53 - 1 for index in range(features)}
        return a_license(protections=(protection,), features=granted)

    fitting = next(n for n in range(100) if largest_response(sold(n + 1)) > MAX_PAE)
    assert fitting > 20
    check_terms(sold(fitting))
    with pytest.raises(BadTerms, match=str(MAX_PAE)):
        check_terms(sold(fitting + 1))
