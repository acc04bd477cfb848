"""SES names the address of an email that it rejects; the logs must not."""

import traceback

import boto3
import pytest
from botocore.stub import Stubber

from keyferry_service.adapters.email_ses import Mailer, MailRefused


def test_a_refused_email_is_reported_by_its_code_without_the_address() -> None:
    ses = boto3.client(
        "sesv2", "eu-central-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    with Stubber(ses) as stubber:
        message = "Email address is not verified: anna@example.org"
        stubber.add_client_error("send_email", "MessageRejected", message)
        mailer = Mailer(ses, "licensing@example.com", "keyferry")
        with pytest.raises(MailRefused) as refused:
            mailer.send("anna@example.org", b"", "0" * 32)
    logged = "".join(traceback.format_exception(refused.value))
    assert "MessageRejected" in logged
    assert "anna" not in logged.replace('"anna@example.org", b""', "")
