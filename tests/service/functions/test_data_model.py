"""docs/data-model.md names each row and attribute that the service writes, and no other."""

import re
from dataclasses import replace
from pathlib import Path

from keyferry_admin.use_cases.change_license import set_status
from keyferry_protocol.keys import ED25519
from keyferry_service.adapters.emails_dynamodb import Emails
from keyferry_service.adapters.resignings_dynamodb import Resignings
from keyferry_service.domain.license import RegisteredDongle, Status
from keyferry_service.domain.renew import SeatOutcome
from tests.service.functions.test_mail_feedback import NO_USER, a_notice, tags
from tests.service.functions.test_renewals import renew
from tests.support.builders import LAB_07, LAB_08, Computer, a_key, a_request_file
from tests.support.samples import DAY
from tests.support.world import World

__all__ = ["tags"]  # the fixture

DOCUMENT = Path(__file__).parents[3] / "docs" / "data-model.md"


def documented() -> dict[str, set[str]]:
    """The attributes of each kind of row, by its heading."""
    kinds: dict[str, set[str]] = {}
    for section in re.split(r"^### ", DOCUMENT.read_text(), flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        rows = re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)
        kinds[heading] = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    return kinds


def kind_of(row: dict[str, dict[str, str]]) -> str:
    """The heading that a row stands under; its key itself where there is none."""
    key = " ".join(f"`{row[name]['S']}`" for name in ("pk", "sk") if name in row)
    for heading in documented():
        pattern = re.escape(heading.replace("<number>", "NUMBER")).replace("NUMBER", "[0-9]{12}")
        if re.fullmatch(re.sub("<[^>]+>", "[^#`]+", pattern), key):
            return heading
    return key


def written(world: World) -> dict[str, set[str]]:
    """The attributes of each kind of row in the three tables."""
    kinds: dict[str, set[str]] = {}
    for table in ("Licenses", "Keys", "Tickets"):
        for row in world.rows(table):
            kinds.setdefault(kind_of(row), set()).update(row.keys() - {"pk", "sk"})
    return kinds


def test_every_row_and_attribute_is_documented(world: World, tags: list[str]) -> None:
    dongle = a_key("dongle")
    world.sell(seats=3, contact="contact@example.org", reference="PO-4711")
    license = world.license()
    world.licenses.add_dongle(
        license,
        replace(license, revision=license.revision + 1),
        RegisteredDongle(dongle.keyid, ED25519, dongle.public, "YubiKey 5", "12345678"),
    )
    world.activate(a_request_file(replace(LAB_08, dongle=dongle)))
    world.activate(a_request_file(LAB_08, trusts=()))  # refused
    for attempt in ("a", "b"):
        ticket = world.activate(a_request_file(LAB_07, id=attempt * 32), "anna@example.org")
        assert world.send(ticket) == []
    world.activate(a_request_file(Computer("LAB-09"), replaces_seat=1))
    world.activate(a_request_file(Computer("LAB-10")))
    refused = world.activate(a_request_file(Computer("LAB-11"), choose_seat=True))
    assert renew(world, 1, again=True)[0].outcome is SeatOutcome.RENEWED
    set_status(world.licenses, license.number, Status.SUSPENDED)
    world.process(world.choose(refused, 1))
    rows = written(world)
    assert world.handle("mail_feedback", a_notice(tags[-1], **NO_USER)) == []
    Emails(world.dynamodb, "Tickets").mark_mailed("0" * 64, "0" * 32, world.now + DAY)
    Resignings(world.dynamodb, "Tickets").begin("0123456789abcdef", b"secret", world.now + DAY)
    for kind, attributes in written(world).items():
        rows.setdefault(kind, set()).update(attributes)
    assert rows == documented()
