"""The dashboard of the template: it shows metrics that exist, and every alarm."""

import ast
import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from keyferry_service.use_cases import outcome
from keyferry_service.use_cases.outcome import Outcome
from tests.stack.test_template import RESOURCES, ROOT
from tests.support.journeys import client
from tests.support.running_stack import RunningStack

FREE_METRICS = 50  # of a dashboard, https://aws.amazon.com/cloudwatch/pricing/
OURS = ["service", "keyferry"]  # the dimension that Powertools adds
# What AWS counts by itself, with the dimension that we use.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
# https://docs.aws.amazon.com/ses/latest/dg/configuration-sets-export-metrics.html
OF_AWS = {
    "AWS/SQS": (
        "QueueName",
        {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
    ),
    "AWS/Lambda": ("FunctionName", {"Errors", "Throttles", "Duration", "IteratorAge"}),
    "AWS/ApiGateway": ("ApiId", {"Count", "4xx", "5xx"}),
    "AWS/SES": ("ses:configuration-set", {"Reputation.BounceRate", "Reputation.ComplaintRate"}),
}


def body() -> dict[str, Any]:
    """The dashboard of a stack that has everything which a template's condition may leave out."""
    text, parts = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Sub"]
    for name, choice in parts.items():
        text = text.replace(f"${{{name}}}", choice["If"][1]["Sub"])
    document: dict[str, Any] = json.loads(text)
    return document


BODY = body()
WIDGETS: list[Any] = BODY["widgets"]
GRAPHS = [widget["properties"] for widget in WIDGETS if widget["type"] == "metric"]
METRICS = [metric for graph in GRAPHS for metric in graph["metrics"]]


def emitted() -> set[str]:
    """Every metric that the functions write: those of outcomes, and those named where counted."""
    texts = {
        node.args[0].value
        for file in Path(ROOT / "shared/keyferry_service").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "add_metric"
        and isinstance(node.args[0], ast.Constant)
    }
    kinds = [each for each in vars(outcome).values() if isinstance(each, type)]
    of_outcomes = {
        kind.metric for kind in kinds if issubclass(kind, Outcome) and kind is not Outcome
    }
    return {str(text) for text in texts} | of_outcomes


def test_it_shows_every_metric_that_the_functions_write_and_no_other_of_theirs() -> None:
    shown = [name for namespace, name, *_ in METRICS if namespace == "Keyferry"]
    assert Counter(shown) == Counter(emitted())
    assert all(metric[2:4] == OURS for metric in METRICS if metric[0] == "Keyferry")


@pytest.mark.parametrize(
    "metric", [m for m in METRICS if m[0] != "Keyferry"], ids=lambda metric: "-".join(metric[:4])
)
def test_what_aws_counts_is_named_as_aws_names_it(metric: list[Any]) -> None:
    namespace, name, dimension, resource, options = metric
    assert dimension == OF_AWS[namespace][0]
    assert name in OF_AWS[namespace][1]
    assert re.fullmatch(r"[$][{](\w+)([.]QueueName)?[}]", resource)
    assert options["label"]


def test_every_alarm_is_at_the_top() -> None:
    top = WIDGETS[0]
    alarms = {name for name, each in RESOURCES.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
    assert (top["type"], top["x"], top["y"]) == ("alarm", 0, 0)
    assert sorted(top["properties"]["alarms"]) == sorted(f"${{{name}.Arn}}" for name in alarms)


def test_no_widget_covers_another() -> None:
    def cells(widget: Any) -> set[tuple[int, int]]:
        columns = range(widget["x"], widget["x"] + widget["width"])
        return {(x, y) for x in columns for y in range(widget["y"], widget["y"] + widget["height"])}

    assert not [(a, b) for a, b in combinations(WIDGETS, 2) if cells(a) & cells(b)]
    assert all(widget["x"] + widget["width"] <= 24 for widget in WIDGETS)


def test_it_is_one_of_those_that_cost_nothing() -> None:
    assert len(METRICS) <= FREE_METRICS
    assert len([r for r in RESOURCES.values() if r["Type"] == "AWS::CloudWatch::Dashboard"]) == 1


def test_without_events_and_webhook_it_names_nothing_of_theirs() -> None:
    text, parts = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Sub"]
    for name, choice in parts.items():
        condition, with_it, without = choice["If"]
        assert without == ""
        named = re.findall(r"[$][{](\w+)", with_it["Sub"])
        conditions = {RESOURCES[each].get("Condition") for each in named if each in RESOURCES}
        assert conditions == {condition}
        text = text.replace(f"${{{name}}}", "")
    resources = re.findall(r"[$][{](\w+)[.}]", text)
    assert {RESOURCES[each].get("Condition") for each in resources} == {None}
    assert len(json.loads(text)["widgets"]) < len(WIDGETS)


def test_the_deployed_dashboard_names_what_was_deployed(stack: RunningStack) -> None:
    reply = client(stack, "cloudwatch").get_dashboard(DashboardName=f"keyferry-{stack.region}")
    text = reply["DashboardBody"]
    assert "${" not in text
    for name in ("RequestsDeadQueue", "ProcessRequestFunction", "ApiId"):
        value = stack.outputs[name].rpartition("/")[2]
        assert f'"{value}"' in text
    assert json.loads(text)["widgets"][0]["type"] == "alarm"


def test_its_graphs_say_where_and_what() -> None:
    for graph in GRAPHS:
        assert graph["region"] == "${AWS::Region}"
        assert {"title", "stat", "period"} <= graph.keys()
    assert len({graph["title"] for graph in GRAPHS}) == len(GRAPHS)
