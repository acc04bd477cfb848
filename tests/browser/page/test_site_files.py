"""The files of the page agree with each other; no browser needed."""

import html
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright._impl._driver import compute_driver_executable

from keyferry_admin.use_cases.site import site_files
from keyferry_admin.use_cases.vendor_json import problems
from keyferry_protocol.messages import languages, message, sentences, use_language
from tests.browser.page.check_vendor import SITE

HERE = Path(__file__).parent
INDEX = (SITE / "index.html").read_text("utf-8")
CSS = (SITE / "page.css").read_text("utf-8")
VENDOR = json.loads((SITE / "vendor.json").read_text("utf-8"))
MODULES = {file.name: file.read_text("utf-8") for file in (SITE / "js").glob("*.js")}
SCRIPT = "".join(MODULES.values())
ROOM = {"chosen", "queued", "processing", "delayed", "done", "done-some", "done-none"}


def test_the_logic_modules_pass_their_own_tests() -> None:
    node, _ = compute_driver_executable()  # Playwright has its own
    tests = sorted(HERE.glob("*.test.mjs"))
    ran = subprocess.run([node, "--test", *tests], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert tests


def imports(module: str) -> set[str]:
    """The modules that a module imports, directly or not."""
    direct = set(re.findall(r"^import .*from '\./([\w-]+\.js)';$", MODULES[module], re.M))
    return direct.union(*map(imports, direct))


def test_the_head_preloads_exactly_the_modules_that_the_page_imports_at_its_start() -> None:
    preloaded = re.findall(r'<link rel="modulepreload" href="js/([^"]+)">', INDEX)
    assert re.findall(r'<script type="module" src="js/([^"]+)">', INDEX) == ["main.js"]
    assert preloaded == sorted(imports("main.js"))
    late = re.findall(r"import\('\./([\w-]+\.js)'\)", SCRIPT)
    assert len(late) == SCRIPT.count("import(")
    assert not {*late} & {*preloaded}
    assert {*preloaded, "main.js", *late}.union(*map(imports, late)) == {*MODULES}


@pytest.mark.parametrize(
    "module",
    [
        *("gather.js", "journey.js", "kept-rows.js", "link.js", "repair.js", "request-file.js"),
        *("room.js", "service.js", "ticket.js", "zip.js"),
    ],
)
def test_a_logic_module_does_not_touch_the_document(module: str) -> None:
    assert not {"view.js", "ticket-view.js"} & imports(module)
    code = re.sub(r"//.*|/\*.*?\*/", "", MODULES[module], flags=re.S | re.M)
    browser = r"\b(?:document|window|navigator|location|history|localStorage|sessionStorage)\."
    assert re.findall(browser, code.replace("problem.document.", "")) == []


def test_the_english_of_the_page_is_the_english_of_the_catalog() -> None:
    sentences_in_html: dict[str, str] = {}
    for key, text in re.findall(r'data-text="([^"]+)"[^>]*>([^<]*)<', INDEX):
        assert sentences_in_html.setdefault(key, html.unescape(text)) == html.unescape(text), key
    assert sentences_in_html == sentences("page")


def test_the_catalog_has_every_sentence_that_the_script_uses_and_no_other() -> None:
    late = ("page-by-hand", "page-choice", "page-responses", "page-room")
    known = {*sentences("page"), *(name for room in late for name in sentences(room))}
    shown = set(re.findall(r'data-text="([^"]+)"', INDEX.split('<template id="words">')[0]))
    shown |= set(re.findall(r'data-say="([a-z][^"]*)"', INDEX))
    unused = {
        key
        for key in known - shown
        if f"'{key}'" not in SCRIPT
        and f"'{key.split('.', 1)[-1]}'" not in SCRIPT  # problem.{name}, mail.{state}
        and key.split(".")[0]
        not in {"problem", "mail", "asks", "protection", "codes", "ends", "repaired"}
        and not re.fullmatch(r"(?:choice\.moves|responses\.[a-z]+)\.(?:one|other)", key)
        and not re.fullmatch(r"room\.(?:asks|failed)\.\w[\w-]*|room\.[a-z-]+\.(?:one|other)", key)
        and key.removeprefix("room.") not in ROOM  # states of a row and of the table
    }
    assert unused == set()
    used = set(re.findall(r"(?:say|put|text|announce)\([^'\n]*'([a-z]+\.[a-z-]+)'", SCRIPT))
    assert len(used) > 4
    assert used <= known


def test_the_page_is_served_its_part_of_the_catalog_in_every_language() -> None:
    files = site_files(SITE)
    served = {name for name in files if name.startswith("languages/")}
    rooms = {"json": "page"} | {
        f"{part}.json": f"page-{part}" for part in ("by-hand", "choice", "responses", "room")
    }
    assert served == {f"languages/{each}.{ending}" for each in languages() for ending in rooms}
    for language in languages():
        with use_language(language):
            name = message("neutral.license_configuration")
            for ending, room in rooms.items():
                assert json.loads(files[f"languages/{language}.{ending}"]) == {
                    each: sentence.replace("{license_configuration}", name)
                    for each, sentence in sentences(room).items()
                    if isinstance(sentence, str)
                }


def test_the_script_contains_no_english_sentence() -> None:
    code = re.sub(r"//.*|/\*.*?\*/", "", SCRIPT, flags=re.S | re.M)
    assert re.findall(r"'[A-Z][a-z]+ [a-z]+[^']*'", code) == []


def test_a_script_is_served_as_it_is_but_for_comments_and_indentation() -> None:
    served = {name: data for name, data in site_files(SITE).items() if name.endswith(".js")}
    assert len(served) == len(MODULES)
    for name, data in served.items():
        rest = data.decode().splitlines()
        for line in (SITE / name).read_text("utf-8").splitlines():
            outside = re.sub(r"\"[^\"]*\"|'`'", "", line)
            assert outside.count("`") % 2 == 0, "a text of several lines would lose its spaces"
            if rest and line.lstrip() == rest[0]:
                del rest[0]
            else:
                assert re.match(r"\s*(//|/\*|\*)", line), f"{name} lost: {line}"
        assert rest == []
    assert len(b"".join(served.values())) < 0.8 * len("".join(MODULES.values()).encode())


def test_the_vendor_file_has_no_problem() -> None:
    assert problems(VENDOR, CSS) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"accent": {"light": "#8ab8ff", "dark": "#8ab8ff"}},
            "accent.light #8ab8ff has a",
        ),
        ({"accent": {"light": "#0b57b0", "dark": "#0b57b0"}}, "accent.dark #0b57b0 has a"),
        ({"accent": {"light": "blue", "dark": "#8ab8ff"}}, "accent.light is not a color"),
        ({"logo": "https://example.com/logo.png"}, "logo is not a data:image/"),
        ({"logo": "data:image/png;base64," + "A" * 4096}, "logo is not a data:image/"),
        ({"id": "Example"}, "id is not 1 to 32"),
        ({"logo": {"light": "data:image/png;base64,AA"}}, "logo.dark is not a data:image/"),
        ({"name": ""}, "name is empty, or both support.email"),
        (
            {"support": {"url": None, "email": None, "hours": None}},
            "name is empty, or both support.email",
        ),
        ({"support": {}}, "name is empty, or both support.email"),
        ({"support": "help@example.com"}, "support is not an object"),
        ({"accent": "#0b57b0"}, "accent is not an object"),
        ({"accent": {"light": 7, "dark": "#8ab8ff"}}, "accent.light is not a color"),
        ({"id": 7}, "id is not text"),
        ({"logo": {"light": 7, "dark": None}}, "logo.light is not a data:image/"),
    ],
)
def test_each_problem_of_a_vendor_file_is_reported(change: dict[str, Any], sentence: str) -> None:
    assert any(text.startswith(sentence) for text in problems(VENDOR | change, CSS))


