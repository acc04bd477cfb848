"""What the page's files promise each other, read without a browser."""

import html
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright._impl._driver import compute_driver_executable

from keyferry_admin.use_cases.site import site_files
from keyferry_protocol.messages import languages, sentences, use_language
from tests.browser.page.check_vendor import SITE, problems

HERE = Path(__file__).parent
INDEX = (SITE / "index.html").read_text("utf-8")
CSS = (SITE / "page.css").read_text("utf-8")
VENDOR = json.loads((SITE / "vendor.json").read_text("utf-8"))


def test_the_deciding_modules_pass_their_own_tests() -> None:
    node, _ = compute_driver_executable()  # Playwright brings one; nothing else is to be installed
    tests = sorted(HERE.glob("*.test.mjs"))
    ran = subprocess.run([node, "--test", *tests], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert tests


def test_the_english_of_the_page_is_the_english_of_the_catalogue() -> None:
    said: dict[str, str] = {}
    for key, text in re.findall(r'data-text="([^"]+)"[^>]*>([^<]*)<', INDEX):
        assert said.setdefault(key, html.unescape(text)) == html.unescape(text), key
    assert said == sentences("page")


def test_every_sentence_the_script_asks_for_is_in_the_catalogue_and_none_is_idle() -> None:
    known = set(sentences("page"))
    shown = set(re.findall(r'data-text="([^"]+)"', INDEX.split('<template id="words">')[0]))
    shown |= set(re.findall(r'data-say="([a-z][^"]*)"', INDEX))
    script = (SITE / "page.js").read_text("utf-8") + (SITE / "request-file.js").read_text("utf-8")
    idle = {
        key
        for key in known - shown
        if f"'{key}'" not in script
        and f"'{key.split('.', 1)[-1]}'" not in script  # problem.{name}, mail.{state}
        and f"words.{key}" not in script
        and key.split(".")[0] not in {"problem", "mail", "asks", "protection", "codes", "ends"}
    }
    assert idle == set()
    asked = set(re.findall(r"(?:say|put|words\[)\(?[^'\n]*'([a-z]+\.[a-z-]+)'", script))
    assert asked <= known


def test_the_page_is_served_its_part_of_the_catalog_in_every_language() -> None:
    files = site_files(SITE)
    served = {name for name in files if name.startswith("languages/")}
    assert served == {f"languages/{language}.json" for language in languages()}
    for language in languages():
        with use_language(language):
            assert json.loads(files[f"languages/{language}.json"]) == sentences("page")


def test_no_english_is_written_into_the_script() -> None:
    script = (SITE / "page.js").read_text("utf-8")
    code = re.sub(r"//.*|/\*.*?\*/", "", script, flags=re.S | re.M)
    assert re.findall(r"'[A-Z][a-z]+ [a-z]+[^']*'", code) == []


def test_the_vendor_file_and_its_accent_pass() -> None:
    assert problems(VENDOR, INDEX, CSS) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"accent": {"light": "#8ab8ff", "dark": "#8ab8ff"}},
            "accent.light #8ab8ff has a",
        ),
        ({"accent": {"light": "#0b57b0", "dark": "#0b57b0"}}, "accent.dark #0b57b0 has a"),
        ({"accent": {"light": "blue", "dark": "#8ab8ff"}}, "accent.light is not a colour"),
        ({"logo": "https://example.com/logo.png"}, "logo is not a data:image/"),
        ({"logo": "data:image/png;base64," + "A" * 4096}, "logo is not a data:image/"),
        ({"id": "Example"}, "id is not 1 to 32"),
        ({"name": "Another"}, "index.html does not say: <title>"),
        ({"support": {"url": None, "email": "a@b.example", "hours": None}}, "index.html does not"),
    ],
)
def test_a_vendor_file_that_harms_the_page_fails(change: dict[str, Any], sentence: str) -> None:
    assert any(found.startswith(sentence) for found in problems(VENDOR | change, INDEX, CSS))


def test_a_vendor_file_without_a_member_fails() -> None:
    vendor = {name: value for name, value in VENDOR.items() if name != "support"}
    assert problems(vendor, INDEX, CSS) == ["vendor.json has no support."]


def test_the_page_names_no_other_host_and_no_inline_code() -> None:
    for file in SITE.rglob("*"):
        if file.suffix in {".html", ".css", ".js"}:
            text = file.read_text("utf-8")
            assert re.findall(r"https?://", text) == [], file.name
            assert "innerHTML" not in text
    assert re.findall(r"<style|\sstyle=|\son\w+=|accept=|<script(?![^>]*src=)", INDEX) == []
