"""What must hold after each step, whatever failed, and what must have come of all of it at last."""

import re
from collections import Counter
from collections.abc import Callable

from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.response import verify_response
from keyferry_service.adapters.emails_dynamodb import (
    ADDRESSES_PER_REQUEST,
    MAILS_PER_ADDRESS,
    MAILS_PER_LICENSE,
)
from keyferry_service.adapters.refusals_dynamodb import REFUSALS_PER_LICENSE
from keyferry_service.domain.license import DAY
from keyferry_service.domain.refusals import RefusalCode
from keyferry_service.domain.signing_keys import KeyStatus
from keyferry_service.domain.ticket import REFUSAL_FILE, EmailStatus, TicketState
from tests.service.simulation.choices import failures_of_choices
from tests.service.simulation.cloud import IN
from tests.service.simulation.renewals import changed_members, gives_more_than_an_update
from tests.service.simulation.rotation import FRESH_S, can_verify
from tests.service.simulation.world import NUMBERS, World, contact_of


class Violation(Exception):
    """An invariant that does not hold."""


def require(holds: bool, message: str) -> None:
    if not holds:
        raise Violation(message)


def seats_are_exact_and_never_oversold(world: World) -> None:
    for number, license in world.history.licenses.items():
        taken = sum(s.taken for (of, _), s in world.history.seats.items() if of == number)
        require(taken == license.seats_used, f"{taken} seats held, {license.seats_used} counted")
        before = world.history.before.get(number, license)
        most = max(license.seats, before.seats, before.seats_used)
        require(license.seats_used <= most, f"{license.seats_used} of {license.seats} seats sold")


def a_request_has_one_body(world: World) -> None:
    history = world.history
    require(not history.rewritten, f"the ledger's line {history.rewritten} was written again")
    answers = {answer.body for answer in history.answers.values()}
    renewals = {renewal.body for renewal in history.renewals.values()}
    for ticket_id in history.published_responses():
        # A renewal has a ticket only once a key was compromised.
        known = renewals if history.tickets[ticket_id].kind == "renewal" else answers
        for data in history.responses_on(ticket_id).values():
            body = open_envelope(data, RESPONSE).body
            require(body in known, "a response was handed out that the ledger does not have")


def a_ticket_is_handed_its_own_answer(world: World) -> None:
    """Of the file that the ticket names: the one that was uploaded on it, if any was."""
    history = world.history
    for ticket_id in history.published_responses():
        ticket = history.tickets[ticket_id]
        if ticket.kind == "renewal":
            continue
        own = history.answers[ticket.request_sha256 or ""].body
        for data in history.responses_on(ticket_id).values():
            is_own = open_envelope(data, RESPONSE).body == own
            require(is_own, f"{ticket_id} was handed the answer of another")
        if versions := world.cloud.objects.get((IN, f"requests/{ticket_id}")):
            sha256 = open_envelope(versions[int(ticket.version_id or 0) - 1], REQUEST).sha256
            require(sha256 == ticket.request_sha256, f"{ticket_id} tells of another file")


def nothing_is_signed_but_the_ledgers(world: World) -> None:
    signable = world.history.signable()
    signed = world.history.signed
    require(all(each.message in signable for each in signed), "something else was signed")


def serials_rise_and_never_repeat(world: World) -> None:
    history = world.history
    for number in NUMBERS:
        before = history.before.get(number)
        if before is None:
            continue
        require(history.licenses[number].revision >= before.revision, "a revision sank")
        new = [r.serial for r in history.new if r.license.number == number]
        require(len(set(new)) == len(new), f"serials {new} repeat")
        require(all(serial > before.revision for serial in new), f"serials {new} sank")


def a_ticket_has_one_answer(world: World) -> None:
    for ticket in world.history.tickets.values():
        files = set(world.history.published(ticket.id))
        if ticket.choice is not None:
            files.discard(REFUSAL_FILE)  # of the file itself, whatever came of the choice
        require(len(files) <= 1, f"{len(files)} answers on one ticket")
        for name in files:
            refused = ticket.state is TicketState.REFUSED
            require((name == REFUSAL_FILE) is refused, "the ticket tells another answer")
            require(name == ticket.file_name, "the ticket tells another file")


