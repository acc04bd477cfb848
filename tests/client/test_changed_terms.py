"""What a new response changes is said when it is installed: the end, and each feature."""

from typing import Any

import pytest

from keyferry.times import long_date
from tests.client.wizard.typist import Typist
from tests.support.desk import Desk, desk
from tests.support.offline import END
from tests.support.terminal import Shell

__all__ = ["desk"]
CHANGES = [
    pytest.param({"features": {"solver": True, "threads": 16}}, [], id="nothing"),
    pytest.param(
        {"features": {"solver": True, "threads": 16, "cfd": True, "mesh": 3}},
        ["Features added: cfd, mesh 3"],
        id="two more",
    ),
    pytest.param({"features": {"solver": True}}, ["Features removed: threads 16"], id="one less"),
    pytest.param({"features": {}}, ["Features removed: solver, threads 16"], id="none left"),
    pytest.param(
        {"features": {"solver": True, "threads": 32}},
        ["Features changed: threads 32 (was 16)"],
        id="a higher limit",
    ),
    pytest.param(
        {"features": {"solver": 1, "threads": True}},
        ["Features changed: solver 1 (was solver), threads (was 16)"],
        id="with a limit, and without",
    ),
    pytest.param(
        {"features": {"cfd": True, "threads": 8}},
        [
            "Features added: cfd",
            "Features removed: solver",
            "Features changed: threads 8 (was 16)",
        ],
        id="all of it",
    ),
]


def install(shell: Shell, kind: str, **changes: Any) -> str:
    """Ask, and install the answer; what was printed."""
    if kind == "renewal":
        response = shell.room.folder().installed_bytes() or b""
        data = shell.room.renewal(response, **changes)
    else:
        data = shell.room.answer(shell.room.request(kind), **changes)
    printed = shell("install", "-", stdin=data)
    assert printed.exit == 0
    return printed.out


@pytest.mark.parametrize("kind", ["update", "renewal"])
@pytest.mark.parametrize(("changes", "lines"), CHANGES)
def test_the_features_that_were_added_removed_or_changed_are_named(
    shell: Shell, kind: str, changes: dict[str, Any], lines: list[str]
) -> None:
    assert "Features" not in install(shell, "activate")
    out = install(shell, kind, **changes)
    assert [line.strip() for line in out.splitlines() if "Features" in line] == lines


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        pytest.param(END, END, "; ends 30 November 2027\n", id="the same"),
        pytest.param(
            END - 86_400,
            END,
            f"; ends 30 November 2027 (was {long_date(END - 86_400)})\n",
            id="later",
        ),
        pytest.param(END, None, "; no end date (was 30 November 2027)\n", id="no longer ends"),
        pytest.param(None, END, "; ends 30 November 2027 (had no end date)\n", id="ends now"),
        pytest.param(None, None, "for Nordhaven Pilot Plant\n", id="never ended"),
    ],
)
def test_an_end_date_that_changed_is_said_with_what_it_was(
    shell: Shell, before: int | None, after: int | None, words: str
) -> None:
    install(shell, "activate", valid_until=before)
    assert words in install(shell, "update", valid_until=after)


def test_the_wizard_says_it_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.room.activate()
    desk.room.request("update")
    response = desk.room.answer(
        desk.room.request("update"), valid_until=None, features={"solver": True, "cfd": True}
    )
    (desk.downloads / "x.response").write_bytes(response)
    out = Typist(desk, monkeypatch)("1", "", "", "q").out
    assert "License 015.120.020.093 is active" in out
    assert "Features added: cfd" in out
    assert "Features removed: threads 16" in out
    assert "never (was 30 November 2027)" in out
