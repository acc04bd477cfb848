"""`qps`, a made-up language: every sentence is marked and none of its letters is plain.

So what is left of plain letters on a screen is a name or a fact, or English that is no message.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from keyferry_protocol import messages
from keyferry_protocol.messages import ENGLISH, Sentence

PSEUDO = "qps"
_WIDE = {
    ord(letter): ord(letter) + 0xFEE0 for letter in map(chr, [*range(65, 91), *range(97, 123)])
}
# What a computer reads is as it is in English.
_NO_TEXT = ("direction", "decimal", "date", "time", "plural")
_CLICKS_OWN = re.compile(
    r"\[(?:y/N|OPTIONS|ARGS|x>=1|default: \S+)\]|^(?:Usage|Options|Commands):|COMMAND|TEXT|FILENAME"
    r"|NUMBER|RANGE|\bINTEGER",
    re.MULTILINE,
)


def write_pseudo(folder: Path) -> None:
    """A catalog in this folder: English as it is, and `qps`."""
    english = Path(messages.FOLDER, ENGLISH)
    (folder / ENGLISH).symlink_to(english, target_is_directory=True)
    (folder / PSEUDO).mkdir()
    for path in english.glob("*.json"):
        sentences: dict[str, Sentence] = json.loads(path.read_text("utf-8"))
        marked = {name: _marked(path.stem, name, sentence) for name, sentence in sentences.items()}
        text = json.dumps(marked, ensure_ascii=False)
        (folder / PSEUDO / path.name).write_text(text, "utf-8")


def _marked(room: str, name: str, sentence: Sentence) -> Sentence:
    if not isinstance(sentence, str):
        return {form: _wide(text) for form, text in sentence.items()}
    if room == "formats":
        return sentence if name.startswith(_NO_TEXT) else _letters(sentence)
    return _wide(sentence)


def _wide(text: str) -> str:
    return f"[!!{_letters(text)}!!]"


def _letters(text: str) -> str:
    """The text in wide letters; its placeholders stay."""
    parts = re.split(r"(\{\w+\})", text)
    return "".join(part if part.startswith("{") else part.translate(_WIDE) for part in parts)


def english_in(text: str, names: Iterable[str] = ()) -> list[str]:
    """The lines of a screen that hold plain words beside these names and click's own."""
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, "")
    text = _CLICKS_OWN.sub("", text)
    return [line for line in text.splitlines() if re.search("[A-Za-z]{2}", line)]
