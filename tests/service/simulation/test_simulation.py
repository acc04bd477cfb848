"""Nothing lost, nothing oversold, nobody let in, whatever fails and in whatever order."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from keyferry_protocol.algorithms import ED25519
from keyferry_protocol.envelope import RESPONSE, pae, seal
from keyferry_protocol.keys import KeySet, PinnedKey
from keyferry_protocol.request import parse_request
from keyferry_service.adapters.items_dynamodb import members, to_item
from keyferry_service.adapters.ledger_dynamodb import entry_from_item, entry_to_item
from keyferry_service.domain.license import Status
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.signing_keys import KeyStatus
from keyferry_service.domain.ticket import EmailStatus
from tests.service.simulation.cloud import FAULTS, IN, OUT, REQUESTS, Message, Sent, Signed
from tests.service.simulation.invariants import (
    ALWAYS,
    AT_LAST,
    Violation,
    no_more_machines_run_than_the_bounds_say,
)
from tests.service.simulation.mutations import FREE_MOVES, MUTATIONS, OF_KEYS
from tests.service.simulation.processes import changed
from tests.service.simulation.rotation import FIRST_KEY, FRESH_S, SIGNERS
from tests.service.simulation.schedule import KINDS, describe, drawn, play, shortest
from tests.service.simulation.world import Step, World, begun, one_seat
from tests.support.builders import VENDOR, Computer, a_request_file
from tests.support.samples import NOW, NUMBER, PRODUCT

SEEDS = 100  # `make soak` plays 10,000
FAILED_ONCE = (2081,)  # the clock is set back to before the first response
GROUPS = 4
# Few of the drawn schedules have two machines of one license wait to be answered together.
RARELY_DRAWN = {
    "BatchGetItem in place of the snapshot": [
        Step("activate", 51, 982, 2049719154),
        Step("serve", 218, 980, 1067599021),
        Step("activate", 923, 132, 1074481458),
        Step("replace_lost", 340, 96, 3904300349),
        Step("deactivate", 356, 19, 2006432220),
        Step("again", 76, 766, 4238233030),
    ],
    "no ticket condition": [
        Step("choose", 865, 759, 2784227048),
        Step("contest", 347, 587, 548625113),
        Step("activate", 680, 414, 55905719),
        Step("serve", 231, 349, 2222562867),
        Step("activate", 695, 409, 3201925153),
        Step("deactivate", 132, 906, 3290008292),
        Step("duplicate", 58, 947, 2743682513),
        Step("update", 869, 755, 1090825336),
        Step("wait", 483, 231, 2264248350),
        Step("choose", 610, 447, 1006544199),
        Step("serve", 640, 672, 2257552594),
    ],
    # Nor are many of the choices made in the very moment in which another one is decided.
    "choice on a ticket that was answered": [
        Step("activate", 540, 907, 3450237996),
        Step("choose", 197, 725, 2248292637),
        Step("outage", 430, 525, 1085352625),
        Step("choose", 941, 102, 2066845070),
        Step("choose", 725, 392, 1253154892),
    ],
    "no condition on the choice's count": [
        Step("choose", 967, 828, 4156697092),
        Step("choose", 176, 304, 4010736236),
        Step("serve", 387, 712, 543813507),
        Step("choose", 529, 910, 3447818206),
        Step("choose", 631, 796, 2099598382),
    ],
    # A key rarely ends in the very moment in which its application's file is answered.
    "the same for a file that comes again": [
        Step("rotate", 795, 158, 3259481275),
        Step("rotate", 97, 840, 3982665768),
        Step("activate", 52, 791, 2053820560),
        Step("update", 939, 405, 2354775155),
        Step("contest", 57, 393, 1790956635),
        Step("deactivate", 144, 840, 3959090584),
        Step("contest", 190, 203, 4213938633),
        Step("update", 548, 337, 2752259942),
        Step("second_file", 374, 673, 820351349),
        Step("serve", 485, 227, 2246717543),
    ],
    "the same for an answer that was not handed out": [
        Step("rotate", 413, 576, 297869352),
        Step("activate", 226, 790, 1821998310),
        Step("serve", 903, 650, 3244830473),
    ],
    "keys that are read after the decision": [
        Step("rotate", 879, 916, 2048065641),
        Step("update", 736, 933, 2944658155),
        Step("deactivate", 621, 54, 2923362610),
        Step("update", 791, 402, 3025853827),
        Step("rotate", 186, 173, 2157822654),
    ],
    "a deactivation that is refused for its keys": [
        Step("deactivate", 743, 7, 960053971),
        Step("rotate", 665, 573, 4035762899),
        Step("deactivate", 81, 494, 1296110174),
        Step("again", 326, 773, 1117207874),
        Step("second_file", 389, 199, 3885590473),
        Step("duplicate", 842, 812, 3598932821),
    ],
    "a receipt that its application cannot verify": [
        Step("deactivate", 940, 156, 2421674241),
        Step("rotate", 231, 233, 227646517),
        Step("rotate", 399, 189, 1250095077),
        Step("deactivate", 291, 211, 2104191942),
    ],
    "signed again by a compromised key": [
        Step("deactivate", 934, 282, 3339784991),
        Step("rotate", 297, 408, 782840589),
        Step("activate", 394, 12, 2927447847),
        Step("rotate", 3, 332, 2183448148),
        Step("contest", 140, 80, 1107236783),
    ],
    "a renewal by a compromised key": [
        Step("deactivate", 862, 367, 1809500650),
        Step("activate", 428, 808, 4216650081),
        Step("rotate", 261, 377, 994928864),
        Step("rotate", 519, 104, 2493971170),
        Step("renew", 945, 728, 2795849987),
    ],
    "no condition on the other key": [
        Step("rotate", 426, 36, 490849818),
        Step("rotate", 139, 612, 897781600),
    ],
    "a compromised key that is retired": [
        Step("rotate", 263, 280, 3235223407),
        Step("rotate", 101, 56, 1586177428),
    ],
}
ENOUGH = 300  # seeds for every step to occur, and for every wrong service to be found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("group", range(GROUPS))
def test_every_schedule_ends_well(group: int) -> None:
    for seed in range(group, SEEDS, GROUPS):
        steps = drawn(seed)
        failure = play(seed, steps)
        assert failure is None, describe(seed, failure, shortest(seed, steps))


@pytest.mark.parametrize("seed", FAILED_ONCE)
def test_a_seed_that_failed_once_ends_well(seed: int) -> None:
    steps = drawn(seed)
    failure = play(seed, steps)
    assert failure is None, describe(seed, failure, shortest(seed, steps))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [*MUTATIONS, *OF_KEYS])
def test_a_wrong_service_is_found(name: str) -> None:
    seeds = range(ENOUGH) if name in MUTATIONS else range(1, ENOUGH, 4)

    def steps(seed: int) -> list[Step]:
        return RARELY_DRAWN.get(name) or drawn(seed)

    with changed((MUTATIONS | OF_KEYS)[name]):
        failing_seed = next((seed for seed in seeds if play(seed, steps(seed))), None)
    assert failing_seed is not None, f"{name}: {len(seeds)} seeds saw nothing"
    assert play(failing_seed, steps(failing_seed)) is None, "it is the schedule that fails"


def _reinstall_while_the_clock_is_set_back(world: World) -> None:
    """One activation and more moves than the license has."""
    set_back = Step("wait", a=5)
    for seed, kind in enumerate(["activate", *["reinstall"] * 6]):
        for step in (Step(kind, seed=seed), Step("serve"), set_back):
            world.do(step)
            no_more_machines_run_than_the_bounds_say(world)


def test_setting_the_clock_back_gives_no_move_again() -> None:
    with one_seat() as world:
        _reinstall_while_the_clock_is_set_back(world)
        assert len(world.history.running[NUMBER]) == 5, "a seat and four moves"


def test_moves_that_are_not_counted_are_found() -> None:
    with (
        changed(FREE_MOVES),
        one_seat() as world,
        pytest.raises(Violation, match="6 installations run, 5 may"),
    ):
        _reinstall_while_the_clock_is_set_back(world)


def test_a_failing_seed_prints_the_shortest_schedule_that_fails() -> None:
    with changed(MUTATIONS["sign before ledger"]):
        seed = next(seed for seed in range(ENOUGH) if play(seed, drawn(seed)))
        steps = shortest(seed, drawn(seed))
        failure = play(seed, steps)
        assert failure is not None
        for left_out in range(len(steps)):
            fewer = steps[:left_out] + steps[left_out + 1 :]
            other = play(seed, fewer)
            assert other is None or other.invariant != failure.invariant
        printed = describe(seed, failure, steps).splitlines()
    assert printed[0].startswith(f"Seed {seed}: {failure.invariant} does not hold")
    assert printed[1:-1] == [f"  {step}" for step in steps]
    assert play(seed, steps) is None, "it is the mutation that fails, not the schedule"


def test_a_seed_plays_the_same_again() -> None:
    def calls(seed: int) -> list[str]:
        with begun(seed) as world:
            for step in drawn(seed):
                world.do(step)
            return world.cloud.calls

    assert calls(7) == calls(7) != calls(8)


def test_the_schedules_try_every_step_and_every_fault() -> None:
    steps = Counter(step.kind for seed in range(ENOUGH) for step in drawn(seed))
    assert set(steps) == set(KINDS)
    faults = Counter[str]()
    with begun(1) as world:
        for seed in range(200):
            world._draw_faults(Step("serve", b=3, seed=seed))
            faults[world.cloud.faults("sign") or "none"] += 1
    assert set(faults) == {*FAULTS, "none"}


Tampering = Callable[[World], None]


def _license(**changes: Any) -> Tampering:
    def tamper(world: World) -> None:
        license = replace(world.history.licenses[NUMBER], **changes)
        row = {"pk": NUMBER, "sk": "license", **members(license)}
        world.cloud.tables.put_item(TableName="Licenses", Item=to_item(row))

    return tamper


def _rewrite_the_ledger(world: World) -> None:
    ((place, row),) = [item for item in world.cloud.tables.rows.items() if "answer#" in item[0][-1]]
    item = entry_to_item(place[1], entry_from_item(row))
    world.cloud.tables.put_item(TableName="Licenses", Item=item)


def _hand_out_anothers(world: World) -> None:
    (first,) = world.history.published_responses()
    for step in (Step("reinstall", 0, 0, 7), Step("serve")):
        world.do(step)
    (second,) = set(world.history.published_responses()) - {first}
    world.history._published[second] = world.history.published(first)


def _sign_something_else(world: World) -> None:
    world.cloud.signed.append(Signed(b"something else", VENDOR.keyid, world.cloud.elapsed))


def _answer_twice(world: World) -> None:
    (ticket_id,) = world.history.published_responses()
    (data,) = world.history.published(ticket_id).values()
    world.cloud.put(OUT, f"responses/{ticket_id}/another.response", data)


def _lose_the_next_upload(world: World) -> None:
    ticket_id = world._ticket(1)
    world._upload(ticket_id, a_request_file(Computer("PC-77")))
    world.cloud.queues[REQUESTS].waiting.clear()


def _bring_for_ever(world: World) -> None:
    world.cloud.queues[REQUESTS].waiting.append(Message("1", "{}", receives=11))


def _mail_a_stranger(world: World) -> None:
    world.cloud.mails.append(Sent("stranger@example.com", b"015.120.020.093"))


def _let_one_more_run(world: World) -> None:
    # A seat and four moves: five installations may run.
    world.history.running[NUMBER] = {f"PC-{n}" for n in range(6)}


def _bind_anew_by_the_load_key(world: World) -> None:
    for step in (Step("reinstall", seed=7), Step("serve")):
        world.do(step)
    (response,) = world.history.new
    world.by_load_key.add(response.request_sha256)
    world.history.read = lambda: None  # type: ignore[method-assign]  # as after that step


def _leave_a_message(world: World) -> None:
    world.cloud.queues[REQUESTS].waiting.append(Message("1", "{}"))


def _leave_a_mail_pending(world: World) -> None:
    (ticket_id,) = world.history.published_responses()
    world.emails.mark_email(ticket_id, EmailStatus.PENDING)


def _withhold_a_mail(world: World) -> None:
    (ticket_id,) = world.history.published_responses()
    world.emails.mark_email(ticket_id, EmailStatus.WITHHELD)


def _replace_and_tell_nobody(world: World) -> None:
    for step in (Step("replace_lost", 1), Step("serve")):
        world.do(step)


def _upload_unseen(world: World) -> None:
    ticket_id = world._ticket(1)
    world.uploads.append((ticket_id, b""))
    world.cloud.objects[IN, f"requests/{ticket_id}"] = [b""]


def _decide_a_choice_twice(world: World) -> None:
    (ticket_id,) = world.history.published_responses()
    world.history.decisions[ticket_id, 1] = {"a response", "a refusal"}


def _mail_no_answer(world: World) -> None:
    (ticket_id,) = world.history.published_responses()
    ticket = world.history.tickets[ticket_id]
    world.history.tickets[ticket_id] = replace(ticket, link_expires_at=None)


def _refuse_another(world: World) -> None:
    for step in (Step("activate", 1, seed=7), Step("serve")):
        world.do(step)
    (kept,) = world.history.kept_refusals()
    world.refusals.keep(replace(kept, at=kept.at + 1))


def _lose_a_refusal(world: World) -> None:
    for step in (Step("activate", 1, seed=7), Step("serve")):
        world.do(step)
    world.history._refusals.clear()


def _renew_on_hold(world: World) -> None:
    world.do(Step("renew", 2))
    (renewed,) = world.witness.transactions
    license, seat = renewed.before
    on_hold = replace(license, status=Status.SUSPENDED)
    world.witness.transactions[0] = replace(renewed, before=(on_hold, seat))


def _hand_out_an_answer_as_a_renewal(world: World) -> None:
    (ticket_id,) = world.history.published_responses()
    (data,) = world.history.published(ticket_id).values()
    world.lambdas.replies.append({"renewed": [{"file": data.decode()}]})


def _sign_with_another_key(world: World) -> None:
    world.cloud.pass_time(FRESH_S + 1)
    (entry,) = world.history.answers.values()
    signed = Signed(pae(RESPONSE, entry.body), SIGNERS[1].keyid, world.cloud.elapsed)
    world.cloud.signed.append(signed)


def _renew_with_another_key(world: World) -> None:
    (entry,) = world.history.answers.values()
    file = seal(RESPONSE, entry.body, [SIGNERS[1]]).decode()
    world.lambdas.replies.append({"renewed": [{"file": file}]})


def _write_key(status: KeyStatus) -> Tampering:
    def tamper(world: World) -> None:
        row = {"pk": "keys", "sk": f"key#{VENDOR.keyid}"}
        row |= members(replace(FIRST_KEY, status=status))
        for table in ("Keys", "Licenses"):
            world.cloud.tables.put_item(TableName=table, Item=to_item(row))

    return tamper


def _build_with_another_key(world: World) -> None:
    """As if the application had been built so when it made its request."""
    another = PinnedKey(SIGNERS[1].keyid, ED25519, SIGNERS[1].public, True)
    world.key_sets = dict.fromkeys(world.key_sets, KeySet((ED25519,), (another,)))
    ((ticket_id, _),) = world.uploads
    (data,) = world.history.published(ticket_id).values()
    world.history._published.clear()
    world.cloud.put(OUT, f"responses/{ticket_id}/again.response", data)


def _call_too_old(world: World) -> None:
    world.do(Step("activate", 1, seed=7))
    ticket_id, file = world.uploads[-1]
    request = parse_request(file)
    refusal = Refusal(RefusalCode.KEYS_TOO_OLD, facts={"product": PRODUCT})
    ticket = replace(world.history.tickets[ticket_id], version_id="1", uploaded_at=NOW)
    world.tickets.complete(
        world.history.tickets[ticket_id], ticket.refused(request, refusal), world.cloud.now
    )


def _keep_the_seat(world: World) -> None:
    for step in (Step("deactivate", seed=7), Step("serve")):
        world.do(step)
    world.history.seats[NUMBER, 1] = replace(world.history.seats[NUMBER, 1], taken=True)
    world.history.read = lambda: None  # type: ignore[method-assign]  # as after that step


def _sign_again_with_the_same_key(world: World) -> None:
    (ticket_id,) = world.history.published_responses()
    world.reissued[ticket_id] = VENDOR.keyid


TAMPERINGS = {
    "seats_are_exact_and_never_oversold": _license(seats_used=3),
    "a_request_has_one_body": _rewrite_the_ledger,
    "a_ticket_is_handed_its_own_answer": _hand_out_anothers,
    "nothing_is_signed_but_the_ledgers": _sign_something_else,
    "serials_rise_and_never_repeat": _license(revision=0),
    "a_ticket_has_one_answer": _answer_twice,
    "nothing_is_lost": _lose_the_next_upload,
    "what_fails_ten_times_is_given_up": _bring_for_ever,
    "no_mail_without_proof": _mail_a_stranger,
    "no_more_machines_run_than_the_bounds_say": _let_one_more_run,
    "an_update_by_the_load_key_binds_nothing_anew": _bind_anew_by_the_load_key,
    "a_refusal_is_kept_once_and_as_its_ticket_tells_it": _refuse_another,
    "a_choice_is_decided_once_and_is_the_last_one": _decide_a_choice_twice,
    "an_answers_email_brings_its_link": _mail_no_answer,
    "a_renewal_gives_no_machine_what_an_update_would_not": _renew_on_hold,
    "no_key_signs_after_its_end": _sign_with_another_key,
    "a_renewal_is_signed_by_the_keys_of_its_moment": _renew_with_another_key,
    "a_key_never_comes_back": _write_key(KeyStatus.RETIRED),
    "what_is_handed_out_can_be_verified": _build_with_another_key,
    "an_application_is_called_too_old_only_if_it_is": _call_too_old,
    "a_deactivation_frees_its_seat": _keep_the_seat,
    "a_renewal_that_is_handed_out_is_the_ledgers": _hand_out_an_answer_as_a_renewal,
    "nothing_waits_for_good": _leave_a_message,
    "every_upload_has_its_answer": _upload_unseen,
    "every_mail_is_sent_or_rightly_withheld": _leave_a_mail_pending,
    "every_contact_is_told_of_every_replaced_computer": _replace_and_tell_nobody,
    "every_refusal_is_kept_until_its_day_is_full": _lose_a_refusal,
    "every_answer_of_a_compromised_key_is_signed_again": _sign_again_with_the_same_key,
}


@pytest.mark.parametrize(
    ("invariant", "tamper"),
    [*TAMPERINGS.items(), ("every_mail_is_sent_or_rightly_withheld", _withhold_a_mail)],
)
def test_each_invariant_can_fail(invariant: str, tamper: Tampering) -> None:
    with one_seat() as world:
        for step in (Step("activate", 0, 0, 5), Step("serve"), Step("mail")):
            world.do(step)
        holds = {each.__name__: each for each in (*ALWAYS, *AT_LAST)}
        for each in holds.values():
            each(world)
        tamper(world)
        world.history.read()
        with pytest.raises(Violation):
            holds[invariant](world)


def test_every_invariant_was_made_to_fail() -> None:
    assert set(TAMPERINGS) == {each.__name__ for each in (*ALWAYS, *AT_LAST)}
