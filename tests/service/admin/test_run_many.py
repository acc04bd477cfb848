"""A command for many licenses ends with an account of each, however it ends."""

import signal

import pytest
from botocore.exceptions import ClientError

from keyferry_admin.aws_failures import explain
from keyferry_admin.cli.output import Output
from keyferry_admin.cli.progress import report
from keyferry_admin.errors.commands import Interrupted, SomeFailed
from keyferry_admin.errors.licenses import BadTerms
from keyferry_admin.use_cases.run_many import Run, run_many
from tests.service.admin.ctrl_c import CtrlC

ITEMS = list(range(40))


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "No."}}, "TransactWriteItems")


def test_each_item_is_accounted_for_in_order() -> None:
    def action(item: int) -> bool:
        if item == 7:
            raise BadTerms("It is seven")
        if item == 8:
            raise refused("ThrottlingException")
        return item % 2 == 0

    finished: list[int] = []
    run = run_many(ITEMS, action, explain, finished.append)
    assert run.done == [item for item in ITEMS if item % 2 == 0 and item != 8]
    assert run.unchanged == [item for item in ITEMS if item % 2 and item != 7]
    assert [(item, error.code) for item, error in run.failed] == [(7, "bad-terms"), (8, "aws-busy")]
    assert (run.not_tried, run.is_interrupted, sum(finished)) == ([], False, len(ITEMS))


@pytest.mark.parametrize("code", ["ExpiredToken", "UnrecognizedClientException"])
def test_what_fails_for_all_ends_the_run(code: str) -> None:
    def action(item: int) -> bool:
        if item >= 10:
            raise refused(code)
        return True

    run = run_many(ITEMS, action, explain, at_once=4)
    assert run.done == ITEMS[:10]
    assert 1 <= len(run.failed) <= 4
    assert len(run.done) + len(run.failed) + len(run.not_tried) == len(ITEMS)
    with pytest.raises(SomeFailed, match=r"10 changed, 0 unchanged, .* not tried") as raised:
        report(Output(), run, "changed", str)
    assert "run the same command again to go on" in raised.value.next_step


def test_ctrl_c_lets_what_has_begun_end_and_says_what_is_left() -> None:
    ctrl_c = CtrlC()

    def action(item: int) -> bool:
        ctrl_c.count()
        return True

    kept = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it
    run = run_many(ITEMS, action, explain, at_once=2)
    assert run.is_interrupted
    assert (run.done, run.not_tried) == (ITEMS[:2], ITEMS[2:])
    with pytest.raises(Interrupted) as raised:
        report(Output(), run, "changed", str)
    assert (raised.value.exit, raised.value.facts["not_tried"][-1]) == (130, "39")
    assert signal.signal(signal.SIGINT, kept) is signal.default_int_handler


def test_an_account_names_each_failure(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(["a"], [], [("b", BadTerms("It would end before it begins"))], [], False)
    with pytest.raises(SomeFailed, match="1 changed, 0 unchanged, 1 failed"):
        report(Output(), run, "changed", str)
    assert capsys.readouterr().err == "b: It would end before it begins (bad-terms)\n"
