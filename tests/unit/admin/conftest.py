"""A deployed stack as the desk finds it: its outputs in CloudFormation, its table in DynamoDB."""

import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from keyferry_admin.stack import Stack

TEMPLATE = {
    "Resources": {
        "LicensesTable": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "sk", "AttributeType": "S"},
                ],
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
            },
        }
    },
    "Outputs": {"LicensesTable": {"Value": {"Ref": "LicensesTable"}}},
}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        boto3.client("cloudformation").create_stack(
            StackName="keyferry", TemplateBody=json.dumps(TEMPLATE)
        )
        yield Stack("keyferry")