def test_what_is_shown_before_the_script_has_run_names_the_vendor(tmp_path: Path) -> None:
    vendor = VENDOR | {"name": "A & B", "support": {"url": None, "email": "help@ab.example"}}
    (tmp_path / "index.html").write_text(INDEX, "utf-8")
    (tmp_path / "vendor.json").write_text(json.dumps(vendor), "utf-8")
    page = site_files(tmp_path)["index.html"].decode()
    assert "<title>Get your response file – A &amp; B</title>" in page
    assert page.count('<a href="mailto:help@ab.example">help@ab.example</a>') == 3
    assert "{vendor." not in page
    assert re.findall(r"(?<!@)\bExample\b|@example\.com(?=<)", page.split("<template")[0]) == []


def test_the_page_is_published_with_the_vendors_logo_colors_and_addresses(tmp_path: Path) -> None:
    """So they show with the first screen, and need no request of their own."""
    image = "data:image/png;base64,{}".format
    vendor = VENDOR | {
        "name": "A & B",
        "logo": {"light": image("AAAA"), "dark": image("BBBB")},
        "accent": {"light": "#123456", "dark": "#abcdef"},
        "support": {"url": None, "email": "help@ab.example", "hours": "9 to 5"},
        "privacy_url": "https://ab.example/?a&b",
    }
    (tmp_path / "index.html").write_text(INDEX, "utf-8")
    (tmp_path / "page.css").write_text(CSS, "utf-8")
    (tmp_path / "vendor.json").write_text(json.dumps(vendor), "utf-8")
    files = site_files(tmp_path)
    page = files["index.html"].decode()
    assert 'data-name="A &amp; B"><picture><source srcset="data:image/png;base64,BBBB"' in page
    assert '<img src="data:image/png;base64,AAAA" alt="A &amp; B"></picture></p>' in page
    assert "help@ab.example</a> (9 to 5)</span>" in page
    assert '><a href="https://ab.example/?a&amp;b">https://ab.example/?a&amp;b</a></p>' in page
    accents = re.findall(r"--accent: (.*?);", files["page.css"].decode())
    assert accents == ["#123456", "#abcdef", "#000"]  # the last one prints


