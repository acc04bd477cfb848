"""The secret between CloudFront and the API is exchanged, and no call is refused while it is."""

from typing import Any

import pytest
from botocore.exceptions import WaiterError

from keyferry_admin.errors import AdminError
from keyferry_admin.errors.stack import OriginSecretNotRotated, StackNotReady
from keyferry_admin.use_cases.origin_secret import OF_THE_SAME_RELEASE, SECRET, rotate

OLD = "0123456789abcdef0123456789abcdef"
PARAMETERS = {
    "PageOrigin": "https://activate.example.com",
    OF_THE_SAME_RELEASE: "true",
    SECRET: OLD,
}


class Aws:
    """A stack with its function and its distribution, as slow and as unordered as AWS is.

    While it is updated, function and distribution change in either order. Edge locations go on
    sending the secret of before until the distribution is deployed.
    """

    name = "keyferry"

    def __init__(self) -> None:
        self.parameters = dict(PARAMETERS)
        self.status = "UPDATE_COMPLETE"
        self.fails: set[str] = set()  # waiters
        self.sent_by_edges = {OLD}
        self.updates = 0
        self.cloudformation = self.cloudfront = self

    @property
    def accepted(self) -> set[str]:
        return set(self.parameters[SECRET].split())

    @property
    def sent(self) -> str:
        return self.parameters[SECRET].split()[0]

    def output(self, name: str) -> str:
        assert name == "DistributionId"
        return "E1"

    def get_distribution_config(self, **_: Any) -> Any:
        header = {"HeaderName": "x-origin-secret", "HeaderValue": self.sent}
        origins = [{"Id": "site", "CustomHeaders": {"Quantity": 0}}]
        origins += [{"Id": "api", "CustomHeaders": {"Quantity": 1, "Items": [header]}}]
        return {"DistributionConfig": {"Origins": {"Items": origins}}}

    def update_stack(self, **call: Any) -> None:
        assert call["UsePreviousTemplate"]
        assert {each["ParameterKey"] for each in call["Parameters"]} == set(self.parameters)
        accepted_before = self.accepted
        for each in call["Parameters"]:
            if not each.get("UsePreviousValue"):
                self.parameters[each["ParameterKey"]] = each["ParameterValue"]
        self.updates += 1
        self.sent_by_edges.add(self.sent)
        assert self.sent_by_edges <= accepted_before & self.accepted, "a call is refused"

    def get_waiter(self, name: str) -> Any:
        return Waiter(self, name)


class Waiter:
    def __init__(self, aws: Aws, name: str) -> None:
        self.aws, self.name = aws, name

    def wait(self, **_: Any) -> None:
        if self.name in self.aws.fails:
            raise WaiterError(self.name, "terminal failure", {})
        if self.name == "distribution_deployed":
            self.aws.sent_by_edges = {self.aws.sent}


def finished(aws: Any) -> list[str]:
    return list(rotate(aws))


def test_in_no_step_an_edge_location_sends_what_the_api_refuses() -> None:
    aws = Aws()
    assert len(finished(aws)) == aws.updates == 3
    assert aws.accepted == aws.sent_by_edges
    assert OLD not in aws.accepted
    assert min(map(len, aws.accepted)) >= 32  # as the template asks
    assert aws.parameters["PageOrigin"] == PARAMETERS["PageOrigin"]


@pytest.mark.parametrize("updates", [0, 1, 2])
def test_a_run_that_was_stopped_anywhere_can_be_run_again(
    monkeypatch: pytest.MonkeyPatch, updates: int
) -> None:
    aws = Aws()

    def stop_after(**call: Any) -> None:
        Aws.update_stack(aws, **call)
        if aws.updates > updates:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(aws, "update_stack", stop_after)
        with pytest.raises(KeyboardInterrupt):
            finished(aws)
    finished(aws)
    assert aws.accepted == aws.sent_by_edges
    assert OLD not in aws.accepted


@pytest.mark.parametrize("waiter", ["stack_update_complete", "distribution_deployed"])
def test_an_update_that_fails_is_said_and_can_be_run_again(waiter: str) -> None:
    aws = Aws()
    aws.fails = {waiter}
    with pytest.raises(OriginSecretNotRotated):
        finished(aws)
    aws.fails = set()
    finished(aws)
    assert OLD not in aws.accepted


def deployed_by_an_older_release(aws: Aws) -> None:
    del aws.parameters[OF_THE_SAME_RELEASE]


def in_deployment(aws: Aws) -> None:
    aws.status = "UPDATE_IN_PROGRESS"


@pytest.mark.parametrize("change", [deployed_by_an_older_release, in_deployment])
def test_a_stack_that_cannot_be_updated_is_left_alone(change: Any) -> None:
    aws = Aws()
    change(aws)
    with pytest.raises(StackNotReady) as refused:
        finished(aws)
    assert isinstance(refused.value, AdminError)
    assert refused.value.next_step.endswith((".", "make deploy"))
    assert aws.updates == 0