def nothing_is_lost(world: World) -> None:
    """An upload is answered, or its message waits, or was given up and an alarm tells of it."""
    history, cloud = world.history, world.cloud
    pending = {
        queue.name: " ".join(m.body for m in queue.waiting + queue.dead)
        for queue in cloud.queues.values()
    }
    requests, responses = pending.values()
    for ticket_id, _ in world.uploads:
        ticket = history.tickets[ticket_id]
        done = bool(history.published(ticket_id)) or ticket_id in requests
        require(done or ticket.expires_at <= cloud.now, f"the upload on {ticket_id} is lost")
        waits = ticket.email_status is EmailStatus.PENDING and ticket.license_number is not None
        is_published = ticket.file_name in history.published(ticket_id)
        if waits and is_published and ticket.expires_at > cloud.now:
            require(ticket_id in responses, f"the mail of {ticket_id} is lost")


def what_fails_ten_times_is_given_up(world: World) -> None:
    """And lies where an alarm tells of it (stack/test_dead_letters.py)."""
    for queue in world.cloud.queues.values():
        late = [m for m in queue.waiting if m.receives > 10]
        require(not late, "a message was brought more than ten times")


def no_mail_without_proof(world: World) -> None:
    tickets = [t for t in world.history.tickets.values() if t.license_number is not None]
    addresses = {t.email for t in tickets}
    addresses |= {contact_of(str(t.license_number)) for t in tickets if t.replaced_machine}
    for mail in world.cloud.mails:
        is_expected = mail.address in addresses or re.fullmatch(r"b\d@example\.com", mail.address)
        require(bool(is_expected), f"a mail went to {mail.address}")
        require(b"015.120.020." in mail.raw, "a mail names no license")


def no_more_machines_run_than_the_bounds_say(world: World) -> None:
    """Without a lease: k + r + m(t / 365 + 1) at once (docs/threat-model.md).

    The days t end at the latest time that the clock has shown, not at the time it shows now:
    setting a clock back stops no machine, so it must not lower the bound either. Within the first
    year the bound is k + r + m whatever the clock does, so a service that allows moves again
    because its clock was set back is still caught.
    """
    for number in NUMBERS:
        license, terms = world.history.licenses[number], world.terms[number]
        if license.first_issued_at is None:
            continue
        years = (world.history.latest - license.first_issued_at) // (365 * DAY) + 1
        bound = terms.most_seats + terms.allowed_moves + terms.moves * years
        running = len(world.history.running[number])
        require(running <= bound, f"{running} installations run, {bound} may")


def an_update_by_the_load_key_binds_nothing_anew(world: World) -> None:
    """It repeats what an answer to the device key was bound to, for the same seat."""
    responses = world.history.responses
    bound = [(r.seat, r.bound_to) for sha, r in responses.items() if sha not in world.by_load_key]
    for response in world.history.new:
        if response.request_sha256 in world.by_load_key:
            is_known = (response.seat, response.bound_to) in bound
            require(is_known, f"seat {response.seat} was bound to something else")


def a_refusal_is_kept_once_and_as_its_ticket_tells_it(world: World) -> None:
    kept = world.history.kept_refusals()
    require(len({(each.ticket, each.at) for each in kept}) == len(kept), "a refusal is kept twice")
    refused = world.history.refused
    require(all(each in refused for each in kept), "what is kept was refused nobody")


def a_choice_is_decided_once_and_is_the_last_one(world: World) -> None:
    failures = failures_of_choices(world)
    require(not failures, "; ".join(failures))


def an_answers_email_brings_its_link(world: World) -> None:
    """And is not taken for sent because the refusal before it was."""
    for ticket in world.history.tickets.values():
        has_link = ticket.state is TicketState.PROCESSING and ticket.is_verifiable
        if has_link and ticket.email_status is EmailStatus.SENT:
            require(ticket.link_expires_at is not None, f"{ticket.id} was mailed no answer")


def a_renewal_gives_no_machine_what_an_update_would_not(world: World) -> None:
    """An update by the seat's holder, at the very moment at which the renewal was written."""
    while world.witness.transactions:
        renewed = world.witness.transactions.pop()
        changed = changed_members(renewed)
        extra = changed - {"revision", "serial", "issued", "valid_until", "renewed_at"}
        require(not extra, f"a renewal changed {extra}")
        _, seat = renewed.before
        more = gives_more_than_an_update(renewed, world.computers[seat.device_key])
        require(not more, more)


