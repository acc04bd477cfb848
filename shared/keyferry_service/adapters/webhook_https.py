"""The vendor's own server, to which webhooks are posted."""

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

TIMEOUT_S = 10


class WebhookFailed(Exception):
    """The server did not take a webhook. The message names no path, which may hold a token."""


class Webhook:
    """Posts to one address, over TLS with a certificate that holds, and follows no redirect."""

    def __init__(self, url: str) -> None:
        """`url` is of https; http only reaches this computer, where an embedded cloud runs."""
        parts = urlsplit(url)
        self._connection = HTTPConnection if parts.scheme == "http" else HTTPSConnection
        self._host = parts.netloc
        self._target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"

    def post(self, headers: Mapping[str, str], body: bytes) -> None:
        """Post the body. Raises WebhookFailed unless the server answers with 2xx in time."""
        connection = self._connection(self._host, timeout=TIMEOUT_S)
        try:
            connection.request("POST", self._target, body, dict(headers))
            status = connection.getresponse().status
        except (OSError, HTTPException) as error:
            raise WebhookFailed(f"{self._host} cannot be reached: {error}") from error
        finally:
            connection.close()
        if not 200 <= status < 300:
            raise WebhookFailed(f"{self._host} answered with {status}.")
