"""The vendor's own words: what cannot be said, and where it is said."""

import email
import json
import re
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from keyferry_admin import connection
from keyferry_admin.connection import new_session
from keyferry_admin.errors.commands import BadOwnFile
from keyferry_admin.use_cases.mail_samples import SAMPLES, sample
from keyferry_admin.use_cases.site import read_own_sentences, site_files
from keyferry_admin.use_cases.vendor_json import problems
from keyferry_protocol.messages import (
    languages,
    message,
    sentences,
    use_language,
    use_own_sentences,
)
from keyferry_service.views.email import html_page, mime_message, plain_text
from keyferry_service.views.own_sentences import own_sentences
from keyferry_service.views.refusal_text import Vendor
from tests.service.admin.screens import GOLDEN
from tests.support.samples import NOW

SITE = Path(__file__).parents[3] / "static-site"
EXAMPLE = json.loads((SITE / "vendor.json").read_bytes())
CSS = (SITE / "page.css").read_text("utf-8")
VENDOR = Vendor("Example", "licensing@example.com")
PAGE = "https://activate.example.com"
GERMAN = {
    "language.name": "Deutsch",
    "ready.subject-computer": "Antwortdatei für {product} auf {computer} (Lizenz {number})",
    "ready.first": "Ihre <b>Antwortdatei</b> ist da:",
    "what-to-do-now": "So geht es weiter",
    "ready.steps": "Auf {computer}: {product} > {license_configuration}, {number}, Aktivieren:",
}


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The vendor's folder, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vendor").mkdir()
    return tmp_path / "vendor"


def write(vendor: Path, room: str, language: str = "de", **words: Any) -> Path:
    file = vendor / "languages" / language / f"{room}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(words))
    return file


@pytest.mark.parametrize(
    ("room", "name", "sentence", "problem"),
    [
        ("email", "ready.subjekt", "x", "is no sentence of Keyferry's. Is it ready.subject?"),
        ("letter", "greeting", "x", "is no sentence of Keyferry's"),
        ("email", "ready.first", "For {customer}", "has no {customer} to say; it can say {compu"),
        ("email", "save", "{link}", "has no {link} to say; it can say no fact"),
        ("email", "ready.subject", "Your file", "leaves out {number}, which its readers need"),
        ("email", "link-works-until", "See {page}", "leaves out {date}, which its readers need"),
        ("email", "updated.first", "Updated:", "leaves out {ends}, which its readers need"),
        ("email", "download", "Download", "leaves out {file}, which its readers need"),
        ("email", "refused.subject.no-seats-left", {"other": "{number}", "one": "x"}, "leaves out"),
        ("page", "seats.few", "{used}", "is no sentence of Keyferry's"),
        ("email", "ready.subject", "{number}\nBcc: eve@example.com", "has a line break or another"),
        ("email", "ready.subject", "{number}\u2028Bcc: eve@example.com", "has a line break"),
        ("email", "sender", "Example\x00", "has a line break or another control character"),
        ("page", "language.name", "De\nutsch", "has a line break or another control character"),
        ("formats", "date.long", "{d}.\n{y}", "has a line break or another control character"),
        ("email", "ready.subject", " ", "is empty"),
        ("emails", "ready.subject", "x", "emails.json: Keyferry has no sentences in a file of"),
    ],
)
def test_what_a_mail_cannot_say_is_refused_and_named(
    vendor: Path, room: str, name: str, sentence: Any, problem: str
) -> None:
    file = write(vendor, room, **{name: sentence})
    with pytest.raises(BadOwnFile) as raised:
        site_files(SITE, vendor)
    assert str(raised.value).startswith(f"{file}: ")
    assert problem in str(raised.value)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_fact_that_a_sentence_may_say_is_known_to_it(vendor: Path, name: str) -> None:
    also = {
        "email": "{number} {product} {computer} {n} {license_configuration}",
        "letter": "{number} {product} {vendor} {license_configuration}",
    }
    for room, facts in also.items():
        of_letters = r"your-|mail\.|install|activate"
        pattern = r"(ready|updated|deactivated)\." if room == "email" else of_letters
        write(
            vendor,
            room,
            **{
                each: f"{sentence} {facts}" + (" {ends}" if each[0] in "ru" else "")
                for each, sentence in sentences(room).items()
                if re.match(pattern, each)
            },
        )
    with use_own_sentences(own_sentences(vendor)), use_language("de"):
        letter = sample(name, VENDOR, "Example Modeler", PAGE, NOW)
        text = f"{letter.subject}\n{plain_text(letter)}"
        neutral = {
            str(each) for each in sentences("neutral").values() if each != "License Configuration"
        }
        assert "None" not in text
        assert {each for each in neutral if len(each) > 4 and each in text} == set()