def no_key_signs_after_its_end(world: World) -> None:
    """But for the minute in which a function goes on with the keys that it has read."""
    keys = world.history.keys
    for signed in world.history.signed:
        active = frozenset[str]().union(*keys.active_since(signed.at - FRESH_S))
        require(signed.keyid in active, f"{signed.keyid} signed after its end")


def a_renewal_is_signed_by_the_keys_of_its_moment(world: World) -> None:
    """The vendor may renew because a key was compromised: nothing that was read before counts."""
    for reply in world.lambdas.replies:
        files = (seat["file"].encode() for seat in reply["renewed"] if seat["file"])
        for signature in (s for file in files for s in open_envelope(file, RESPONSE).signatures):
            is_active = signature.keyid in world.history.keys.in_step
            require(is_active, f"a renewal was signed by {signature.keyid} after its end")


def a_key_never_comes_back(world: World) -> None:
    """And one of each algorithm goes on signing, or applications would get no answer."""
    keys, order = world.history.keys, list(KeyStatus)
    require(keys.rows == keys.copies, "the keys and their copies differ")
    for keyid, before in keys.before.items():
        after = keys.rows[keyid].status
        is_later = order.index(after) >= order.index(before.status)
        require(is_later, f"{keyid} was {before.status} and is {after}")
    for keyid in world.compromised:
        status = keys.rows[keyid].status
        require(status is KeyStatus.COMPROMISED, f"{keyid} was compromised and is {status}")
    active = {key.alg for key in keys.rows.values() if key.status is KeyStatus.ACTIVE}
    require(active == {key.alg for key in keys.rows.values()}, f"only {active} is signed with")


def what_is_handed_out_can_be_verified(world: World) -> None:
    """By the application that made the request, with the keys that it was built with.

    Only where a seat was given back, there is nothing to hand out without such keys.
    """
    for ticket_id, data in world.history.handed_out:
        ticket = world.history.tickets[ticket_id]
        if ticket_id not in world.uploaded_at or ticket.state is not TicketState.PROCESSING:
            continue
        is_needed = ticket.kind != "deactivate"
        require(ticket.is_verifiable or not is_needed, f"{ticket_id} is ready without its file")
        if ticket.is_verifiable:
            try:
                verify_response(data, world.key_sets[str(ticket.request_sha256)])
            except KeyferryError as error:
                raise Violation(f"{ticket_id} was handed a file that is {error.code}") from error


def an_application_is_called_too_old_only_if_it_is(world: World) -> None:
    """By the keys that a function had read, since the file came at the earliest."""
    for ticket in world.history.changed_tickets:
        if ticket.refusal is not None and ticket.refusal.code is RefusalCode.KEYS_TOO_OLD:
            key_set = world.key_sets[str(ticket.request_sha256)]
            since = world.uploaded_at[ticket.id] - FRESH_S
            states = world.history.keys.active_since(since)
            is_too_old = any(not can_verify(key_set, active) for active in states)
            require(is_too_old, f"{ticket.id} is refused, and its application is not too old")


def a_deactivation_frees_its_seat(world: World) -> None:
    """Whatever keys its application trusts: its computer can send no other request."""
    for ticket in world.history.changed_tickets:
        if ticket.kind == "deactivate" and ticket.refusal is not None:
            is_refused = ticket.refusal.code is RefusalCode.KEYS_TOO_OLD
            require(not is_refused, f"the deactivation on {ticket.id} is refused for its keys")
    for response in world.history.new:
        if response.kind == "deactivate":
            seat = world.history.seats[response.license.number, response.seat]
            is_free = not seat.taken or seat.serial > response.serial
            require(is_free, f"seat {seat.number} was given back and is taken")


def a_renewal_that_is_handed_out_is_the_ledgers(world: World) -> None:
    bodies = {entry.body for entry in world.history.renewals.values()}
    for reply in world.lambdas.replies:
        for seat in reply["renewed"]:
            if seat["file"]:
                body = open_envelope(seat["file"].encode(), RESPONSE).body
                require(body in bodies, "a renewal was handed out that the ledger does not have")
    world.lambdas.replies.clear()


