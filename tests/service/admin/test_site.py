"""What is uploaded as the page, and how browsers are told what it is."""

import json
import re
import shutil
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from keyferry_admin.use_cases.site import content_type, site_files, upload_site
from keyferry_protocol.messages import FOLDER, languages

ROOT = Path(__file__).parents[3]
SITE = ROOT / "static-site"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A page as small as it gets."""
    folder = tmp_path / "static-site"
    (folder / "js").mkdir(parents=True)
    (folder / "index.html").write_text("<title>{vendor.name}</title>")
    (folder / "js" / "main.js").write_text("// a comment\nstart();\n")
    (folder / "vendor.json").write_bytes((SITE / "vendor.json").read_bytes())
    return folder


@pytest.mark.parametrize(
    "name",
    [".DS_Store", "js/.main.js.swp", "index.html~", "js/#main.js#", ".git/config", "js/._main.js"],
)
def test_what_computers_and_editors_leave_behind_is_not_uploaded(site: Path, name: str) -> None:
    before = site_files(site)
    (site / name).parent.mkdir(exist_ok=True)
    (site / name).write_bytes(b"\xff")
    assert site_files(site) == before


def test_a_link_that_leads_out_of_the_folder_is_not_followed(site: Path, tmp_path: Path) -> None:
    before = site_files(site)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key.pem").write_text("secret")
    (site / "key.pem").symlink_to(tmp_path / "secrets" / "key.pem")
    (site / "secrets").symlink_to(tmp_path / "secrets")
    (site / "nowhere").symlink_to(tmp_path / "nothing")
    assert site_files(site) == before


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("js/main.js", "text/javascript; charset=utf-8"),
        ("js/types.d.ts", "text/plain; charset=utf-8"),
        ("page.css", "text/css; charset=utf-8"),
        ("vendor.json", "application/json"),
        ("logo.svg", "image/svg+xml"),
        ("logo.png", "image/png"),
        ("LICENSE", "application/octet-stream"),
        ("page.unknown", "application/octet-stream"),
    ],
)
def test_a_browser_is_told_what_a_file_is(path: str, expected: str) -> None:
    assert content_type(path) == expected


def test_every_file_of_the_page_has_a_type_that_browsers_show() -> None:
    assert "application/octet-stream" not in map(content_type, site_files(SITE))


def test_the_vendors_own_file_is_served_and_nothing_else_of_its_folder(
    site: Path, tmp_path: Path
) -> None:
    own = tmp_path / "vendor"
    own.mkdir()
    assert site_files(site, own) == site_files(site)
    vendor = json.loads((site / "vendor.json").read_bytes()) | {"name": "Acme Ltd"}
    (own / "vendor.json").write_text(json.dumps(vendor))
    (own / "keys.json").write_text("{}")
    (own / "index.html").write_text("")
    files = site_files(site, own)
    assert files["index.html"] == b"<title>Acme Ltd</title>"
    assert json.loads(files["vendor.json"]) == vendor
    assert files.keys() == site_files(site).keys()


def test_the_page_offers_the_vendors_own_languages(site: Path, tmp_path: Path) -> None:
    select = '<select id="language"><option value="en">English</option></select>'
    (site / "index.html").write_text(select)
    own = tmp_path / "vendor"
    added = {
        "de": {"language.name": "Deutsch", "title": "Ihre Datei"},
        "cy": {"title": "Eich ffeil"},
    }
    for language, sentences in added.items():
        (own / "languages" / language).mkdir(parents=True)
        (own / "languages" / language / "page.json").write_text(json.dumps(sentences))
    files = site_files(site, own)
    english = json.loads(files["languages/en.json"])
    for language, sentences in added.items():
        assert json.loads(files[f"languages/{language}.json"]) == english | sentences
    assert re.findall(r'<option value="(\w+)">(\w+)</option>', files["index.html"].decode()) == [
        ("en", "English"),
        ("cy", "cy"),
        ("de", "Deutsch"),
    ]


def test_a_language_adds_no_markup_to_the_page(site: Path, tmp_path: Path) -> None:
    select = '<select id="language"><option value="en">English</option></select>'
    (site / "index.html").write_text(select)
    folder = tmp_path / "vendor" / "languages" / '"><script>'
    folder.mkdir(parents=True)
    (folder / "page.json").write_text(json.dumps({"language.name": "<script>"}))
    files = site_files(site, tmp_path / "vendor")
    assert b"<script>" not in files["index.html"]


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_sentence_of_ours_could_be_a_vendors(
    site: Path, tmp_path: Path, language: str
) -> None:
    own = tmp_path / "vendor" / "languages"
    shutil.copytree(Path(FOLDER) / language, own / language)
    assert site_files(site, own.parent)


@mock_aws
def test_an_upload_ends_with_the_first_screen_and_deletes_nothing(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = boto3.client("s3", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    s3.create_bucket(Bucket="site")
    s3.put_object(Bucket="site", Key="js/old.js", Body=b"an open page may still load it")
    files = site_files(site)
    upload_site(s3, "site", files)
    listed = {
        item["Key"]: item["LastModified"] for item in s3.list_objects(Bucket="site")["Contents"]
    }
    assert listed.keys() == {*files, "js/old.js"}
    stored = s3.get_object(Bucket="site", Key="js/main.js")
    assert (stored["ContentType"], stored["CacheControl"]) == (
        "text/javascript; charset=utf-8",
        "no-cache",
    )
    calls: list[str] = []
    monkeypatch.setattr(s3, "put_object", lambda **call: calls.append(call["Key"]))
    upload_site(s3, "site", files)
    assert (calls[-1], len(calls)) == ("index.html", len(files))
