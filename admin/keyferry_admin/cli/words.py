"""The options for whose words a letter or a mail speaks, and in which language."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from keyferry_admin.errors.commands import NoSuchLanguage
from keyferry_protocol.messages import (
    ENGLISH,
    OwnSentences,
    languages,
    use_language,
    use_own_sentences,
)

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Words:
    """The vendor's folder, and the language of the reader."""

    folder: Path = field(default_factory=lambda: Path("vendor"))
    language: str = ENGLISH

    def check(self) -> None:
        """Raises BadOwnFile or NoSuchLanguage."""
        with use_own_sentences(self._own):
            known = languages()
        if self.language not in known:
            raise NoSuchLanguage(
                f"There are no sentences in the language {self.language}",
                f"Known: {', '.join(sorted(known))}. Others are added in"
                f" {self.folder / 'languages'}: docs/operations/words.md.",
            )

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Speak so inside the `with` block."""
        self.check()
        with use_own_sentences(self._own), use_language(self.language):
            yield

    @cached_property
    def _own(self) -> OwnSentences:
        from keyferry_admin.use_cases.site import read_own_sentences  # only a letter needs it

        return read_own_sentences(self.folder)


def words_options(what: str) -> Callable[[_F], _F]:
    """Adds `--language` and `--vendor`, and calls the command with `words`.

    `what` is what speaks them: a letter or an email.
    """

    def add(command: _F) -> _F:
        @click.option("--language", default=ENGLISH, help=f"Language of the {what}, such as de.")
        @click.option(
            "--vendor",
            "folder",
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            metavar="FOLDER",
            help="Folder with your own words. [default: vendor]",
        )
        @wraps(command)
        def with_words(*arguments: Any, language: str, folder: Path | None, **options: Any) -> Any:
            words = Words(Path("vendor") if folder is None else folder, language)
            return command(*arguments, words=words, **options)

        return with_words  # type: ignore[return-value]

    return add
