"""Reads and writes `clock.json`, the clock of one user."""

from keyferry.store.clock import MAX_TIME, Clock
from keyferry.store.files import damaged, read_json, write_json
from keyferry.store.state_dirs import StateDir
from keyferry_protocol.errors import StateDamaged
from keyferry_protocol.messages import message
from keyferry_protocol.strict_json import InvalidMember, JsonObject

CLOCK = "clock.json"


def read_clock(user: StateDir, ignore_damage: bool = False) -> Clock:
    """Read `clock.json`; an empty clock if there is no such file.

    Raises StateDamaged for a damaged file, unless `ignore_damage` treats it as missing.
    """
    try:
        members = read_json(user, CLOCK)
        return Clock() if members is None else _parse_clock(members, user)
    except StateDamaged:
        if ignore_damage:
            return Clock()
        raise


def write_clock(user: StateDir, clock: Clock) -> None:
    """Replace `clock.json`. The caller holds the lock. Raises StateNotWritable."""
    write_json(user, CLOCK, clock._asdict())


def _parse_clock(members: JsonObject, user: StateDir) -> Clock:
    try:
        notes = members.json_object("at_request")
        at_request = {name: notes.integer(name, 0) for name in notes.names()}
        mark = members.integer("mark", 0)
        if mark > MAX_TIME:
            raise InvalidMember("mark", message("format.no-calendar-time"))
        return Clock(mark, members.integer("lowered", 0), at_request)
    except InvalidMember as error:
        raise damaged(user, CLOCK, str(error)) from error
