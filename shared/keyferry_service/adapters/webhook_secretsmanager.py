"""The secrets that sign webhooks: the current one and, for a week after a change, the last one."""

from typing import Any

from keyferry_service.domain.license import DAY

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
        """The secrets to sign with, the current one first."""
        if monotonic - self._read_at >= FRESH_S:
            self._known = tuple(self._read(now))
            self._read_at = monotonic
        return self._known

    def _read(self, now: float) -> list[str]:
        current = self._client.get_secret_value(SecretId=self._secret)
        secrets = [current["SecretString"]]
        if now - current["CreatedDate"].timestamp() < BOTH_S:
            try:
                last = self._client.get_secret_value(
                    SecretId=self._secret, VersionStage="AWSPREVIOUS"
                )
            except self._client.exceptions.ResourceNotFoundException:
                return secrets  # it was never changed
            secrets.append(last["SecretString"])
        return secrets
