"""Text in the columns of a terminal: a wide character takes two, an accent none."""

import pytest

from keyferry.views.columns import NO_LIMIT, columns_of, pad, table, wrap

PATH = "/media/a stick/015120020093-7f3a.request"


@pytest.mark.parametrize(
    ("text", "columns"),
    [("LAB-07", 6), ("研究室", 6), ("Café", 4), ("Cafe\u0301", 4), ("ｱ", 1), ("", 0)],
)
def test_a_text_takes_as_many_columns_as_a_terminal_gives_it(text: str, columns: int) -> None:
    assert columns_of(text) == columns
    assert columns_of(pad(text, 10)) == 10


def test_the_cells_of_a_table_start_in_one_column_whatever_the_alphabet() -> None:
    lines = table([("Product", "Ends"), ("モデラー", "-"), ("Modeler", "30 Nov 2027")])
    assert lines == ["Product   Ends", "モデラー  -", "Modeler   30 Nov 2027"]


@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        pytest.param(NO_LIMIT, ["  Next: take the file to the page"], id="to no window"),
        pytest.param(200, ["  Next: take the file to the page"], id="200"),
        pytest.param(20, ["  Next: take the", "    file to the page"], id="20"),
        pytest.param(
            3,
            ["  Next:", *(f"    {w}" for w in ["take", "the", "file", "to", "the", "page"])],
            id="3",
        ),
    ],
)
def test_a_sentence_is_broken_between_words(columns: int, lines: list[str]) -> None:
    assert wrap("  Next: take the file to the page", columns, "    ") == lines


def test_a_sentence_without_spaces_is_broken_between_wide_characters() -> None:
    assert wrap("応答ファイルを待っています", 10) == ["応答ファイ", "ルを待って", "います"]


def test_a_long_word_stays_whole_for_it_may_be_a_command_or_a_path() -> None:
    assert wrap("File: /media/KINGSTON/x.request", 12) == ["File:", "/media/KINGSTON/x.request"]
