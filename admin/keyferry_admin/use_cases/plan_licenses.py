"""What the rows of a file mean for the licenses of a stack. All are checked; none is written."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import count
from typing import Any

from keyferry_admin.errors.licenses import BadTerms
from keyferry_admin.use_cases.code_file import CodeLine
from keyferry_admin.use_cases.license_columns import NUMBER, BadCell, Row
from keyferry_admin.use_cases.terms import check_terms, end_if_used
from keyferry_protocol.activation import activation_key, new_activation_code, show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.domain.license import LicenseRecord, Status


@dataclass(frozen=True, slots=True)
class NewLicense:
    """A license that the row asks for, and its code (30 symbols)."""

    line: int
    license: LicenseRecord
    code: str

    @property
    def code_line(self) -> CodeLine:
        license = self.license
        return CodeLine(
            license.number, self.code, license.reference, license.licensee, license.product
        )


@dataclass(frozen=True, slots=True)
class Match:
    """A license that exists already, and how the row has it."""

    line: int
    before: LicenseRecord
    after: LicenseRecord
    code: str | None = None  # that an earlier run was to give it

    @property
    def has_code(self) -> bool:
        """Whether the code of the earlier run works: not if another run made the license."""
        if self.code is None:
            return False
        key = activation_key(self.code, self.before.number)
        return key.public == self.before.activation_public


@dataclass(frozen=True, slots=True)
class Plan:
    """The licenses to make, those that exist already, and what is wrong, in the file's order."""

    new: list[NewLicense]
    matches: list[Match]
    bad: list[BadCell]
    sold: int  # licenses of the stack
    sold_products: frozenset[str]

    @property
    def changes(self) -> list[Match]:
        """The licenses that exist with other terms than their row has."""
        return [match for match in self.matches if match.after != match.before]

    @property
    def products(self) -> Counter[str]:
        """How many licenses of each product are to be made."""
        return Counter(each.license.product for each in self.new)

    @property
    def unknown_products(self) -> dict[str, int]:
        """Products that no license has yet, each with the first line that has it.

        The first licenses of a stack have nothing to compare with.
        """
        unknown: dict[str, int] = {}
        for each in self.new:
            if self.sold_products and each.license.product not in self.sold_products:
                unknown.setdefault(each.license.product, each.line)
        return unknown


class _BadRow(Exception):
    """What is wrong in a column ("" if in no single one), and what to do."""

    def __init__(self, column: str, text: str) -> None:
        super().__init__(text)
        self.column = column


def plan_licenses(
    licenses: Licenses,
    rows: Iterable[Row],
    bad: Iterable[BadCell],
    codes: Mapping[str, CodeLine],
    now: int,
) -> Plan:
    """Find the license of each row, by its number or else by its reference, and check its terms.

    `codes` are those of an earlier run, by number. What is bad already is not checked again.
    """
    sold = {license.number: license for license in licenses.sold()}
    products = frozenset(license.product for license in sold.values())
    plan = Plan([], [], list(bad), len(sold), products)
    by_number = _by_number(rows, (*sold.values(), *codes.values()), licenses.table, plan.bad)
    present = {each.number: each for each in licenses.read(n for n in by_number if n in sold)}
    bad_lines = {cell.line for cell in plan.bad}
    for number, row in by_number.items():
        if row.line in bad_lines:
            continue
        code = codes[number].code if number in codes else None
        try:
            if number in present:
                plan.matches.append(_match(row, present[number], code))
            else:
                plan.new.append(_new(row, number, code or new_activation_code(number), now))
        except BadTerms as error:
            plan.bad.append(BadCell(row.line, "", f"{error}. {error.next_step}".strip()))
        except _BadRow as error:
            plan.bad.append(BadCell(row.line, error.column, str(error)))
    plan.bad.sort(key=lambda cell: cell.line)
    return plan


def _by_number(
    rows: Iterable[Row],
    known: Collection[LicenseRecord | CodeLine],
    table: str,
    bad: list[BadCell],
) -> dict[str, Row]:
    """The rows by the number of their license, which is new for those that have none yet."""
    taken = {each.number for each in known}
    sold_as = defaultdict[str, set[str]](set)
    for each in known:
        sold_as[each.reference].add(each.number)
    by_number: dict[str, Row] = {}
    by_reference: dict[str, Row] = {}
    for row in rows:
        try:
            number = row.number
            if number is None:
                reference = row.terms.get("reference", "")
                _require_own_reference(reference, sold_as, by_reference)
                by_reference[reference] = row
                sold = next(iter(sold_as[reference]), None)
                number = sold or _number_for(reference, table, taken)
                taken.add(number)
            if number in by_number:
                first = f"{show_license_number(number)} is in line {by_number[number].line}, too."
                raise _BadRow(NUMBER, f"{first} Leave one of the rows.")
            by_number[number] = row
        except _BadRow as error:
            bad.append(BadCell(row.line, error.column, str(error)))
    return by_number


def _require_own_reference(
    reference: str, sold_as: Mapping[str, set[str]], by_reference: Mapping[str, Row]
) -> None:
    """Raises _BadRow if a second run could not tell by the reference which license this row is."""
    if not reference:
        text = "The row has no reference and no license_number. Add a reference of your own."
        raise _BadRow("reference", f"{text} A second run knows the license by it.")
    if reference in by_reference:
        line = by_reference[reference].line
        raise _BadRow(
            "reference",
            f"{reference} is in line {line}, too. Make them differ, as in {reference}-2.",
        )
    if len(sold_as[reference]) > 1:
        count = len(sold_as[reference])
        raise _BadRow(
            "reference",
            f"{count} licenses have the reference {reference}. Say which by its license_number.",
        )


def _number_for(reference: str, table: str, taken: Collection[str]) -> str:
    """The free number that every run chooses for this reference: only one of them can make it.

    In no other table is it the same, so that a computer has other hashes under each license.
    """
    texts = (f"{table} {attempt} {reference}" for attempt in count())
    digests = (sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts)
    numbers = (f"{int.from_bytes(digest) % 10**12:012}" for digest in digests)
    return next(number for number in numbers if number not in taken)


def _new(row: Row, number: str, code: str, now: int) -> NewLicense:
    terms: dict[str, Any] = {"product": "", **row.terms}
    public = activation_key(code, number).public
    license = LicenseRecord(number, public, valid_from=now, **terms)
    end = end_if_used(license, now)
    if end is not None and end <= now:
        raise _BadRow("valid_until", f"It ended on {format_time(end)[:10]}. Leave the row out.")
    if license.status is Status.REVOKED:
        raise _BadRow("status", "A new license cannot be revoked. Leave the row out.")
    check_terms(license)
    return NewLicense(row.line, license, code)


def _match(row: Row, before: LicenseRecord, code: str | None) -> Match:
    after = replace(before, **row.terms)
    if after != before:
        check_terms(after)
    return Match(row.line, before, after, code)
