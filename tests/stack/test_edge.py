"""What the distribution does with errors, played by the local edge: retries, and missing pages."""

import time
from email.message import Message

import pytest
import requests

from keyferry_service.views.problem_document import STATUS, Problem, problem_document
from local.cloud import Cloud
from local.edge import KEPT_ERRORS, KEPT_FOR_S, Answer, Edge
from tests.stack.test_template import RESOURCES
from tests.support.running_stack import RunningStack

READY = Answer(200, {"Content-Type": "application/json"}, b"{}")
PATH = "/api/requests/3KhWcZ8f"
CONFIG = RESOURCES["Distribution"]["Properties"]["DistributionConfig"]
ERROR_ENTRIES = CONFIG.get("CustomErrorResponses", [])


class EdgeBefore(Edge):
    """The deployed distribution before an API whose next answers are known."""

    answers: list[Answer]

    def _call(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        return self.answers.pop(0)

    def ask(self, method: str, *answers: Answer) -> list[Answer]:
        """Call once for each of these answers of the API; what reaches the browser."""
        self.answers = list(answers)
        calls = range(len(answers))
        return [self.answer(method, PATH, Message(), b"", "203.0.113.1:50000") for _ in calls]


@pytest.fixture
def edge(stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> EdgeBefore:
    cloud = Cloud(int(stack.endpoint.rpartition(":")[2]))
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    return EdgeBefore(cloud, stack.outputs["DistributionId"])


def a_problem(code: str) -> Answer:
    problem = Problem(code, n=1)
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    return Answer(problem.status, headers, problem_document(problem).encode())


@pytest.mark.parametrize("status", [404, 500, 501, 502, 503, 504])
def test_a_retry_reaches_the_service_that_recovered(edge: EdgeBefore, status: int) -> None:
    failed = Answer(status, {}, b'{"message":"Internal Server Error"}')
    assert [answer.status for answer in edge.ask("GET", failed, READY)] == [status, 200]


def test_the_local_edge_keeps_an_error_for_which_there_is_no_entry_for_ten_seconds(
    edge: EdgeBefore, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = Answer(405, {"Cache-Control": "no-store"}, b"")
    first, second = edge.ask("GET", failed, READY)
    assert (first.status, second.status) == (405, 405)
    later = time.monotonic() + KEPT_FOR_S
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert [answer.status for answer in edge.ask("GET", READY)] == [200]
    assert [answer.status for answer in edge.ask("POST", failed, READY)] == [405, 200]


def test_every_problem_document_arrives_as_the_service_wrote_it(edge: EdgeBefore) -> None:
    problems = [a_problem(code) for code in STATUS if code != "forbidden"]
    arrived = edge.ask("GET", *problems)
    assert [(answer.status, answer.body) for answer in arrived] == [
        (problem.status, problem.body) for problem in problems
    ]
    assert {answer.headers["Content-Type"] for answer in arrived} == {"application/problem+json"}


@pytest.mark.parametrize("path", ["activate", "activate.html", "help/", "js/nothing.js", "a/b%20c"])
def test_a_missing_page_is_a_page_of_ours(stack: RunningStack, path: str) -> None:
    answer = requests.get(f"{stack.page}{path}", timeout=60)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "There is nothing at this address" in answer.text
    assert '<a href="/">Choose the request file</a>' in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert requests.head(f"{stack.page}{path}", timeout=60).status_code == 404


def test_only_what_went_around_the_distribution_gets_a_status_that_it_shows_as_a_page() -> None:
    shown = {e["ErrorCode"] for e in ERROR_ENTRIES if "ResponsePagePath" in e}
    assert shown == {403}  # what S3 says of a file that is not there
    assert [code for code, status in STATUS.items() if status in shown] == ["forbidden"]


def test_every_error_that_cloudfront_would_keep_of_the_service_has_an_entry() -> None:
    kept = {status for status in STATUS.values() if status in KEPT_ERRORS}
    at_once = {e["ErrorCode"] for e in ERROR_ENTRIES if e["ErrorCachingMinTTL"] == 0}
    assert kept | {500, 501, 502, 503, 504} <= at_once
