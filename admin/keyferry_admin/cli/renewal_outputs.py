"""Where the files of renewals go: a folder, a file of links, mails to the contacts."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO, TypeVar

import click

from keyferry_admin.cli.words import Words, words_options
from keyferry_admin.errors.commands import FileNotWritten, RenewalNotWritten
from keyferry_admin.use_cases.renewal_folder import check_writable, make_folder
from keyferry_admin.use_cases.whole_file import written_whole

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the files go, at least one way."""

    folder: Path | None
    links: Path | None
    words: Words | None  # of the mails; None to mail nothing

    def check(self) -> None:
        """Raises UsageError where the files go nowhere, BadOwnFile, and NoSuchLanguage."""
        if not self:
            raise click.UsageError("Use --folder, --links, or --mail to say where the files go.")
        if self.words is not None:
            self.words.check()

    def __bool__(self) -> bool:
        return self.folder is not None or self.sends

    @property
    def sends(self) -> bool:
        """Whether customers fetch a zip by a link."""
        return self.links is not None or self.words is not None

    @property
    def is_mail_only(self) -> bool:
        return self.folder is None and self.links is None

    def __str__(self) -> str:
        parts = [
            f"into {self.folder}" if self.folder else "",
            f"links into {self.links}" if self.links else "",
            "mailed to the contacts" if self.words else "",
        ]
        return ", ".join(filter(None, parts))

    @contextmanager
    def open(self, customers: Iterable[str]) -> Iterator[tuple[Path, TextIO | None]]:
        """The folder of the files, with one for each customer, and the file of links.

        A folder that nobody asked for is gone afterwards. Raises FileNotWritten at the beginning,
        and RenewalNotWritten at the end.
        """
        with ExitStack() as stack:
            folder = self.folder or Path(stack.enter_context(TemporaryDirectory()))
            for name in sorted(set(customers)):
                check_writable(make_folder(folder, name))
            links = None
            if self.links is not None:
                links = stack.enter_context(written_whole(self.links))
            opened = stack.pop_all()
        try:
            with opened:
                yield folder, links
        except FileNotWritten as error:
            raise RenewalNotWritten(str(error)) from error


def output_options(command: _F) -> _F:
    """Adds the options that say where the files go, and calls the command with `outputs`."""

    @click.option(
        "--folder",
        "root",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Folder to save in: a folder with a zip for each customer.",
    )
    @click.option(
        "--links",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="CSV file with a link to each contact's zip, good for 7 days.",
    )
    @click.option("--mail", "is_mailed", is_flag=True, help="Mail each contact a link to a zip.")
    @words_options("email")
    @wraps(command)
    def with_outputs(
        *arguments: Any,
        root: Path | None,
        links: Path | None,
        is_mailed: bool,
        words: Words,
        **options: Any,
    ) -> Any:
        outputs = Outputs(root, links, words if is_mailed else None)
        return command(*arguments, outputs=outputs, **options)

    return with_outputs  # type: ignore[return-value]
