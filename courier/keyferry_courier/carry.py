"""Sends the requests of a folder to the service, and saves their responses.

A ticket is written to the folder before its file is uploaded. So after an interruption anywhere,
the next run continues with the same tickets.
"""

import heapq
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from keyferry_courier.errors import CourierError, NoService, courier_error
from keyferry_courier.folder import Folder, RequestFile
from keyferry_courier.service import PATIENCE_S, Service
from keyferry_protocol.request import Request

READY, REFUSED, WAITING, FAILED, UNREADABLE = "ready", "refused", "waiting", "failed", "unreadable"
_SLOWEST_S = 60


@dataclass(frozen=True)
class Outcome:
    """What became of one request file. `response` is the name of the file that answers it.

    It is None where the seat is free and there is nothing to install. `was_there` if it was in the
    folder before.
    """

    file: RequestFile
    state: str
    response: str | None = None
    error: CourierError | None = None
    was_there: bool = False


@dataclass
class _Task:
    """One request file on its way."""

    file: RequestFile
    request: Request
    ticket_id: str = ""
    outcome: Outcome | None = None


def carry(
    folder: Folder,
    service: Service,
    report: Callable[[Outcome], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> list[Outcome]:
    """Send every request file, deactivations first, since they free seats for the others.

    `report` is called with each outcome as soon as it is known.
    """
    files = folder.requests()
    unreadable = [Outcome(file, UNREADABLE, error=file.error) for file in files if file.error]
    for outcome in unreadable:
        report(outcome)
    tasks = [_Task(file, file.request) for file in files if file.request is not None]
    answered = folder.answered(task.request for task in tasks)
    run = _Run(folder, service, answered, report, sleep, clock)
    for is_first in (True, False):
        run.carry_all([t for t in tasks if (t.request.kind == "deactivate") is is_first])
    return [*(task.outcome for task in tasks if task.outcome is not None), *unreadable]


class _Run:
    def __init__(
        self,
        folder: Folder,
        service: Service,
        answered: Mapping[str, str],
        report: Callable[[Outcome], None],
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self._folder, self._service, self._answered = folder, service, answered
        self._report, self._sleep, self._clock = report, sleep, clock
        self._ended: NoService | None = None  # why no more calls are made

    def carry_all(self, tasks: list[_Task]) -> None:
        """Send these files, then wait for all of them."""
        for task in tasks:
            self._try(task, self._start)
        started = self._clock() - self._service.paused_s
        due = [(self._clock(), place) for place, task in enumerate(tasks) if not task.outcome]
        while due:
            at, place = heapq.heappop(due)
            self._sleep(max(0.0, at - self._clock()))
            task = tasks[place]
            wait_s = self._try(task, self._look)
            waited_s = self._clock() - self._service.paused_s - started
            if task.outcome is None and waited_s + wait_s > PATIENCE_S:
                self._end(task, Outcome(task.file, WAITING, error=courier_error("waiting")))
            elif task.outcome is None:
                heapq.heappush(due, (self._clock() + wait_s, place))

    def _end(self, task: _Task, outcome: Outcome) -> None:
        task.outcome = outcome
        self._report(outcome)

    def _try(self, task: _Task, step: Callable[[_Task], float]) -> float:
        """Take a step; return the seconds until the next one.

        An error is the outcome of this file only, or of all files that are still to come.
        """
        try:
            if self._ended is not None:
                raise self._ended
            return step(task)
        except CourierError as error:
            if isinstance(error, NoService):
                self._ended = error
            self._end(task, Outcome(task.file, FAILED, error=error))
            return 0

    def _start(self, task: _Task) -> float:
        """Upload the file on its earlier ticket or a new one, unless the service already has it."""
        digest = task.request.sha256
        response = self._answered.get(digest)
        if response is not None:
            self._end(task, Outcome(task.file, READY, response, was_there=True))
            return 0
        known = self._folder.ticket(digest)
        ticket = self._service.look(known) if known else None
        if known is None or ticket is None:
            task.ticket_id = self._service.send(
                task.file.data, lambda ticket_id: self._folder.note(digest, ticket_id)
            )
        else:
            task.ticket_id = known
            if ticket.state == "awaiting-upload":  # the earlier run ended before the upload did
                self._service.send_through_page(known, task.file.data)
        return 0

    def _look(self, task: _Task) -> float:
        """Look at a ticket, and save its response if there is one."""
        ticket = self._service.look(task.ticket_id)
        if ticket is None:
            self._folder.note(task.request.sha256, None)
            raise courier_error("ticket-gone")
        if ticket.refusal is not None:
            self._folder.note(task.request.sha256, None)  # the next run sends the file again
            self._end(task, Outcome(task.file, REFUSED, error=ticket.refusal))
        elif ticket.response is not None:
            data = self._service.download(task.ticket_id, ticket.response)
            name = self._folder.save_response(task.request, ticket.response.name, data)
            self._end(task, Outcome(task.file, READY, name))
        elif ticket.state == READY:
            self._end(task, Outcome(task.file, READY))
        return min(max(ticket.retry_after_s, 1), _SLOWEST_S)
