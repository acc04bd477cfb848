"""What went wrong with a call of the API: RFC 9457 problem documents, or a page for a browser."""

import json
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

_WORDS = Path(__file__).with_name("problems")
STATUS = {
    "bad-request": 400,
    "bad-email": 400,
    "forbidden": 403,
    "not-found": 404,
    "link-not-found": 404,
    "no-such-route": 404,
    "not-ready": 409,
    "too-many-requests": 429,
    "busy": 503,
    "failed": 500,
}


class Problem(Exception):
    """A call that gets a problem document; `facts` fill its sentence."""

    def __init__(self, code: str, retry_after_s: int | None = None, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.status = STATUS[code]
        self.retry_after_s = retry_after_s
        self.facts = facts


def problem_document(problem: Problem, language: str = "en") -> str:
    """The problem as RFC 9457 JSON with our `code`."""
    said = _words(language)[problem.code]
    return json.dumps(
        {
            "type": "about:blank",
            "title": said["title"],
            "status": problem.status,
            "detail": _detail(problem, said),
            "code": problem.code,
            **problem.facts,
        }
    )


def problem_page(problem: Problem, language: str = "en") -> str:
    """The problem for someone who followed a link in a browser; it looks as the page does."""
    said = _words(language)[problem.code]
    title, detail = escape(said["title"]), escape(_detail(problem, said))
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" '
        f'content="light dark"><link rel="stylesheet" href="/page.css"><title>{title}</title>'
        f'<main><h1>{title}</h1><p class="lead">{detail}</p>'
        f'<p><a href="/">{escape(said["way_on"])}</a></p></main></html>'
    )


def _detail(problem: Problem, said: Mapping[str, str]) -> str:
    is_soon = problem.facts.get("n") == 1 and "detail_soon" in said
    return said["detail_soon" if is_soon else "detail"].format(**problem.facts)


@lru_cache
def _words(language: str) -> Mapping[str, Mapping[str, str]]:
    path = _WORDS / f"{language}.json"
    if not language.isalpha() or not path.exists():
        path = _WORDS / "en.json"
    catalogue: Mapping[str, Mapping[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return catalogue
