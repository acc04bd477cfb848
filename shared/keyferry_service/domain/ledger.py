"""What a grant becomes: the response to the offline machine, and the ledger's entry for it."""

from keyferry_protocol.components import LICENSABLE_ENVIRONMENTS
from keyferry_protocol.envelope import MAX_PAE, RESPONSE, Envelope, pae
from keyferry_protocol.request import Dongle, Request
from keyferry_protocol.response import BoundTo, LicenseTerms, ResponseBody, parse_response
from keyferry_service.domain.allocate import Grant
from keyferry_service.domain.license import DAY, LedgerEntry, LicenseRecord, Seat
from keyferry_service.domain.renew import Renewal


class ResponseTooLong(Exception):
    """The license has more than fits into one response; `license create` refuses such terms."""


def response_to(request: Request, grant: Grant, now: int) -> ResponseBody:
    """The response to one granted request; to a deactivation it is a receipt."""
    seat = grant.seat
    bound_to = BoundTo(
        seat.protection, request.device_key, request.load_key, seat.components, request.dongle
    )
    return _response(request.sha256, request.kind, grant.license, seat, bound_to, now)


def response_of(renewal: Renewal, now: int) -> ResponseBody:
    """The response that renews a seat, for what the seat is bound to."""
    seat, row = renewal.seat, renewal.dongle
    dongle = Dongle(row.alg, row.public, row.model, row.serial) if row is not None else None
    bound_to = BoundTo(seat.protection, seat.device_key, seat.load_key, seat.components, dongle)
    return _response(seat.request_sha256, "renewal", renewal.license, seat, bound_to, now)


def entry_for(response: ResponseBody, grant: Grant | Renewal) -> LedgerEntry:
    """The ledger's entry for a response, recorded before it is signed.

    Raises ResponseTooLong, or UnreadableResponse for a license with a text that no file may have:
    nothing is recorded that could never be signed or read.
    """
    body = response.to_bytes()
    if len(pae(RESPONSE, body)) > MAX_PAE:
        raise ResponseTooLong(f"What is to be signed has more than {MAX_PAE} bytes.")
    entry = LedgerEntry(
        request_sha256=response.request_sha256,
        body=body,
        seat=response.seat,
        issued_at=response.issued_at,
        previous_valid_until=grant.previous_valid_until,
        replaced=isinstance(grant, Grant) and grant.replaced is not None,
    )
    response_in(entry)
    return entry


def response_in(entry: LedgerEntry) -> ResponseBody:
    """The response that an entry records."""
    return parse_response(Envelope(RESPONSE, entry.body, ()))


def _response(
    request_sha256: str,
    kind: str,
    license: LicenseRecord,
    seat: Seat,
    bound_to: BoundTo,
    now: int,
) -> ResponseBody:
    is_receipt = kind == "deactivate"
    leased = license.lease_days is not None and not is_receipt
    return ResponseBody(
        request_sha256=request_sha256,
        kind=kind,
        serial=license.revision,
        seat=seat.number,
        issued_at=now,
        license=_terms(license, is_receipt, seat.valid_until),
        bound_to=bound_to,
        check_in_by=now + (license.lease_days or 0) * DAY if leased else None,
        grace_days=license.grace_days,
    )


def _terms(license: LicenseRecord, is_receipt: bool, valid_until: int | None) -> LicenseTerms:
    return LicenseTerms(
        number=license.number,
        licensee=license.licensee_in_files,
        product=license.product,
        edition=license.edition,
        features={} if is_receipt else license.features,
        environments=tuple(
            name
            for name in LICENSABLE_ENVIRONMENTS
            if name == "physical" or name in license.environments
        ),
        trial=license.trial_days is not None,
        valid_from=license.valid_from,
        valid_until=valid_until,
        maintenance_until=license.maintenance_until,
    )
