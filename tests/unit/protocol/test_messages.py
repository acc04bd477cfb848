"""The catalog: one name for each sentence, in the language in use, else in English."""

import json
import re
from pathlib import Path

import pytest

from keyferry_protocol import messages
from keyferry_protocol.messages import (
    ENGLISH,
    Sentence,
    has_message,
    language_in_use,
    languages,
    message,
    sentences,
    use_language,
)

ROOMS = sorted(path.stem for path in (Path(messages.FOLDER) / ENGLISH).glob("*.json"))


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog of three rooms, of which German has two, with one sentence each."""
    rooms = {
        "en/errors.json": {"error.title": "Something went wrong", "pending.title": "It waits"},
        "en/neutral.json": {"vendor": "the vendor"},
        "en/page.json": {"help": "Help: {vendor}"},
        "de/errors.json": {"error.title": "Etwas ging schief"},
        "de/neutral.json": {"vendor": "der Hersteller"},
    }
    for name, texts in rooms.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(texts), encoding="utf-8")
    monkeypatch.setattr(messages, "FOLDER", str(tmp_path))


@pytest.mark.usefixtures("german")
class TestLanguage:
    def test_a_message_is_in_the_language_in_use(self) -> None:
        assert message("errors.error.title") == "Something went wrong"
        with use_language("de"):
            assert message("errors.error.title") == "Etwas ging schief"
            assert language_in_use() == "de"
        assert message("errors.error.title") == "Something went wrong"

    def test_a_message_that_a_language_lacks_is_in_english(self) -> None:
        with use_language("de"):
            assert message("errors.pending.title") == "It waits"
            assert message("page.help", vendor="Acme") == "Help: Acme"
            assert sentences("errors") == {
                "error.title": "Etwas ging schief",
                "pending.title": "It waits",
            }

    def test_a_missing_fact_is_replaced_by_neutral_words(self) -> None:
        assert message("page.help") == "Help: the vendor"
        with use_language("de"):
            assert message("page.help") == "Help: der Hersteller"

    @pytest.mark.parametrize("language", ["de-AT", "de_CH.UTF-8", "DE", "de_DE@euro"])
    def test_a_language_is_known_by_its_tag_or_locale(self, language: str) -> None:
        with use_language(language):
            assert language_in_use() == "de"

    @pytest.mark.parametrize(
        "language", ["fr", "C.UTF-8", "d", "", "..", "../en", "de/..", "en/errors.json"]
    )
    def test_a_language_that_does_not_exist_becomes_english(self, language: str) -> None:
        with use_language("de"), use_language(language):
            assert language_in_use() == "en"
            assert message("errors.error.title") == "Something went wrong"


@pytest.mark.parametrize("name", ["errors.no-such-error", "errors.", "errors"])
def test_an_unknown_message_name_is_an_error(name: str) -> None:
    with pytest.raises(KeyError):
        message(name)


def test_has_message_tells_which_messages_exist() -> None:
    assert has_message("errors.error.title")
    assert not has_message("errors.error.subtitle")


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("language", sorted(languages()))
def test_every_language_has_the_same_sentences_and_placeholders(language: str, room: str) -> None:
    own = json.loads((Path(messages.FOLDER) / language / f"{room}.json").read_text("utf-8"))
    english = sentences(room)
    assert list(own) == list(english)
    for name, sentence in own.items():
        if room != "formats":
            assert placeholders(sentence) == placeholders(english[name]), name


@pytest.mark.parametrize("language", sorted(languages()))
def test_a_sentence_that_counts_has_a_form_for_each_plural(language: str) -> None:
    with use_language(language):
        plurals = set(re.findall(r"(\w+):", message("formats.plural")))
        for room in ROOMS:
            for name, sentence in sentences(room).items():
                if not isinstance(sentence, str):
                    assert set(sentence) == plurals | {"other"}, name


def placeholders(sentence: Sentence) -> set[str]:
    """The placeholders of its fullest form: a singular needs no count."""
    forms = [sentence] if isinstance(sentence, str) else sentence.values()
    return {placeholder for form in forms for placeholder in re.findall(r"\{(\w+)\}", form)}
