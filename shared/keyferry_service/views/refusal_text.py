"""How the service says dates and refusals, in the reader's language."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from keyferry_protocol.messages import has_message, message, use_language
from keyferry_protocol.messages.formats import long_date, or_list
from keyferry_service.domain.refusals import Refusal, RefusalCode


@dataclass(frozen=True, slots=True)
class Vendor:
    """Who speaks, and whom a customer asks for help."""

    name: str
    support: str


@dataclass(frozen=True, slots=True)
class SaidRefusal:
    """A refusal in words: what is the case, and what to do next."""

    sentence: str  # its name in the catalogue
    facts: dict[str, Any]  # as this reader may see them
    title: str
    next_step: str


def show_date(seconds: int) -> str:
    """`30 November 2027` (UTC)."""
    return long_date(datetime.fromtimestamp(seconds, UTC))


def protection_name(protection: str) -> str:
    """How a machine's protection is named to a customer."""
    return message(f"refusals.protection.{protection}")


def say_refusal(
    refusal: Refusal, language: str, vendor: Vendor, *, in_mail: bool = False, **hidden: str
) -> SaidRefusal:
    """The refusal in words, for the page or for a mail, which has no table and no "here".

    `hidden` says in other words a fact that may not be repeated there.
    """
    with use_language(language):
        facts = _shown_facts(refusal) | hidden
        facts |= {"vendor": vendor.name, "support": vendor.support}
        sentence = _sentence(refusal)
        title = message(f"refusals.{sentence}.title", **facts)
        kind = "choose" if refusal.offers_seats else "next-step"
        mailed = f"email.refused.{kind}.{sentence}"
        shown = f"refusals.{sentence}.{kind}"
        step = message(mailed if in_mail and has_message(mailed) else shown, **facts)
        if refusal.facts.get("moves_left") == 0:  # no seat that is given back could be taken again
            limit = _sentence(Refusal(RefusalCode.MOVE_LIMIT, facts=refusal.facts))
            step = message(f"refusals.{limit}.whole", **facts)
    return SaidRefusal(sentence, facts, title, step)


def _sentence(refusal: Refusal) -> str:
    """The name of the sentence that fits the refusal and its facts."""
    variant = refusal.variant
    if refusal.code is RefusalCode.MOVE_LIMIT and refusal.facts.get("next_move_at") is None:
        variant = "for-good"
    return f"{refusal.code}.{variant}" if variant else str(refusal.code)


def _shown_facts(refusal: Refusal) -> dict[str, Any]:
    facts = {name: value for name, value in refusal.facts.items() if value is not None}
    for name in ("chosen", "protection"):
        if name in facts:
            facts[name] = protection_name(facts[name])
    if "allowed" in facts:
        facts["allowed"] = or_list(map(protection_name, facts["allowed"]))
    for name in ("ended_at", "next_move_at"):
        if name in facts:
            facts["date"] = show_date(facts[name])
    return facts
