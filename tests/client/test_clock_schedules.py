"""No schedule of responses, users and wrong clocks gains a day, or locks a paying customer out.

Everything runs on the real files, in memory. The service's own clock is right; the computer's can
be set to any time.
"""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from keyferry import KeyferryError, License, parse_request
from tests.support.other_users import UserRoom
from tests.support.samples import DAY, NOW

LEASE_S, GRACE_DAYS = 30 * DAY, 14
ALLOWED_S = LEASE_S + GRACE_DAYS * DAY
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
USERS = st.sampled_from(["anna", "anna", "anna", "ben"])
LATEST = st.integers(-3, -1)
# Right, off by days, or by the years of a dead battery.
DAYS = st.one_of(st.just(0), st.integers(-2, 2), st.integers(-60, 60), st.integers(-9000, 9000))


class Schedule(RuleBasedStateMachine):
    """One computer with two users; time passes only while one of them works."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY))
        self.true_now, self.ahead = NOW, 0
        site = self.folder / "site"
        self.users = {name: UserRoom(self.folder / name, site=site) for name in ("anna", "ben")}
        self.used = dict.fromkeys(self.users, 0)
        self.answered: dict[str, bytes] = {}  # by the request's SHA-256
        self.issued: list[int] = []

    @initialize()
    def activate(self) -> None:
        self.try_install("anna", self.ask("anna", "activate"))

    @rule(user=USERS, hours=st.sampled_from([24, 7 * 24, 28 * 24]))
    def work(self, user: str, hours: int) -> None:
        """The program runs for a while; the time it observes counts while the license holds."""
        started = self.start(user)
        self.true_now += hours * 3600
        if started is None:
            return
        seen_at_start = max(self.at_the_computer(user).now - hours * 3600, started._mark)
        if started.check() and self.start(user) is not None:
            seen_at_end = max(self.at_the_computer(user).now, started._mark)
            self.used[user] += seen_at_end - seen_at_start
        assert self.used[user] <= self.issued[-1] - self.issued[0] + ALLOWED_S

    @rule(days=DAYS)
    def set_the_clock(self, days: int) -> None:
        self.ahead = days * DAY

    @rule(user=USERS)
    def ask_for_an_update(self, user: str) -> None:
        """Each request is answered once, on the same day; the response may be held back."""
        self.ask(user, "update")

    @rule(user=USERS, which=LATEST, set_back=st.booleans())
    def install(self, user: str, which: int, set_back: bool) -> None:
        """Now, or with the clock set back to its issue, as someone might to gain days."""
        which = max(which, -len(self.issued))
        if set_back:
            self.ahead = self.issued[which] - self.true_now
        assert self.try_install(user, self.responses[which]) in {
            *("installed", "not-requested", "older-response"),
            *("clock-rolled-back", "check-in-overdue", "not-yet-valid"),
        }

    def ask(self, user: str, kind: str) -> bytes:
        request = self.at_the_computer(user).request(kind)
        sha256 = parse_request(request).sha256
        if sha256 not in self.answered:
            service = self.users["anna"]
            service.now = self.true_now
            lease = {"check_in_by": self.true_now + LEASE_S, "grace_days": GRACE_DAYS}
            terms = {"valid_from": NOW, "valid_until": None}
            self.answered[sha256] = service.answer(request, **terms, **lease)
            self.issued.append(self.true_now)
        return self.answered[sha256]

    @property
    def responses(self) -> list[bytes]:
        return list(self.answered.values())

    def try_install(self, user: str, response: bytes) -> str:
        try:
            self.at_the_computer(user).install(response)
        except KeyferryError as error:
            return error.code
        return "installed"

    def teardown(self) -> None:
        """The clock is corrected, and an update that is carried out and back works.

        Twice where a request from before the wrong time still waited: the same file goes out.
        """
        self.ahead = 0
        for user in self.users if self.answered else ():
            if self.update(user) != "installed":
                assert self.update(user) == "installed"
            assert self.start(user) is not None
        shutil.rmtree(self.folder)

    def update(self, user: str) -> str:
        return self.try_install(user, self.ask(user, "update"))

    def start(self, user: str) -> License | None:
        try:
            return self.at_the_computer(user).load()
        except KeyferryError:
            return None

    def at_the_computer(self, user: str) -> UserRoom:
        room = self.users[user]
        room.now = self.true_now + self.ahead
        return room


TURNS = st.tuples(st.integers(0, 29), st.integers(0, 29), st.booleans(), st.integers(0, 29))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(TURNS, min_size=1, max_size=4))
def test_holding_back_responses_gains_no_day(turns: list[tuple[int, int, bool, int]]) -> None:
    """Work, make a request, work on with the response in a drawer, set the clock back, install."""
    schedule = Schedule()
    schedule.activate()
    for before, kept_back, set_back, after in turns:
        schedule.work("anna", before * 24)
        schedule.ask_for_an_update("anna")
        schedule.work("anna", kept_back * 24)
        schedule.install("anna", -1, set_back)
        schedule.work("anna", after * 24)
    assert schedule.used["anna"] <= schedule.issued[-1] - schedule.issued[0] + ALLOWED_S
    schedule.teardown()


TestSchedule = Schedule.TestCase
TestSchedule.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