ALWAYS: tuple[Callable[[World], None], ...] = (
    seats_are_exact_and_never_oversold,
    a_request_has_one_body,
    a_ticket_is_handed_its_own_answer,
    nothing_is_signed_but_the_ledgers,
    serials_rise_and_never_repeat,
    a_ticket_has_one_answer,
    nothing_is_lost,
    what_fails_ten_times_is_given_up,
    no_mail_without_proof,
    no_more_machines_run_than_the_bounds_say,
    an_update_by_the_load_key_binds_nothing_anew,
    a_refusal_is_kept_once_and_as_its_ticket_tells_it,
    a_choice_is_decided_once_and_is_the_last_one,
    an_answers_email_brings_its_link,
    a_renewal_gives_no_machine_what_an_update_would_not,
    no_key_signs_after_its_end,
    a_renewal_is_signed_by_the_keys_of_its_moment,
    a_key_never_comes_back,
    what_is_handed_out_can_be_verified,
    an_application_is_called_too_old_only_if_it_is,
    a_deactivation_frees_its_seat,
    a_renewal_that_is_handed_out_is_the_ledgers,
)


def nothing_waits_for_good(world: World) -> None:
    for queue in world.cloud.queues.values():
        require(not queue.waiting, f"{len(queue.waiting)} messages of {queue.name} never end")


def every_upload_has_its_answer(world: World) -> None:
    for ticket_id, _ in world.uploads:
        ticket = world.history.tickets[ticket_id]
        if ticket.expires_at > world.cloud.now:
            answers = world.history.published(ticket_id)
            if ticket.choice is None or ticket.state is TicketState.PROCESSING:
                require(ticket.file_name in answers, f"{ticket_id} has no answer")
            require(ticket.is_complete, f"the ticket {ticket_id} is stuck")


def every_mail_is_sent_or_rightly_withheld(world: World) -> None:
    for ticket in world.history.tickets.values():
        if ticket.license_number is None or not world.history.published(ticket.id):
            continue
        if ticket.expires_at <= world.cloud.now:
            continue
        require(ticket.email_status is not EmailStatus.PENDING, f"the mail of {ticket.id} is stuck")
        if ticket.email_status is EmailStatus.WITHHELD:
            of_license = world.history.most_counted(f"mail#{ticket.license_number}#")
            of_request = world.history.counted.get(f"mail#{ticket.request_sha256}", 0)
            to_address = world.history.most_counted(f"mail#{ticket.request_sha256}#")
            full = (
                of_license >= MAILS_PER_LICENSE
                or of_request >= ADDRESSES_PER_REQUEST
                or to_address >= MAILS_PER_ADDRESS
            )
            require(full, f"the mail of {ticket.id} was withheld for nothing")


def every_contact_is_told_of_every_replaced_computer(world: World) -> None:
    mailed = Counter(mail.address for mail in world.cloud.mails)
    replaced = Counter[str]()
    for ticket in world.history.tickets.values():
        if ticket.replaced_machine and ticket.expires_at > world.cloud.now:
            require(ticket.contact is None, f"the contact is not told of {ticket.id}")
            replaced[contact_of(str(ticket.license_number))] += 1
    for contact, count in replaced.items():
        require(mailed[contact] >= count, f"{mailed[contact]} mails to {contact}, {count} replaced")


def every_refusal_is_kept_until_its_day_is_full(world: World) -> None:
    kept = world.history.kept_refusals()
    days = Counter((each.license_number, each.at // DAY) for each in kept)
    for ticket in world.history.tickets.values():
        record = ticket.refusal_record
        if record is None or ticket.expires_at <= world.cloud.now:
            continue
        full = days[record.license_number, record.at // DAY] >= REFUSALS_PER_LICENSE
        require(record in kept or full, f"the refusal on {ticket.id} is not kept")


def every_answer_of_a_compromised_key_is_signed_again(world: World) -> None:
    for ticket_id, keyid in world.reissued.items():
        ticket = world.history.tickets[ticket_id]
        if ticket.expires_at <= world.cloud.now:
            continue
        files = world.history.responses_on(ticket_id).values()
        require(bool(files), f"{ticket_id}, which was opened for the other keys, has no response")
        signers = {s.keyid for data in files for s in open_envelope(data, RESPONSE).signatures}
        require(keyid not in signers, f"{keyid} is compromised, and signed again")


AT_LAST: tuple[Callable[[World], None], ...] = (
    nothing_waits_for_good,
    every_upload_has_its_answer,
    every_mail_is_sent_or_rightly_withheld,
    every_contact_is_told_of_every_replaced_computer,
    every_refusal_is_kept_until_its_day_is_full,
    every_answer_of_a_compromised_key_is_signed_again,
)
