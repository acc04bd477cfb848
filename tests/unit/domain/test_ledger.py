"""The response to a granted request, and its ledger entry."""

import pytest

from keyferry_service.domain.allocate import Grant
from keyferry_service.domain.decide import decide
from keyferry_service.domain.ledger import ResponseTooLong, entry_for, response_in, response_to
from keyferry_service.domain.license import LicenseRecord
from keyferry_service.domain.request_context import Snapshot
from tests.support.builders import LAB_07, SERVICE_KEY, a_license, a_request
from tests.support.samples import DAY, NOW


def a_grant(license: LicenseRecord) -> Grant:
    grant = decide(a_request(LAB_07), Snapshot(license), [SERVICE_KEY], NOW)
    assert isinstance(grant, Grant)
    return grant


def test_a_response_states_lease_and_grace() -> None:
    grant = a_grant(a_license(lease_days=90, grace_days=7))
    response = response_to(a_request(LAB_07), grant, NOW)
    assert (response.check_in_by, response.grace_days) == (NOW + 90 * DAY, 7)


def test_the_ledger_returns_the_response() -> None:
    request, grant = a_request(LAB_07), a_grant(a_license())
    response = response_to(request, grant, NOW)
    answer = entry_for(response, grant)
    assert response_in(answer).as_json() == response.as_json()
    assert (answer.request_sha256, answer.seat, answer.issued_at) == (request.sha256, 1, NOW)


def test_a_response_too_long_to_sign_is_not_recorded() -> None:
    features = {f"feature-number-{number}": True for number in range(150)}
    grant = a_grant(a_license(features=features))
    with pytest.raises(ResponseTooLong):
        entry_for(response_to(a_request(LAB_07), grant, NOW), grant)
