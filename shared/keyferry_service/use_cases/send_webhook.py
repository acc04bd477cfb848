"""Send one event to the vendor's server."""

import json
from dataclasses import dataclass

from keyferry_service.adapters.stray_message import StrayMessage
from keyferry_service.adapters.webhook_https import Webhook
from keyferry_service.adapters.webhook_secretsmanager import WebhookSecrets
from keyferry_service.domain.webhook import signed_headers
from keyferry_service.use_cases.edge import Clock
from keyferry_service.use_cases.outcome import WebhookSent


@dataclass(frozen=True)
class SendWebhook:
    """Signs each try anew, since a server trusts no signature that is older than minutes."""

    webhook: Webhook
    secrets: WebhookSecrets
    clock: Clock

    def send(self, body: str) -> WebhookSent:
        """Send an event as the bus delivered it.

        Raises StrayMessage, WebhookFailed, UnusableSecret.
        """
        try:
            event = json.loads(body)
            event_id, kind = str(event["id"]), str(event["type"])
        except (ValueError, RecursionError, KeyError, TypeError) as error:
            raise StrayMessage("The message is no event.") from error
        now, data = self.clock.time(), body.encode()
        secrets = self.secrets.current(now, self.clock.monotonic())
        headers = signed_headers(event_id, int(now), data, secrets)
        self.webhook.post({"content-type": "application/cloudevents+json", **headers}, data)
        return WebhookSent(event_id, kind)
