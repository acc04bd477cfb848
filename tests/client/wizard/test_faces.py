"""Both faces write the same request, and the environment decides which face starts."""

import json
from pathlib import Path

import pytest

from keyferry import parse_request
from keyferry.wizard.browser import find_browser
from tests.client.wizard.test_prompt import SAVED
from tests.client.wizard.test_window import Browser, _up_to_sending
from tests.client.wizard.typist import Typist
from tests.support.desk import desk_in, open_window


def test_both_faces_write_the_same_request_but_for_its_id_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = []
    for name in ("window", "prompt"):
        desk = desk_in(tmp_path / name)
        desk.give_device_key()
        monkeypatch.setenv("HOME", str(desk.home))
        if name == "prompt":
            desk.room.now += 60
            Typist(desk, monkeypatch)(*SAVED, "q")
        else:
            with open_window(desk) as window:
                browser = Browser(window)
                _up_to_sending(browser)
                typed = {"how": "save", "folder": str(desk.desktop), "name": "LAB-07"}
                browser.press("next", "send", **typed)
        bodies.append(json.loads(parse_request(desk.saved()).envelope.body))
    in_window, at_prompt = bodies
    differ = {name for name in in_window if in_window[name] != at_prompt[name]}
    assert differ == {"id", "created_at", "load_key"}
    assert in_window.keys() == at_prompt.keys()


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"DISPLAY": ":0", "SSH_CONNECTION": "a b c d"}, id="over SSH"),
        pytest.param({"DISPLAY": ":0", "TERM": "dumb"}, id="a dumb terminal"),
        pytest.param({"TERM": "xterm"}, id="no display"),
    ],
)
def test_without_a_visible_window_the_wizard_runs_in_the_terminal(
    typed: Typist, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    assert "License Configuration" in typed("q", options=()).out


def test_with_a_display_and_a_browser_a_window_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("BROWSER", "/bin/true %s")
    assert find_browser() is not None
