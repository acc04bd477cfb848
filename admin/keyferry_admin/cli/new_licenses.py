"""What `license import` and `apply` share: which rows are bad, and where new codes go."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.license_terms import changes_as_json, differences
from keyferry_admin.cli.output import count_of, mark, tell
from keyferry_admin.cli.progress import run_with_progress
from keyferry_admin.cli.words import Words, words_options
from keyferry_admin.errors.commands import BadRows, FileNotWritten, Interrupted, SomeFailed
from keyferry_admin.errors.licenses import NewProduct, NumberInUse
from keyferry_admin.use_cases.code_file import CodeLine, write_codes
from keyferry_admin.use_cases.create_licenses import (
    PORTION,
    create_planned,
    write_missing_letter,
)
from keyferry_admin.use_cases.letter import license_letter
from keyferry_admin.use_cases.licenses import LicenseWithCode
from keyferry_admin.use_cases.plan_licenses import Match, Plan
from keyferry_admin.use_cases.run_many import Run
from keyferry_protocol.activation import activation_key, show_license_number
from keyferry_service.domain.license import LicenseRecord
from keyferry_service.views.refusal_text import Vendor

_F = TypeVar("_F", bound=Callable[..., Any])


def code_options(command: _F) -> _F:
    """The options for where the activation codes of new licenses go."""
    for option in (
        click.option(
            "--letters",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="FOLDER",
            help="Also write a letter for each customer into this folder.",
        ),
        click.option(
            "--codes",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="File for the activation codes of new licenses; a second run reads it.",
        ),
    ):
        command = option(command)
    return words_options("letter")(command)


@dataclass(frozen=True, slots=True)
class CodePlaces:
    """Where the codes of new licenses go, and the codes that are there from an earlier run."""

    codes: Path
    letters: Path | None
    words: Words  # of the letters
    known: Mapping[str, CodeLine]


def require_good(settings: Settings, plan: Plan, file: Path, is_new_product: bool) -> None:
    """Return only if every row can be a license. Raises BadRows or NewProduct."""
    if plan.bad:
        lines = {cell.line for cell in plan.bad}
        if not settings.output.as_json:
            for cell in plan.bad:
                place = f"line {cell.line}, {cell.column}" if cell.column else f"line {cell.line}"
                tell(f"  {place}: {cell.text}")
        raise BadRows(
            f"{count_of(len(lines), 'row')} of {file} cannot be used",
            rows=[{"line": c.line, "column": c.column, "problem": c.text} for c in plan.bad],
        )
    if plan.unknown_products and not is_new_product:
        raise NewProduct(
            f"No license has these products yet: {unknown_products(plan)}",
            "Nothing was changed. If they are new: --new-product",
            products=sorted(plan.sold_products),
        )


def unknown_products(plan: Plan) -> str:
    """`Exmaple Modeler (line 17), Example Viewer (line 2,001)`."""
    return ", ".join(f"{name} (line {line})" for name, line in plan.unknown_products.items())


def different(matches: Sequence[Match]) -> list[str]:
    """`~ 015.120.020.093  Seats 5 (was 2)`, a line for each license."""
    return [
        f"~ {show_license_number(match.before.number)}  "
        + "; ".join(f"{label} {text}" for label, text in differences(match.before, match.after))
        for match in matches
    ]


def different_as_json(matches: Sequence[Match]) -> list[dict[str, Any]]:
    return [
        {
            "line": match.line,
            "license_number": match.before.number,
            "changes": changes_as_json(match.before, match.after),
        }
        for match in matches
    ]


def make_licenses(settings: Settings, plan: Plan, places: CodePlaces) -> int:
    """Write the codes, then the licenses, then the letters that are missing; how many letters.

    Raises FileNotWritten before any license is made; Interrupted or SomeFailed after that.
    """
    _require_folder(places.letters)
    places.words.check()
    fresh = [each.code_line for each in plan.new if each.license.number not in places.known]
    if fresh:
        write_codes(places.codes, places.known, fresh)
    licenses = settings.stack.licenses
    settings.stack.author()  # asked once, not by each thread
    new = [each.license for each in plan.new]
    portions = [new[start : start + PORTION] for start in range(0, len(new), PORTION)]

    def create(portion: Sequence[LicenseRecord]) -> bool:
        create_planned(licenses, portion)
        return True

    run = run_with_progress(settings.output, portions, create, "Licenses")
    _require_all(run, sum(map(len, run.done)), len(new), "licenses are made", places)
    return _write_letters(settings, plan, places)


def _write_letters(settings: Settings, plan: Plan, places: CodePlaces) -> int:
    """Write the missing letters of all licenses whose code is known; how many there were."""
    if places.letters is None:
        return 0
    folder = places.letters
    vendor = Vendor(settings.stack.output("VendorName"), settings.stack.output("SupportContact"))
    page = settings.stack.output("PageUrl")
    known = [LicenseWithCode(each.license, each.code) for each in plan.new]
    known += [
        LicenseWithCode(match.before, places.known[match.before.number].code)
        for match in plan.matches
        if match.before.number in places.known
    ]

    def write(created: LicenseWithCode) -> bool:
        license = created.license
        public = activation_key(created.activation_code, license.number).public
        if public != license.activation_public:
            return False  # it got another code since
        with places.words.in_use():  # here, as each thread has a language of its own
            text = license_letter(created, vendor, page, is_new_code=False)
        return write_missing_letter(folder, license.number, text)

    run = run_with_progress(settings.output, known, write, "Letters ")
    ready = len(run.done) + len(run.unchanged)
    _require_all(run, ready, len(known), "letters are written", places)
    return len(run.done)


def _require_all(run: Run[Any], count: int, total: int, done: str, places: CodePlaces) -> None:
    """Return only if everything is done. Raises Interrupted or SomeFailed."""
    if count == total:
        return
    so_far = f"{count:,} of {total:,} {done}"
    codes = f" Every code is in {places.codes}."
    if run.is_cut_off:
        again = "Run the same command again: it goes on where it stopped."
        raise Interrupted(f"Interrupted: {so_far}", f"{again}{codes}", done=count, total=total)
    _, error = run.failed[0]
    again = f"{error.next_step.removeprefix('Nothing was changed. ')} Then run it again."
    if isinstance(error, NumberInUse):
        codes = ""  # what the other run made has other codes
    raise SomeFailed(
        f"{so_far}. {error}", f"{again}{codes}", done=count, total=total, cause=error.code
    )


def _require_folder(letters: Path | None) -> None:
    try:
        if letters is not None:
            letters.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FileNotWritten(f"{letters} cannot be made: {error.strerror}") from error


def made_lines(count: int, plan: Plan, places: CodePlaces, letters: int) -> list[str]:
    """What was made, and where the codes are."""
    lines = [f"{mark('ok')} {count_of(count, 'license')} made"]
    lost = sum(not match.has_code for match in plan.matches)
    if count or places.known:
        lines.append(f"  Codes    {places.codes.resolve()}")
    if places.letters is not None:
        lines.append(f"  Letters  {places.letters.resolve()} ({letters:,} new)")
    if count:
        lines.append("  Anyone who reads a code can take every seat. Send them, then delete them.")
    if lost:
        lines.append(
            f"{mark('warning')} {count_of(lost, 'license')} that existed already"
            f" {'has' if lost == 1 else 'have'} no working code in this file."
            " Another code: keyferry-admin license new-code NUMBER"
        )
    return lines
