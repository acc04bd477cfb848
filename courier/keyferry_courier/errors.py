"""The courier's errors: a code, what happened, and what to do now."""

from keyferry_protocol.messages import message


class CourierError(Exception):
    """An error whose sentences are in the catalog, or are the service's own."""

    def __init__(self, code: str, title: str, next_step: str) -> None:
        super().__init__(title)
        self.code = code
        self.title = title
        self.next_step = next_step


class NoService(CourierError):
    """The service cannot be used now, whichever file is sent."""


def courier_error(code: str, **facts: object) -> CourierError:
    """An error of one file or folder."""
    return CourierError(code, *_sentences(code, facts))


def no_service(code: str, **facts: object) -> NoService:
    """An error that ends the run."""
    return NoService(code, *_sentences(code, facts))


def _sentences(code: str, facts: dict[str, object]) -> tuple[str, str]:
    name = f"courier.error.{code}"
    return message(f"{name}.title", **facts), message(f"{name}.next-step", **facts)