def test_a_vendors_words_are_in_both_parts_and_never_markup(vendor: Path) -> None:
    write(vendor, "email", **{n: s for n, s in GERMAN.items() if n != "language.name"})
    with use_own_sentences(own_sentences(vendor)), use_language("de"):
        letter = sample("ready", VENDOR, "Example Modeler", PAGE, NOW)
    assert letter.subject == "Antwortdatei für Example Modeler auf LAB-07 (Lizenz 015.120.020.093)"
    for text in ("So geht es weiter", "Open the link and save the file."):  # ours, where none is
        assert text in plain_text(letter)
        assert text in html_page(letter)
    assert "<b>" not in html_page(letter)
    assert "Ihre &lt;b&gt;Antwortdatei&lt;/b&gt; ist da:" in html_page(letter)
    assert letter.link in html_page(letter)


def test_a_preview_is_the_mail_in_the_vendors_words(run: Any, vendor: Path) -> None:
    (vendor / "vendor.json").write_text(json.dumps(EXAMPLE | {"name": "Acme"}))
    write(vendor, "email", **{n: s for n, s in GERMAN.items() if n != "language.name"})
    shown = run("mail preview ready --language de")
    assert (shown.exit, shown.out) == (0, (GOLDEN / "mail-preview.txt").read_text())
    for suffix in ("eml", "html", "txt"):
        assert run(f"mail preview ready --language de --output ready.{suffix}").exit == 0
    document = run("mail preview ready --language de --json").json
    assert Path("ready.txt").read_text() == document["text"]
    assert Path("ready.html").read_text() == document["html"]
    mail = email.message_from_bytes(Path("ready.eml").read_bytes(), policy=default)
    assert isinstance(mail, EmailMessage)
    assert (mail["Subject"], mail["Content-Language"]) == (document["subject"], "de")
    parts = [mail.get_body((kind,)) for kind in ("plain", "html")]
    assert [part and part.get_content_type() for part in parts] == ["text/plain", "text/html"]


@pytest.mark.parametrize("name", SAMPLES)
def test_each_preview_needs_no_folder_no_stack_and_no_region(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(connection, "new_session", new_session)  # no test before has its region
    for variable in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable)
    assert "(no-region)" in run("license list").err
    shown = run(f"mail preview {name} --stack nowhere")
    assert (shown.exit, shown.err) == (0, "")
    assert "015.120.020.093" in shown.out


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        ("mail preview ready --language fr", 2, "Known: de, en. Others are added in"),
        ("mail preview reddy", 2, "'ready'"),
        ("mail preview ready --output ready.pdf", 2, "one of .eml, .html, .txt"),
        ("mail preview ready --output nowhere/ready.txt", 1, "cannot be written"),
        ("mail preview ready --vendor nowhere", 2, "'nowhere' does not exist"),
        ("license create --letter letter.txt --language fr", 2, "Known: de, en."),
    ],
)
def test_bad_input_is_one_sentence(
    run: Any, vendor: Path, line: str, code: int, sentence: str
) -> None:
    write(vendor, "email", save="Link öffnen.")
    ended = run(line)
    assert (ended.exit, ended.out) == (code, "")
    assert sentence in ended.err
    write(vendor, "email", save="{")
    assert run("mail preview ready").exit == 1
    assert "save is not a sentence" in run("license create --letter a.txt").err
    assert run("license list --json").json["licenses"] == []


