"""Follow the link of an email to the response, or to a zip of renewals."""

import re
from dataclasses import dataclass

from keyferry_service.adapters.emails_dynamodb import Emails
from keyferry_service.adapters.files_s3 import RENEWALS, RESPONSES, Files
from keyferry_service.domain.ticket import TICKET_ID
from keyferry_service.use_cases.edge import Clock


class NoSuchLink(Exception):
    """No link has this token, or it has ended, or its file is gone: nobody learns which."""


class CutLink(NoSuchLink):
    """No token is of this form: a mail program cut the link, or added something to it."""


@dataclass(frozen=True)
class FollowLink:
    """Mints a short download pass at each click, since one for days could not be signed."""

    emails: Emails
    files: Files
    clock: Clock

    def follow(self, token: str) -> str:
        """The URL of the download, good for a minute. Raises NoSuchLink."""
        if not re.fullmatch(TICKET_ID, token):
            raise CutLink("This is no link's token.")
        link = self.emails.get_link(token, int(self.clock.time()))
        if link is None:
            raise NoSuchLink("There is no such link, or it has ended.")
        folder = RENEWALS if link.zip_id else RESPONSES
        place = (link.zip_id or link.ticket_id, link.file_name, folder)
        if not self.files.is_published(*place):
            raise NoSuchLink("The file of this link is gone.")
        return self.files.presign_download(*place)
