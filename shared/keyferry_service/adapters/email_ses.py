"""Email through Amazon SES."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from keyferry_service.adapters.feedback_ses import MAIL_TAG

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client


class MailRefused(Exception):
    """SES refused an email. Only its code is kept: its message names the address."""


class Mailer:
    """Sends whole MIME messages, so that every header is ours."""

    def __init__(self, ses: "SESV2Client", sender: str, configuration_set: str) -> None:
        self._ses = ses
        self._sender = sender
        self._configuration_set = configuration_set

    def send(self, recipient: str, message: bytes, mail_id: str) -> None:
        """Send a message. `mail_id` comes back in SES's feedback and is not in the message.

        Raises MailRefused.
        """
        try:
            self._ses.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [recipient]},
                Content={"Raw": {"Data": message}},
                ConfigurationSetName=self._configuration_set,
                EmailTags=[{"Name": MAIL_TAG, "Value": mail_id}],
            )
        except ClientError as error:
            raise MailRefused(f"SES: {error.response['Error']['Code']}") from None
