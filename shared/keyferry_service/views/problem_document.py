"""What went wrong with a call of the API: RFC 9457 problem documents, or a page for a browser."""

import json
from html import escape
from typing import Any

from keyferry_protocol.messages import language_in_use, message

STATUS = {
    "bad-request": 400,
    "bad-email": 400,
    "cross-site": 400,
    "forbidden": 403,  # none but this, which never comes through CloudFront: it replaces a 403
    "not-found": 404,
    "link-not-found": 404,
    "no-such-route": 404,
    "not-ready": 409,
    "already-uploaded": 409,
    "no-choice": 409,
    "too-many-choices": 409,
    "too-large": 413,
    "unsupported-media-type": 415,
    "empty-file": 422,
    "not-offered": 422,
    "too-many-requests": 429,
    "busy": 503,
    "failed": 500,
}


class Problem(Exception):
    """A call that gets a problem document; `facts` fill its sentence.

    `sentence` names the catalog's entry, if that is not the one of the code.
    """

    def __init__(
        self, code: str, retry_after_s: int | None = None, sentence: str = "", **facts: Any
    ) -> None:
        super().__init__(code)
        self.code = code
        self.sentence = sentence or code
        self.status = STATUS[code]
        self.retry_after_s = retry_after_s
        self.facts = facts


def problem_document(problem: Problem) -> str:
    """The problem as RFC 9457 JSON with our `code`."""
    return json.dumps(
        {
            "type": "about:blank",
            "title": message(f"problems.{problem.sentence}.title"),
            "status": problem.status,
            "detail": _detail(problem),
            "code": problem.code,
            **problem.facts,
        }
    )


def problem_page(problem: Problem) -> str:
    """The problem for someone who followed a link in a browser; it looks as the page does."""
    title = escape(message(f"problems.{problem.sentence}.title"))
    detail = escape(_detail(problem))
    way_on = escape(message(f"problems.{problem.code}.way-on"))
    return (
        f'<!doctype html><html lang="{language_in_use()}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" '
        f'content="light dark"><link rel="stylesheet" href="/page.css"><title>{title}</title>'
        f'<main><h1>{title}</h1><p class="lead">{detail}</p>'
        f'<p><a href="/">{way_on}</a></p></main></html>'
    )


def _detail(problem: Problem) -> str:
    return message(f"problems.{problem.sentence}.detail", **problem.facts)
