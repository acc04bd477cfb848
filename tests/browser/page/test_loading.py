"""What it costs to load the page, measured on the wire."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import Browser, Page

from keyferry_admin.use_cases.site import site_files
from tests.browser.page.check_vendor import SITE
from tests.browser.page.states import choose

MAX_REQUESTS = 6
MAX_BYTES = {"en": 17_500, "ar": 20_000}
SERVER = Path(__file__).with_name("http2-site.mjs")


@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("ar-EG", "ar")])
def test_the_page_costs_6_requests_on_one_connection_and_at_most_20_kb(
    browser: Browser, tmp_path: Path, locale: str, language: str
) -> None:
    """A second language is one request more; English is in the page itself."""
    site = a_site_with_arabic(tmp_path)
    with served_over_http2(site, tmp_path) as (address, responses):
        context = browser.new_context(locale=locale, ignore_https_errors=True)
        page = context.new_page()
        initiators = watch_initiators(page)
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert page.get_attribute("html", "lang") == language
        at_start = dict(initiators)
        with (
            page.expect_request_finished(lambda request: request.url.endswith("/service.js")),
            page.expect_file_chooser(),
        ):
            page.click("#choose")  # one of the other two imports it
        at_choice = len(initiators)
        choose(page)
        page.wait_for_selector("#chosen h2")
        assert len(initiators) == at_choice
        context.close()
    started, touched = responses[: len(at_start)], responses[len(at_start) :]
    sizes = {response["name"]: response["bytes"] for response in started}
    print(f"{len(started)} requests, {sum(sizes.values()):,} bytes of brotli: {sizes}")
    assert len(started) == len(sizes) == MAX_REQUESTS + (language != "en")
    assert sum(sizes.values()) <= MAX_BYTES[language]
    assert {response["connection"] for response in responses} == {0}
    # Everything else is named in the head; only a script knows the reader's language.
    by_script = [url for url, initiator in at_start.items() if initiator == "script"]
    assert by_script == ([f"{address}languages/ar.json"] if language == "ar" else [])
    # What sends a file comes with the first touch of the page.
    assert {each["name"] for each in touched} == {
        f"js/{name}.js" for name in ("service", "ticket", "ticket-view")
    }


def a_site_with_arabic(folder: Path) -> Path:
    """The page with the largest catalog as its second language."""
    site = folder / "site"
    files = site_files(SITE)
    largest = max((n for n in files if n.startswith("languages/")), key=lambda n: len(files[n]))
    for name, content in {**files, "languages/ar.json": files[largest]}.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_bytes(content)
    index = (site / "index.html").read_text("utf-8")
    option = '<option value="ar">العربية</option></select>'
    (site / "index.html").write_text(index.replace("</select>", option), "utf-8")
    return site


def watch_initiators(page: Page) -> dict[str, str]:
    """Each URL, with what made the browser ask for it: the "parser" of the page or a "script"."""
    initiators: dict[str, str] = {}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")

    def note(event: Any) -> None:
        initiators.setdefault(event["request"]["url"], event["initiator"]["type"])

    session.on("Network.requestWillBeSent", note)
    return initiators


@contextmanager
def served_over_http2(site: Path, folder: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The site's address, and its responses once the context has ended."""
    key, certificate = self_signed(folder)
    node, _ = compute_driver_executable()
    responses: list[dict[str, Any]] = []
    with subprocess.Popen(
        [node, SERVER, site, key, certificate], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield f"https://localhost:{int(server.stdout.readline())}/", responses
        finally:
            server.terminate()
        responses += [json.loads(line) for line in server.stdout]


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A key and a certificate for localhost, which HTTP/2 in a browser requires."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    return folder / "key.pem", folder / "certificate.pem"
