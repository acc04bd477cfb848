"""What SES is told of an email, and what the logs are told of one that it rejects."""

import traceback
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from keyferry_service.adapters.email_ses import Mailer, MailRefused
from keyferry_service.adapters.feedback_ses import MAIL_TAG


@pytest.fixture
def ses() -> Any:
    return boto3.client(
        "sesv2", "eu-central-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )


def test_an_email_names_the_stacks_own_configuration_set(ses: Any) -> None:
    """So it does not matter whose domain it is, nor which set the domain has by default."""
    expected = {
        "FromEmailAddress": "licensing@example.com",
        "Destination": {"ToAddresses": ["anna@example.org"]},
        "Content": {"Raw": {"Data": b"message"}},
        "ConfigurationSetName": "keyferry",
        "EmailTags": [{"Name": MAIL_TAG, "Value": "0" * 32}],
    }
    with Stubber(ses) as stubber:
        stubber.add_response("send_email", {}, expected)
        Mailer(ses, "licensing@example.com", "keyferry").send(
            "anna@example.org", b"message", "0" * 32
        )


def test_a_refused_email_is_reported_by_its_code_without_the_address(ses: Any) -> None:
    with Stubber(ses) as stubber:
        message = "Email address is not verified: anna@example.org"
        stubber.add_client_error("send_email", "MessageRejected", message)
        mailer = Mailer(ses, "licensing@example.com", "keyferry")
        with pytest.raises(MailRefused) as refused:
            mailer.send("anna@example.org", b"", "0" * 32)
    logged = "".join(traceback.format_exception(refused.value))
    assert "MessageRejected" in logged
    assert "anna" not in logged.replace('"anna@example.org", b""', "")
