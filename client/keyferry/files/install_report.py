"""What became of each file of a folder or archive, line by line."""

from collections.abc import Iterable

from keyferry.files.install_files import FAILED, NOT_GENUINE, NOT_OURS, FileReport
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.messages import message

_MAX_OTHERS = 3  # files for other computers that are named; a whole room's may lie on one drive


def report_lines(reports: Iterable[FileReport]) -> list[str]:
    """A line for each file, but of those for other computers only the first few and a count."""
    reports = list(reports)
    ours = [one for one in reports if one.outcome != NOT_OURS]
    others = [one for one in reports if one.outcome == NOT_OURS]
    lines = [_line(one) for one in (*ours, *others[:_MAX_OTHERS])]
    more = len(others) - _MAX_OTHERS
    return [*lines, message("terminal.report.more", n=more)] if more > 0 else lines


def _line(report: FileReport) -> str:
    facts = {"name": report.name}
    if report.file is not None:
        terms = report.file.response.license
        facts |= {"number": show_license_number(terms.number), "product": terms.product}
    if report.outcome in (FAILED, NOT_GENUINE) and report.error is not None:
        return message("terminal.report.failed", title=report.error.title, **facts)
    return message(f"terminal.report.{report.outcome}", **facts)
