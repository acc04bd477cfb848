"""What the id of a ticket must be."""

import re

from keyferry_service.domain.ticket import TICKET_ID, new_ticket_id


def test_no_prefix_of_a_ticket_is_an_option_of_the_command_that_explains_it() -> None:
    tokens = iter(["-h" + 41 * "a", "--" + 41 * "a", "_-h" + 40 * "a"])
    ticket_id = new_ticket_id(lambda size: next(tokens))
    assert ticket_id == "_-h" + 40 * "a"
    assert re.fullmatch(TICKET_ID, ticket_id)
