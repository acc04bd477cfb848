"""One HTTP call: verified TLS, no redirects, and an answer that is bounded in size and time.

Proxies are those of the environment (HTTPS_PROXY, NO_PROXY), or of the settings of Windows and
macOS. What the operating system trusts is trusted, as behind a company's proxy that opens TLS.
"""

import ssl
import threading
from concurrent.futures import Future
from functools import cache, partial
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import (
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from keyferry_protocol import __version__

MAX_ANSWER = 2**16  # bytes
SILENCE_S = 30.0  # of a server that was called
WHOLE_S = 120.0  # of a call, also of one whose answer comes in drops
LOCAL = ("127.0.0.1", "localhost", "::1")
_CHUNK = 2**14


class Answer(NamedTuple):
    """What a server said: at most MAX_ANSWER bytes, and the headers that matter here."""

    status: int
    content_type: str
    retry_after_s: int
    body: bytes


class NoAnswer(Exception):
    """No server answered in time, or one broke the rules of HTTP or TLS."""


def is_safe(url: str) -> bool:
    """Whether a call to this address is encrypted, or stays on this computer."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    is_plain_text = not url.isascii() or any(c <= " " or c == "\x7f" for c in url)
    if not host or parts.username or parts.password or is_plain_text:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in LOCAL)


def may_lead_to(url: str, page: str) -> bool:
    """Whether a call of `url` is safe where `page` asks for it.

    A page elsewhere could command through the courier what listens on this computer only.
    """
    return is_safe(url) and (_is_local(page) or not _is_local(url))


def exchange(method: str, url: str, body: bytes | None = None, content_type: str = "") -> Answer:
    """Call an address. Raises NoAnswer, and ValueError for one that `is_safe` refuses."""
    if not is_safe(url):
        raise ValueError(url)
    # In a thread, because a socket's timeout is for each of its drops: names, TLS, and headers,
    # too, may come in drops for ever.
    answer: Future[Answer] = Future()
    call = partial(_complete, answer, method, url, body, content_type)
    threading.Thread(target=call, daemon=True).start()
    try:
        return answer.result(WHOLE_S)
    except TimeoutError as error:
        raise NoAnswer("too slow") from error


def _complete(answer: Future[Answer], *call: Any) -> None:
    try:
        answer.set_result(_exchange(*call))
    except BaseException as error:  # it is raised where the answer is awaited
        answer.set_exception(error)


def _exchange(method: str, url: str, body: bytes | None, content_type: str) -> Answer:
    headers = {"User-Agent": f"keyferry-courier/{__version__}", "Accept": "*/*"}
    if content_type:
        headers["Content-Type"] = content_type
    request = Request(url, data=body, headers=headers, method=method)
    try:
        with _opener(_is_local(url)).open(request, timeout=SILENCE_S) as response:
            read = b""
            while len(read) <= MAX_ANSWER and (chunk := response.read1(_CHUNK)):
                read += chunk
            retry_after = str(response.headers.get("Retry-After", ""))
            return Answer(
                response.status,
                str(response.headers.get("Content-Type", "")),
                int(retry_after) if retry_after.isdecimal() and len(retry_after) < 6 else 0,
                read,
            )
    except (OSError, HTTPException, ValueError) as error:
        raise NoAnswer(str(getattr(error, "reason", "") or error)) from error


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in LOCAL


@cache
def _opener(is_local: bool) -> OpenerDirector:
    """An opener that reads no files and follows nothing: it has no other handlers."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler({} if is_local else None),
        HTTPHandler(),
        HTTPSHandler(context=ssl.create_default_context()),
        UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
