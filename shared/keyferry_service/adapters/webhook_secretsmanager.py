"""The secrets that sign webhooks: the current one and, for a week after a change, the last one."""

from typing import Any

from keyferry_service.domain.license import DAY
from keyferry_service.domain.webhook import UnusableSecret, read_key

BOTH_S = 7 * DAY  # as long as a server may take to learn of a new secret
FRESH_S = 60


class WebhookSecrets:
    """Reads one secret of Secrets Manager, at most once a minute."""

    def __init__(self, secretsmanager: Any, secret: str) -> None:
        self._client = secretsmanager
        self._secret = secret
        self._known: tuple[str, ...] = ()
        self._read_at = float("-inf")

    def current(self, now: float, monotonic: float) -> tuple[str, ...]:
        """The secrets to sign with, the current one first. Raises UnusableSecret."""
        if monotonic - self._read_at >= FRESH_S:
            self._known = tuple(self._read(now))
            self._read_at = monotonic
        return self._known

    def _read(self, now: float) -> list[str]:
        current = self._client.get_secret_value(SecretId=self._secret)
        secrets = [_usable(current)]
        if now - current["CreatedDate"].timestamp() < BOTH_S:
            try:
                last = self._client.get_secret_value(
                    SecretId=self._secret, VersionStage="AWSPREVIOUS"
                )
                secrets.append(_usable(last))
            except (self._client.exceptions.ResourceNotFoundException, UnusableSecret):
                return secrets  # it was never changed, or no server can have used the last one
        return secrets


def _usable(value: Any) -> str:
    """The secret in a reply. Raises UnusableSecret."""
    secret: str = value.get("SecretString", "")  # none if somebody put it as bytes
    read_key(secret)
    return secret
