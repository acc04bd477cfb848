"""README shows what `make run` and `make demo` print."""

import re
from pathlib import Path

from tests.support.running_stack import RunningStack

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()


def _shown(command: str) -> str:
    """The output that README shows for a command."""
    (block,) = re.findall(rf"^```\n\$ {command}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return str(block)


def _plain(text: str) -> str:
    """The text without what differs from run to run: codes, ports, paths and numbers."""
    text = re.sub(r"([a-z0-9]{6}-){4}[a-z0-9]{6}", "CODE", text)
    text = re.sub(r"\S+/run/keyferry", "keyferry", text)
    return re.sub(r" *\d[\d.:]*", " N", text)


def test_make_run_prints_what_is_shown(stack: RunningStack) -> None:
    printed = stack.output.read_text()
    printed = printed[: printed.index("in ministack.\n") + len("in ministack.\n")]
    assert _plain(printed) == _plain(_shown("make run"))


def test_make_run_shows_the_template_as_it_is(stack: RunningStack) -> None:
    counts = re.compile(r"(\d+ resources and \d+ functions)")
    printed = counts.search(stack.output.read_text())
    shown = counts.search(_shown("make run"))
    assert printed is not None
    assert shown is not None
    assert printed[1] == shown[1]


def test_make_demo_shows_its_steps_in_order() -> None:
    source = (ROOT / "local" / "demo" / "__main__.py").read_text()
    steps = re.findall(r"^ *\d+ ms  (.*?)(?:: http\S+)?$", _shown("make demo"), re.MULTILINE)
    assert len(steps) >= 10
    places = [source.index(step) for step in steps]
    assert places == sorted(places)


def test_the_picture_exists_and_is_small() -> None:
    (picture,) = re.findall(r"^!\[.+\]\((.+)\)$", README, re.MULTILINE)
    assert (ROOT / picture).stat().st_size < 100_000