@pytest.mark.parametrize("accent", [None, "blue", {"light": "blue; } * { display: none"}])
def test_what_the_vendor_leaves_out_or_gets_wrong_stays_as_the_page_has_it(
    tmp_path: Path, accent: Any
) -> None:
    vendor = {"name": "A", "support": {"email": "help@ab.example"}, "accent": accent}
    (tmp_path / "index.html").write_text(INDEX, "utf-8")
    (tmp_path / "page.css").write_text(CSS, "utf-8")
    (tmp_path / "vendor.json").write_text(json.dumps(vendor), "utf-8")
    files = site_files(tmp_path)
    assert '<p id="vendor" data-name="A">A</p>' in files["index.html"].decode()
    assert '<p id="privacy" data-say="privacy"></p>' in files["index.html"].decode()
    accents = re.findall(r"--accent: (.*?);", files["page.css"].decode())
    assert accents == ["#0b57b0", "#8ab8ff", "#000"]


def test_a_missing_member_of_a_vendor_file_is_reported() -> None:
    vendor = {name: value for name, value in VENDOR.items() if name != "support"}
    assert problems(vendor, CSS) == ["vendor.json has no support."]


def test_the_page_names_no_other_host_and_contains_no_inline_code() -> None:
    for file in SITE.rglob("*"):
        if file.suffix in {".html", ".css", ".js"}:
            text = file.read_text("utf-8")
            assert re.findall(r"https?://", text) == [], file.name
            assert "innerHTML" not in text
    assert re.findall(r"<style|\sstyle=|\son\w+=|accept=|<script(?![^>]*src=)", INDEX) == []
