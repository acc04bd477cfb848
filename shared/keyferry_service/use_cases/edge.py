"""What a use case is handed of the outside world; the modules `time` and `secrets` fit."""

from typing import Protocol


class Clock(Protocol):
    """Tells the time of day, and a time that never goes back."""

    def time(self) -> float: ...

    def monotonic(self) -> float: ...


class Secrets(Protocol):
    """Makes random names that nobody can guess."""

    def token_hex(self, nbytes: int, /) -> str: ...

    def token_urlsafe(self, nbytes: int, /) -> str: ...