def test_the_letter_of_a_new_license_is_in_the_vendors_words(run: Any, vendor: Path) -> None:
    write(vendor, "letter", **{"your-license": "{vendor} lizenziert Ihnen {product}."})
    assert run("license create --letter de.txt --language de").exit == 0
    assert "Example lizenziert Ihnen Example-Modeler." in Path("de.txt").read_text()
    rows = "reference,product,seats\nPO-1,Example-Modeler,1\n"
    Path("rows.csv").write_text(rows)
    line = "license import rows.csv --codes codes.csv --letters letters --language de"
    assert run(line).exit == 0
    (letter,) = Path("letters").iterdir()
    assert "Example lizenziert Ihnen Example-Modeler." in letter.read_text()


@pytest.mark.parametrize(
    ("name", "english", "german"),
    [
        ("License Center", "License Center", "License Center"),
        ({"en": "License Center", "de": "Lizenzen & mehr"}, "License Center", "Lizenzen & mehr"),
        ({"de": "Lizenzen & mehr"}, "License Configuration", "Lizenzen & mehr"),
        ({"en": "License Center"}, "License Center", "License Center"),
        (None, "License Configuration", "License Configuration"),
    ],
)
def test_the_vendors_name_of_license_configuration_is_said_everywhere(
    vendor: Path, name: Any, english: str, german: str
) -> None:
    members = EXAMPLE | {"license_configuration": name}
    assert problems(members, CSS) == []
    (vendor / "vendor.json").write_text(json.dumps(members))
    write(vendor, "page", title="Ihre Antwortdatei")
    files = site_files(SITE, vendor)
    for language, expected in (("en", english), ("de", german)):
        page = json.loads(files[f"languages/{language}.json"])
        assert f"{{product}} > {expected}, choose" in page["steps.activate"]
        with use_own_sentences(own_sentences(vendor)), use_language(language):
            for each in ("ready", "license"):
                text = plain_text(sample(each, VENDOR, "Example Modeler", PAGE, NOW))
                assert f"Example Modeler > {expected}" in " ".join(text.split())
            assert message("wizard.list.title") == expected
    index = files["index.html"].decode()
    assert f"On the offline computer, {english} saves a small request file." in index
    assert "{license_configuration}" not in index


@pytest.mark.parametrize(
    "name", ["", " ", "x" * 65, "A\nB", "{product}", 5, [], {"en": 5}, {"en": "A\u2028B"}]
)
def test_a_name_that_cannot_be_shown_is_refused(vendor: Path, name: Any) -> None:
    (sentence,) = problems(EXAMPLE | {"license_configuration": name}, CSS)
    assert sentence.startswith("license_configuration is neither one line of at most 64 characters")
    (vendor / "vendor.json").write_text(json.dumps(EXAMPLE | {"license_configuration": name}))
    with pytest.raises(BadOwnFile, match="license_configuration is neither"):
        read_own_sentences(vendor)


def test_own_english_sentences_are_on_the_page(vendor: Path) -> None:
    write(vendor, "page", "en", **{"how.1": "A & B <i>", "title": "Your file"})
    index = site_files(SITE, vendor)["index.html"].decode()
    assert '<li data-text="how.1">A &amp; B &lt;i&gt;</li>' in index
    assert languages() == {"en"}


def test_a_mail_has_one_subject_line_whatever_its_words(vendor: Path) -> None:
    write(vendor, "email", **{"ready.subject-computer": "=?utf-8?q?x=0ABcc=3A_eve?= {number}"})
    with use_own_sentences(own_sentences(vendor)), use_language("de"):
        letter = sample("ready", VENDOR, "Example Modeler", PAGE, NOW)
        raw = mime_message(letter, "a@example.com", "b@example.com", VENDOR, "1")
    mail = email.message_from_bytes(raw, policy=default)
    assert mail["Bcc"] is None
    assert len(mail.get_all("Subject", [])) == 1
